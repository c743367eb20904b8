import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { LearnedHolds } from '../domain/spending/learned-hold.ts';
import { type CallCost, callCost, priceOf, type Rates, type ServiceTier } from '../domain/spending/pricing.ts';
import type { Usage, UsageTerms } from '../domain/spending/usage.ts';
import type { GovernedApi, Reading, StreamReader } from './governed-apis.ts';
import type { StreamMeter } from './metered-stream.ts';
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

/**
 * One governed call, from its admission to its settlement. The SDK may make several attempts at it, one after the other,
 * each with a reservation of its own; the answer of the last may go on as a stream after the call has returned.
 */
export class GovernedCall {
  readonly #parts: CallParts;
  readonly #call: AdmittedCall;
  #hold: CallCost;
  #reservation: Reservation;
  #isAttempting = false;
  #isStreaming = false;
  #isReturned = false;
  #isOver = false;

  constructor(parts: CallParts, call: AdmittedCall) {
    this.#parts = parts;
    this.#call = call;
    this.#hold = call.hold;
    this.#reservation = call.reservation;
  }

  get api(): GovernedApi {
    return this.#call.api;
  }

  get entry(): IndexEntry {
    return this.#call.entry;
  }

  get observed(): ObservedCall {
    return this.#call.observed;
  }

  get terms(): UsageTerms {
    return this.#call.terms;
  }

  get insteadOf(): string | undefined {
    return this.#call.insteadOf;
  }

  /** What an attempt must hold. */
  get hold(): CallCost {
    return this.#hold;
  }

  /** Whether the last attempt took the reservation with it, so that the next needs one of its own. */
  get needsReservation(): boolean {
    return !this.#reservation.isOpen;
  }

  attemptBegins(reservation?: Reservation): void {
    this.#isAttempting = true;
    this.#reservation = reservation ?? this.#reservation;
  }

  attemptEnds(): void {
    this.#isAttempting = false;
    this.#endIfOver();
  }

  /** The caller has its answer or its failure. An attempt may go on: a middleware of its own may have given up. */
  returned(): void {
    this.#isReturned = true;
    this.#endIfOver();
  }

  /** An answer without usage was billed all the same: unknown is not zero. */
  answered(reading: Reading | undefined): void {
    if (reading === undefined) {
      this.mayHaveRun();
      return;
    }
    if (!this.#reservation.isOpen) return;
    const { usage, tier, drift } = reading;
    const cost = priceOf(this.#call.rates, usage, tier ?? this.#call.tier);
    this.#reservation.settle(cost);
    this.#parts.usage.settled(this.entry.arn, usage, cost);
    this.#parts.learned.learn(this.entry.arn, cost);
    this.#parts.observation.tell({
      kind: 'settled',
      call: this.observed,
      usage,
      costNanoUsd: cost,
      ...(drift === undefined ? {} : { drift }),
    });
  }

  /**
   * Nobody knows what the attempt cost: it may be all that it could, also where less was held.
   * @param atLeast what it is known to have used
   */
  mayHaveRun(atLeast?: Usage): void {
    if (!this.#reservation.isOpen) return;
    const { bound, rates, tier } = this.#call;
    const known = atLeast === undefined ? callCost(0) : priceOf(rates, atLeast, tier);
    const unknown = callCost(Math.max(0, bound - known));
    this.#reservation.end(known, unknown);
    if (atLeast !== undefined) this.#parts.usage.settled(this.entry.arn, atLeast, known);
    this.#parts.usage.unconfirmed(this.entry.arn, unknown);
    if (atLeast !== undefined)
      this.#parts.observation.tell({ kind: 'settled', call: this.observed, usage: atLeast, costNanoUsd: known });
    this.#parts.observation.tell({ kind: 'unconfirmed', call: this.observed, costNanoUsd: unknown });
  }

  /** The answer goes on as a stream: the reservation lasts until it has ended. */
  streams(reader: StreamReader): StreamMeter<unknown> {
    this.#isStreaming = true;
    return {
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

  /** When neither the caller nor an attempt goes on, what is still held belongs to an attempt that was never made. */
  #endIfOver(): void {
    if (this.#isAttempting || this.#isStreaming || !this.#isReturned) return;
    this.#reservation.release();
    this.#parts.learned.ended(this.#hold, this.#call.bound);
    if (!this.#isOver) this.#parts.observation.tell({ kind: 'ended', call: this.observed });
    this.#isOver = true;
    // Should the SDK make another attempt all the same, its exposure is not counted: it holds everything.
    this.#hold = this.#call.bound;
  }
}
