import type { Clock } from '../domain/clock.ts';
import { epochMs } from '../domain/clock.ts';
import { displayUsd, formatUsd, nanoUsd } from '../domain/money.ts';
import { Lease } from '../domain/spending/lease.ts';
import {
  ceiling,
  type HolderId,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  left,
  type Refusal,
  spent,
  type WriteId,
} from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import { sliceFor } from '../domain/spending/slice.ts';
import { GovernorRefusal } from './refusals.ts';

export interface AccountOptions {
  readonly key: LedgerKey;
  readonly endsAt: number;
  readonly ledger: LedgerStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly newHolder: () => HolderId;
  readonly newWriteId: () => WriteId;
}

/** A reservation in one account: the lease that it was taken from, which may have been replaced since. */
export interface Hold {
  readonly lease: Lease;
  readonly amount: CallCost;
}

/** After a refusal the ledger is asked again no sooner than this. */
const REFUSAL_MEMORY_MS = 1_000;
/** Writes that meet a concurrent change start over; so many times in a row only when something is wrong. */
const MAX_TRIES = 5;
/** A slice with less than a quarter left is topped up in the background. */
const LOW_WATER = 4;

/**
 * What this process may spend from one budget in one period: a lease, kept filled ahead of need. Calls reserve and
 * settle in memory; the ledger is written when the slice runs low, and read after a refusal before it is written again.
 */
export class BudgetAccount {
  readonly #options: AccountOptions;
  #lease: Lease;
  #item: LedgerItem | undefined;
  #slice = 0;
  #waiting: number[] = [];
  #usual = 0;
  #used = false;
  #filling: Promise<void> | undefined;
  #refused: { at: number; refusal: GovernorRefusal; need: number } | undefined;
  #settledSince = { cost: 0, at: 0 };

  constructor(options: AccountOptions) {
    this.#options = options;
    this.#lease = new Lease(options.key, options.newHolder());
    this.#settledSince.at = options.clock.now();
  }

  get endsAt(): number {
    return this.#options.endsAt;
  }

  get key(): LedgerKey {
    return this.#options.key;
  }

