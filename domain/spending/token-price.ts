import type { PicoUsdPerToken } from './pricing.ts';

/** How many tokens a price is asked for, as a power of ten: price lists say thousand or million. */
export type PricedTokens = 1 | 1_000 | 1_000_000;

/** Decimal places of a dollar at which the price of one token is whole pico-dollars. */
const PLACES: Record<PricedTokens, number> = { 1: 12, 1000: 9, 1000000: 6 };

/**
 * Reads a decimal number of US dollars for so many tokens as whole pico-dollars for one token, rounded up where it is
 * finer. Undefined where it is no such number, or too large for one.
 */
export function parseTokenPrice(usd: string, tokens: PricedTokens): PicoUsdPerToken | undefined {
  const match = /^(?<whole>\d+)(?:\.(?<fraction>\d+))?$/.exec(usd)?.groups;
  if (match?.['whole'] === undefined) return undefined;
  const places = PLACES[tokens];
  const fraction = match['fraction'] ?? '';
  const rest = /[1-9]/.test(fraction.slice(places));
  const pico = Number(BigInt(match['whole'] + fraction.slice(0, places).padEnd(places, '0')) + (rest ? 1n : 0n));
  return Number.isSafeInteger(pico) ? (pico as PicoUsdPerToken) : undefined;
}
