import type { Clock, EpochMs } from '../domain/clock.ts';
import type { Lease } from '../domain/spending/lease.ts';
import type { LedgerItem, LedgerKey } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { LedgerStanding, Terms } from '../domain/spending/terms.ts';
import { EdgeVisits } from './edge-visits.ts';
import { HeldLease, type HeldLeaseOptions } from './held-lease.ts';
import { type FilledAccount, type Filling, LeaseFilling } from './lease-filling.ts';
import type { GovernorRefusal } from './refusals.ts';
import { type Timer, WaitingLine } from './waiting-line.ts';

export interface AccountOptions extends HeldLeaseOptions {
  readonly startsAt: EpochMs;
  readonly timer: Timer;
  /** How many callers may wait at the edge of this budget. */
  readonly maxWaiting: number;
  /** From 0 to 1; spreads the probes of many processes. */
  readonly random: () => number;
  /** Whether the budget only watches: what it would refuse is counted and goes on. */
  readonly isShadow?: boolean;
  /** Whether what is leased from now on would be given back by nobody. */
  readonly isClosed?: () => boolean;
}

/** Where a hold's money comes from: the lease; the policy's extra for an outage; or nowhere, as the budget only watches. */
export type HoldSource = 'lease' | 'outage-extra' | 'shadow';

/** A reservation in one account: the lease that it was taken from, which may have been replaced since. */
export interface Hold {
  readonly account: BudgetAccount;
  readonly lease: Lease;
  readonly amount: CallCost;
  readonly source: HoldSource;
}

/** How an account stands, for people. Amounts in nano-dollars. */
export interface AccountState {
  readonly key: LedgerKey;
  readonly endsAt: EpochMs;
  /** As last seen; undefined before the ledger was read. */
  readonly standing: LedgerStanding | undefined;
  readonly available: number;
  readonly held: number;
  readonly waiting: number;
  /** When the ledger last refused, while it has not granted since. */
  readonly refusedAt: EpochMs | undefined;
  /** Since when the ledger cannot be reached. */
  readonly unreachableSince: EpochMs | undefined;
}

/** What is plenty even for so many processes is not missed by any: then there is no need to look. */
const MANY_HOLDERS = 1_000;

/**
 * What this process may spend from one budget in one period: a lease, kept filled ahead of need. Calls reserve and
 * settle in memory; the ledger is written when the slice runs low, and read after a refusal before it is written again.
 */
export class BudgetAccount implements FilledAccount {
  // First what every call looks at, side by side in memory.
  #lease: Lease;
  /** Made when the first caller must wait: most budgets never come to their edge. */
  #line: WaitingLine | undefined;
  #slice = 0;
  #usual = 0;
  #usedSinceGrant = false;
  #usedSinceVisit = false;
  /** Whether so little is left that money without a call to spend it on is missing elsewhere. */
  #isAtEdge = false;
  /** What calls have cost since the last grant. */
  #cost = 0;
  /** What calls have cost beyond leases in this period that held less. */
  #overrun = 0;
  /** A lease that ends sooner than this is renewed. */
  readonly #renewMs: number;

