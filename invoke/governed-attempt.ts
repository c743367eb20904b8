import { type CallCost, callCost, priceOf } from '../domain/spending/pricing.ts';
import type { UsageTerms } from '../domain/spending/usage.ts';
import type { AdmittedCall, CallParts } from './admitted-call.ts';
import type { GovernedApi, Reading, StreamReader } from './governed-apis.ts';
import type { StreamMeter } from './metered-stream.ts';
import type { Reservation } from './reservation.ts';

/**
 * One attempt at a governed call, with a reservation that ends as the attempt does; its answer may go on as a stream
 * after the attempt has returned.
 */
export class GovernedAttempt {
  readonly #parts: CallParts;
  readonly #call: AdmittedCall;
  /** What is to be held for it. */
  readonly hold: CallCost;
  readonly #over: (left: Reservation | undefined) => void;
  #reservation: Reservation | undefined;
  #isReturned = false;
  #isStreaming = false;

  /**
   * @param reservation the one with which the call was admitted, unless another attempt has it
   * @param over told once, with the reservation where the attempt has not used it
   */
  constructor(
    parts: CallParts,
    call: AdmittedCall,
    attempt: {
      readonly hold: CallCost;
      readonly reservation: Reservation | undefined;
      readonly over: (left: Reservation | undefined) => void;
    },
  ) {
    this.#parts = parts;
    this.#call = call;
    this.hold = attempt.hold;
    this.#reservation = attempt.reservation;
    this.#over = attempt.over;
  }

  get api(): GovernedApi {
    return this.#call.api;
  }

  get terms(): UsageTerms {
    return this.#call.terms;
  }

  get needsReservation(): boolean {
    return this.#reservation === undefined;
  }

  /** A further attempt has a reservation of its own. */
  holdsAnew(reservation: Reservation): void {
    this.#reservation = reservation;
    this.#parts.observation.tell({
      kind: 'retried',
      call: this.#call.observed,
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
    this.#parts.usage.settled(this.#call.entry.arn, usage, cost);
    // Where the most that a call can cost is held, nothing is learned from what it did cost.
    if (this.#call.entry.maxExposure !== undefined) this.#parts.learned.learn(this.#call.entry.arn, cost);
    const { observation } = this.#parts;
    if (!observation.isWatched) {
      observation.countSettled();
      return;
    }
    observation.tell({
      kind: 'settled',
      call: this.#call.observed,
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
    const known = atLeast && this.#priceOf(atLeast);
    const unknown = callCost(Math.max(0, this.#call.bound - (known ?? 0)));
    this.#reservation.end(known ?? 0, unknown);
    if (atLeast !== undefined && known !== undefined)
      this.#parts.usage.settled(this.#call.entry.arn, atLeast.usage, known);
    this.#parts.usage.unconfirmed(this.#call.entry.arn, unknown);
    this.#parts.observation.tell({
      kind: 'unconfirmed',
      call: this.#call.observed,
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
    this.#over(this.#reservation?.isOpen === true ? this.#reservation : undefined);
  }

  /** Undefined where no amount holds it. */
  #priceOf({ usage, tier }: Reading): CallCost | undefined {
    try {
      return priceOf(this.#call.rates, usage, tier ?? this.#call.tier);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }
}
