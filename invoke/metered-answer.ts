import type { UsageTerms } from '../domain/spending/usage.ts';
import type { GovernedApi, Reading, StreamReader } from './governed-apis.ts';
import type { GovernedAttempt } from './governed-attempt.ts';
import type { MeteredStreams } from './metered-stream.ts';

/** Settled here rather than where the call ends: whatever the caller's own middlewares make of an answer, it was billed. */
export function metered<Result extends { readonly output: object; readonly response?: unknown }>(
  streams: MeteredStreams,
  attempt: GovernedAttempt,
  result: Result,
): Result {
  const { api, terms } = attempt.call;
  const { stream } = api;
  if (stream === undefined) {
    attempt.answered(readingOf(api, result, terms));
    return result;
  }
  const source: unknown = Reflect.get(result.output, stream.member);
  if (!isAsyncIterable(source)) {
    attempt.answered(undefined);
    return result;
  }
  const reader = tolerant(stream.reader(terms, result.output));
  const passing = streams.meter(
    source,
    attempt.streams(reader, () => disconnect(result.response)),
  );
  return { ...result, output: { ...result.output, [stream.member]: passing } };
}

function readingOf(
  { read }: GovernedApi,
  { output, response }: { readonly output: object; readonly response?: unknown },
  terms: UsageTerms,
): Reading | undefined {
  try {
    return read?.(output, headersOf(response), terms);
  } catch {
    return undefined;
  }
}

/** What cannot be made out tells nothing: it was billed all the same, and the caller is to have it. */
function legible<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

const tolerant = (reader: StreamReader): StreamReader => ({
  saw: (event) => legible(() => reader.saw(event)),
  usage: () => legible(() => reader.usage()),
  atLeast: () => legible(() => reader.atLeast()),
});

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

const headersOf = (response: unknown): Readonly<Record<string, string>> =>
  (response as { headers?: Record<string, string> } | undefined)?.headers ?? {};

/** Node's HTTP/1.1 and HTTP/2 responses are streams, whose destruction resets the request. */
function disconnect(response: unknown): void {
  const { body } = (response ?? {}) as { readonly body?: { readonly destroy?: () => void } };
  body?.destroy?.();
}
