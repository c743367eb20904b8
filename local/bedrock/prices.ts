/**
 * What a model call costs here: the public on-demand list of us-east-1 as collected in November 2026, for every
 * Region. Kept apart from any other price list on purpose, so that two independent ones can be compared.
 */
import type { Geography } from './catalogue.ts';

/** Rates in whole pico-US-dollars per token: 1 USD per million tokens is 1,000,000. */
interface Rates {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

interface ModelPrice {
  readonly rates: Rates;
  /** In-Region and geographic profiles cost a tenth more than the global profile, for which `rates` holds. */
  readonly globalDiscount: boolean;
}

/** Cache reads cost a tenth of the input, writes five quarters of it, or double for an hour. */
function claude(inputPerMillion: number, outputPerMillion: number, globalDiscount: boolean): ModelPrice {
  const [input, output] = [pico(inputPerMillion), pico(outputPerMillion)];
  const rates = { input, output, cacheRead: input / 10, cacheWrite5m: (input * 5) / 4, cacheWrite1h: input * 2 };
  return { rates, globalDiscount };
}

/** Cache reads cost a quarter of the input; that a write costs what the input does is UNVERIFIED. */
function nova(inputPerMillion: number, outputPerMillion: number, globalDiscount = false): ModelPrice {
  const [input, output] = [pico(inputPerMillion), pico(outputPerMillion)];
  return { rates: { input, output, cacheRead: input / 4, cacheWrite5m: input, cacheWrite1h: input }, globalDiscount };
}

function uncached(inputPerMillion: number, outputPerMillion: number): ModelPrice {
  const [input, output] = [pico(inputPerMillion), pico(outputPerMillion)];
  return {
    rates: { input, output, cacheRead: input, cacheWrite5m: input, cacheWrite1h: input },
    globalDiscount: false,
  };
}

function pico(dollarsPerMillion: number): number {
  return Math.round(dollarsPerMillion * 1_000_000);
}

const PRICES: Readonly<Record<string, ModelPrice>> = {
  'amazon.nova-micro-v1:0': nova(0.035, 0.14),
  'amazon.nova-lite-v1:0': nova(0.06, 0.24),
  'amazon.nova-pro-v1:0': nova(0.8, 3.2),
  'amazon.nova-premier-v1:0': nova(2.5, 12.5),
  'amazon.nova-2-lite-v1:0': nova(0.3, 2.5, true),
  'amazon.titan-text-express-v1': uncached(0.2, 0.6),
  'amazon.titan-embed-text-v2:0': uncached(0.02, 0),
  'cohere.embed-english-v3': uncached(0.1, 0),
  'anthropic.claude-3-haiku-20240307-v1:0': uncached(0.25, 1.25),
  'anthropic.claude-3-5-haiku-20241022-v1:0': claude(0.8, 4, false),
  'anthropic.claude-haiku-4-5-20251001-v1:0': claude(1, 5, true),
  'anthropic.claude-sonnet-4-20250514-v1:0': claude(3, 15, false),
  'anthropic.claude-sonnet-4-5-20250929-v1:0': claude(3, 15, true),
  'anthropic.claude-sonnet-4-6': claude(3, 15, true),
  'anthropic.claude-opus-4-5-20251101-v1:0': claude(5, 25, true),
  'meta.llama3-3-70b-instruct-v1:0': uncached(0.72, 0.72),
  'meta.llama4-scout-17b-instruct-v1:0': uncached(0.17, 0.66),
  'meta.llama4-maverick-17b-instruct-v1:0': uncached(0.24, 0.97),
  'mistral.mistral-7b-instruct-v0:2': uncached(0.15, 0.2),
  'mistral.mistral-large-2402-v1:0': uncached(4, 12),
  'mistral.pixtral-large-2502-v1:0': uncached(2, 6),
  'mistral.mistral-large-3-675b-instruct': uncached(0.5, 1.5),
  'openai.gpt-oss-120b-1:0': uncached(0.15, 0.6),
  'openai.gpt-oss-20b-1:0': uncached(0.07, 0.3),
  'deepseek.r1-v1:0': uncached(1.35, 5.4),
  'deepseek.v3-v1:0': uncached(0.58, 1.68),
  'qwen.qwen3-32b-v1:0': uncached(0.15, 0.6),
};

/** What one meter of a model costs, in pico-US-dollars a token: in a Region and the geographies called from it, and globally. */
export interface ListedRate {
  readonly meter: keyof Rates;
  readonly inRegion: number;
  /** Absent where the global profile of the model costs the same, or is none. */
  readonly global?: number;
}

/** Undefined for a model that is not priced here. */
export function listedRates(modelId: string): readonly ListedRate[] | undefined {
  const price = PRICES[modelId];
  if (price === undefined) return undefined;
  const meters = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const;
  return meters.map((meter) => {
    const list = price.rates[meter];
    return price.globalDiscount ? { meter, inRegion: (list * 11) / 10, global: list } : { meter, inRegion: list };
  });
}

export type ServiceTier = 'default' | 'flex' | 'priority';

/** In thousandths of the default tier's price. */
const TIER_MULTIPLIERS: Readonly<Record<ServiceTier, bigint>> = { default: 1000n, flex: 500n, priority: 1750n };

export interface BillableTokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

/**
 * The cost of one call in nano-US-dollars, rounded up.
 *
 * @param routing the geography of the system profile that the call goes through, `undefined` for the Region itself
 */
export function costNanoUsd(
  modelId: string,
  routing: Geography | undefined,
  tier: ServiceTier,
  tokens: BillableTokens,
): bigint {
  const price = PRICES[modelId];
  if (price === undefined) throw new Error(`the price list has no ${modelId}`);
  const { rates, globalDiscount } = price;
  const picoAtList =
    BigInt(tokens.input) * BigInt(rates.input) +
    BigInt(tokens.output) * BigInt(rates.output) +
    BigInt(tokens.cacheRead) * BigInt(rates.cacheRead) +
    BigInt(tokens.cacheWrite5m) * BigInt(rates.cacheWrite5m) +
    BigInt(tokens.cacheWrite1h) * BigInt(rates.cacheWrite1h);
  const tenths = globalDiscount && routing !== 'global' ? 11n : 10n;
  const picoPerNanoTimesMultipliers = 1000n * 10n * 1000n;
  return ceilingOf(picoAtList * tenths * TIER_MULTIPLIERS[tier], picoPerNanoTimesMultipliers);
}

function ceilingOf(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
