import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpFront, startHttpFront } from '../../local/http-front.ts';

const PIECE = Buffer.alloc(64 * 1024, 'x');
const PIECES = 1_000;

describe('a streamed response', () => {
  let front: HttpFront;
  let made: number;
  let left: Promise<void>;
  beforeEach(async () => {
    made = 0;
    let leave = (): void => {};
    left = new Promise((resolve) => {
      leave = resolve;
    });
    async function* pieces() {
      try {
        while (made < PIECES) {
          made += 1;
          yield PIECE;
        }
      } finally {
        leave();
      }
    }
    front = await startHttpFront({
      port: 0,
      now: () => 0,
      answer: async () => ({ status: 200, headers: {}, body: pieces }),
    });
  });
  afterEach(() => front.close());

  const readers: [string, () => Promise<IncomingMessage | ClientHttp2Stream>][] = [
    [
      'HTTP/1.1',
      async () => {
        const request = get(`http://127.0.0.1:${front.port}/`);
        request.on('error', () => {});
        const response: IncomingMessage = (await once(request, 'response'))[0];
        return response;
      },
    ],
    [
      'HTTP/2',
      async () => {
        const session = connect(`http://127.0.0.1:${front.port}`);
        session.on('error', () => {});
        const stream = session.request({ ':path': '/' });
        stream.once('close', () => session.destroy());
        await once(stream, 'response');
        return stream;
      },
    ],
  ];

  /** Waits until nothing more is made. */
  async function standstill(): Promise<number> {
    for (;;) {
      const before = made;
      for (let turn = 0; turn < 200; turn += 1) await new Promise((resume) => setImmediate(resume));
      if (made === before && made > 0) return made;
    }
  }

  it.each(readers)('over %s is made no faster than it is read', async (_version, open) => {
    const reader = await open();
    reader.pause();
    expect(await standstill()).toBeLessThan(PIECES / 2);
    let received = 0;
    for await (const data of reader) received += Buffer.from(data).length;
    expect(received).toBe(PIECES * PIECE.length);
  });

  it.each(readers)('over %s ends when its reader leaves while it is held up', async (_version, open) => {
    const reader = await open();
    reader.pause();
    const held = await standstill();
    reader.on('error', () => {});
    reader.destroy();
    await left;
    expect(made).toBeLessThan(held + 2);
  });
});
