import { type EpochMs, isoTime } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { PriceOverride } from '../policy/prices.ts';
import { type DatedRates, ratesAt } from './dated-rates.ts';
import { isSameModel } from './model-id.ts';
import type { ListedPrice, PriceList, ServedModel } from './price-list.ts';
import type { Rates } from './pricing.ts';

export interface AgreedPrice extends Omit<ListedPrice, 'rates'> {
  readonly rates?: Rates;
  /** Whether the list or the policy knows the price of this model now; otherwise the policy states one for what has none, or none at all. */
  readonly isKnown: boolean;
  /** Names where the price of now comes from; absent where there is none. */
  readonly priceKey?: string;
}

/**
 * What a model costs under a policy, now and after each change that is known to come: what the policy states for it,
 * else what the list says, else what the policy states for models without a price, else nothing known.
 */
export function agreedPrice(
  policy: Pick<Policy, 'prices' | 'unpricedModels'>,
  list: PriceList,
  model: ServedModel & { readonly at: EpochMs },
): AgreedPrice {
  const { at } = model;
  const stated = policy.prices.filter((price) => holdsFor(price, model));
  const listed = list.ratesOf(model);
  const fallback = policy.unpricedModels === 'refuse' ? undefined : policy.unpricedModels;
  const statedAt = (instant: EpochMs) =>
    stated.find(({ from, until }) => from <= instant && (until === undefined || instant < until));
  const knownAt = (instant: EpochMs) => statedAt(instant)?.rates ?? (listed && ratesAt(listed, instant));
  const turns = [
    ...stated.flatMap(({ from, until }) => (until === undefined ? [from] : [from, until])),
    ...(listed?.rateChanges ?? []).map(({ from }) => from),
  ];
  const changes = [...new Set(turns)]
    .filter((from) => from > at)
    .sort((a, b) => a - b)
    .map((from) => dated(from, knownAt(from) ?? fallback));
  const known = knownAt(at);
  const rates = known ?? fallback;
  const contextWindow = statedAt(at)?.contextWindow ?? listed?.contextWindow;
  return {
    ...(rates === undefined ? {} : { rates }),
    ...(changes.length === 0 ? {} : { rateChanges: changes }),
    ...(contextWindow === undefined ? {} : { contextWindow }),
    isKnown: known !== undefined,
    ...(rates === undefined ? {} : { priceKey: keyOf(statedAt(at), known, model) }),
  };
}

function keyOf(stated: PriceOverride | undefined, known: Rates | undefined, model: ServedModel): string {
  const { baseModelId, source, region } = model;
  if (stated !== undefined)
    return ['policy', stated.model, stated.source ?? '*', stated.region ?? '*', isoTime(stated.from).slice(0, 10)].join(
      '/',
    );
  return known === undefined ? 'policy/unpricedModels' : ['list', baseModelId, source, region].join('/');
}

const dated = (from: EpochMs, rates: Rates | undefined): DatedRates =>
  rates === undefined ? { from } : { from, rates };

const holdsFor = (price: PriceOverride, model: ServedModel): boolean =>
  isSameModel(price.model, model.baseModelId) &&
  (price.source === undefined || price.source === model.source) &&
  (price.region === undefined || price.region === model.region);
