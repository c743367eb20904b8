import { type PricingClient, paginateGetProducts } from '@aws-sdk/client-pricing';
import * as z from 'zod';
import type { PublishedPrice, PublishedPrices, UnreadPrice } from '../domain/spending/compare-prices.ts';
import type { ServiceTier } from '../domain/spending/pricing.ts';
import { type PricedTokens, parseTokenPrice } from '../domain/spending/token-price.ts';
import { asking } from './asking.ts';
import { modelIdOf } from './price-list-names.ts';

/** The services of AWS's price list that sell tokens of Bedrock models, and what their unit is. */
const SERVICES: Readonly<Record<string, { readonly unit: RegExp; readonly tokens: PricedTokens }>> = {
  AmazonBedrock: { unit: /^1K tokens$/i, tokens: 1_000 },
  AmazonBedrockFoundationModels: { unit: /^Units$/i, tokens: 1_000_000 },
};

/**
 * The AWS Price List, by `pricing:GetProducts`. The client must be in us-east-1, ap-south-1 or eu-central-1: there is
 * no endpoint elsewhere, and the SDK does not look for one.
 */
export const awsPriceList = (client: PricingClient): PublishedPrices => ({
  async *read(region) {
    for (const [service, { unit, tokens }] of Object.entries(SERVICES)) {
      const pages = paginateGetProducts(
        { client, pageSize: 100 },
        { ServiceCode: service, Filters: [{ Type: 'TERM_MATCH', Field: 'regionCode', Value: region }] },
      );
      const iterator = pages[Symbol.asyncIterator]();
      for (;;) {
        const page = await asking(`reading the price list of ${service}`, () => iterator.next());
        if (page.done === true) break;
        for (const product of page.value.PriceList ?? []) yield* pricesOf(String(product), unit, tokens);
      }
    }
  },
});

const Product = z.object({
  product: z.object({ attributes: z.record(z.string(), z.string()) }),
  terms: z.object({
    OnDemand: z
      .record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.string() }) }),
          ),
        }),
      )
      .default({}),
  }),
});

function* pricesOf(text: string, unit: RegExp, tokens: PricedTokens): Generator<PublishedPrice | UnreadPrice> {
  const read = Product.safeParse(parse(text));
  if (!read.success) {
    yield { kind: 'unread', usageType: 'a product of another shape' };
    return;
  }
  const { attributes } = read.data.product;
  const usageType = attributes['usagetype'] ?? '';
  const usage = readUsageType(usageType);
  if (usage === undefined) return;
  const name =
    attributes['servicename']?.endsWith(EDITION) === true
      ? attributes['servicename'].slice(0, -EDITION.length)
      : (attributes['model'] ?? attributes['titanModel']);
  for (const term of Object.values(read.data.terms.OnDemand))
    for (const dimension of Object.values(term.priceDimensions)) {
      const price = unit.test(dimension.unit) ? parseTokenPrice(dimension.pricePerUnit.USD, tokens) : undefined;
      yield usage === 'unknown' || price === undefined || name === undefined
        ? { kind: 'unread', usageType }
        : { kind: 'price', name, baseModelId: modelIdOf(name), price, usageType, ...usage };
    }
}

const EDITION = ' (Amazon Bedrock Edition)';

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type TokenUsage = Pick<PublishedPrice, 'source' | 'meter' | 'tier' | 'isLongContext'>;

/** What is priced by the token, but not by on-demand calls of base models. */
const OTHERWISE = /batch|reserved|provisioned|custom|latency|audio|video|image|speech|train|search|tpm/i;

const METERS: Readonly<Record<string, PublishedPrice['meter']>> = {
  input: 'input',
  output: 'output',
  'cache read': 'cacheRead',
  'cache write': 'cacheWrite5m',
  'cache write 1h': 'cacheWrite1h',
};
const TIERS: Readonly<Record<string, ServiceTier>> = { standard: 'default', flex: 'flex', priority: 'priority' };

/**
 * Reads a usage type: `USE1-NovaPro-input-tokens`, `USE1-NovaMicro-cache-read-input-token-count`,
 * `USE1-MP:USE1_CacheWrite1hInputTokenCount_Global-Units`, `USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units`.
 * Undefined for what is not compared, `unknown` for tokens whose usage type holds a word that is not known here.
 */
function readUsageType(usageType: string): TokenUsage | 'unknown' | undefined {
  if (!/token/i.test(usageType) || OTHERWISE.test(usageType)) return undefined;
  const words = usageType
    .replace(/-Units$/, '')
    .replace(/^.*:[A-Z0-9]+_/, '')
    // `CacheWrite1hInputTokenCount` as the words that the newer forms separate.
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .toLowerCase()
    .split(/[-_]/);
  const at = words.findIndex((word) => word === 'token' || word === 'tokens');
  const first = words.findIndex((word) => word === 'cache' || word === 'input' || word === 'output');
  if (first === -1 || at < first) return 'unknown';
  const around = [...words.slice(first, at), ...words.slice(at + 1)];
  const rest = around.filter(
    (word) => !['count', 'cross', 'region', 'global', 'lctx', ...Object.keys(TIERS)].includes(word),
  );
  // Cache meters say "input" as well in the older forms; the hour may stand before or after.
  const forAnHour = rest.includes('1h') || rest.some((word) => word === 'write1h');
  const kind = rest
    .map((word) => (word === 'write1h' ? 'write' : word))
    .filter((word, index) => word !== '1h' && !(word === 'input' && index > 0))
    .join(' ');
  const meter = METERS[forAnHour ? `${kind} 1h` : kind];
  const tiers = around.flatMap((word) => TIERS[word] ?? []);
  if (meter === undefined || tiers.length > 1) return 'unknown';
  return {
    source: around.includes('global') ? 'global' : 'in-region',
    meter,
    tier: tiers[0] ?? 'default',
    isLongContext: around.includes('lctx'),
  };
}
