import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { agreedPrice } from '../../../domain/spending/agreed-price.ts';
import { ratesAt } from '../../../domain/spending/dated-rates.ts';
import type { ListedPrice, PriceList, ServedModel } from '../../../domain/spending/price-list.ts';
import type { PicoUsdPerToken, Rates } from '../../../domain/spending/pricing.ts';

const day = (text: string): EpochMs => epochMs(Date.parse(`${text}T00:00:00Z`));
const NOW = day('2026-11-15');
const MODEL = 'anthropic.claude-sonnet-4-6';
const flat = (usd: number): Rates => {
  const pico = (usd * 1_000_000) as PicoUsdPerToken;
  return { input: pico, output: pico, cacheRead: pico, cacheWrite5m: pico, cacheWrite1h: pico };
};
const list = (price: ListedPrice | undefined): PriceList => ({ ratesOf: () => price });
const policyOf = (parts: object) => {
  const read = readPolicy({
    version: 1,
    regions: ['us-east-1'],
    tenantTag: 'tenant',
    tags: { required: { tenant: {} } },
    ...parts,
  });
  if (read.kind === 'invalid') throw new Error(JSON.stringify(read.problems));
  return read.policy;
};
const stated = (usd: number, more: object = {}) => ({
  model: MODEL,
  from: '2026-01-01',
  input: `${usd} USD`,
  output: `${usd} USD`,
  cacheRead: `${usd} USD`,
  cacheWrite5m: `${usd} USD`,
  cacheWrite1h: `${usd} USD`,
  ...more,
});
const agreed = (parts: object, listed: ListedPrice | undefined, model: Partial<ServedModel> & { at?: EpochMs } = {}) =>
  agreedPrice(policyOf(parts), list(listed), {
    baseModelId: MODEL,
    source: 'geo',
    region: 'us-east-1',
    at: NOW,
    ...model,
  });
const dollars = (rates: Rates | undefined) => (rates === undefined ? undefined : rates.input / 1_000_000);

describe('the price that a policy agrees to', () => {
  it('is that of the list, with the changes that the list knows', () => {
    const listed = { rates: flat(3), rateChanges: [{ from: day('2026-12-01'), rates: flat(2) }], contextWindow: 9 };
    expect(agreed({}, listed)).toEqual({ ...listed, isKnown: true, priceKey: `list/${MODEL}/geo/us-east-1` });
  });

  it('is that of the policy before that of the list, from its first day until before its last', () => {
    const parts = { prices: [stated(5, { from: '2026-11-01', until: '2026-12-01', contextWindow: 7 })] };
    const listed = { rates: flat(3), contextWindow: 9 };
    const at = (text: string) => agreed(parts, listed, { at: epochMs(Date.parse(text)) });
    expect(dollars(at('2026-10-31T23:59:59.999Z').rates)).toBe(3);
    expect(at('2026-11-01T00:00:00Z')).toMatchObject({ rates: flat(5), contextWindow: 7 });
    expect(dollars(at('2026-11-30T23:59:59.999Z').rates)).toBe(5);
    expect(at('2026-12-01T00:00:00Z')).toMatchObject({ rates: flat(3), contextWindow: 9 });
  });

  it('comes with every change to come, so that a cached entry prices a call by its own time', () => {
    const parts = {
      prices: [stated(5, { from: '2026-11-20', until: '2026-12-01' }), stated(4, { from: '2027-01-01' })],
    };
    const listed = { rates: flat(3), rateChanges: [{ from: day('2026-12-10'), rates: flat(2) }] };
    const price = agreed(parts, listed);
    const by = (text: string) => dollars(ratesAt(price, day(text)));
    expect(
      ['2026-11-15', '2026-11-19', '2026-11-20', '2026-12-01', '2026-12-10', '2027-01-01', '2030-01-01'].map(by),
    ).toEqual([3, 3, 5, 3, 2, 4, 4]);
  });

  it('ends where nothing is known any more [F8]', () => {
    const price = agreed({ prices: [stated(5, { until: '2026-12-01' })] }, undefined);
    expect(dollars(ratesAt(price, NOW))).toBe(5);
    expect(ratesAt(price, day('2026-12-01'))).toBeUndefined();
  });

  it.each<[string, object, Partial<ServedModel>, number]>([
    ['of its source', { source: 'global' }, { source: 'global' }, 5],
    ['not of another source', { source: 'global' }, { source: 'geo' }, 3],
    ['of every source where it names none', {}, { source: 'in-region' }, 5],
    ['of its Region', { region: 'eu-west-1' }, { region: 'eu-west-1' }, 5],
    ['not of another Region', { region: 'eu-west-1' }, { region: 'us-east-1' }, 3],
    ['not where no Region is told', { region: 'eu-west-1' }, {}, 3],
    ['not of another model', {}, { baseModelId: 'anthropic.claude-sonnet-4-66' }, 3],
  ])('holds for profiles %s', (_, more, model, expected) => {
    expect(dollars(agreed({ prices: [stated(5, more)] }, { rates: flat(3) }, model).rates)).toBe(expected);
  });

  it('is none where nobody knows it: unknown is never 0 [F8]', () => {
    expect(agreed({}, undefined)).toEqual({ isKnown: false });
  });

  it('is what the policy states for such models, caches at the dearest that is known [F8]', () => {
    const price = agreed({ unpricedModels: { input: '75 USD', output: '375 USD' } }, undefined);
    expect(price).toEqual({
      rates: {
        input: 75_000_000,
        output: 375_000_000,
        cacheRead: 75_000_000,
        cacheWrite5m: 93_750_000,
        cacheWrite1h: 150_000_000,
      },
      isKnown: false,
      priceKey: 'policy/unpricedModels',
    });
  });

  it('is named: which of the policy, or of the list', () => {
    const prices = [stated(5, { source: 'geo' })];
    expect(agreed({ prices }, { rates: flat(3) }).priceKey).toBe(`policy/${MODEL}/geo/*/2026-01-01`);
    expect(agreed({}, { rates: flat(3) }, { source: 'global' }).priceKey).toBe(`list/${MODEL}/global/us-east-1`);
    expect(agreed({}, undefined)).not.toHaveProperty('priceKey');
  });

  it('is never what the policy states for unpriced models where a price is known', () => {
    const parts = { unpricedModels: { input: '75 USD', output: '375 USD' } };
    expect(dollars(agreed(parts, { rates: flat(3) }).rates)).toBe(3);
    const ending = agreed({ ...parts, prices: [stated(5, { until: '2026-12-01' })] }, undefined);
    expect(dollars(ratesAt(ending, day('2026-12-01')))).toBe(75);
    expect(ending.isKnown).toBe(true);
  });
});
