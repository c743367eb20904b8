/**
 * Models that make vectors. [docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text and
 * -embed] The vectors are zero but for the first dimension.
 */
import type { JsonObject } from '../../service.ts';
import { type Dialect, invalid, promptOf, required, requiredText } from './dialect.ts';

const TITAN_DIMENSIONS = 1024;
const COHERE_DIMENSIONS = 1024;

export const titanEmbedding: Dialect = {
  toConverse: (body) => promptOf(requiredText(body, 'inputText'), undefined),
  answer: ({ usage }, telling, body) => ({
    embedding: unitVector(Number(body['dimensions'] ?? TITAN_DIMENSIONS)),
    ...(telling.usage ? { inputTextTokenCount: usage.inputTokens } : {}),
  }),
  stream: undefined,
};

/** Tells no usage in its body. */
export const cohereEmbedding: Dialect = {
  toConverse(body) {
    return promptOf(textsOf(body).join('\n'), undefined);
  },
  answer: (_generation, { requestId }, body) => ({
    id: requestId,
    texts: body['texts'],
    embeddings: textsOf(body).map(() => unitVector(COHERE_DIMENSIONS)),
    response_type: 'embeddings_floats',
  }),
  stream: undefined,
};

function textsOf(body: JsonObject): string[] {
  const texts = required(body, 'texts');
  if (!Array.isArray(texts) || texts.length === 0) throw invalid('texts: expected minimum item count: 1');
  return texts.map(String);
}

function unitVector(dimensions: number): number[] {
  return [1, ...Array.from({ length: dimensions - 1 }, () => 0)];
}
