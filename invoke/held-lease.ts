import { type Clock, type EpochMs, epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { neverLanded } from '../domain/lending/denial.ts';
import { Lease } from '../domain/spending/lease.ts';
import type { LeaseLedger } from '../domain/spending/ledger.ts';
import {
  afterWrite,
  type HolderId,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type Refusal,
  type WriteId,
  type WriteOutcome,
} from '../domain/spending/ledger.ts';
import { ceiling, type Terms } from '../domain/spending/terms.ts';
import { notProvisioned } from './ledger-refusals.ts';

export interface HeldLeaseOptions {
  readonly key: LedgerKey;
  readonly endsAt: EpochMs;
  readonly ledger: LeaseLedger;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly newHolder: () => HolderId;
  readonly newWriteId: () => WriteId;
  /** Is told each item that comes from the ledger. */
  readonly saw?: (item: LedgerItem) => void;
}

/** Writes that meet a concurrent change start over; so many times in a row only under heavy contention. */
export const MAX_TRIES = 8;

/**
 * A process's lease of one budget in one period, and its conversation with the ledger: one write at a time, repeated
 * byte for byte until its fate is known, and a new lease under a new holder where the ledger has ended the old one.
 */
export class HeldLease {
  readonly #options: HeldLeaseOptions;
  readonly #replaced: (lease: Lease) => void;
  #lease: Lease;
  #item: LedgerItem | undefined;

  /** @param replaced is told the lease that takes the place of a lost one */
  constructor(options: HeldLeaseOptions, replaced: (lease: Lease) => void) {
    this.#options = options;
    this.#replaced = replaced;
    this.#lease = new Lease(options.key, options.newHolder());
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** The budget's item as this process last saw it, with what it has changed since. */
  get item(): LedgerItem | undefined {
    return this.#item;
  }

  /** Terms that the item has now: whatever this process asks for next is judged by them. */
  learn(terms: Terms): void {
    if (this.#item !== undefined && terms.version > this.#item.terms.version) this.#item = { ...this.#item, terms };
  }

  async look(): Promise<LedgerItem | undefined> {
    this.#item = await this.#options.ledger.read(this.#options.key);
    this.#tell();
    return this.#item;
  }

  /** The item as last seen, read where it never was. */
  async lookOnce(): Promise<LedgerItem | undefined> {
    return this.#item ?? (await this.look());
  }

  /**
   * Reports everything and leaves `target` in hand, by one write that judges by the item as last seen. Returns whether it
   * landed; a refusal brings the item up to date.
   * @param stays who gives back for want of use wants no share of what is left; who gives back at the edge does
   */
  async write(target: number, seen: LedgerItem, word: { refusal?: Refusal; stays?: boolean } = {}): Promise<boolean> {
    const { clock, leaseMs, newWriteId, endsAt } = this.#options;
    const { refusal, stays = false } = word;
    const now = clock.now();
    const lease = this.#lease;
    const wants = target > 0 || refusal !== undefined || stays;
    const write = lease.plan({
      writeId: newWriteId(),
      target,
      expiresAt: wants ? epochMs(Math.max(now, Math.min(now + leaseMs, endsAt))) : now,
      grant: { termsVersion: seen.terms.version, ceiling: ceiling(seen.terms, now), at: now },
      ...(refusal === undefined ? {} : { refusal }),
    });
    const outcome = await this.#send(lease, write);
    // After a landed write the item as last seen is kept, as far as this process changed it: enough to size the next
    // slice by, and a write that assumes too much is refused with the item as it is.
    this.#item = outcome.kind === 'landed' ? (outcome.item ?? afterWrite(seen, write)) : outcome.item;
    this.#tell();
    return outcome.kind === 'landed';
  }

  #tell(): void {
    if (this.#item !== undefined) this.#options.saw?.(this.#item);
  }

  /** A write whose answer was lost is repeated, byte for byte, until its fate is known. */
  async resend(): Promise<void> {
    const lease = this.#lease;
    const { pending } = lease;
    if (pending === undefined) return;
    if (!lease.mayRepeat(this.#options.clock.now())) {
      this.#replace(lease);
      this.#item = undefined;
      return;
    }
    await this.#send(lease, pending);
    this.#item = undefined;
    await this.look();
  }

  /** Reports everything and returns what no call holds. */
  async giveBack(): Promise<void> {
    await this.resend();
    for (let attempt = 0; attempt < MAX_TRIES && this.#lease.hasNews; attempt++) {
      const item = await this.lookOnce();
      if (item === undefined) throw notProvisioned(this.#options.key);
      if (await this.write(0, item)) return;
    }
  }

  /** Where it throws, the fate of the write is unknown, but for one that is denied for what it says. */
  async #send(lease: Lease, write: LeaseWrite): Promise<WriteOutcome> {
    let outcome: WriteOutcome;
    try {
      outcome = await this.#options.ledger.write(write);
    } catch (error) {
      if (error instanceof Fault && neverLanded(error.code)) lease.denied();
      throw error;
    }
    if (outcome.kind === 'landed') lease.landed();
    else if (outcome.why !== 'lease-lost') lease.refused();
    else {
      const entry = outcome.item?.holders.get(lease.holder);
      if (!lease.landedLate(entry?.writeId)) this.#replace(lease, entry);
    }
    return outcome;
  }

  /** The ledger took the lease back and counts all of it as spent; what went beyond it is still to be told. */
  #replace(lost: Lease, ended?: LeaseEntry): void {
    this.#lease = new Lease(this.#options.key, this.#options.newHolder());
    this.#lease.carryOver(lost.lose(ended));
    this.#replaced(this.#lease);
  }
}
