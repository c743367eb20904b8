import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  awsAmount,
  displayUsd,
  formatUsd,
  fraction,
  max,
  min,
  NANO_PER_USD,
  type NanoUsd,
  nanoUsd,
  parseUsd,
  parseUsdRoundedUp,
  percentOf,
  subtract,
  ZERO,
} from '../../domain/money.ts';

const amounts = fc.bigInt({ min: 0n, max: 10n ** 38n }).map(nanoUsd);
const signedAmounts = fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }).map(nanoUsd);

/** `digits` and `decimals` as an exact count of 10^-20 dollars: the reference for rounding. */
const SCALE = 20;
const exact = (whole: bigint, decimals: string): bigint =>
  whole * 10n ** BigInt(SCALE) + BigInt(decimals.padEnd(SCALE, '0'));

describe('parseUsd', () => {
  it.each([
    ['0', 0n],
    ['10000', 10_000n * NANO_PER_USD],
    ['1,234.56', 1_234_560_000_000n],
    ['0.000000001', 1n],
    ['  7.5 ', 7_500_000_000n],
    ['007', 7n * NANO_PER_USD],
    ['1,000,000,000,000', 10n ** 21n],
  ])('reads %j exactly', (text, nano) => {
    expect(parseUsd(text)).toBe(nano);
  });

  it.each([
    '',
    ' ',
    '.',
    '.5',
    '1.',
    '1.0000000001',
    '-1',
    '+1',
    '1e3',
    '0x10',
    'NaN',
    '1,23',
    '12,34,567',
    '1,2345',
    '1 000',
    '1_000',
    '1.2.3',
    '$5',
    '5 USD',
    '١٢',
    '1,000,',
    ',100',
  ])('refuses %j', (text) => {
    expect(parseUsd(text)).toBeUndefined();
  });

  it('reads back every amount that formatUsd and awsAmount write', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(parseUsd(formatUsd(amount))).toBe(amount);
        expect(parseUsd(awsAmount(amount))).toBe(amount);
      }),
    );
  });

  it('answers any text with an amount or undefined, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d.,\s-]{0,40}$/)), (text) => {
        const amount = parseUsd(text);
        expect(amount === undefined || amount >= 0n).toBe(true);
      }),
    );
  });
});

describe('parseUsdRoundedUp', () => {
  it.each([
    ['8412.3700000001', 8_412_370_000_001n],
    ['8412.37', 8_412_370_000_000n],
    ['0.0000000000', 0n],
    ['5.', 5_000_000_000n],
    ['-0.0000000001', 0n],
    ['-1.5', -1_500_000_000n],
    // AWS Budgets documents its amounts as ([0-9]*\.)?[0-9]+ (API model, NumericValue).
    ['.5', 500_000_000n],
  ])('reads %j', (text, nano) => {
    expect(parseUsdRoundedUp(text)).toBe(nano);
  });

  it.each(['', '.', '-', '-.', '1e-7', '1,000.00', 'USD', '1.2.3', '--1'])('refuses %j', (text) => {
    expect(parseUsdRoundedUp(text)).toBeUndefined();
  });

  it('never understates, and overstates by less than a nano-dollar [F21]', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 15n }),
        fc.stringMatching(/^\d{0,20}$/),
        fc.boolean(),
        (whole, decimals, isNegative) => {
          const text = `${isNegative ? '-' : ''}${whole}${decimals === '' ? '' : `.${decimals}`}`;
          const read = parseUsdRoundedUp(text);
          const truth = (isNegative ? -1n : 1n) * exact(whole, decimals);
          const perNano = 10n ** BigInt(SCALE - 9);
          expect(read).toBeDefined();
          const over = (read ?? 0n) * perNano - truth;
          expect(over).toBeGreaterThanOrEqual(0n);
          expect(over).toBeLessThan(perNano);
        },
      ),
    );
  });
});

describe('formatUsd and displayUsd', () => {
  it.each([
    [0n, '0.00', '0.00 USD'],
    [1n, '0.000000001', '0.000000001 USD'],
    [9_999_999n, '0.009999999', '0.009999999 USD'],
    [10_000_000n, '0.01', '0.01 USD'],
    [14_999_999n, '0.014999999', '0.01 USD'],
    [15_000_000n, '0.015', '0.02 USD'],
    [999_995_000_000n, '999.995', '1,000.00 USD'],
    [1_234_567_890_123n, '1,234.567890123', '1,234.57 USD'],
    [-1_234_565_000_000n, '-1,234.565', '-1,234.57 USD'],
    [-1n, '-0.000000001', '-0.000000001 USD'],
    [10n ** 30n, '1,000,000,000,000,000,000,000.00', '1,000,000,000,000,000,000,000.00 USD'],
  ])('shows %s nano-dollars as %s and %s', (nano, formatted, displayed) => {
    expect(formatUsd(nanoUsd(nano))).toBe(formatted);
    expect(displayUsd(nanoUsd(nano))).toBe(displayed);
  });

  it('is off by at most half a cent when it displays a cent or more', () => {
    fc.assert(
      fc.property(signedAmounts, (amount) => {
        const shown = parseUsdRoundedUp(displayUsd(amount).replace(' USD', '').replaceAll(',', '')) ?? ZERO;
        const error = shown > amount ? shown - amount : amount - shown;
        expect(error).toBeLessThanOrEqual(NANO_PER_USD / 200n);
      }),
    );
  });

  it('writes an amount for AWS Budgets without grouping and within its pattern', () => {
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(awsAmount(amount)).toMatch(/^([0-9]*\.)?[0-9]+$/);
      }),
    );
  });
});

describe('arithmetic', () => {
  it('adds, subtracts and compares exactly at any size [F21]', () => {
    fc.assert(
      fc.property(signedAmounts, signedAmounts, (a, b) => {
        expect(add(a, b)).toBe(a + b);
        expect(subtract(add(a, b), b)).toBe(a);
        expect([min(a, b), max(a, b)]).toEqual(a < b ? [a, b] : [b, a]);
      }),
    );
    expect(add()).toBe(ZERO);
  });

  it('takes shares rounded down', () => {
    fc.assert(
      fc.property(amounts, fc.bigInt({ min: 0n, max: 100_000n }), (amount, share) => {
        const part: NanoUsd = fraction(amount, share, 10_000n);
        expect(part * 10_000n).toBeLessThanOrEqual(amount * share);
        expect((part + 1n) * 10_000n).toBeGreaterThan(amount * share);
      }),
    );
  });

  it('shows whole percents rounded down, and none of an empty whole', () => {
    expect(percentOf(nanoUsd(2n), nanoUsd(3n))).toBe(66);
    expect(percentOf(nanoUsd(3n), nanoUsd(3n))).toBe(100);
    expect(percentOf(nanoUsd(10n), nanoUsd(3n))).toBe(333);
    expect(percentOf(nanoUsd(5n), ZERO)).toBe(0);
  });
});
