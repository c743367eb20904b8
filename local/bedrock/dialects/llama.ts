/** Meta's Llama. [docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta] */
import type { Generation } from '../generation.ts';
import { type Dialect, optionalTokens, promptOf, requiredText } from './dialect.ts';

/** What `max_gen_len` is when a request leaves it out. */
const DEFAULT_MAX_TOKENS = 512;

export const llama: Dialect = {
  toConverse: (body) =>
    promptOf(requiredText(body, 'prompt'), optionalTokens(body['max_gen_len'], 'max_gen_len') ?? DEFAULT_MAX_TOKENS),
  answer: (generation, { usage }) => ({
    generation: generation.text,
    ...(usage
      ? {
          prompt_token_count: generation.usage.inputTokens,
          generation_token_count: generation.usage.outputTokens,
        }
      : {}),
    stop_reason: stopReason(generation),
  }),
  stream: (generation, { usage }) => {
    const counts = (outputTokens: number) => ({
      prompt_token_count: usage ? generation.usage.inputTokens : null,
      generation_token_count: usage ? outputTokens : null,
    });
    return {
      opening: [],
      piece: (text, outputTokens) => ({ generation: text, ...counts(outputTokens), stop_reason: null }),
      closing: [{ generation: '', ...counts(generation.usage.outputTokens), stop_reason: stopReason(generation) }],
    };
  },
};

function stopReason({ cut }: Generation): string {
  return cut ? 'length' : 'stop';
}
