import type { EpochMs } from '../clock.ts';
import { type NanoUsd, nanoUsd } from '../money.ts';
import {
  type HolderId,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerKey,
  REPEATABLE_MS,
  type Refusal,
  type Unrefused,
  type WriteId,
} from './ledger.ts';
import type { CallCost } from './pricing.ts';

/** What the ledger does not count with a lease that it has taken back. */
export interface Untold {
  readonly spent: number;
  readonly unconfirmed: number;
  /** Calls that a budget let pass which only watches. */
  readonly unrefused?: { readonly calls: number; readonly amount: number };
}

interface Sent {
  readonly write: LeaseWrite;
  readonly spent: number;
  readonly unconfirmed: number;
  readonly gain: number;
}

/** Of so many refused writes an earlier copy is known again when it lands; more in a row are not sent within its life. */
const MAX_REFUSED = 64;

/**
 * Money of one budget that this process may spend without asking again: the account that calls reserve from and settle
 * to, in memory and synchronously. All amounts are whole nano-dollars in safe integers. At any time
 *
 *     leased = available + held + spent + unconfirmed
 *
 * where `leased` is what the ledger has recorded for this holder, and `spent` and `unconfirmed` are what it has not been
 * told yet. `available` goes below zero only when a call cost more than was held for it; the next report then commits
 * the difference.
 */
export class Lease {
  // First what every call looks at, side by side in memory.
  #available = 0;
  #held = 0;
  #spent = 0;
  #unconfirmed = 0;
  #expiresAt: EpochMs | undefined;
  #lost = false;
  #hadGrant = false;
  #sequence = 0;
  #leased = 0;
  readonly key: LedgerKey;
  readonly holder: HolderId;
  readonly #unrefused = { calls: 0, amount: 0 };
  #inFlight: Sent | undefined;
  /** Refused under the sequence that is still open; see {@link landedLate}. */
  #refused: Sent[] = [];
  /** Whether one of them may be expected to land yet. */
  #mayLandLate = false;
  /** The most that one of those gives back: should it land, the ledger counts so much less with this lease. */
  #mayGiveBack = 0;

  constructor(key: LedgerKey, holder: HolderId) {
    this.key = key;
    this.holder = holder;
  }

  get available(): number {
    return this.#available;
  }

  get held(): number {
    return this.#held;
  }

  /** Undefined until the first write has landed. */
  get expiresAt(): EpochMs | undefined {
    return this.#expiresAt;
  }

  /** Whether the ledger has ever granted anything: a write that only reports, such as a refusal, grants nothing. */
  get hadGrant(): boolean {
    return this.#hadGrant;
  }

  /** Whether the ledger has taken this lease back: it must not be used any more. */
  get isLost(): boolean {
    return this.#lost;
  }

  /**
   * Whether there is anything that the ledger should be told, or a write that was refused and may land yet: the next one to land
   * takes its place.
   */
  get hasNews(): boolean {
    const isMoney = this.#spent > 0 || this.#unconfirmed > 0 || this.#available !== 0;
    return !this.#lost && (isMoney || this.#unrefused.calls > 0 || this.#mayLandLate);
  }

  /** A write whose fate is unknown; only this very write may be sent until it is known. */
  get pending(): LeaseWrite | undefined {
    return this.#inFlight?.write;
  }

  /**
   * Whether the write in flight may be sent again. A first write that has waited too long (a process that was frozen)
   * may not: if it had landed and its lease were reclaimed and forgotten, its copy would land as a new one.
   */
  mayRepeat(now: EpochMs): boolean {
    const entry = this.#inFlight?.write.entry;
    return entry !== undefined && (entry.sequence > 1 || now <= entry.expiresAt + REPEATABLE_MS);
  }

  isLive(now: EpochMs): boolean {
    return !this.#lost && this.#expiresAt !== undefined && now < this.#expiresAt;
  }

