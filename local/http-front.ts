/** One loopback port for HTTP/1.1 and cleartext HTTP/2, told apart by the first three bytes of a connection. */
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer, type Socket } from 'node:net';
import type { Answer, ByteStream, WireRequest, WireResponse } from './protocols/wire.ts';

/** Largest request body that is read; the largest that any of the services accepts is the 25 MB of a model call. */
export const BODY_LIMIT_BYTES = 25 * 1024 * 1024;

export interface HttpFront {
  readonly port: number;
  /** Stops listening and breaks every open connection. */
  close(): Promise<void>;
}

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface HttpFrontOptions {
  /** 0 takes any free port. */
  readonly port: number;
  /** Milliseconds since the epoch, for the `Date` header that every response carries. */
  readonly now: () => number;
  /** Called once for each request that has been read whole. A rejection is answered with status 500. */
  readonly answer: (request: WireRequest) => Promise<Answer>;
}

export async function startHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  const serve = (request: Request, response: Response): void => {
    void exchange(request, response, options);
  };
  const http1 = createHttp1Server({ keepAliveTimeout: 0 }, serve);
  const http2 = createHttp2Server(serve);
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that breaks off is no concern of the server, before or after the connection is handed on.
    socket.on('error', () => socket.destroy());
    handOn(socket, (isHttp2) => (isHttp2 ? http2 : http1).emit('connection', socket));
  });
  await new Promise<void>((listening, failed) => {
    listener.once('error', failed);
    listener.listen(options.port, '127.0.0.1', listening);
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    async close() {
      const closed = new Promise((done) => listener.close(done));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

const HTTP2_PREFACE_START = 'PRI';

function handOn(socket: Socket, to: (isHttp2: boolean) => void): void {
  const peek = (): void => {
    const start: unknown = socket.read(HTTP2_PREFACE_START.length);
    if (!Buffer.isBuffer(start)) return;
    socket.off('readable', peek);
    socket.unshift(start);
    to(start.toString('latin1') === HTTP2_PREFACE_START);
  };
  socket.on('readable', peek);
}

const FAILED: WireResponse = {
  status: 500,
  headers: { 'content-type': 'application/json' },
  body: '{"message":"An internal error occurred."}',
};

const TOO_LARGE: WireResponse = {
  status: 413,
  headers: { 'content-type': 'application/json', connection: 'close' },
  body: '{"message":"Request body is too large."}',
};

async function exchange(request: Request, response: Response, options: HttpFrontOptions): Promise<void> {
  const body = await readBody(request);
  if (body === 'broken-off') return;
  const { path, query } = splitTarget(request.url ?? '/');
  const wireRequest = { method: request.method ?? 'GET', path, query, headers: headersOf(request) };
  const answered =
    body === 'too-large' ? TOO_LARGE : await options.answer({ ...wireRequest, body }).catch(() => FAILED);
  if (response.destroyed) return;
  if (answered === 'no-answer') {
    if ('stream' in response) response.stream.destroy();
    else response.socket?.destroy();
    return;
  }
  response.setHeader('date', new Date(options.now()).toUTCString());
  response.statusCode = answered.status;
  for (const [name, value] of Object.entries(answered.headers)) {
    if (name === 'connection' && request.httpVersionMajor === 2) continue;
    response.setHeader(name, value);
  }
  if (typeof answered.body === 'function') {
    await sendStream(response, answered.body);
    return;
  }
  response.setHeader('content-length', Buffer.byteLength(answered.body));
  response.end(answered.body);
}

async function sendStream(response: Response, body: ByteStream): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let written: Promise<void> = Promise.resolve();
  try {
    // At once, as the first piece may be long in coming.
    if ('stream' in response) response.writeHead(response.statusCode);
    else response.flushHeaders();
    for await (const piece of body(gone.signal)) {
      if (gone.signal.aborted) return;
      const sending = writeTo(response, piece);
      written = sending.written;
      if (sending.full) await drained(response, gone.signal);
    }
    response.end();
  } catch {
    await written;
    cut(response);
  }
}

/** `full`: the connection can take no more for now. */
function writeTo(response: Response, piece: Uint8Array): { full: boolean; written: Promise<void> } {
  let done = (): void => {};
  const written = new Promise<void>((resolve) => {
    done = resolve;
  });
  const ready = 'stream' in response ? response.write(piece, done) : response.write(piece, done);
  return { full: !ready, written };
}

async function drained(response: Response, gone: AbortSignal): Promise<void> {
  if (gone.aborted) return;
  await new Promise<void>((resolve) => {
    response.once('drain', () => resolve());
    gone.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Ends a response in its middle. */
function cut(response: Response): void {
  // Without an error code an HTTP/2 client would take the end for a regular one.
  if ('stream' in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.socket?.destroy();
}

async function readBody(request: Request): Promise<Buffer | 'too-large' | 'broken-off'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= BODY_LIMIT_BYTES) chunks.push(chunk);
      else {
        chunks.length = 0;
        resolve('too-large');
      }
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => resolve('broken-off'));
    request.once('close', () => resolve('broken-off'));
  });
}

/** By hand: a parser of URLs would normalise the path, and with it the percent-encoding of ARNs. */
function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const at = target.indexOf('?');
  return at < 0
    ? { path: target, query: new URLSearchParams() }
    : { path: target.slice(0, at), query: new URLSearchParams(target.slice(at + 1)) };
}

function headersOf(request: Request): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith(':') || value === undefined) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
