import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { genaiPrices } from '../../aws/price-list.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import type { ProfileSource } from '../../domain/profiles/profile-index.ts';
import { priceOf, type Rates } from '../../domain/spending/pricing.ts';
import { parseTokenPrice } from '../../domain/spending/token-price.ts';
import { FOUNDATION_MODELS } from '../../local/bedrock/catalogue.ts';
import { costNanoUsd } from '../../local/bedrock/prices.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23));
const EACH = 1_000_003;

/** Every way to be served from, for every model of the embedded AWS, with what its own price list asks for each meter. */
const offers = FOUNDATION_MODELS.flatMap((model) => {
  const ways: [ProfileSource, 'global' | 'us' | undefined][] = [];
  if (model.onDemandRegions.length > 0) ways.push(['in-region', undefined]);
  if (model.geographies.some((geography) => geography !== 'global')) ways.push(['geo', 'us']);
  if (model.geographies.includes('global')) ways.push(['global', 'global']);
  return ways.map(([source, routing]) => ({ model, source, routing, name: `${model.modelId} (${source})` }));
});
const NONE = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
const price = (rates: Rates, meter: keyof typeof NONE): number => {
  const count = (name: keyof typeof NONE) => (name === meter ? EACH : 0);
  return priceOf(
    rates,
    {
      inputTokens: count('input'),
      outputTokens: count('output'),
      cacheReadInputTokens: count('cacheRead'),
      cacheWrite5mInputTokens: count('cacheWrite5m'),
      cacheWrite1hInputTokens: count('cacheWrite1h'),
    },
    'default',
  );
};

