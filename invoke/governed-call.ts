import type { EpochMs } from '../domain/clock.ts';
import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import {
  type CallCost,
  callCost,
  type Rates,
  type ServiceTier,
  upperBound,
  usageTerms,
} from '../domain/spending/pricing.ts';
import type { UsageTerms } from '../domain/spending/usage.ts';
import type { Tags } from '../domain/tags.ts';
import { abortable } from './abort.ts';
import type { Admissions } from './admission.ts';
import type { GovernedApi } from './governed-apis.ts';
import { type AttemptedCall, GovernedAttempt } from './governed-attempt.ts';
import type { Observation, ObservedCall } from './observation.ts';
import { GovernorRefusal } from './refusals.ts';
import type { Reservation } from './reservation.ts';
import type { Route } from './route.ts';

export interface CallParts {
  readonly admissions: Admissions;
  readonly learned: LearnedHolds;
  readonly observation: Observation;
  /** Is told when nothing of a call goes on any more. */
  readonly callEnded: () => void;
}

/** What a call asks for, and where it goes. */
export interface Asking {
  readonly api: GovernedApi;
  readonly input: object;
  readonly model: string;
  readonly route: Route;
  /** Tags to which the governor is bound. */
  readonly tags: Tags;
  /** The model that was asked for, where another one answers. */
  readonly insteadOf?: string;
}

/**
 * One governed call, from its admission to its end. There may be several attempts at it: the SDK makes one after the
 * other, middlewares of the caller may make some at once. The first takes the reservation with which the call was
 * admitted, and where it certainly did not run, leaves it to the next.
 */
export class GovernedCall implements AttemptedCall {
  readonly parts: CallParts;
  readonly api: GovernedApi;
  readonly route: Route;
  readonly insteadOf: string | undefined;
  readonly rates: Rates;
  readonly bound: CallCost;
  readonly tier: ServiceTier;
  readonly terms: UsageTerms;
  /** See {@link direct}. */
  path: string | undefined;
  readonly #tags: Tags;
  readonly #model: string;
  #observed: ObservedCall | undefined;
  #hold: CallCost;
  #spare: Reservation | undefined;
  #attempts = 0;
  #isReturned = false;
  #isOver = false;

  /** @throws {GovernorRefusal} where nothing bounds what it costs, or no price is known */
  constructor(parts: CallParts, { api, input, model, route, tags, insteadOf }: Asking, now: EpochMs) {
    const rates = route.ratesAt(now);
    if (rates === undefined) throw unpriced(route);
    const most = api.bound(input, route);
    this.parts = parts;
    this.api = api;
    this.route = route;
    this.insteadOf = insteadOf;
    this.rates = rates;
    this.bound = upperBound(rates, most);
    this.tier = most.tier;
    this.terms = usageTerms(rates, most);
    this.#tags = tags;
    this.#model = model;
    // `strict` holds the upper bound; `learned` what calls of this profile have cost, within the policy's exposure.
    this.#hold =
      route.maxExposure === undefined
        ? this.bound
        : callCost(parts.learned.begun(route.entry.arn, this.bound, route.maxExposure));
  }

  /** As observers see it: the same object in all events of the call. */
  get observed(): ObservedCall {
    this.#observed ??= { operation: this.api.operation, requestedModel: this.#model, tags: this.#tags };
    return this.#observed;
  }

  /** Admits the call from the money in hand, without waiting. Returns whether it is admitted. */
  admitAtOnce(now: EpochMs): boolean {
    const reservation = this.route.admitAtOnce(this.#hold, now);
    if (reservation === undefined) return false;
    this.#admitted(reservation);
    return true;
  }

  /** Admits the call, waiting where that may help. @throws {GovernorRefusal} */
  async admit(signal: AbortSignal | undefined): Promise<void> {
    try {
      this.#admitted(await this.reserve(this.#hold, signal));
    } catch (error) {
      this.parts.learned.ended(this.#hold, this.bound);
      throw error;
    }
  }

  /** @throws {GovernorRefusal} where the budgets do not pay for it */
  async reserve(hold: CallCost, signal: AbortSignal | undefined): Promise<Reservation> {
    const { admissions } = this.parts;
    return await abortable(signal, () => admissions.admit(this.route.entry.budgets, hold, signal));
  }

  #admitted(reservation: Reservation): void {
    const { observation } = this.parts;
    this.#spare = reservation;
    if (!observation.isWatched) {
      observation.countAdmitted(reservation.isUnrefused, this.insteadOf !== undefined);
      return;
    }
    const { arn, name, region, baseModelId, tags } = this.route.entry;
    observation.tell({
      kind: 'admitted',
      call: this.observed,
      profile: { arn, name, region, model: baseModelId, tags },
      budgets: reservation.budgets,
      reservedNanoUsd: this.#hold,
      by: reservation.source,
      unrefusing: reservation.unrefusing,
      ...(this.insteadOf === undefined ? {} : { insteadOf: this.insteadOf }),
    });
  }

  /** Begins an attempt. */
  attempt(): GovernedAttempt {
    const reservation = this.#spare;
    this.#spare = undefined;
    // The exposure of one attempt is counted: others beside it hold everything.
    const hold = this.#attempts === 0 ? this.#hold : this.bound;
    this.#attempts++;
    return new GovernedAttempt(this, hold, reservation);
  }

  /** It is not sent, or no further attempt is paid for. */
  refused(refusal: GovernorRefusal): void {
    this.parts.observation.tell({ kind: 'refused', call: this.observed, refusal });
  }

  /** The caller has its answer or its failure. An attempt may go on: a middleware of its own may have given up. */
  returned(): void {
    this.#isReturned = true;
    this.#endIfOver();
  }

  attemptOver(left: Reservation | undefined): void {
    this.#attempts--;
    if (this.#spare === undefined) this.#spare = left;
    else if (left !== undefined) this.#release(left);
    this.#endIfOver();
  }

  /** When neither the caller nor an attempt goes on, what is still held belongs to an attempt that was never made. */
  #endIfOver(): void {
    if (this.#attempts > 0 || !this.#isReturned) return;
    if (this.#spare !== undefined) this.#release(this.#spare);
    this.#spare = undefined;
    this.parts.learned.ended(this.#hold, this.bound);
    if (!this.#isOver && this.parts.observation.isWatched)
      this.parts.observation.tell({ kind: 'ended', call: this.observed });
    this.#isOver = true;
    // Should the SDK make another attempt all the same, its exposure is not counted: it holds everything.
    this.#hold = this.bound;
    this.parts.callEnded();
  }

  #release(reservation: Reservation): void {
    reservation.release();
    this.parts.observation.tell({ kind: 'released', call: this.observed });
  }
}

const unpriced = ({ entry: { baseModelId, name } }: Route): GovernorRefusal =>
  new GovernorRefusal(
    'Unpriced',
    `No price is known for ${baseModelId} through profile ${name}: what it costs could not be counted.`,
  );
