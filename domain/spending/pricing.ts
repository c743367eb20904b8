import type { Brand } from '../brand.ts';
import type { Usage } from './usage.ts';

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

/** What a model costs through one profile: each meter has its own price. */
export interface Rates {
  readonly input: PicoUsdPerToken;
  readonly output: PicoUsdPerToken;
  readonly cacheRead: PicoUsdPerToken;
  readonly cacheWrite5m: PicoUsdPerToken;
  readonly cacheWrite1h: PicoUsdPerToken;
}

export type ServiceTier = 'default' | 'priority' | 'flex' | 'reserved';

/** Share of the list price by service tier, in hundredths (Amazon Bedrock pricing: priority × 1.75, flex × 0.5). */
const TIER_PERCENT: Record<ServiceTier, number> = { default: 100, priority: 175, flex: 50, reserved: 100 };

/** The dearest tier: what an upper bound must assume when the tier is not known beforehand. */
export const DEAREST_TIER: ServiceTier = 'priority';

/** The tier that a request or an answer names; an unknown name is priced as the dearest. */
export const readTier = (name: string | undefined): ServiceTier =>
  name === undefined || name === 'default'
    ? 'default'
    : Object.hasOwn(TIER_PERCENT, name)
      ? (name as ServiceTier)
      : DEAREST_TIER;

/** Prices usage exactly and rounds the whole call up to a nano-dollar, once. */
export function priceOf(rates: Rates, usage: Usage, tier: ServiceTier): CallCost {
  const pico =
    BigInt(usage.inputTokens) * BigInt(rates.input) +
    BigInt(usage.outputTokens) * BigInt(rates.output) +
    BigInt(usage.cacheReadInputTokens) * BigInt(rates.cacheRead) +
    BigInt(usage.cacheWrite5mInputTokens) * BigInt(rates.cacheWrite5m) +
    BigInt(usage.cacheWrite1hInputTokens) * BigInt(rates.cacheWrite1h);
  const hundredths = pico * BigInt(TIER_PERCENT[tier]);
  // 1 nano-dollar = 1,000 pico-dollars; hundredths of them because of the tier's percentage.
  return callCost(Number((hundredths + 99_999n) / 100_000n));
}

/** What a request can consume at most, before it is sent. */
export interface RequestBound {
  /** UTF-8 bytes of everything that the model reads. A token of a byte-level tokenizer is at least one byte. */
  readonly inputBytes: number;
  /** Whether the request marks cache points: then its input may be written to the cache, at a dearer rate. */
  readonly mayWriteCache: boolean;
  readonly maxOutputTokens: number;
  readonly tier: ServiceTier;
}

/** Tokens that chat templates and tool preambles add to what the caller sent. UNVERIFIED: an allowance, not a documented figure. */
export const TEMPLATE_ALLOWANCE_TOKENS = 1_024;

/** The most that a request can cost, all input at the dearest rate that may apply. */
export function upperBound(rates: Rates, bound: RequestBound): CallCost {
  const tokens = bound.inputBytes + TEMPLATE_ALLOWANCE_TOKENS;
  const dearestRead = Math.max(rates.input, rates.cacheRead);
  const dearestInput = bound.mayWriteCache
    ? Math.max(dearestRead, rates.cacheWrite5m, rates.cacheWrite1h)
    : dearestRead;
  return priceOf(
    { ...rates, input: dearestInput as PicoUsdPerToken },
    {
      inputTokens: tokens,
      outputTokens: bound.maxOutputTokens,
      cacheReadInputTokens: 0,
      cacheWrite5mInputTokens: 0,
      cacheWrite1hInputTokens: 0,
    },
    bound.tier,
  );
}
