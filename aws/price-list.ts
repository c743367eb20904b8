import { calcPrice, TieredPrices } from '@pydantic/genai-prices';
import type { PriceList } from '../domain/profiles/govern-profile.ts';
import type { ProfileSource } from '../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken, Rates } from '../domain/spending/pricing.ts';

/**
 * List prices of Amazon Bedrock from `@pydantic/genai-prices`, which keeps them dated and by where a model is served:
 * keys that begin with `global.` are the global profiles' prices, the others those of a Region or geography.
 */
export const genaiPrices: PriceList = {
  ratesOf({ baseModelId, source, at }) {
    const found = priceKeys(baseModelId, source)
      .map((key) =>
        calcPrice({ input_tokens: 0, output_tokens: 0 }, key, { providerId: 'aws', timestamp: new Date(at) }),
      )
      .find((price) => price !== null && price !== undefined);
    const prices = found?.model_price;
    const rate = (meter: string) => picoPerToken(prices?.[meter]);
    const input = rate('input_mtok');
    const output = rate('output_mtok');
    if (found === undefined || found === null || input === undefined || output === undefined) return undefined;
    const caches = prices?.['cache_write_mtok'] !== undefined;
    const rates: Rates = {
      input,
      output,
      // A meter without a price of its own is charged as plain input, never as nothing.
      cacheRead: rate('cache_read_mtok') ?? input,
      cacheWrite5m: rate('cache_write_mtok') ?? input,
      // Writes for an hour cost twice the input where five-minute writes have a price (Amazon Bedrock pricing).
      cacheWrite1h: rate('cache_write_1h_mtok') ?? (caches ? ((input * 2) as PicoUsdPerToken) : input),
    };
    const contextWindow = found.model.context_window;
    return contextWindow === undefined ? { rates } : { rates, contextWindow };
  },
};

/** In order of preference. Some models are listed only by geography; that all geographies cost what `us.` does is UNVERIFIED. */
function priceKeys(baseModelId: string, source: ProfileSource): readonly string[] {
  switch (source) {
    case 'global':
      return [`global.${baseModelId}`];
    case 'geo':
      return [baseModelId, `us.${baseModelId}`];
    case 'in-region':
      return [baseModelId];
  }
}

/**
 * USD per million tokens, a decimal number of the price list, as whole pico-dollars per token. Undefined where that is
 * not exact: such a price would be a guess. Of a price that depends on the size of the context, the dearest step counts.
 */
function picoPerToken(price: number | TieredPrices | undefined): PicoUsdPerToken | undefined {
  if (price instanceof TieredPrices) {
    const steps = [price.base, ...price.tiers.map((tier) => tier.price)].map(picoPerToken);
    return steps.includes(undefined) ? undefined : (Math.max(...steps.map(Number)) as PicoUsdPerToken);
  }
  if (price === undefined || price < 0) return undefined;
  const decimal = price.toFixed(6);
  if (Number(decimal) !== price) return undefined;
  const pico = Number(BigInt(decimal.replace('.', '')));
  return Number.isSafeInteger(pico) ? (pico as PicoUsdPerToken) : undefined;
}