  /** Takes a hold in memory; undefined where the lease in hand does not cover it. Never waits. */
  reserve(amount: CallCost): Hold | undefined {
    const now = this.#options.clock.now();
    this.#usual = amount;
    this.#used = true;
    if (!this.#lease.reserve(amount, now)) return undefined;
    const expiresAt = this.#lease.expiresAt ?? now;
    const low = this.#lease.available * LOW_WATER < this.#slice || expiresAt - now < this.#options.leaseMs / 2;
    // In the background, and its failure is no failure of this call: it shows when the lease in hand is used up.
    if (low && this.#refused === undefined) this.fill(0).catch(() => {});
    return { lease: this.#lease, amount };
  }

  settle(hold: Hold, cost: CallCost): void {
    this.#settledSince.cost += cost;
    hold.lease.settle(hold.amount, cost);
  }

  release(hold: Hold): void {
    hold.lease.release(hold.amount);
  }

  abandon(hold: Hold): void {
    hold.lease.abandon(hold.amount);
  }

  /**
   * Gets the ledger to grant at least `need`, together with whoever else waits.
   * @throws {GovernorRefusal} when it does not
   */
  async fill(need: number): Promise<void> {
    const refused = this.#refused;
    if (refused !== undefined && need >= refused.need && this.#options.clock.now() - refused.at < REFUSAL_MEMORY_MS)
      throw refused.refusal;
    this.#waiting.push(need);
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
      this.#waiting = [];
    });
    await this.#filling;
  }

  async #fill(): Promise<void> {
    // Callers of this moment queue up behind one write.
    await Promise.resolve();
    await this.#resend();
    if (this.#item === undefined || this.#refused !== undefined) this.#item = await this.#read();
    const all = this.#waiting.reduce((sum, one) => sum + one, 0);
    const least = Math.min(...this.#waiting);
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const item = this.#item;
      const now = this.#options.clock.now();
      const room = Number(ceiling(item.terms) - item.committed) + this.#lease.available;
      // Not enough for all who wait is still enough for some: they take it in turn, and the others ask again.
      if (room < least) return await this.#refuse(item, least);
      const need = Math.min(all, room);
      const elapsed = Math.max(1, now - this.#settledSince.at);
      const target = sliceFor({
        need,
        usual: this.#usual,
        spendPerSecond: Math.ceil((this.#settledSince.cost * 1000) / elapsed),
        left: room,
        holders: Math.max(1, item.holders.size),
      });
      const landed = await this.#write(target, item, undefined);
      if (landed) {
        this.#slice = target;
        this.#refused = undefined;
        this.#settledSince = { cost: 0, at: now };
        return;
      }
    }
    throw new GovernorRefusal(
      'LedgerUnavailable',
      `The ledger item of ${this.key.budget} changes faster than this process can write to it. Try again.`,
      {
        budget: this.key.budget,
        period: this.key.period,
      },
    );
  }

  /** One write with the item as last seen. Returns whether it landed; a refusal brings the item up to date. */
  async #write(target: number, item: LedgerItem, refusal: Refusal | undefined): Promise<boolean> {
    const { clock, leaseMs, ledger, newWriteId, newHolder } = this.#options;
    const now = clock.now();
    const lease = this.#lease;
    const write = lease.plan({
      writeId: newWriteId(),
      target,
      expiresAt: epochMs(Math.min(now + leaseMs, Math.max(this.#options.endsAt, now))),
      grant: { termsVersion: item.terms.version, ceiling: ceiling(item.terms), at: now },
      ...(refusal === undefined ? {} : { refusal }),
    });
    const outcome = await ledger.write(write);
    if (outcome.kind === 'landed') {
      lease.landed();
      return true;
    }
    if (outcome.why === 'lease-lost') {
      lease.lose();
      this.#lease = new Lease(this.key, newHolder());
    } else lease.refused();
    this.#item = outcome.item ?? (await this.#read());
    return false;
  }

  /** A write whose answer was lost is repeated, byte for byte, until its fate is known. */
  async #resend(): Promise<void> {
    const pending = this.#lease.pending;
    if (pending === undefined) return;
    const outcome = await this.#options.ledger.write(pending);
    if (outcome.kind === 'landed') this.#lease.landed();
    else if (outcome.why === 'lease-lost') {
      this.#lease.lose();
      this.#lease = new Lease(this.key, this.#options.newHolder());
    } else this.#lease.refused();
  }

  async #read(): Promise<LedgerItem> {
    const item = await this.#options.ledger.read(this.key);
    if (item !== undefined) return item;
    throw new GovernorRefusal(
      'NotProvisioned',
      `Budget ${this.key.budget} has no ledger item for ${this.key.period} yet. The next sweep of the governor provides it.`,
      {
        budget: this.key.budget,
        period: this.key.period,
      },
    );
  }

  /** Gives back what is not in use, leaves word of the refusal for the governor, and remembers it. */
  async #refuse(seen: LedgerItem, need: number): Promise<never> {
    const at = this.#options.clock.now();
    const isNews = this.#refused === undefined || need < this.#refused.need || this.#lease.hasNews;
    let item = seen;
    if (isNews) {
      const word = seen.terms.standing === 'closed' ? undefined : { at, need: nanoUsd(BigInt(need)) };
      // The refusal stands whether or not the ledger hears of it now; a write that got lost is repeated by the next one.
      await this.#write(0, seen, word).catch(() => {});
      item = (await this.#options.ledger.read(this.key).catch(() => undefined)) ?? seen;
    }
    const refusal = this.#refusalOf(item, need);
    this.#refused = { at, refusal, need };
    throw refusal;
  }

  #refusalOf(item: LedgerItem, need: number): GovernorRefusal {
    const { budget, period } = this.key;
    const gone = spent(item);
    const details = {
      budget,
      period,
      spentUsd: formatUsd(gone),
      limitUsd: formatUsd(item.terms.limit),
      neededUsd: formatUsd(nanoUsd(BigInt(need))),
      retryAfter: new Date(item.endsAt),
      resetsAt: new Date(item.endsAt),
    };
    const until = `It begins anew at ${new Date(item.endsAt).toISOString()}.`;
    if (item.terms.standing === 'closed')
      return new GovernorRefusal(
        'BudgetClosed',
        `Budget ${budget} is closed for ${period}: ${item.terms.reason ?? 'by the governor'}. Spent ${displayUsd(gone)} of ${displayUsd(item.terms.limit)}. ${until}`,
        details,
      );
    return new GovernorRefusal(
      'BudgetExhausted',
      `Budget ${budget} does not pay for this call: it may cost up to ${displayUsd(nanoUsd(BigInt(need)))}, and ${displayUsd(left(item))} of ${displayUsd(item.terms.limit)} is left for ${period}. ${until}`,
      details,
    );
  }

  /** Whether nothing of this account is in use or unreported. */
  get isAtRest(): boolean {
    return (
      this.#lease.held === 0 && !this.#lease.hasNews && this.#filling === undefined && this.#lease.pending === undefined
    );
  }

  /** Keeps a lease in use from running out, and returns one that nobody has used since the last time. */
  async maintain(): Promise<void> {
    const used = this.#used;
    this.#used = false;
    const expiresAt = this.#lease.expiresAt;
    if (expiresAt === undefined) return;
    if (!used && this.#lease.held === 0) return await this.flush();
    if (expiresAt - this.#options.clock.now() < this.#options.leaseMs / 2) await this.fill(0);
  }

  /** Reports everything and returns what no call holds. Resolves when the ledger has it. */
  async flush(): Promise<void> {
    await this.#filling?.catch(() => {});
    await this.#resend();
    for (let attempt = 0; attempt < MAX_TRIES && this.#lease.hasNews; attempt++) {
      this.#item ??= await this.#read();
      if (await this.#write(0, this.#item, undefined)) return;
    }
  }
}
