import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  callCost,
  DEAREST_TIER,
  type PicoUsdPerToken,
  perMillion,
  priceOf,
  type Rates,
  readTier,
  type ServiceTier,
  TEMPLATE_ALLOWANCE_TOKENS,
  upperBound,
  usageTerms,
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

  it('is the same in small integers and in large ones, on both sides of where they part [F21]', () => {
    const large = (max: number) =>
      fc.oneof(
        fc.nat({ max }),
        fc.nat({ max: 1_000 }).map((less) => max - less),
      );
    const largeUsage = fc
      .tuple(...Array.from({ length: 5 }, () => large(2_000_000_000)))
      .map(([a = 0, b = 0, c = 0, d = 0, e = 0]) => usageOf(a, b, c, d, e));
    const quarters: Record<ServiceTier, bigint> = { default: 4n, priority: 7n, flex: 2n, reserved: 4n };
    fc.assert(
      fc.property(rates, largeUsage, tiers, (price, usage, tier) => {
        const pico =
          BigInt(usage.inputTokens) * BigInt(price.input) +
          BigInt(usage.outputTokens) * BigInt(price.output) +
          BigInt(usage.cacheReadInputTokens) * BigInt(price.cacheRead) +
          BigInt(usage.cacheWrite5mInputTokens) * BigInt(price.cacheWrite5m) +
          BigInt(usage.cacheWrite1hInputTokens) * BigInt(price.cacheWrite1h);
        expect(BigInt(priceOf(price, usage, tier))).toBe((pico * quarters[tier] + 3_999n) / 4_000n);
      }),
      { numRuns: 2_000 },
    );
  });

  it('divides exactly up to the largest integer that is safe [F21]', () => {
    const one = ratesOf(1, 0, 0, 0, 0);
    const tokens = fc.integer({ min: 2 ** 50, max: 2 ** 51 - 1_000 });
    fc.assert(
      fc.property(tokens, (count) => {
        expect(BigInt(priceOf(one, usageOf(count, 0), 'default'))).toBe((BigInt(count) + 999n) / 1_000n);
      }),
      { numRuns: 5_000 },
    );
  });

  it('refuses a cost that no safe integer holds rather than round it', () => {
    expect(() => priceOf(SONNET, usageOf(Number.MAX_SAFE_INTEGER, 0), 'priority')).toThrow(RangeError);
  });
});

describe('prices by the size of the context', () => {
  /** As OpenAI models on Bedrock: above 271,999 tokens of input, input and cache cost twice, output half as much again. */
  const stepped: Rates = {
    ...ratesOf(2_200_000, 13_200_000, 220_000, 2_750_000, 2_750_000),
    steps: [{ aboveInputTokens: 271_999, ...ratesOf(4_400_000, 19_800_000, 440_000, 5_500_000, 5_500_000) }],
  };

  it.each<[string, Usage, number]>([
    ['at the threshold, at the lower price', usageOf(271_999, 10), 271_999 * 2_200 + 10 * 13_200],
    ['above it, wholly at the higher one', usageOf(272_000, 10), 272_000 * 4_400 + 10 * 19_800],
    [
      'above it by cached tokens',
      usageOf(1_000, 10, 270_000, 500, 500),
      1_000 * 4_400 + 10 * 19_800 + 270_000 * 440 + 1_000 * 5_500,
    ],
    ['that only answers at length, at the lower price', usageOf(10, 400_000), 10 * 2_200 + 400_000 * 13_200],
  ])('price a call %s', (_, usage, nano) => {
    expect(priceOf(stepped, usage, 'default')).toBe(nano);
  });

  it('hold the dearest step that a request may reach, and none that it cannot', () => {
    const bound = { maxOutputTokens: 100, mayWriteCache: false, tier: 'default' } as const;
    const small = { ...bound, inputBytes: 271_999 - TEMPLATE_ALLOWANCE_TOKENS };
    expect(upperBound(stepped, small)).toBe(271_999 * 2_200 + 100 * 13_200);
    expect(upperBound(stepped, { ...small, inputBytes: small.inputBytes + 1 })).toBe(272_000 * 4_400 + 100 * 19_800);
  });

  it('hold cache writes for a model that makes them without being asked', () => {
    const bound = { inputBytes: 1_000, maxOutputTokens: 0, mayWriteCache: false, tier: 'default' } as const;
    const tokens = bound.inputBytes + TEMPLATE_ALLOWANCE_TOKENS;
    expect(upperBound({ ...SONNET, cachesUnasked: true }, bound)).toBe(tokens * 6_600);
  });
});

