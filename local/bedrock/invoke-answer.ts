/** What InvokeModel and InvokeModelWithResponseStream put around a vendor's own answer. */
import { encodeEvent } from '../protocols/event-stream.ts';
import type { JsonObject } from '../service.ts';
import type { NativeStream } from './dialects/dialect.ts';
import { cacheWriteTokens, type Generation } from './generation.ts';
import type { StreamParts } from './model-stream.ts';

/** The headers that count tokens; those of the cache come with prompts that use it (UNVERIFIED that not always). */
export function countHeaders(generation: Generation): Record<string, string> {
  const { usage, usesCache, latencyMs } = generation;
  return {
    'x-amzn-bedrock-input-token-count': String(usage.inputTokens),
    'x-amzn-bedrock-output-token-count': String(usage.outputTokens),
    ...(usesCache && {
      'x-amzn-bedrock-cache-read-input-token-count': String(usage.cacheReadTokens),
      'x-amzn-bedrock-cache-write-input-token-count': String(cacheWriteTokens(usage)),
    }),
    'x-amzn-bedrock-invocation-latency': String(latencyMs),
  };
}

/** @param metered whether the last chunk carries the invocation metrics */
export function invokeStreamParts(generation: Generation, native: NativeStream, metered: boolean): StreamParts {
  const closing = native.closing.map((chunk, index) =>
    metered && index === native.closing.length - 1
      ? { ...chunk, 'amazon-bedrock-invocationMetrics': invocationMetrics(generation) }
      : chunk,
  );
  return {
    opening: native.opening.map(chunkEvent),
    piece: (text, outputTokens) => chunkEvent(native.piece(text, outputTokens)),
    closing: closing.map(chunkEvent),
  };
}

function chunkEvent(chunk: JsonObject): Buffer {
  return encodeEvent('chunk', { bytes: Buffer.from(JSON.stringify(chunk)).toString('base64') });
}

function invocationMetrics({ usage, usesCache, latencyMs }: Generation): JsonObject {
  return {
    inputTokenCount: usage.inputTokens,
    outputTokenCount: usage.outputTokens,
    invocationLatency: latencyMs,
    firstByteLatency: Math.min(100, latencyMs),
    ...(usesCache && {
      cacheReadInputTokenCount: usage.cacheReadTokens,
      cacheWriteInputTokenCount: cacheWriteTokens(usage),
    }),
  };
}
