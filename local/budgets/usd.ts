/** Dollar amounts as the Budgets API and its alerts write them; nano-US-dollars inside. */

const NANO_PER_USD = 1_000_000_000n;

/** Parses a decimal amount such as `100`, `0.25` or `.5`; undefined for anything else. */
export function parseUsd(text: string): bigint | undefined {
  const [, whole = '', fraction = ''] = /^(\d*)(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === '' && fraction === '') return undefined;
  return BigInt(whole || '0') * NANO_PER_USD + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}

/** At least one and at most three decimals, as DescribeBudget answers (three are UNVERIFIED): `10000.0`, `8412.37`. */
export function decimalUsd(nanoUsd: bigint): string {
  const mills = (nanoUsd + 500_000n) / 1_000_000n;
  const fraction = (mills % 1000n)
    .toString()
    .padStart(3, '0')
    .replace(/0{1,2}$/, '');
  return `${mills / 1000n}.${fraction}`;
}

/** `$1,234.56`: that alerts separate thousands is UNVERIFIED. */
export function dollars(nanoUsd: bigint): string {
  const cents = (nanoUsd + 5_000_000n) / 10_000_000n;
  const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ',');
  return `$${whole}.${(cents % 100n).toString().padStart(2, '0')}`;
}
