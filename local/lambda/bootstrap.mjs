/**
 * Runs inside the worker thread of one execution environment: what the Lambda runtime is to a function's code.
 * Plain JavaScript, because a worker's entry point is loaded as it is.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

if (parentPort === null) throw new Error('bootstrap.mjs runs in a worker thread only');
const port = parentPort;

// Through the same port as results, so that what a function wrote before it returned also arrives before its result.
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk, encoding, callback) => {
    port.postMessage({ type: 'log', text: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8') });
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') done();
    return true;
  };
}

let clockOffset = 0;
const RealDate = Date;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, self) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now() + clockOffset] : args, self),
  apply: () => new RealDate(RealDate.now() + clockOffset).toString(),
  get: (target, name) => (name === 'now' ? () => RealDate.now() + clockOffset : Reflect.get(target, name)),
});

const errorOf = (error) => ({
  errorType: error instanceof Error ? error.name : typeof error,
  errorMessage: error instanceof Error ? error.message : String(error),
  trace: error instanceof Error && error.stack !== undefined ? error.stack.split('\n') : [],
});

async function loadHandler() {
  const { taskRoot, handler } = workerData;
  const dot = handler.lastIndexOf('.');
  const base = join(taskRoot, handler.slice(0, dot));
  const file = ['.js', '.mjs', '.cjs'].map((extension) => base + extension).find(existsSync);
  if (file === undefined) {
    throw Object.assign(new Error(`Cannot find module '${handler.slice(0, dot)}'`), {
      name: 'Runtime.ImportModuleError',
    });
  }
  const module = await import(pathToFileURL(file).href);
  const name = handler.slice(dot + 1);
  const found = module[name] ?? module.default?.[name];
  if (typeof found !== 'function') {
    throw Object.assign(new Error(`${handler} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  }
  return found;
}

/** @type {Promise<Function> | undefined} */
let handler;

port.on('message', async (invocation) => {
  clockOffset = invocation.clockOffset;
  process.env._X_AMZN_TRACE_ID = invocation.traceId;
  const deadline = performance.now() + invocation.timeoutMs;
  const context = {
    ...invocation.context,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(deadline - performance.now())),
  };
  try {
    handler ??= loadHandler();
    const handle = await handler;
    const result = await handle(JSON.parse(invocation.payload), context);
    port.postMessage({ type: 'result', payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    port.postMessage({ type: 'error', error: errorOf(error) });
  }
});