  /** Takes a hold for one call, or leaves everything as it is. */
  reserve(amount: CallCost, now: EpochMs): boolean {
    if (!this.isLive(now) || amount > this.#available) return false;
    this.#available -= amount;
    this.#held += amount;
    return true;
  }

  /** Takes a hold beyond the lease: spending that the ledger learns of afterwards. The caller bounds it. */
  overdraw(amount: CallCost): void {
    this.#available -= amount;
    this.#held += amount;
  }

  /** Counts what an ended lease could not tell the ledger any more. */
  carryOver({ spent, unconfirmed, unrefused }: Untold): void {
    this.#available -= spent + unconfirmed;
    this.#spent += spent;
    this.#unconfirmed += unconfirmed;
    this.#unrefused.calls += unrefused?.calls ?? 0;
    this.#unrefused.amount += unrefused?.amount ?? 0;
  }

  /** What has been spent or held beyond the lease. */
  get overdrawn(): number {
    return Math.max(0, -this.#available);
  }

  /** Counts a call that a budget would have refused which only watches. */
  countUnrefused(amount: number): void {
    this.#unrefused.calls++;
    this.#unrefused.amount += amount;
  }

  /** Takes a count of this very moment back. */
  uncountUnrefused(amount: number): void {
    this.#unrefused.calls--;
    this.#unrefused.amount -= amount;
  }

  /** Replaces a hold with what the call cost. */
  settle(hold: CallCost, cost: CallCost): void {
    this.end(hold, cost, 0);
  }

  /** Ends a hold whose call certainly did not run. */
  release(hold: CallCost): void {
    this.end(hold, 0, 0);
  }

  /**
   * Ends a hold whose call may have run: the money counts as spent until it is trued up.
   * @param most what the call can have cost, where less was held for it
   */
  abandon(hold: CallCost, most: CallCost = hold): void {
    this.end(hold, 0, most);
  }

  /**
   * Ends a hold.
   * @param spent what the call is known to have cost
   * @param unconfirmed what it may have cost beyond that; counts as spent until it is trued up
   */
  end(hold: CallCost, spent: number, unconfirmed: number): void {
    if (hold > this.#held) throw new RangeError(`a hold of ${hold} ended twice: ${this.#held} nano-dollars are held`);
    this.#held -= hold;
    this.#spent += spent;
    this.#unconfirmed += unconfirmed;
    this.#available += hold - spent - unconfirmed;
  }

  /**
   * Makes the next write: it reports everything unreported and leaves `target` available (0 returns all that is not
   * held). Money to be given back is out of reach at once; money asked for arrives with {@link landed}.
   *
   * A write that leaves anything to be spent is a grant, even of money that is here already: it lands only under the
   * terms as they are. One that leaves nothing only reports, and is never refused for money.
   */
  plan(request: {
    readonly writeId: WriteId;
    readonly target: number;
    readonly expiresAt: EpochMs;
    readonly grant: NonNullable<LeaseWrite['grant']>;
    readonly refusal?: Refusal;
  }): LeaseWrite {
    if (this.#inFlight !== undefined) throw new Error('a write of this lease is still in flight');
    const { target } = request;
    const gain = target - this.#available;
    const leased = this.#held + target;
    const entry: LeaseEntry = {
      sequence: this.#sequence + 1,
      writeId: request.writeId,
      leased: nanoUsd(BigInt(leased)),
      expiresAt: request.expiresAt,
    };
    const write: LeaseWrite = {
      key: this.key,
      holder: this.holder,
      settled: nanoUsd(BigInt(this.#spent)),
      unconfirmed: nanoUsd(BigInt(this.#unconfirmed)),
      leased: nanoUsd(BigInt(leased - this.#leased)),
      entry,
      ...(target > 0 ? { grant: request.grant } : {}),
      ...(request.refusal === undefined ? {} : { refusal: request.refusal }),
      ...(this.#unrefused.calls === 0 ? {} : { unrefused: this.#takeUnrefused() }),
    };
    this.#inFlight = { write, spent: this.#spent, unconfirmed: this.#unconfirmed, gain };
    if (gain < 0) this.#available += gain;
    return write;
  }

  /** The write in flight is in the ledger. */
  landed(): void {
    this.#has(this.#takeInFlight());
  }

  #has(sent: Sent): void {
    this.#refused = [];
    this.#mayLandLate = false;
    this.#mayGiveBack = 0;
    this.#sequence = sent.write.entry.sequence;
    this.#expiresAt = sent.write.entry.expiresAt;
    this.#leased = Number(sent.write.entry.leased);
    if (sent.write.grant !== undefined) this.#hadGrant = true;
    this.#spent -= sent.spent;
    this.#unconfirmed -= sent.unconfirmed;
    if (sent.gain > 0) this.#available += sent.gain;
  }

  /** The write in flight has changed nothing; an earlier copy of it may yet, as long as no other has landed. */
  refused(): void {
    this.#mayGiveBack = Math.max(this.#mayGiveBack, -(this.#inFlight?.gain ?? 0));
    this.denied();
    this.#mayLandLate = true;
  }

  /** The write in flight has changed nothing for what it says, nor does a copy of it: no other needs to take its place. */
  denied(): void {
    const sent = this.#takeInFlight();
    this.#refused = [...this.#refused.slice(1 - MAX_REFUSED), sent];
    if (sent.gain < 0) this.#available -= sent.gain;
    this.#countAgain(sent.write.unrefused, 1);
  }

  /**
   * The write in flight comes after one that the ledger has under its sequence. Where that is one of this lease's own, which was
   * refused, a copy of it was under way longer than its repetition: what it says holds, and the lease goes on from there.
   * @returns whether it is
   */
  landedLate(writeId: WriteId | undefined): boolean {
    const late = this.#refused.find(({ write }) => write.entry.writeId === writeId);
    if (late === undefined) return false;
    this.refused();
    this.#countAgain(late.write.unrefused, -1);
    // As when it was sent: calls that have used meanwhile what it gave back have cost more than was held for them.
    if (late.gain < 0) this.#available += late.gain;
    this.#has(late);
    return true;
  }

  #countAgain(unrefused: Unrefused | undefined, times: 1 | -1): void {
    if (unrefused === undefined) return;
    this.#unrefused.calls += times * unrefused.calls;
    this.#unrefused.amount += times * Number(unrefused.amount);
  }

  /**
   * The ledger has ended this lease: all of it counts as unconfirmed there, so nothing here may be used or told.
   *
   * All of it is what it was after the last write that landed. Where that may have been one which was refused here, landed late,
   * and gave money back, calls may have used that money since: it stays in doubt.
   *
   * @param ended what the ledger has in its place, where that is known: its number tells whether a write landed before
   * @returns what went beyond it, for the lease that comes after to tell
   */
  lose(ended?: Pick<LeaseEntry, 'sequence'>): Untold {
    const sent = this.#inFlight;
    this.#inFlight = undefined;
    this.#lost = true;
    const { overdrawn } = this;
    // What calls in flight hold is not spent yet: settled is only what is complete.
    const spent = Math.min(overdrawn, this.#spent);
    const landedNone = ended?.sequence === this.#sequence + 1;
    // What the write in flight gives back is out of reach already, and of all these writes one can have landed.
    const given = Math.max(0, this.#mayGiveBack - Math.max(0, -(sent?.gain ?? 0)));
    const most = landedNone ? overdrawn : Math.max(0, given - this.#available);
    return {
      spent,
      unconfirmed: most - spent,
      unrefused: {
        calls: this.#unrefused.calls + (sent?.write.unrefused?.calls ?? 0),
        amount: this.#unrefused.amount + Number(sent?.write.unrefused?.amount ?? 0n),
      },
    };
  }

  /** Told with the write that takes them: what comes meanwhile is told with the next. */
  #takeUnrefused(): Unrefused {
    const { calls, amount } = this.#unrefused;
    this.#unrefused.calls = 0;
    this.#unrefused.amount = 0;
    return { calls, amount: nanoUsd(BigInt(amount)) };
  }

  #takeInFlight(): Sent {
    if (this.#inFlight === undefined) throw new Error('no write of this lease is in flight');
    const sent = this.#inFlight;
    this.#inFlight = undefined;
    return sent;
  }

  /** What the ledger records for this holder. */
  get leased(): NanoUsd {
    return nanoUsd(BigInt(this.#leased));
  }

  /** The invariant of this class; true between writes, whatever calls did meanwhile. */
  get isConserved(): boolean {
    return this.#leased === this.#available + this.#held + this.#spent + this.#unconfirmed;
  }
}
