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
    const found = calcPrice({ input_tokens: 0, output_tokens: 0 }, priceKey(baseModelId, source), {
      providerId: 'aws',
      timestamp: new Date(at),
    });
    const prices = found?.model_price;
    const rate = (meter: string) => picoPerToken(prices?.[meter]);
    const input = rate('input_mtok');
    const output = rate('output_mtok');
    if (found === null || found === undefined || input === undefined || output === undefined) return undefined;
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

const priceKey = (baseModelId: string, source: ProfileSource): string =>
  source === 'global' ? `global.${baseModelId}` : baseModelId;

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
