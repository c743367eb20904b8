/** Amazon Titan text. [docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text] */
import { isObject } from '../../members.ts';
import type { Generation } from '../generation.ts';
import { type Dialect, optionalTokens, promptOf, requiredText } from './dialect.ts';

/** What `maxTokenCount` is when a request leaves it out. */
const DEFAULT_MAX_TOKENS = 512;

export const titan: Dialect = {
  toConverse(body) {
    const config = isObject(body['textGenerationConfig']) ? body['textGenerationConfig'] : {};
    const maxTokens = optionalTokens(config['maxTokenCount'], 'textGenerationConfig.maxTokenCount');
    return promptOf(requiredText(body, 'inputText'), maxTokens ?? DEFAULT_MAX_TOKENS);
  },
  answer: (generation, { usage }) => ({
    ...(usage ? { inputTextTokenCount: generation.usage.inputTokens } : {}),
    results: [
      {
        ...(usage ? { tokenCount: generation.usage.outputTokens } : {}),
        outputText: generation.text,
        completionReason: completionReason(generation),
      },
    ],
  }),
  stream: (generation, { usage }) => ({
    opening: [],
    piece: (text) => ({ outputText: text, index: 0, totalOutputTextTokenCount: null, completionReason: null }),
    closing: [
      {
        outputText: '',
        index: 0,
        totalOutputTextTokenCount: usage ? generation.usage.outputTokens : null,
        completionReason: completionReason(generation),
        ...(usage ? { inputTextTokenCount: generation.usage.inputTokens } : {}),
      },
    ],
  }),
};

function completionReason({ cut }: Generation): string {
  return cut ? 'LENGTH' : 'FINISH';
}
