import type { EpochMs } from '../clock.ts';
import type { Rates } from './pricing.ts';

/** Rates that hold from an instant on; none from when the price is not known any more. */
export interface DatedRates {
  readonly from: EpochMs;
  readonly rates?: Rates;
}

/** Rates now, and the changes that are known to come, ascending. */
export interface RateSchedule {
  readonly rates?: Rates;
  readonly rateChanges?: readonly DatedRates[];
}

/** The rates of the instant; undefined where no price is known for it. */
export function ratesAt(schedule: RateSchedule, at: EpochMs): Rates | undefined {
  let { rates } = schedule;
  for (const change of schedule.rateChanges ?? []) if (at >= change.from) rates = change.rates;
  return rates;
}
