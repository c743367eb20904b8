import type { Brand } from './brand.ts';

/**
 * An amount in nano-US-dollars (1 USD = 1,000,000,000). Limits, balances and totals. Always an integer; no float ever
 * touches an amount.
 */
export type NanoUsd = Brand<bigint, 'NanoUsd'>;

export const NANO_PER_USD = 1_000_000_000n;

export const nanoUsd = (value: bigint): NanoUsd => value as NanoUsd;
export const ZERO = nanoUsd(0n);

export const add = (...amounts: readonly NanoUsd[]): NanoUsd =>
  nanoUsd(amounts.reduce<bigint>((sum, a) => sum + a, 0n));
export const subtract = (from: NanoUsd, amount: NanoUsd): NanoUsd => nanoUsd(from - amount);
export const max = (a: NanoUsd, b: NanoUsd): NanoUsd => (a > b ? a : b);
export const min = (a: NanoUsd, b: NanoUsd): NanoUsd => (a < b ? a : b);

/** `part` of `whole` as whole percents, rounded down; 0 for an empty whole. For people to read, never to decide with. */
export const percentOf = (part: NanoUsd, whole: NanoUsd): number => (whole === 0n ? 0 : Number((part * 100n) / whole));

/** `amount` × `numerator` / `denominator`, rounded down. */
export const fraction = (amount: NanoUsd, numerator: bigint, denominator: bigint): NanoUsd =>
  nanoUsd((amount * numerator) / denominator);

const AMOUNT = /^\s*(?<digits>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?<fraction>\d{1,9}))?\s*$/;

/**
 * Reads a decimal number of US dollars, such as `10000`, `1,234.56` or `0.000000001`, exactly. Undefined where it is
 * not one, or has more than nine decimal places.
 */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = AMOUNT.exec(text)?.groups;
  if (match?.['digits'] === undefined) return undefined;
  const whole = BigInt(match['digits'].replaceAll(',', ''));
  const nano = BigInt((match['fraction'] ?? '').padEnd(9, '0'));
  return nanoUsd(whole * NANO_PER_USD + nano);
}

/**
 * Reads a decimal string of US dollars of any precision, as AWS billing APIs answer (`"8412.3700000001"`), rounding up
 * to a whole nano-dollar: spending is never understated. Undefined where it is no such number.
 */
export function parseUsdRoundedUp(text: string): NanoUsd | undefined {
  const match = /^\s*(?<sign>-?)(?=\.?\d)(?<digits>\d*)(?:\.(?<fraction>\d*))?\s*$/.exec(text)?.groups;
  if (match?.['digits'] === undefined) return undefined;
  const decimals = match['fraction'] ?? '';
  const nano = BigInt(match['digits']) * NANO_PER_USD + BigInt(decimals.slice(0, 9).padEnd(9, '0'));
  const rest = /[1-9]/.test(decimals.slice(9));
  if (match['sign'] === '-') return nanoUsd(-nano);
  return nanoUsd(rest ? nano + 1n : nano);
}

/** `12.5 USD`-like text without the unit: at least two decimals, at most nine, grouped by thousands. */
export function formatUsd(amount: NanoUsd): string {
  const sign = amount < 0n ? '-' : '';
  const positive = amount < 0n ? -amount : amount;
  const whole = (positive / NANO_PER_USD).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  const decimals = (positive % NANO_PER_USD)
    .toString()
    .padStart(9, '0')
    .replace(/0{1,7}$/, '');
  return `${sign}${whole}.${decimals}`;
}

/** Two decimals, rounded half up, with the unit: `1,234.57 USD`. For notices and tables; amounts below a cent show more. */
export function displayUsd(amount: NanoUsd): string {
  const cent = NANO_PER_USD / 100n;
  const positive = amount < 0n ? -amount : amount;
  if (positive < cent) return `${formatUsd(amount)} USD`;
  const rounded = ((positive + cent / 2n) / cent) * cent;
  return `${formatUsd(nanoUsd(amount < 0n ? -rounded : rounded))} USD`;
}

/** The decimal string that AWS Budgets takes as an amount: no grouping, no unit. */
export const awsAmount = (amount: NanoUsd): string => formatUsd(amount).replaceAll(',', '');
