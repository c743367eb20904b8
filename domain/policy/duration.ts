import * as z from 'zod';

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const MAX_SECONDS = 30 * UNIT_SECONDS.d;
const EXPECTED = 'expected a time of at most 30 days such as "24h", or whole seconds';

/** `"90m"`, `"24h"`, `"2d"` or whole seconds → milliseconds. */
export const Duration = z.unknown().transform((value, context): number => {
  const [, digits = '', unit = 's'] = /^\s*(\d{1,7})\s*([smhd])\s*$/.exec(typeof value === 'string' ? value : '') ?? [];
  const count = typeof value === 'number' ? value : Number(digits === '' ? Number.NaN : digits);
  const seconds = count * (isUnit(unit) ? UNIT_SECONDS[unit] : Number.NaN);
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_SECONDS) return seconds * 1_000;
  context.addIssue({ code: 'custom', message: EXPECTED });
  return z.NEVER;
});

const isUnit = (unit: string): unit is keyof typeof UNIT_SECONDS => Object.hasOwn(UNIT_SECONDS, unit);