/** Prices with up to three steps anywhere below the sizes of the tests; a step may be cheaper than what is below it. */
const steppedRates = fc
  .tuple(rates, fc.array(fc.tuple(fc.integer({ min: 1, max: 12_000_000 }), rates), { maxLength: 3 }))
  .map(
    ([base, steps]): Rates => ({
      ...base,
      steps: steps
        .map(([aboveInputTokens, meters]) => ({ aboveInputTokens, ...meters }))
        .sort((a, b) => a.aboveInputTokens - b.aboveInputTokens),
    }),
  );

describe('upperBound', () => {
  it('is never below the price of anything within the bound [F1, F26]', () => {
    const shares = fc.tuple(...Array.from({ length: 5 }, () => fc.double({ min: 0, max: 1, noNaN: true })));
    fc.assert(
      fc.property(
        steppedRates,
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

it('holds as much for a request in large integers as in small ones', () => {
  const large = fc.integer({ min: 2 ** 30, max: 2 ** 31 });
  const quarters: Record<ServiceTier, bigint> = { default: 4n, priority: 7n, flex: 2n, reserved: 4n };
  fc.assert(
    fc.property(rates, large, large, tiers, fc.boolean(), (price, inputBytes, maxOutputTokens, tier, mayWriteCache) => {
      const read = Math.max(price.input, price.cacheRead);
      const input = mayWriteCache ? Math.max(read, price.cacheWrite5m, price.cacheWrite1h) : read;
      const pico =
        BigInt(inputBytes + TEMPLATE_ALLOWANCE_TOKENS) * BigInt(input) + BigInt(maxOutputTokens) * BigInt(price.output);
      const bound = upperBound(price, { inputBytes, maxOutputTokens, tier, mayWriteCache });
      expect(BigInt(bound)).toBe((pico * quarters[tier] + 3_999n) / 4_000n);
    }),
  );
});

it('reads an answer by what its price entry and its request say of it [F6, F7]', () => {
  const bound = { inputBytes: 1, mayWriteCache: true, maxOutputTokens: 1, tier: 'default' } as const;
  expect(usageTerms(SONNET, bound)).toEqual({});
  expect(usageTerms({ ...SONNET, inputTokens: 'including-cache' }, { ...bound, unsplitWrites: '1h' })).toEqual({
    inputTokens: 'including-cache',
    unsplitWrites: '1h',
  });
  expect(usageTerms(SONNET, { ...bound, unsplitWrites: '1h' })).toStrictEqual({ unsplitWrites: '1h' });
  expect(usageTerms({ ...SONNET, inputTokens: 'including-cache' }, bound)).toStrictEqual({
    inputTokens: 'including-cache',
  });
});

it('makes no new terms for a call that has none of its own', () => {
  const bound = { inputBytes: 1, mayWriteCache: true, maxOutputTokens: 1, tier: 'default' } as const;
  expect(usageTerms(SONNET, bound)).toBe(usageTerms(NOVA_MICRO, { ...bound, tier: 'flex' }));
});

describe('a price per million tokens', () => {
  it.each([
    [0, '0.00'],
    [1, '0.000001'],
    [8_750, '0.00875'],
    [500_000, '0.50'],
    [1_000_000, '1.00'],
    [3_300_000, '3.30'],
    [10_000_010, '10.00001'],
    [123_456_789, '123.456789'],
  ])('is written exactly, with cents at least: %d pico-dollars a token as %s', (price, text) => {
    expect(perMillion(pico(price))).toBe(text);
  });
});

describe('readTier', () => {
  it.each<[string | undefined, ServiceTier]>([
    [undefined, 'default'],
    ['default', 'default'],
    // The name of the same tier in AWS's price list.
    ['standard', 'default'],
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
    expect(() => callCost(value)).toThrow(new RangeError(`not a cost in whole nano-dollars: ${value}`));
  },
);
