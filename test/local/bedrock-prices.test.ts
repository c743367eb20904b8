import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { FOUNDATION_MODELS, systemProfilesIn } from '../../local/bedrock/catalogue.ts';
import { costNanoUsd } from '../../local/bedrock/prices.ts';

const MILLION = 1_000_000;
const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/** Dollars for a million tokens. */
function priceOf(modelId: string, routing: 'us' | 'global' | undefined, kind: keyof typeof NOTHING): number {
  return Number(costNanoUsd(modelId, routing, 'default', { ...NOTHING, [kind]: MILLION })) / 1e9;
}

describe('the price list of the embedded Bedrock', () => {
  it('has a price for every model that can be called', () => {
    for (const { modelId } of FOUNDATION_MODELS) expect(priceOf(modelId, undefined, 'input')).toBeGreaterThan(0);
  });

  it('agrees with a public list on every model that both have', () => {
    const publicPrices = new Map(findProvider({ providerId: 'aws' })?.models.map((model) => [model.id, model.prices]));
    let compared = 0;
    for (const { modelId, geographies } of FOUNDATION_MODELS) {
      for (const [prefix, routing] of [
        ['', undefined],
        ['regional.', 'us'],
        ['global.', 'global'],
      ] as const) {
        if (routing === 'global' && !geographies.includes('global')) continue;
        const prices = publicPrices.get(`${prefix}${modelId}`);
        if (prices === undefined || Array.isArray(prices)) continue;
        expect([modelId, priceOf(modelId, routing, 'input')]).toEqual([modelId, prices.input_mtok]);
        expect([modelId, priceOf(modelId, routing, 'output')]).toEqual([modelId, prices.output_mtok]);
        if (prices.cache_read_mtok !== undefined)
          expect(priceOf(modelId, routing, 'cacheRead')).toBe(prices.cache_read_mtok);
        if (prices.cache_write_mtok !== undefined)
          expect(priceOf(modelId, routing, 'cacheWrite5m')).toBe(prices.cache_write_mtok);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(15);
  });

  it('is dearer through a geographic profile than through the global one, where that is so on AWS', () => {
    const haiku = 'anthropic.claude-haiku-4-5-20251001-v1:0';
    expect(priceOf(haiku, 'us', 'output')).toBe(5.5);
    expect(priceOf(haiku, undefined, 'output')).toBe(5.5);
    expect(priceOf(haiku, 'global', 'output')).toBe(5);
  });
});

describe('system profiles', () => {
  it('name the calling Region first, and every Region of their geography once', () => {
    const [profile] = systemProfilesIn('us-west-2').filter(({ id }) => id === 'us.amazon.nova-pro-v1:0');
    expect(profile?.modelArns).toEqual(
      ['us-west-2', 'us-east-1', 'us-east-2'].map(
        (region) => `arn:aws:bedrock:${region}::foundation-model/amazon.nova-pro-v1:0`,
      ),
    );
  });

  it('are not offered outside their geography', () => {
    expect(systemProfilesIn('eu-west-1').map(({ geography }) => geography)).not.toContain('us');
    expect(systemProfilesIn('mars-north-1')).toEqual([]);
  });
});
