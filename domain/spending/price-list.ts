import type { EpochMs } from '../clock.ts';
import type { ProfileSource } from '../profiles/profile-index.ts';
import type { RateSchedule } from './dated-rates.ts';
import type { Rates } from './pricing.ts';

/** A model as a profile serves it. */
export interface ServedModel {
  readonly baseModelId: string;
  readonly source: ProfileSource;
  /** Of the profile; absent where the Region does not matter. */
  readonly region?: string;
}

export interface ListedPrice extends RateSchedule {
  readonly rates: Rates;
  /** The most tokens a request and its answer can have together. */
  readonly contextWindow?: number;
}

export interface PriceList {
  /** What a model costs when it is served so, and what it will cost; undefined where no price is known. */
  ratesOf(model: ServedModel & { readonly at: EpochMs }): ListedPrice | undefined;
}
