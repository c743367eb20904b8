import type { FoundationModel } from '../catalogue.ts';
import { anthropic } from './anthropic.ts';
import { type Dialect, invalid } from './dialect.ts';
import { cohereEmbedding, titanEmbedding } from './embeddings.ts';
import { llama } from './llama.ts';
import { nova } from './nova.ts';
import { titan } from './titan.ts';

const DIALECTS: readonly (readonly [prefix: string, dialect: Dialect])[] = [
  ['anthropic.', anthropic],
  ['amazon.nova-', nova],
  ['amazon.titan-embed-', titanEmbedding],
  ['amazon.titan-text-', titan],
  ['cohere.embed-', cohereEmbedding],
  ['meta.llama', llama],
];

/** @throws {AwsFault} for a model whose own API is not embedded; Converse serves it */
export function dialectOf({ modelId }: FoundationModel): Dialect {
  const found = DIALECTS.find(([prefix]) => modelId.startsWith(prefix));
  if (found === undefined) throw invalid(`The embedded AWS does not know the request format of ${modelId}.`);
  return found[1];
}
