import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { AdmittedCall, CallParts } from './admitted-call.ts';
import { GovernedAttempt } from './governed-attempt.ts';
import type { GovernorRefusal } from './refusals.ts';
import type { Reservation } from './reservation.ts';

/**
 * One governed call, from its admission to its end. There may be several attempts at it: the SDK makes one after the
 * other, middlewares of the caller may make some at once. The first takes the reservation with which the call was
 * admitted, and where it certainly did not run, leaves it to the next.
 */
export class GovernedCall {
  readonly #parts: CallParts;
  readonly #call: AdmittedCall;
  #hold: CallCost;
  #spare: Reservation | undefined;
  #attempts = 0;
  #isReturned = false;
  #isOver = false;

  constructor(parts: CallParts, call: AdmittedCall) {
    this.#parts = parts;
    this.#call = call;
    this.#hold = call.hold;
    this.#spare = call.reservation;
  }

  get entry(): IndexEntry {
    return this.#call.entry;
  }

  get insteadOf(): string | undefined {
    return this.#call.insteadOf;
  }

  /** Begins an attempt. */
  attempt(): GovernedAttempt {
    const reservation = this.#spare;
    this.#spare = undefined;
    // The exposure of one attempt is counted: others beside it hold everything.
    const hold = this.#attempts === 0 ? this.#hold : this.#call.bound;
    this.#attempts++;
    return new GovernedAttempt(this.#parts, this.#call, { hold, reservation, over: (left) => this.#attemptOver(left) });
  }

  /** A further attempt is not paid for: none is made. */
  refused(refusal: GovernorRefusal): void {
    this.#parts.observation.tell({ kind: 'refused', call: this.#call.observed, refusal });
  }

  /** The caller has its answer or its failure. An attempt may go on: a middleware of its own may have given up. */
  returned(): void {
    this.#isReturned = true;
    this.#endIfOver();
  }

  #attemptOver(left: Reservation | undefined): void {
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
    this.#parts.learned.ended(this.#hold, this.#call.bound);
    if (!this.#isOver && this.#parts.observation.isWatched)
      this.#parts.observation.tell({ kind: 'ended', call: this.#call.observed });
    this.#isOver = true;
    // Should the SDK make another attempt all the same, its exposure is not counted: it holds everything.
    this.#hold = this.#call.bound;
  }

  #release(reservation: Reservation): void {
    reservation.release();
    this.#parts.observation.tell({ kind: 'released', call: this.#call.observed });
  }
}
