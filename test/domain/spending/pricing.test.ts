import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callCost,
  DEAREST_TIER,
  type PicoUsdPerToken,
  priceOf,
  type Rates,
  readTier,
  type ServiceTier,
  TEMPLATE_ALLOWANCE_TOKENS,
  upperBound,
} from '../../../domain/spending/pricing.ts';
import type { Usage } from '../../../domain/spending/usage.ts';

const pico = (value: number) => value as PicoUsdPerToken;
const ratesOf = (input: number, output: number, read: number, fiveMinutes: number, oneHour: number): Rates => ({
  input: pico(input),
  output: pico(output),
  cacheRead: pico(read),
  cacheWrite5m: pico(fiveMinutes),
  cacheWrite1h: pico(oneHour),
});
const usageOf = (input: number, output: number, read = 0, fiveMinutes = 0, oneHour = 0): Usage => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadInputTokens: read,
  cacheWrite5mInputTokens: fiveMinutes,
  cacheWrite1hInputTokens: oneHour,
});
const TIERS: readonly ServiceTier[] = ['default', 'priority', 'flex', 'reserved'];

/** USD per million tokens, five meters: Claude Sonnet 4.5 in-Region and Nova Micro. */
const SONNET = ratesOf(3_300_000, 16_500_000, 330_000, 4_125_000, 6_600_000);
const NOVA_MICRO = ratesOf(35_000, 140_000, 8_750, 35_000, 35_000);

const rates = fc
  .tuple(...Array.from({ length: 5 }, () => fc.nat({ max: 100_000_000 })))
  .map(([a = 0, b = 0, c = 0, d = 0, e = 0]) => ratesOf(a, b, c, d, e));
const tiers = fc.constantFrom(...TIERS);
const count = fc.nat({ max: 1_000_000 });
const usages = fc.tuple(count, count, count, count, count).map((counts) => usageOf(...counts));

describe('priceOf', () => {
  it.each<[string, Rates, Usage, ServiceTier, number]>([
    ['a million input tokens', SONNET, usageOf(1_000_000, 0), 'default', 3_300_000_000],
    [
      'every meter at its own price',
      SONNET,
      usageOf(1000, 1000, 1000, 1000, 1000),
      'default',
      3_300_000 + 16_500_000 + 330_000 + 4_125_000 + 6_600_000,
    ],
    ['one cached token of Nova Micro, 8.75 nano-dollars, rounded up', NOVA_MICRO, usageOf(0, 0, 1), 'default', 9],
    ['four of them exactly', NOVA_MICRO, usageOf(0, 0, 4), 'default', 35],
    ['fractions of two meters together, rounded once', NOVA_MICRO, usageOf(0, 0, 2), 'flex', 9],
    ['priority at 1.75 times the price', SONNET, usageOf(1, 0), 'priority', 5775],
    ['flex at half the price', SONNET, usageOf(1, 0), 'flex', 1650],
    ['nothing', SONNET, usageOf(0, 0), 'default', 0],
  ])('prices %s [F6, F21]', (_, price, usage, tier, nano) => {
    expect(priceOf(price, usage, tier)).toBe(nano);
  });

  it('equals the exact rational price, rounded up once to a nano-dollar [F21]', () => {
    const percent: Record<ServiceTier, bigint> = { default: 100n, priority: 175n, flex: 50n, reserved: 100n };
    fc.assert(
      fc.property(rates, usages, tiers, (price, usage, tier) => {
        const meters = [
          [usage.inputTokens, price.input],
          [usage.outputTokens, price.output],
          [usage.cacheReadInputTokens, price.cacheRead],
          [usage.cacheWrite5mInputTokens, price.cacheWrite5m],
          [usage.cacheWrite1hInputTokens, price.cacheWrite1h],
        ] as const;
        // In 10^-14 dollars: pico-dollars times hundredths.
        const exact = meters.reduce((sum, [tokens, rate]) => sum + BigInt(tokens) * BigInt(rate) * percent[tier], 0n);
        const nano = BigInt(priceOf(price, usage, tier));
        expect(nano * 100_000n).toBeGreaterThanOrEqual(exact);
        expect((nano - 1n) * 100_000n).toBeLessThan(exact);
      }),
    );
  });

  it('refuses a cost that no safe integer holds rather than round it', () => {
    expect(() => priceOf(SONNET, usageOf(Number.MAX_SAFE_INTEGER, 0), 'priority')).toThrow(RangeError);
  });
});

describe('upperBound', () => {
  it('is never below the price of anything within the bound [F1, F26]', () => {
    const shares = fc.tuple(...Array.from({ length: 5 }, () => fc.double({ min: 0, max: 1, noNaN: true })));
    fc.assert(
      fc.property(
        rates,
        fc.nat({ max: 10_000_000 }),
        fc.nat({ max: 1_000_000 }),
        fc.boolean(),
        fc.constantFrom<ServiceTier>('default', 'priority', 'reserved'),
        shares,
        (price, inputBytes, maxOutputTokens, mayWriteCache, tier, [a = 0, b = 0, c = 0, d = 0, used = 0]) => {
          const bound = upperBound(price, { inputBytes, mayWriteCache, maxOutputTokens, tier });
          const tokens = inputBytes + TEMPLATE_ALLOWANCE_TOKENS;
          const whole = a + b + (mayWriteCache ? c + d : 0) || 1;
          const part = (share: number) => Math.floor((tokens * share) / whole);
          const usage = usageOf(
            part(a),
            Math.floor(maxOutputTokens * used),
            part(b),
            mayWriteCache ? part(c) : 0,
            mayWriteCache ? part(d) : 0,
          );
          for (const granted of [tier, 'flex', 'default'] as const)
            expect(priceOf(price, usage, granted)).toBeLessThanOrEqual(bound);
        },
      ),
    );
  });

  it('holds cache writes at their dearest rate only where the request may write', () => {
    const bound = { inputBytes: 1000, maxOutputTokens: 0, tier: 'default' } as const;
    const tokens = bound.inputBytes + TEMPLATE_ALLOWANCE_TOKENS;
    expect(upperBound(SONNET, { ...bound, mayWriteCache: false })).toBe(tokens * 3300);
    expect(upperBound(SONNET, { ...bound, mayWriteCache: true })).toBe(tokens * 6600);
  });
});

describe('readTier', () => {
  it.each<[string | undefined, ServiceTier]>([
    [undefined, 'default'],
    ['default', 'default'],
    ['priority', 'priority'],
    ['flex', 'flex'],
    ['reserved', 'reserved'],
    ['platinum', DEAREST_TIER],
    ['', DEAREST_TIER],
    ['constructor', DEAREST_TIER],
    ['__proto__', DEAREST_TIER],
  ])('reads %j as %s', (name, tier) => {
    expect(readTier(name)).toBe(tier);
  });

  it('takes the dearest tier for unknown ones, and it is the dearest', () => {
    const price = (tier: ServiceTier) => priceOf(SONNET, usageOf(100, 100), tier);
    expect(Math.max(...TIERS.map(price))).toBe(price(DEAREST_TIER));
  });
});

it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER + 1])(
  'takes no %d for a cost',
  (value) => {
    expect(() => callCost(value)).toThrow(RangeError);
  },
);
