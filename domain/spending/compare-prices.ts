import type { EpochMs } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileSource } from '../profiles/profile-index.ts';
import { agreedPrice } from './agreed-price.ts';
import type { PriceList } from './price-list.ts';
import { type MeterRates, type PicoUsdPerToken, type Rates, type ServiceTier, tierPrice } from './pricing.ts';

/** A price that AWS publishes: of one meter of one model. */
export interface PublishedPrice {
  readonly kind: 'price';
  /** What AWS calls the model; its price list has no model ids. */
  readonly name: string;
  /** Undefined where the name is not one that is known here. */
  readonly baseModelId: string | undefined;
  /** AWS publishes one price for a Region and the geographies that are called from it. */
  readonly source: Exclude<ProfileSource, 'geo'>;
  readonly meter: keyof MeterRates;
  readonly tier: ServiceTier;
  /** Of the step for large contexts. */
  readonly isLongContext: boolean;
  readonly price: PicoUsdPerToken;
  readonly usageType: string;
}

/** Something about tokens in AWS's price list that this version does not understand. */
export interface UnreadPrice {
  readonly kind: 'unread';
  readonly usageType: string;
}

export interface PublishedPrices {
  /** What AWS publishes for a Region. @throws {Fault} where any of it cannot be read: a part is never taken for all. */
  read(region: string): AsyncIterable<PublishedPrice | UnreadPrice>;
}

export interface PriceDifference extends Omit<PublishedPrice, 'kind' | 'price' | 'baseModelId'> {
  readonly baseModelId: string;
  readonly published: PicoUsdPerToken;
  /** Undefined where no such price is kept. */
  readonly kept: PicoUsdPerToken | undefined;
}

export interface PriceComparison {
  /** How many published prices are kept so. */
  readonly same: number;
  readonly differences: readonly PriceDifference[];
  /** Names of models that cannot be told to which model id they belong: their prices were not compared. */
  readonly unmapped: readonly string[];
  /** Usage types that were not understood. */
  readonly unread: readonly string[];
}

/**
 * Compares the prices that calls are priced by, those that the policy states included, with what AWS publishes for a
 * Region. Nothing is changed: AWS's list does not say from when a price holds, nor which model id it is for.
 */
export async function comparePrices(
  ports: {
    readonly policy: Pick<Policy, 'prices' | 'unpricedModels'>;
    readonly prices: PriceList;
    readonly published: PublishedPrices;
  },
  region: string,
  at: EpochMs,
): Promise<PriceComparison> {
  let same = 0;
  const differences: PriceDifference[] = [];
  const unmapped = new Set<string>();
  const unread = new Set<string>();
  for await (const entry of ports.published.read(region)) {
    if (entry.kind === 'unread') unread.add(entry.usageType);
    else if (entry.baseModelId === undefined) unmapped.add(entry.name);
    else {
      const { kind: _, price: published, baseModelId, ...what } = entry;
      const { isKnown, rates } = agreedPrice(ports.policy, ports.prices, {
        baseModelId,
        source: entry.source,
        region,
        at,
      });
      const kept = isKnown && rates !== undefined ? keptPrice(rates, entry) : undefined;
      if (kept === published) same += 1;
      else differences.push({ ...what, baseModelId, published, kept });
    }
  }
  return { same, differences, unmapped: [...unmapped].sort(), unread: [...unread].sort() };
}

function keptPrice(rates: Rates, { meter, tier, isLongContext }: PublishedPrice): PicoUsdPerToken | undefined {
  const meters = isLongContext ? rates.steps?.at(-1) : rates;
  return meters && tierPrice(meters[meter], tier);
}
