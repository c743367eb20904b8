import type { Brand } from '../brand.ts';
import { inputOf, type Usage, type UsageTerms } from './usage.ts';

/**
 * Price of one token in pico-US-dollars (1 USD per million tokens = 1,000,000), an integer: the finest list price
 * (0.00875 USD per million) is still whole.
 */
export type PicoUsdPerToken = Brand<number, 'PicoUsdPerToken'>;

/** What one call cost, in nano-US-dollars: a safe integer, which holds amounts up to nine million dollars. */
export type CallCost = Brand<number, 'CallCost'>;

export const callCost = (nanoUsd: number): CallCost => {
  if (!Number.isSafeInteger(nanoUsd) || nanoUsd < 0)
    throw new RangeError(`not a cost in whole nano-dollars: ${nanoUsd}`);
  return nanoUsd as CallCost;
};

/** Prices of the five meters. */
export interface MeterRates {
  readonly input: PicoUsdPerToken;
  readonly output: PicoUsdPerToken;
  readonly cacheRead: PicoUsdPerToken;
  readonly cacheWrite5m: PicoUsdPerToken;
  readonly cacheWrite1h: PicoUsdPerToken;
}

/** Prices of a whole call whose input, cached tokens included, is larger than a threshold. */
export interface RateStep extends MeterRates {
  readonly aboveInputTokens: number;
}

/** What a model costs through one profile: each meter has its own price. */
export interface Rates extends MeterRates {
  /** By context size, ascending; the last step that a call is above prices all of it. */
  readonly steps?: readonly RateStep[];
  /** Where the model reports cached tokens within its input tokens, against the contract of the API. */
  readonly inputTokens?: 'including-cache';
  /** Where the model writes to its cache without being asked to. */
  readonly cachesUnasked?: true;
}

export type ServiceTier = 'default' | 'priority' | 'flex' | 'reserved';

/** Share of the list price by service tier, in quarters (Amazon Bedrock pricing: priority × 1.75, flex × 0.5). */
const TIER_QUARTERS: Record<ServiceTier, number> = { default: 4, priority: 7, flex: 2, reserved: 4 };

/** The dearest tier: what an upper bound must assume when the tier is not known beforehand. */
export const DEAREST_TIER: ServiceTier = 'priority';

/** The tier that a request or an answer names; AWS's price list says `standard` for `default`. An unknown name is priced as the dearest. */
export const readTier = (name: string | undefined): ServiceTier =>
  name === undefined || name === 'standard'
    ? 'default'
    : Object.hasOwn(TIER_QUARTERS, name)
      ? (name as ServiceTier)
      : DEAREST_TIER;

/** What one token costs in a tier, rounded up to a pico-dollar: to compare with a price list. A call is priced by {@link priceOf}. */
export const tierPrice = (price: PicoUsdPerToken, tier: ServiceTier): PicoUsdPerToken =>
  Math.ceil((price * TIER_QUARTERS[tier]) / 4) as PicoUsdPerToken;

/** 1 nano-dollar in quarters of a pico-dollar; quarters because of the tier's share. */
const QUARTER_PICO_PER_NANO = 4_000;

/** Prices usage exactly and rounds the whole call up to a nano-dollar, once. @throws {RangeError} past nine million dollars */
export function priceOf(rates: Rates, usage: Usage, tier: ServiceTier): CallCost {
  const meters = rates.steps === undefined ? rates : metersAt(rates, rates.steps, inputOf(usage));
  const quarters =
    (usage.inputTokens * meters.input +
      usage.outputTokens * meters.output +
      usage.cacheReadInputTokens * meters.cacheRead +
      usage.cacheWrite5mInputTokens * meters.cacheWrite5m +
      usage.cacheWrite1hInputTokens * meters.cacheWrite1h) *
    TIER_QUARTERS[tier];
  return inNano(quarters) ?? largePriceOf(meters, usage, tier);
}

function largePriceOf(meters: MeterRates, usage: Usage, tier: ServiceTier): CallCost {
  const pico =
    BigInt(usage.inputTokens) * BigInt(meters.input) +
    BigInt(usage.outputTokens) * BigInt(meters.output) +
    BigInt(usage.cacheReadInputTokens) * BigInt(meters.cacheRead) +
    BigInt(usage.cacheWrite5mInputTokens) * BigInt(meters.cacheWrite5m) +
    BigInt(usage.cacheWrite1hInputTokens) * BigInt(meters.cacheWrite1h);
  return largeInNano(pico * BigInt(TIER_QUARTERS[tier]));
}

