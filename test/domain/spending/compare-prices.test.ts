import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { comparePrices, type PublishedPrice, type UnreadPrice } from '../../../domain/spending/compare-prices.ts';
import type { PriceList } from '../../../domain/spending/price-list.ts';
import type { MeterRates, PicoUsdPerToken } from '../../../domain/spending/pricing.ts';
import { policyOf } from '../example-policy.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23));
const pico = (value: number) => value as PicoUsdPerToken;
const meters = (input: number): MeterRates => ({
  input: pico(input),
  output: pico(input * 5),
  cacheRead: pico(input / 10),
  cacheWrite5m: pico(input),
  cacheWrite1h: pico(input * 2),
});
const kept: PriceList = {
  ratesOf: ({ source }) =>
    source === 'global'
      ? { rates: meters(3_000_000) }
      : { rates: { ...meters(3_300_000), steps: [{ aboveInputTokens: 200_000, ...meters(6_600_000) }] } },
};
const published = (changes: Partial<PublishedPrice> = {}): PublishedPrice => ({
  kind: 'price',
  name: 'Claude Sonnet 4.5',
  baseModelId: 'anthropic.claude-sonnet-4-5-20250929-v1:0',
  source: 'in-region',
  meter: 'input',
  tier: 'default',
  isLongContext: false,
  price: pico(3_300_000),
  usageType: 'x',
  ...changes,
});
const compare = (...entries: (PublishedPrice | UnreadPrice)[]) =>
  comparePrices(
    {
      policy: policyOf(),
      prices: kept,
      published: {
        async *read() {
          yield* entries;
        },
      },
    },
    'us-east-1',
    NOW,
  );

describe('comparePrices', () => {
  it.each<[string, Partial<PublishedPrice>]>([
    ['the list price', {}],
    ['a meter of its own', { meter: 'cacheWrite1h', price: pico(6_600_000) }],
    ['the global price', { source: 'global', price: pico(3_000_000) }],
    ['a large context', { isLongContext: true, price: pico(6_600_000) }],
    ['flex at half', { tier: 'flex', price: pico(1_650_000) }],
    ['priority at 1.75', { tier: 'priority', price: pico(5_775_000) }],
  ])('finds the same: %s', async (_, changes) => {
    expect(await compare(published(changes))).toEqual({ same: 1, differences: [], unmapped: [], unread: [] });
    const { same, differences } = await compare(published({ ...changes, price: pico(1) }));
    expect([same, differences.length]).toEqual([0, 1]);
  });

  it('tells what is published and what is kept', async () => {
    const { differences } = await compare(published({ price: pico(3_000_000) }));
    expect(differences).toMatchObject([{ published: 3_000_000, kept: 3_300_000, usageType: 'x', meter: 'input' }]);
  });

  it('compares no step that is not kept with one that is', async () => {
    const { differences } = await compare(published({ source: 'global', isLongContext: true, price: pico(3_000_000) }));
    expect(differences).toMatchObject([{ kept: undefined }]);
  });

  it('names once what it cannot compare', async () => {
    const unread = { kind: 'unread', usageType: 'y' } as const;
    const unknown = published({ name: 'Brain 1', baseModelId: undefined });
    expect(await compare(unread, unread, unknown, unknown)).toEqual({
      same: 0,
      differences: [],
      unmapped: ['Brain 1'],
      unread: ['y'],
    });
  });
});