  /** When the period begins, and when it is over. */
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
  readonly #options: AccountOptions;
  /** Whether the budget only watches. */
  readonly isShadow: boolean;
  readonly #held: HeldLease;
  readonly #clock: Clock;
  readonly #visits: EdgeVisits;
  readonly #filling: LeaseFilling;
  /** What has been spent or held in this period of what the policy adds for an outage. */
  #extra = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.isShadow = options.isShadow === true;
    this.startsAt = options.startsAt;
    this.endsAt = options.endsAt;
    this.#renewMs = options.leaseMs / 2;
    this.#held = new HeldLease(options, (lease) => {
      this.#lease = lease;
    });
    this.#lease = this.#held.lease;
    this.#clock = options.clock;
    this.#visits = new EdgeVisits(options);
    this.#filling = new LeaseFilling(options, this.#held, this.#visits, this);
  }

  /** Whether an instant is of the account's period. */
  isOf(now: EpochMs): boolean {
    return now < this.endsAt && now >= this.startsAt;
  }

  get key(): LedgerKey {
    return this.#options.key;
  }

  /** The budget's standing as last seen. */
  get standing(): LedgerStanding | undefined {
    return this.#item?.terms.standing;
  }

  get state(): AccountState {
    const { available, held } = this.#lease;
    return {
      key: this.key,
      endsAt: this.endsAt,
      standing: this.standing,
      available,
      held,
      waiting: this.#line?.wanted.length ?? 0,
      refusedAt: this.#filling.refusedAt,
      unreachableSince: this.#filling.unreachableSince,
    };
  }

  get #isAnyoneWaiting(): boolean {
    return this.#line !== undefined && !this.#line.isEmpty;
  }

  get #item(): LedgerItem | undefined {
    return this.#held.item;
  }

  /**
   * Whether a caller must wait its turn: others wait already, or this process has just been to the ledger and, this near
   * to the edge of the budget, must leave room for the other processes.
   */
  get mustQueue(): boolean {
    return !this.isShadow && (this.#isAnyoneWaiting || this.#visits.mustKeepAway);
  }

  /**
   * Takes a hold in memory; undefined where the money in hand does not cover it, or others wait. Never waits.
   * @param inTurn the caller is the first of those who wait
   */
  reserve(amount: CallCost, now = this.#clock.now(), inTurn = false): Hold | undefined {
    if (!inTurn && this.#isAnyoneWaiting) return undefined;
    this.#usual = amount;
    this.#usedSinceGrant = true;
    this.#usedSinceVisit = true;
    const lease = this.#lease;
    // A clock that was ahead for a moment has dated the lease beyond its period, or asked for one of the next.
    if (!this.isOf(now) || !lease.reserve(amount, now))
      return this.#reserveInOutage(amount, now) ?? this.#reserveInShadow(amount, now);
    const expiresAt = lease.expiresAt ?? now;
    const isLow = lease.available * 2 < this.#slice && !this.#isAtEdge;
    if (isLow || expiresAt - now < this.#renewMs) this.#filling.topUp(now);
    return { account: this, lease, amount, source: 'lease' };
  }

  /**
   * Ends a hold.
   * @param spent what the attempt is known to have cost
   * @param unconfirmed what it may have cost beyond that
   */
  end(hold: Hold, spent: number, unconfirmed: number): void {
    this.#cost += spent;
    const before = hold.lease.overdrawn;
    hold.lease.end(hold.amount, spent, unconfirmed);
    this.#countBeyond(hold, spent, unconfirmed, before);
    this.#freed();
  }

  /** Undoes a reservation of this very moment. No money came free: whoever waits could not have had it before either. */
  putBack(hold: Hold): void {
    hold.lease.end(hold.amount, 0, 0);
    if (hold.source === 'outage-extra') this.#extra -= hold.amount;
    if (hold.source === 'shadow') hold.lease.uncountUnrefused(hold.amount);
  }

  /** A call that cost more than was held for it may have overdrawn the lease: that is beyond it as well. */
  #countBeyond({ lease, amount, source }: Hold, spent: number, unconfirmed: number, overdrawnBefore: number): void {
    const overdrawn = lease.overdrawn - overdrawnBefore;
    if (source === 'outage-extra') this.#extra += spent + unconfirmed - amount;
    // What a call leaves makes up for calls that cost more, and for nothing else: it is in the lease again.
    else if (source === 'lease') this.#overrun = Math.max(0, this.#overrun + overdrawn);
    // What the ledger took back counts as spent there; what is beyond that it learns from the lease that came after.
    if (!lease.isLost || overdrawn <= 0) return;
    const known = Math.min(overdrawn, spent);
    this.#lease.carryOver({ spent: known, unconfirmed: overdrawn - known });
  }

  /** Asks the ledger for at least `need`, together with whoever else asks at this moment. */
  async fill(need: number): Promise<Filling> {
    return await this.#filling.fill(need);
  }

  /**
   * Waits in line for money that others may give back.
   * @returns what the attempt came to, or undefined when the time is over or the line is full
   */
  async wait<T>(turn: {
    amount: number;
    until: EpochMs;
    signal?: AbortSignal | undefined;
    attempt: () => T | undefined;
  }): Promise<T | undefined> {
    this.#line ??= new WaitingLine(this.#options.maxWaiting);
    if (this.#line.isFull) return undefined;
    const served = this.#line.join(turn, this.#clock.now(), this.#options.timer);
    this.#visitLedgerIn(this.#filling.wasInVain ? this.#visits.probePause : 0);
    return await served;
  }

  /** Sends away all who wait. */
  dismiss(reason: GovernorRefusal): void {
    while (this.#isAnyoneWaiting) this.#line?.refuseFirst(reason);
  }

  #reserveInOutage(amount: CallCost, now: EpochMs): Hold | undefined {
    const lease = this.#lease;
    const terms = this.#item?.terms;
    const extra = terms?.standing === 'closed' ? undefined : terms?.outageExtra;
    // Only a process that had a grant in this period: the bound counts processes that were admitted once.
    if (!this.#filling.isOutage || extra === undefined || !lease.hadGrant || lease.isLost) return undefined;
    if (!this.isOf(now) || this.#extra + this.#overrun + amount > Number(extra)) return undefined;
    lease.overdraw(amount);
    this.#extra += amount;
    this.#filling.topUp(now);
    return { account: this, lease, amount, source: 'outage-extra' };
  }

  /** Only once the ledger has been asked: until then nobody knows whether the budget would refuse. */
  #reserveInShadow(amount: CallCost, now: EpochMs): Hold | undefined {
    if (!this.isShadow || this.#filling.refusedAt === undefined || !this.isOf(now)) return undefined;
    const lease = this.#lease;
    lease.overdraw(amount);
    lease.countUnrefused(amount);
    this.#filling.topUp(now);
    return { account: this, lease, amount, source: 'shadow' };
  }

  /** Money came free in this process: whoever waits here has it first. At the edge what is left over goes back. */
  #freed(): void {
    this.#line?.advance();
    if (this.#isAnyoneWaiting || this.hasFragment) this.#visitLedgerIn(0);
  }

  /** @see {@link FilledAccount} */
  demand(): { readonly usual: number; readonly cost: number; readonly slice: number } {
    return { usual: this.#usual, cost: this.#cost, slice: this.#slice };
  }

  /** @see {@link FilledAccount} */
  granted(slice: number, isAtEdge: boolean, isForCalls: boolean): void {
    this.#slice = slice;
    this.#isAtEdge = isAtEdge;
    this.#usedSinceGrant = isForCalls;
    this.#cost = 0;
  }

  /** @see {@link FilledAccount} */
  refused(): void {
    this.#isAtEdge = true;
  }

  /** A lease that was just returned is not to be renewed. @see {@link FilledAccount} */
  returned(): void {
    this.#usedSinceGrant = false;
  }

  /** @see {@link FilledAccount} */
  get hasFragment(): boolean {
    return this.#isAtEdge && this.#lease.held === 0 && this.#lease.available > 0;
  }

  /** Looks at the ledger for those who wait: soon after money came free here, and now and then in case others gave some back. */
  #visitLedgerIn(ms: number): void {
    this.#visits.planIn(ms, () => {
      if (this.#isAnyoneWaiting) void this.#serveLine().then(() => this.#probeAgain());
      else if (this.hasFragment) void this.#filling.ask();
    });
  }

  #probeAgain(): void {
    if (this.#isAnyoneWaiting) this.#visitLedgerIn(this.#visits.probePause);
  }

  async #serveLine(): Promise<void> {
    const line = this.#line;
    while (line !== undefined && !line.isEmpty) {
      const filling = await this.#filling.ask(...line.wanted);
      line.advance();
      if (filling.kind === 'granted') return;
      if (filling.mayHelpAt === undefined) line.refuseFirst(filling.refusal);
      else return;
    }
  }

  /** Whether there is money in hand that other terms might take back. */
  get isSpending(): boolean {
    return this.#lease.available > 0 && this.#lease.isLive(this.#clock.now());
  }

  /** Hears the budget's present terms: what they do not allow goes back at once, instead of at the next renewal. */
  async hear(terms: Terms): Promise<void> {
    const known = this.#item?.terms.version;
    if (known === undefined || terms.version <= known) return;
    this.#held.learn(terms);
    await this.#filling.ask(0);
  }

  /** Whether a call that costs so much would find the money in the ledger, by a look at it. */
  async hasRoomFor(amount: CallCost): Promise<boolean> {
    return await this.#filling.hasRoomFor(amount);
  }

  /** Sends for what a call will need, and does not wait: what comes of it the call learns. */
  sendFor(amount: CallCost): void {
    this.#usual = amount;
    void this.#filling.ask(amount);
  }

  /** Whether nothing of this account is in use or unreported. */
  get isAtRest(): boolean {
    const lease = this.#lease;
    return (
      lease.held === 0 &&
      !lease.hasNews &&
      !this.#filling.isUnderWay &&
      lease.pending === undefined &&
      !this.#isAnyoneWaiting
    );
  }

  /** Past half of its term a lease in use is renewed, and one that nobody used is returned. */
  async maintain(): Promise<void> {
    const now = this.#clock.now();
    const { expiresAt } = this.#lease;
    if (this.#lease.pending !== undefined) await this.#filling.ask(0);
    else if (expiresAt === undefined) await this.#tellCarriedOver();
    else if (expiresAt - now > this.#renewMs) await this.#lookIfIdle();
    else if (this.#usedSinceGrant && now < this.endsAt) await this.#filling.ask(0);
    else await this.flush();
  }

  /** A lease that replaces a lost one may have spending to tell before its first grant. */
  async #tellCarriedOver(): Promise<void> {
    if (this.#lease.hasNews && !this.#filling.isUnderWay) await this.flush();
  }

  /** Money that nobody uses may stay in hand for as long as nobody else misses it. */
  async #lookIfIdle(): Promise<void> {
    const isIdle = !this.#usedSinceVisit && !this.#filling.isUnderWay && this.#lease.available > 0;
    this.#usedSinceVisit = false;
    if (!isIdle || (this.#item !== undefined && !this.#filling.isEdgeAmong(this.#item, MANY_HOLDERS))) return;
    const item = await this.#held.look();
    if (item === undefined || this.#filling.isUnderWay) return;
    this.#isAtEdge = this.#filling.isEdgeAmong(item, 1);
    if (this.hasFragment) await this.#filling.ask();
  }

  /** Reports everything and returns what no call holds. Resolves when the ledger has it. */
  async flush(): Promise<void> {
    await this.#filling.flush();
  }
}
