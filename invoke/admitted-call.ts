import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import type { CallCost, Rates, ServiceTier } from '../domain/spending/pricing.ts';
import type { UsageTerms } from '../domain/spending/usage.ts';
import type { GovernedApi } from './governed-apis.ts';
import type { Observation, ObservedCall } from './observation.ts';
import type { Reservation } from './reservation.ts';
import type { UsageRecorder } from './usage-recorder.ts';

export interface CallParts {
  readonly usage: UsageRecorder;
  readonly learned: LearnedHolds;
  readonly observation: Observation;
}

export interface AdmittedCall {
  readonly api: GovernedApi;
  readonly observed: ObservedCall;
  readonly entry: IndexEntry;
  readonly rates: Rates;
  /** The most that an attempt can cost; the hold may be less. */
  readonly bound: CallCost;
  /** What an answer is priced by that names no tier. */
  readonly tier: ServiceTier;
  /** How its counts are to be understood. */
  readonly terms: UsageTerms;
  readonly hold: CallCost;
  readonly reservation: Reservation;
  /** The model that was asked for, where another one answers. */
  readonly insteadOf?: string;
}