describe('the price list', () => {
  const priced = offers.flatMap((offer) => {
    const found = genaiPrices.ratesOf({ baseModelId: offer.model.modelId, source: offer.source, at: NOW });
    return found === undefined ? [] : [{ ...offer, ...found }];
  });

  it('knows all that the embedded AWS offers, but one model that its source does not list', () => {
    const unknown = offers.filter(({ name }) => !priced.some((offer) => offer.name === name)).map(({ name }) => name);
    expect(unknown).toEqual(['deepseek.v3-v1:0 (in-region)']);
  });

  it.each(priced)('asks what the independent list asks for $name', ({ model, routing, rates }) => {
    const meters: (keyof typeof NONE)[] = ['input', 'output'];
    if (model.promptCaching) meters.push('cacheRead', 'cacheWrite5m', 'cacheWrite1h');
    for (const meter of meters)
      expect({ [meter]: price(rates, meter) }).toEqual({
        [meter]: Number(costNanoUsd(model.modelId, routing, 'default', { ...NONE, [meter]: EACH })),
      });
  });

  it.each(priced)(
    'knows a context window for $name that is not smaller than the true one',
    ({ model, contextWindow }) => {
      expect(contextWindow ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(model.contextWindowTokens);
    },
  );

  it('knows no price for a model that it has never heard of: unknown is not free [F8]', () => {
    for (const baseModelId of ['unknown', 'acme.brain-v1:0', '', 'amazon.nova', 'gpt-4o'])
      expect(genaiPrices.ratesOf({ baseModelId, source: 'in-region', at: NOW })).toBeUndefined();
  });

  it.each<[string, ProfileSource]>([
    // The package itself would match these by a part of the name.
    ['anthropic.claude-sonnet-4-55', 'in-region'],
    ['anthropic.claude-sonnet-4-55', 'global'],
    ['anthropic.claude-sonnet-5-5', 'geo'],
    ['anthropic.claude-opus-4-55-20270101-v1:0', 'geo'],
    ['anthropic.claude-haiku-4-5-20251001-v2:0', 'geo'],
    ['amazon.nova-lite-v2:0', 'in-region'],
    ['amazon.nova-lite-turbo-v1:0', 'in-region'],
    // Costs a fifth of the first version.
    ['amazon.titan-embed-text-v2:0', 'in-region'],
    ['writer.palmyra-x55-v1:0', 'geo'],
    // A global price is not a Region's, whatever the model calls itself.
    ['global.anthropic.claude-sonnet-4-6', 'in-region'],
    ['regional.anthropic.claude-sonnet-4-6-v1:0', 'global'],
    ['us.anthropic.claude-sonnet-4-6', 'geo'],
  ])('gives %s (%s) no price of a model of similar name [F8]', (baseModelId, source) => {
    expect(genaiPrices.ratesOf({ baseModelId, source, at: NOW })).toBeUndefined();
  });

  it('has no price for what is priced by more than tokens of text, such as speech [F8]', () => {
    expect(
      genaiPrices.ratesOf({ baseModelId: 'amazon.nova-sonic-v1:0', source: 'in-region', at: NOW }),
    ).toBeUndefined();
  });

  it('prices the output of an embedding, of which there is none, as its input and not as nothing [F8]', () => {
    const price = genaiPrices.ratesOf({ baseModelId: 'amazon.titan-embed-text-v1', source: 'in-region', at: NOW });
    expect(price?.rates).toMatchObject({ input: 100_000, output: 100_000 });
  });

  const sol = (at: EpochMs, source: ProfileSource = 'geo') =>
    genaiPrices.ratesOf({ baseModelId: 'openai.gpt-5.6-sol', source, at });

  it('knows steps by the size of the context, and cache writes that nobody asks for', () => {
    expect(sol(NOW)?.rates).toEqual({
      input: 4_400_000,
      output: 22_000_000,
      cacheRead: 440_000,
      cacheWrite5m: 5_500_000,
      cacheWrite1h: 5_500_000,
      cachesUnasked: true,
      steps: [
        {
          aboveInputTokens: 271_999,
          input: 8_800_000,
          output: 33_000_000,
          cacheRead: 880_000,
          cacheWrite5m: 11_000_000,
          cacheWrite1h: 11_000_000,
        },
      ],
    });
  });

  it('prices by date, and tells the change to come', () => {
    const before = sol(epochMs(Date.UTC(2026, 7, 20, 23, 59, 59, 999)));
    const from = epochMs(Date.UTC(2026, 7, 21));
    expect(before?.rates).toMatchObject({ input: 5_500_000, output: 33_000_000 });
    expect(before?.rateChanges).toEqual([{ from, rates: sol(from)?.rates }]);
    expect(sol(from)?.rateChanges).toBeUndefined();
    expect(sol(from)?.rates).toMatchObject({ input: 4_400_000, output: 22_000_000 });
  });

  it('prices what is served globally apart, and a model with one price alike', () => {
    const input = (baseModelId: string, source: ProfileSource) =>
      genaiPrices.ratesOf({ baseModelId, source, at: NOW })?.rates.input;
    expect(input('anthropic.claude-sonnet-4-6', 'global')).toBe(3_000_000);
    expect(input('anthropic.claude-sonnet-4-6', 'geo')).toBe(3_300_000);
    expect(input('anthropic.claude-sonnet-4-6', 'in-region')).toBe(3_300_000);
    expect(input('writer.palmyra-x5-v1:0', 'global')).toBe(600_000);
  });

  describe('of the package', () => {
    const models = findProvider({ providerId: 'aws' })?.models ?? [];
    const prices = models.flatMap(({ id, prices: kept }) =>
      (Array.isArray(kept) ? kept.map((dated) => dated.prices) : [kept]).flatMap((price) =>
        Object.entries(price).flatMap(([meter, amount]) =>
          (typeof amount === 'object' ? [amount.base, ...amount.tiers.map((tier) => tier.price)] : [amount ?? 0]).map(
            (usd) => ({ name: `${id} ${meter}`, usd }),
          ),
        ),
      ),
    );

    it('is converted exactly, every price of it', () => {
      expect(prices.length).toBeGreaterThan(250);
      // Parsed back: rounded up by as little as a pico-dollar, it would be another number.
      const inexact = prices.filter(({ usd }) => (parseTokenPrice(String(usd), 1_000_000) ?? -1) / 1_000_000 !== usd);
      expect(inexact).toEqual([]);
    });

    it('is found by the id that the package gives each model, but for speech', () => {
      const unpriced = models
        .map(({ id }) => {
          const [, prefix, baseModelId = ''] = /^(?:(global|regional)\.)?(.+)$/.exec(id) ?? [];
          return { id, baseModelId, source: prefix === 'global' ? ('global' as const) : ('geo' as const) };
        })
        .filter(({ baseModelId, source }) => genaiPrices.ratesOf({ baseModelId, source, at: NOW }) === undefined);
      expect(unpriced.map(({ id }) => id)).toEqual(['amazon.nova-2-sonic-v1:0', 'amazon.nova-sonic-v1:0']);
    });
  });
});