/**
 * Rounds quarters of a pico-dollar up. A product or sum of non-negative integers that does not fit is rounded to 2^53 or
 * more, so that one look at the end tells: then undefined.
 */
// Stryker disable next-line BlockStatement: the way through large integers gives the same cost, only slower
function inNano(quarters: number): CallCost | undefined {
  const rounding = quarters + (QUARTER_PICO_PER_NANO - 1);
  // Stryker disable next-line ConditionalExpression: likewise; that too large a number is not taken is tested
  if (!Number.isSafeInteger(rounding)) return undefined;
  // Below a whole number by 1/4000 at least, and rounded by 1/4096 at most: the quotient never reaches it.
  return callCost(Math.floor(rounding / QUARTER_PICO_PER_NANO));
}

const largeInNano = (quarters: bigint): CallCost =>
  callCost(Number((quarters + BigInt(QUARTER_PICO_PER_NANO - 1)) / BigInt(QUARTER_PICO_PER_NANO)));

/** The prices of a call with this much input. */
function metersAt(base: MeterRates, steps: readonly RateStep[], inputTokens: number): MeterRates {
  let meters = base;
  for (const step of steps) if (inputTokens > step.aboveInputTokens) meters = step;
  return meters;
}

/** What a request can consume at most, before it is sent. */
export interface RequestBound {
  /** UTF-8 bytes of everything that the model reads. A token of a byte-level tokenizer is at least one byte. */
  readonly inputBytes: number;
  /** Whether the request marks cache points: then its input may be written to the cache, at a dearer rate. */
  readonly mayWriteCache: boolean;
  readonly maxOutputTokens: number;
  readonly tier: ServiceTier;
  /** How long cache writes are kept that the answer counts without saying for how long; absent: five minutes. */
  readonly unsplitWrites?: '1h';
}

/** How the counts of an answer are to be understood, by its price entry and its request. */
export const usageTerms = ({ inputTokens }: Rates, { unsplitWrites }: RequestBound): UsageTerms =>
  inputTokens === undefined && unsplitWrites === undefined
    ? USUAL_TERMS
    : {
        ...(inputTokens === undefined ? {} : { inputTokens }),
        ...(unsplitWrites === undefined ? {} : { unsplitWrites }),
      };

/** Of almost every call. */
const USUAL_TERMS: UsageTerms = {};

/** Tokens that chat templates and tool preambles add to what the caller sent. UNVERIFIED: an allowance, not a documented figure. */
export const TEMPLATE_ALLOWANCE_TOKENS = 1_024;

/** The most that a request can cost, all input at the dearest rate that may apply, in the dearest step that it may reach. */
export function upperBound(rates: Rates, bound: RequestBound): CallCost {
  const tokens = bound.inputBytes + TEMPLATE_ALLOWANCE_TOKENS;
  const mayWrite = bound.mayWriteCache || rates.cachesUnasked === true;
  let most = mostAt(rates, tokens, mayWrite, bound);
  if (rates.steps !== undefined)
    for (const step of rates.steps)
      if (tokens > step.aboveInputTokens) most = callCost(Math.max(most, mostAt(step, tokens, mayWrite, bound)));
  return most;
}

/** The most at these prices alone. */
function mostAt(
  meters: MeterRates,
  tokens: number,
  mayWrite: boolean,
  { maxOutputTokens, tier }: RequestBound,
): CallCost {
  const dearestRead = Math.max(meters.input, meters.cacheRead);
  const input = mayWrite ? Math.max(dearestRead, meters.cacheWrite5m, meters.cacheWrite1h) : dearestRead;
  const quarters = TIER_QUARTERS[tier];
  return (
    inNano((tokens * input + maxOutputTokens * meters.output) * quarters) ??
    largeInNano((BigInt(tokens) * BigInt(input) + BigInt(maxOutputTokens) * BigInt(meters.output)) * BigInt(quarters))
  );
}

/** US dollars for a million tokens, as prices are published: decimal text, exact. 1 pico-dollar a token is 0.000001 USD. */
export function perMillion(price: PicoUsdPerToken): string {
  const digits = String(price).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6).replace(/0{1,4}$/, '')}`;
}
