import type { GovernedCall } from './governed-call.ts';
import type { MeteredStreams } from './metered-stream.ts';

/** Settled here rather than where the call ends: whatever the caller's own middlewares make of an answer, it was billed. */
export function metered<Result extends { readonly output: object; readonly response?: unknown }>(
  streams: MeteredStreams,
  call: GovernedCall,
  result: Result,
): Result {
  const { stream, read } = call.api;
  if (stream === undefined) {
    call.answered(read?.(result.output, headersOf(result.response), call.terms));
    return result;
  }
  const source: unknown = Reflect.get(result.output, stream.member);
  if (!isAsyncIterable(source)) {
    call.answered(undefined);
    return result;
  }
  const reader = stream.reader(call.terms, result.output);
  const passing = streams.meter(
    source,
    call.streams(reader, () => disconnect(result.response)),
  );
  return { ...result, output: { ...result.output, [stream.member]: passing } };
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

const headersOf = (response: unknown): Readonly<Record<string, string>> =>
  (response as { headers?: Record<string, string> } | undefined)?.headers ?? {};

/** Node's HTTP/1.1 and HTTP/2 responses are streams, whose destruction resets the request. */
function disconnect(response: unknown): void {
  const { body } = (response ?? {}) as { readonly body?: { readonly destroy?: () => void } };
  body?.destroy?.();
}
