import { findProvider } from '@pydantic/genai-prices';
import type { Plugin } from 'esbuild';

/**
 * Puts Amazon Bedrock's part of the price list into a bundle in place of the package, which has the prices of all providers:
 * 37 of 460 KB. It is read when a price is first asked for. `aws/price-list.ts` needs nothing else of the package.
 */
export const bedrockPrices: Plugin = {
  name: 'bedrock-prices',
  setup(build) {
    const filter = /^@pydantic\/genai-prices$/;
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: 'bedrock-prices' }));
    build.onLoad({ filter, namespace: 'bedrock-prices' }, () => ({ contents: bedrockPricesModule(), loader: 'js' }));
  },
};

/** @throws an Error where the package does not list Amazon Bedrock */
export function bedrockPricesModule(): string {
  const aws = findProvider({ providerId: 'aws' });
  if (aws === undefined) throw new Error('@pydantic/genai-prices lists no provider "aws"');
  return `let aws;
export const findProvider = ({ providerId }) =>
  providerId === 'aws' ? (aws ??= JSON.parse(${JSON.stringify(JSON.stringify(aws))})) : undefined;
`;
}
