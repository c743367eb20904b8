import {
  type ConditionalPrice,
  findProvider,
  type ModelInfo,
  type ModelPrice,
  type TieredPrices,
} from '@pydantic/genai-prices';
import { type EpochMs, epochMs } from '../domain/clock.ts';
import type { ProfileSource } from '../domain/profiles/profile-index.ts';
import type { DatedRates } from '../domain/spending/dated-rates.ts';
import { isSameModel } from '../domain/spending/model-id.ts';
import type { PriceList } from '../domain/spending/price-list.ts';
import type { MeterRates, PicoUsdPerToken, Rates } from '../domain/spending/pricing.ts';
import { parseTokenPrice } from '../domain/spending/token-price.ts';

/**
 * List prices of Amazon Bedrock from `@pydantic/genai-prices`, which keeps them dated, by where a model is served, and
 * by context size. The package matches by parts of a name, which would give a newer model an older one's price; here a
 * model is found by its whole id, or has no price.
 */
export const genaiPrices: PriceList = {
  ratesOf({ baseModelId, source, at }) {
    const model = find(baseModelId, source);
    const rates = model && ratesOf(model, baseModelId, at);
    if (model === undefined || rates === undefined) return undefined;
    const rateChanges = changesOf(model, baseModelId, at);
    return {
      rates,
      ...(rateChanges.length === 0 ? {} : { rateChanges }),
      ...(model.context_window === undefined ? {} : { contextWindow: model.context_window }),
    };
  },
};

const NONE: readonly ModelInfo[] = [];
const models = (): readonly ModelInfo[] => findProvider({ providerId: 'aws' })?.models ?? NONE;

/** The package's names: `global.` for global profiles, `regional.` for Regions and geographies where these cost more, plain for one price. */
const PREFIXES: Record<ProfileSource, readonly string[]> = {
  'in-region': ['regional.', ''],
  // That all geographies cost the same is UNVERIFIED.
  geo: ['regional.', ''],
  global: ['global.', ''],
};

/** What was found in a list, by model and source: the list is long, and a sweep asks for the same models for each profile. */
const found = new WeakMap<readonly ModelInfo[], Map<string, ModelInfo | undefined>>();

function find(baseModelId: string, source: ProfileSource): ModelInfo | undefined {
  const list = models();
  const known = found.get(list) ?? new Map<string, ModelInfo | undefined>();
  found.set(list, known);
  const name = `${source} ${baseModelId}`;
  if (!known.has(name)) known.set(name, findIn(list, baseModelId, source));
  return known.get(name);
}

function findIn(list: readonly ModelInfo[], baseModelId: string, source: ProfileSource): ModelInfo | undefined {
  // No model id has a prefix of these, so that no id can ask for the price of another routing.
  if (/^(?:global|regional)\./.test(baseModelId)) return undefined;
  return PREFIXES[source]
    .map((prefix) => list.find(({ id }) => id.startsWith(prefix) && isSameModel(id.slice(prefix.length), baseModelId)))
    .find((model) => model !== undefined);
}

function ratesOf(model: ModelInfo, baseModelId: string, at: EpochMs): Rates | undefined {
  if (!Array.isArray(model.prices)) return ratesFrom(model.prices, baseModelId);
  // The last that has begun holds, as in the package.
  const begun = model.prices.filter((price) => (beginningOf(price) ?? Number.NaN) <= at).at(-1);
  return begun === undefined ? undefined : ratesFrom(begun.prices, baseModelId);
}

function changesOf(model: ModelInfo, baseModelId: string, at: EpochMs): DatedRates[] {
  const beginnings = (Array.isArray(model.prices) ? model.prices : [])
    .map((price) => beginningOf(price))
    .filter((from) => from !== undefined && from > at);
  return [...new Set(beginnings)]
    .filter((from) => from !== undefined)
    .sort((a, b) => a - b)
    .map((from) => {
      const rates = ratesOf(model, baseModelId, from);
      return rates === undefined ? { from } : { from, rates };
    });
}

/** Undefined for prices by the time of day, which no one beginning describes. */
function beginningOf({ constraint }: ConditionalPrice): EpochMs | undefined {
  if (constraint === undefined) return epochMs(Number.NEGATIVE_INFINITY);
  return constraint.type === 'start_date' ? epochMs(Date.parse(constraint.start_date)) : undefined;
}

const METERS = new Set(['input_mtok', 'output_mtok', 'cache_read_mtok', 'cache_write_mtok', 'cache_write_1h_mtok']);

/** Undefined where the model has no price for text, or one by something that the usage of a call does not tell apart, such as audio. */
function ratesFrom(price: ModelPrice, baseModelId: string): Rates | undefined {
  if (Object.keys(price).some((meter) => !METERS.has(meter))) return undefined;
  const base = metersFrom(price, baseModelId, undefined);
  const thresholds = new Set(
    Object.values(price).flatMap((meter) => (typeof meter === 'object' ? meter.tiers.map(({ start }) => start) : [])),
  );
  const steps = [...thresholds]
    .sort((a, b) => a - b)
    .flatMap((aboveInputTokens) => {
      const meters = metersFrom(price, baseModelId, aboveInputTokens);
      return meters === undefined ? [] : [{ aboveInputTokens, ...meters }];
    });
  if (base === undefined || steps.length < thresholds.size) return undefined;
  // Models of OpenAI write to their cache by themselves; others are asked to.
  const cachesUnasked = baseModelId.startsWith('openai.') && price['cache_write_mtok'] !== undefined;
  return {
    ...base,
    ...(steps.length === 0 ? {} : { steps }),
    ...(cachesUnasked ? { cachesUnasked } : {}),
  };
}

/** The prices of a call with more input than the threshold. */
function metersFrom(price: ModelPrice, baseModelId: string, threshold: number | undefined): MeterRates | undefined {
  const rate = (meter: string) => picoPerToken(priceAt(price[meter], threshold));
  const input = rate('input_mtok');
  // What only embeds has no output: its price is that of input, so that it is not nothing.
  const output = rate('output_mtok') ?? (isEmbedding(baseModelId) ? input : undefined);
  if (input === undefined || output === undefined) return undefined;
  const write = rate('cache_write_mtok');
  // Anthropic's writes for an hour cost twice the input (Amazon Bedrock pricing).
  const writesForAnHour =
    write !== undefined && baseModelId.startsWith('anthropic.') ? ((input * 2) as PicoUsdPerToken) : write;
  return {
    input,
    output,
    // A meter without a price of its own is charged as plain input, never as nothing.
    cacheRead: rate('cache_read_mtok') ?? input,
    cacheWrite5m: write ?? input,
    cacheWrite1h: rate('cache_write_1h_mtok') ?? writesForAnHour ?? input,
  };
}

const isEmbedding = (baseModelId: string): boolean => /[.-]embed-/.test(baseModelId);

function priceAt(price: number | TieredPrices | undefined, threshold: number | undefined): number | undefined {
  if (typeof price !== 'object') return price;
  const reached = price.tiers.filter(({ start }) => threshold !== undefined && start <= threshold);
  return reached.reduce((last, tier) => (tier.start >= last.start ? tier : last), { start: -1, price: price.base })
    .price;
}

/** USD per million tokens, a decimal number of the price list, as whole pico-dollars per token, rounded up. */
const picoPerToken = (price: number | undefined): PicoUsdPerToken | undefined =>
  price === undefined ? undefined : parseTokenPrice(String(price), 1_000_000);
