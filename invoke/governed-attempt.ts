import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import { type CallCost, callCost, priceOf, type Rates, type ServiceTier } from '../domain/spending/pricing.ts';
import type { UsageTerms } from '../domain/spending/usage.ts';
import type { GovernedApi, Reading, StreamReader } from './governed-apis.ts';
import type { StreamMeter } from './metered-stream.ts';
import type { Observation, ObservedCall } from './observation.ts';
import type { Reservation } from './reservation.ts';
import type { Route } from './route.ts';

/** What an attempt must know of its call. */
export interface AttemptedCall {
  readonly parts: { readonly learned: LearnedHolds; readonly observation: Observation };
  readonly api: GovernedApi;
  readonly route: Route;
  readonly rates: Rates;
  /** The most that an attempt can cost; the hold may be less. */
  readonly bound: CallCost;
  /** What an answer is priced by that names no tier. */
  readonly tier: ServiceTier;
  /** How its counts are to be understood. */
  readonly terms: UsageTerms;
  readonly observed: ObservedCall;
  /** @param left the reservation of an attempt that has not used it */
  attemptOver(left: Reservation | undefined): void;
}

/**
 * One attempt at a governed call, with a reservation that ends as the attempt does; its answer may go on as a stream
 * after the attempt has returned.
 */
export class GovernedAttempt {
  readonly call: AttemptedCall;
  /** What is to be held for it. */
  readonly hold: CallCost;
  #reservation: Reservation | undefined;
  #isReturned = false;
  #isStreaming = false;

  /** @param reservation the one with which the call was admitted, unless another attempt has it */
  constructor(call: AttemptedCall, hold: CallCost, reservation: Reservation | undefined) {
    this.call = call;
    this.hold = hold;
    this.#reservation = reservation;
  }

  get needsReservation(): boolean {
    return this.#reservation === undefined;
  }

  /** A further attempt has a reservation of its own. */
  holdsAnew(reservation: Reservation): void {
    this.#reservation = reservation;
    this.call.parts.observation.tell({
      kind: 'retried',
      call: this.call.observed,
      reservedNanoUsd: this.hold,
      by: reservation.source,
      unrefusing: reservation.unrefusing,
    });
  }

  /** An answer without usage was billed all the same: unknown is not zero. */
  answered(reading: Reading | undefined): void {
    if (reading === undefined) {
      this.mayHaveRun();
      return;
    }
    if (this.#reservation?.isOpen !== true) return;
    const { usage, drift } = reading;
    const cost = this.#priceOf(reading);
    // Counts of a size that no amount holds are no counts.
    if (cost === undefined) {
      this.mayHaveRun();
      return;
    }
    this.#reservation.settle(cost);
    const { route, parts } = this.call;
    route.usage.settled(usage, cost);
    // Where the most that a call can cost is held, nothing is learned from what it did cost.
    if (route.maxExposure !== undefined) parts.learned.learn(route.entry.arn, cost);
    if (!parts.observation.isWatched) {
      parts.observation.countSettled();
      return;
    }
    parts.observation.tell({
      kind: 'settled',
      call: this.call.observed,
      usage,
      costNanoUsd: cost,
      ...(drift === undefined ? {} : { drift }),
    });
  }

  /**
   * Nobody knows what the attempt cost: it may be all that it could, also where less was held.
   * @param atLeast what it is known to have used
   */
  mayHaveRun(atLeast?: Reading): void {
    if (this.#reservation?.isOpen !== true) return;
    const { route, parts, bound, observed } = this.call;
    const known = atLeast && this.#priceOf(atLeast);
    const unknown = callCost(Math.max(0, bound - (known ?? 0)));
    this.#reservation.end(known ?? 0, unknown);
    if (atLeast !== undefined && known !== undefined) route.usage.settled(atLeast.usage, known);
    route.usage.unconfirmed(unknown);
    parts.observation.tell({
      kind: 'unconfirmed',
      call: observed,
      costNanoUsd: unknown,
      ...(atLeast === undefined || known === undefined
        ? {}
        : { atLeast: { usage: atLeast.usage, costNanoUsd: known } }),
    });
  }

  /** The answer goes on as a stream: the reservation lasts until it has ended. */
  streams(reader: StreamReader, disconnect: () => void): StreamMeter<unknown> {
    this.#isStreaming = true;
    return {
      disconnect,
      saw: (event) => reader.saw(event),
      ended: () => {
        const reading = reader.usage();
        if (reading === undefined) this.mayHaveRun(reader.atLeast());
        else this.answered(reading);
        this.#isStreaming = false;
        this.#endIfOver();
      },
    };
  }

  returned(): void {
    this.#isReturned = true;
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (!this.#isReturned || this.#isStreaming) return;
    this.call.attemptOver(this.#reservation?.isOpen === true ? this.#reservation : undefined);
  }

  /** Undefined where no amount holds it. */
  #priceOf({ usage, tier }: Reading): CallCost | undefined {
    try {
      return priceOf(this.call.rates, usage, tier ?? this.call.tier);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}
