/** What Converse and ConverseStream answer with. */
import { encodeEvent } from '../protocols/event-stream.ts';
import type { JsonObject } from '../service.ts';
import { cacheWriteTokens, type Generation } from './generation.ts';
import type { StreamParts } from './model-stream.ts';

export interface Echo {
  /** Members that the request asks to hear of: `serviceTier`, `performanceConfig`. */
  readonly echo: JsonObject;
  /** Whether the answer tells its usage. */
  readonly tellsUsage: boolean;
}

export function converseAnswer(generation: Generation, { echo, tellsUsage }: Echo): JsonObject {
  return {
    output: { message: { role: 'assistant', content: [{ text: generation.text }] } },
    stopReason: stopReason(generation),
    ...(tellsUsage ? { usage: usageOf(generation) } : {}),
    metrics: { latencyMs: generation.latencyMs },
    ...echo,
  };
}

/** Text has no `contentBlockStart`: that is for tool use alone. `metadata` comes last, or not at all. */
export function converseStreamParts(generation: Generation, { echo, tellsUsage }: Echo): StreamParts {
  const metadata = { usage: usageOf(generation), metrics: { latencyMs: generation.latencyMs }, ...echo };
  return {
    opening: [encodeEvent('messageStart', { role: 'assistant' })],
    piece: (text) => encodeEvent('contentBlockDelta', { contentBlockIndex: 0, delta: { text } }),
    closing: [
      encodeEvent('contentBlockStop', { contentBlockIndex: 0 }),
      encodeEvent('messageStop', { stopReason: stopReason(generation) }),
      ...(tellsUsage ? [encodeEvent('metadata', metadata)] : []),
    ],
  };
}

function stopReason({ cut }: Generation): string {
  return cut ? 'max_tokens' : 'end_turn';
}

/** `inputTokens` leaves out what the cache was read or written for. Whether `totalTokens` counts it is UNVERIFIED. */
function usageOf(generation: Generation): JsonObject {
  const { inputTokens, outputTokens, cacheReadTokens, cacheDetails } = generation.usage;
  const written = cacheWriteTokens(generation.usage);
  const totalTokens = inputTokens + outputTokens + cacheReadTokens + written;
  if (!generation.usesCache) return { inputTokens, outputTokens, totalTokens };
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cacheReadInputTokens: cacheReadTokens,
    cacheWriteInputTokens: written,
    cacheDetails: cacheDetails.map((detail) => ({ ...detail })),
  };
}
