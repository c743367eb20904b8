/**
 * Amazon Nova's own API: nearly Converse. [docs.aws.amazon.com/nova/latest/userguide/complete-request-schema] The names
 * of the cache members of `usage` are UNVERIFIED.
 */
import { isObject } from '../../members.ts';
import type { JsonObject } from '../../service.ts';
import { cacheWriteTokens, type Generation } from '../generation.ts';
import { type Dialect, invalid, optionalTokens, required } from './dialect.ts';

export const nova: Dialect = {
  toConverse(body) {
    const messages = required(body, 'messages');
    if (!Array.isArray(messages) || messages.length === 0) throw invalid('messages: expected minimum item count: 1');
    const config = isObject(body['inferenceConfig']) ? body['inferenceConfig'] : {};
    const maxTokens = optionalTokens(config['maxTokens'] ?? config['max_new_tokens'], 'inferenceConfig.maxTokens');
    const { system, toolConfig } = body;
    return { messages, system, toolConfig, inferenceConfig: { maxTokens } };
  },
  answer: (generation, { usage }) => ({
    output: { message: { role: 'assistant', content: [{ text: generation.text }] } },
    stopReason: stopReason(generation),
    ...(usage ? { usage: usageOf(generation) } : {}),
  }),
  stream: (generation, { usage }) => ({
    opening: [{ messageStart: { role: 'assistant' } }],
    piece: (text) => ({ contentBlockDelta: { contentBlockIndex: 0, delta: { text } } }),
    closing: [
      { contentBlockStop: { contentBlockIndex: 0 } },
      { messageStop: { stopReason: stopReason(generation) } },
      { metadata: { ...(usage ? { usage: usageOf(generation) } : {}), metrics: {}, trace: {} } },
    ],
  }),
};

function stopReason({ cut }: Generation): string {
  return cut ? 'max_tokens' : 'end_turn';
}

function usageOf({ usage }: Generation): JsonObject {
  const { inputTokens, outputTokens, cacheReadTokens } = usage;
  return {
    inputTokens,
    outputTokens,
    totalTokens: inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens(usage),
    cacheReadInputTokenCount: cacheReadTokens,
    cacheWriteInputTokenCount: cacheWriteTokens(usage),
  };
}
