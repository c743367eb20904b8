/**
 * The AWS Price List for tokens of Bedrock models, of the embedded AWS's own prices. Names of attributes and the grammar of
 * usage types are those of products seen; the prefixes of Regions beyond us-east-1, and products of any single model, are
 * UNVERIFIED. On-demand tokens of the default tier only.
 */
import { EMBEDDING_MODELS, FOUNDATION_MODELS, type FoundationModel } from './bedrock/catalogue.ts';
import { type ListedRate, listedRates } from './bedrock/prices.ts';
import { membersOf } from './members.ts';
import { AwsFault, type JsonObject, type Service } from './service.ts';

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);

/** Billed through the Marketplace, each model as a service of its own. */
const IN_MARKETPLACE = new Set(['Anthropic', 'Cohere']);

const REGION_CODES: Readonly<Record<string, string>> = {
  'us-east-1': 'USE1',
  'us-east-2': 'USE2',
  'us-west-2': 'USW2',
  'eu-west-1': 'EUW1',
  'eu-central-1': 'EUC1',
  'ap-northeast-1': 'APN1',
};

interface Product {
  readonly service: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly unit: string;
  readonly usd: string;
}

const METERS: Readonly<Record<ListedRate['meter'], { readonly plain: string; readonly marketplace: string }>> = {
  input: { plain: 'input-tokens', marketplace: 'InputTokenCount' },
  output: { plain: 'output-tokens', marketplace: 'OutputTokenCount' },
  cacheRead: { plain: 'cache-read-input-token-count', marketplace: 'CacheReadInputTokenCount' },
  cacheWrite5m: { plain: 'cache-write-input-token-count', marketplace: 'CacheWriteInputTokenCount' },
  cacheWrite1h: { plain: 'cache-write-1h-input-token-count', marketplace: 'CacheWrite1hInputTokenCount' },
};

/** Products in the order of the catalogue. */
function* products(): Generator<Product> {
  for (const model of [...FOUNDATION_MODELS, ...EMBEDDING_MODELS])
    for (const rate of listedRates(model.modelId) ?? [])
      if (model.promptCaching || !rate.meter.startsWith('cache'))
        for (const region of Object.keys(REGION_CODES)) yield* productsOf(model, rate, region);
}

function* productsOf(
  model: FoundationModel,
  { meter, inRegion, global }: ListedRate,
  region: string,
): Generator<Product> {
  const code = REGION_CODES[region] ?? '';
  const common = { regionCode: region, locationType: 'AWS Region', provider: model.providerName };
  const ways = [{ suffix: '', pico: inRegion }, ...(global === undefined ? [] : [{ suffix: 'global', pico: global }])];
  for (const { suffix, pico } of ways)
    if (IN_MARKETPLACE.has(model.providerName)) {
      const usagetype = `${code}-MP:${code}_${METERS[meter].marketplace}${suffix === '' ? '' : '_Global'}-Units`;
      yield {
        service: 'AmazonBedrockFoundationModels',
        attributes: { ...common, usagetype, servicename: `${model.modelName} (Amazon Bedrock Edition)` },
        unit: 'Units',
        usd: perTokens(pico, 1_000_000n),
      };
    } else {
      // Amazon's own models have no write for an hour.
      if (meter === 'cacheWrite1h') continue;
      const name = model.modelName.replaceAll(/[^A-Za-z0-9.]/g, '');
      const usagetype = `${code}-${name}-${METERS[meter].plain}${suffix === '' ? '' : '-cross-region-global'}`;
      yield {
        service: 'AmazonBedrock',
        attributes: { ...common, usagetype, model: model.modelName, feature: 'On-demand Inference' },
        unit: '1K tokens',
        usd: perTokens(pico, 1_000n),
      };
    }
}

/** Ten decimals, as the list writes them. */
function perTokens(pico: number, tokens: bigint): string {
  const total = BigInt(pico) * tokens;
  return `${total / 1_000_000_000_000n}.${(total % 1_000_000_000_000n).toString().padStart(12, '0').slice(0, 10)}`;
}

const SERVICES = ['AmazonBedrock', 'AmazonBedrockFoundationModels'];

export function createPriceList(): Service {
  return {
    signingName: 'pricing',
    protocol: { kind: 'json', targetPrefix: 'AWSPriceListService', version: '1.1' },
    operations: {
      GetProducts(input) {
        const read = membersOf(input, invalid);
        const service = read.string('ServiceCode');
        if (!SERVICES.includes(service)) throw invalid(`Service code ${service} is not embedded.`);
        const filters = read.objects('Filters').map((filter) => {
          const of = membersOf(filter, invalid);
          if (of.string('Type') !== 'TERM_MATCH') throw invalid('Only TERM_MATCH is embedded.');
          return { field: of.string('Field'), value: of.string('Value') };
        });
        const size = read.optionalNumber('MaxResults') ?? 100;
        if (!Number.isInteger(size) || size < 1 || size > 100) throw invalid('MaxResults must be between 1 and 100.');
        const token = read.optionalString('NextToken') ?? '0';
        if (!/^\d+$/.test(token)) throw new AwsFault('InvalidNextTokenException', 'The pagination token is invalid.');
        const matching = [...products()].filter(
          (product) =>
            product.service === service && filters.every(({ field, value }) => product.attributes[field] === value),
        );
        const next = Number(token) + size;
        return {
          FormatVersion: 'aws_v1',
          PriceList: matching.slice(Number(token), next).map((product) => JSON.stringify(describe(product))),
          ...(next < matching.length ? { NextToken: String(next) } : {}),
        };
      },
    },
  };
}

function describe({ service, attributes, unit, usd }: Product): JsonObject {
  const sku = `${attributes['usagetype']}`.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  const term = `${sku}.JRTCKXETXF`;
  const dimension = `${term}.6YS6EN2CT7`;
  return {
    product: { productFamily: 'Amazon Bedrock', sku, attributes: { ...attributes, servicecode: service } },
    serviceCode: service,
    terms: {
      OnDemand: {
        [term]: {
          sku,
          priceDimensions: { [dimension]: { unit, rateCode: dimension, pricePerUnit: { USD: usd } } },
        },
      },
    },
    version: '20261123000000',
  };
}
