import { describe, expect, it } from 'vitest';
import { genaiPrices } from '../../aws/price-list.ts';
import { epochMs } from '../../domain/clock.ts';
import type { ProfileSource } from '../../domain/profiles/profile-index.ts';
import { priceOf, type Rates } from '../../domain/spending/pricing.ts';
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
});
