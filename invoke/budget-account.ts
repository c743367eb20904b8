import type { Clock, EpochMs } from '../domain/clock.ts';
import { nanoUsd } from '../domain/money.ts';
import type { Lease } from '../domain/spending/lease.ts';
import { type LedgerItem, type LedgerKey, liveHolders, spent } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import { isEdge, sliceFor } from '../domain/spending/slice.ts';
import { ceiling, type LedgerStanding, roomAt, type Terms } from '../domain/spending/terms.ts';
import { EdgeVisits } from './edge-visits.ts';
import { HeldLease, type HeldLeaseOptions, MAX_TRIES } from './held-lease.ts';
import { busy, notProvisioned, refusalFor, unavailable } from './ledger-refusals.ts';
import type { GovernorRefusal } from './refusals.ts';
import { type Timer, WaitingLine } from './waiting-line.ts';

export interface AccountOptions extends HeldLeaseOptions {
  readonly timer: Timer;
  /** How many callers may wait at the edge of this budget. */
  readonly maxWaiting: number;
  /** From 0 to 1; spreads the probes of many processes. */
  readonly random: () => number;
  /** Whether the budget only watches: what it would refuse is counted and goes on. */
  readonly isShadow?: boolean;
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

/** What asking the ledger for money came to. */
export type Filling =
  | { readonly kind: 'granted' }
  | {
      readonly kind: 'refused';
      readonly refusal: GovernorRefusal;
      /** When waiting may help: money is promised to others rather than spent (now), or a pace line rises (then). */
      readonly mayHelpAt: EpochMs | undefined;
    };

const GRANTED: Filling = { kind: 'granted' };

/** After a refusal the ledger is asked again no sooner than this, and then by a read. */
const REFUSAL_MEMORY_MS = 1_000;
/** What is plenty even for so many processes is not missed by any: then there is no need to look. */
const MANY_HOLDERS = 1_000;

/**
 * What this process may spend from one budget in one period: a lease, kept filled ahead of need. Calls reserve and
 * settle in memory; the ledger is written when the slice runs low, and read after a refusal before it is written again.
 */
export class BudgetAccount {
  readonly endsAt: EpochMs;
  readonly #options: AccountOptions;
  /** Whether the budget only watches. */
  readonly isShadow: boolean;
  readonly #held: HeldLease;
  readonly #clock: Clock;
  /** A lease that ends sooner than this is renewed. */
  readonly #renewMs: number;
  /** Made when the first caller must wait: most budgets never come to their edge. */
  #line: WaitingLine | undefined;
  readonly #visits: EdgeVisits;
  #slice = 0;
  #needs: number[] = [];
  #usual = 0;
  #usedSinceGrant = false;
  #usedSinceVisit = false;
  #filling: Promise<Filling> | undefined;
  #refused: { readonly at: EpochMs; readonly need: number; readonly filling: Filling } | undefined;
  #outageAt: EpochMs | undefined;
  #unreachableSince: EpochMs | undefined;
  /** What has been spent or held in this period of what the policy adds for an outage. */
  #extra = 0;
  /** What calls have cost beyond leases in this period that held less. */
  #overrun = 0;
  #settled = { cost: 0, since: 0 };
  /** Whether so little is left that money without a call to spend it on is missing elsewhere. */
  #isAtEdge = false;

  constructor(options: AccountOptions) {
    this.#options = options;
    this.isShadow = options.isShadow === true;
    this.endsAt = options.endsAt;
    this.#held = new HeldLease(options);
    this.#clock = options.clock;
    this.#renewMs = options.leaseMs / 2;
    this.#visits = new EdgeVisits(options);
    this.#settled.since = options.clock.now();
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
      refusedAt: this.#refused?.at,
      unreachableSince: this.#unreachableSince,
    };
  }

  get #isAnyoneWaiting(): boolean {
    return this.#line !== undefined && !this.#line.isEmpty;
  }

  get #lease(): Lease {
    return this.#held.lease;
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
    if (!lease.reserve(amount, now)) return this.#reserveInOutage(amount, now) ?? this.#reserveInShadow(amount, now);
    const expiresAt = lease.expiresAt ?? now;
    const isLow = lease.available * 2 < this.#slice && !this.#isAtEdge;
    if (isLow || expiresAt - now < this.#renewMs) this.#topUp(now);
    return { account: this, lease, amount, source: 'lease' };
  }

  /**
   * Ends a hold.
   * @param spent what the attempt is known to have cost
   * @param unconfirmed what it may have cost beyond that
   */
  end(hold: Hold, spent: number, unconfirmed: number): void {
    this.#settled.cost += spent;
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
    const refused = this.#refused;
    const recent = refused !== undefined && this.#clock.now() - refused.at < REFUSAL_MEMORY_MS;
    if (recent && need >= refused.need) return refused.filling;
    return await this.#ask(need);
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
    this.#visitLedgerIn(this.#refused === undefined && this.#outageAt === undefined ? 0 : this.#visits.probePause);
    return await served;
  }

  #reserveInOutage(amount: CallCost, now: EpochMs): Hold | undefined {
    const lease = this.#lease;
    const terms = this.#item?.terms;
    const extra = terms?.standing === 'closed' ? undefined : terms?.outageExtra;
    // Only a process that had a grant in this period: the bound counts processes that were admitted once.
    if (this.#outageAt === undefined || extra === undefined || !lease.hadGrant || lease.isLost) return undefined;
    if (now >= this.#options.endsAt || this.#extra + this.#overrun + amount > Number(extra)) return undefined;
    lease.overdraw(amount);
    this.#extra += amount;
    this.#topUp(now);
    return { account: this, lease, amount, source: 'outage-extra' };
  }

  /** Only once the ledger has been asked: until then nobody knows whether the budget would refuse. */
  #reserveInShadow(amount: CallCost, now: EpochMs): Hold | undefined {
    if (!this.isShadow || this.#refused === undefined || now >= this.endsAt) return undefined;
    const lease = this.#lease;
    lease.overdraw(amount);
    lease.countUnrefused(amount);
    this.#topUp(now);
    return { account: this, lease, amount, source: 'shadow' };
  }

  /** In the background; its failure is no failure of the call, and shows when the money in hand is used up. */
  #topUp(now: EpochMs): void {
    const tried = this.#refused?.at ?? this.#outageAt;
    if (this.#filling !== undefined || (tried !== undefined && now - tried < REFUSAL_MEMORY_MS)) return;
    void this.#ask(0);
  }

  /** Money came free in this process: whoever waits here has it first. At the edge what is left over goes back. */
  #freed(): void {
    this.#line?.advance();
    if (this.#isAnyoneWaiting || this.#hasFragment) this.#visitLedgerIn(0);
  }

  get #hasFragment(): boolean {
    return this.#isAtEdge && this.#lease.held === 0 && this.#lease.available > 0;
  }

  /** Looks at the ledger for those who wait: soon after money came free here, and now and then in case others gave some back. */
  #visitLedgerIn(ms: number): void {
    this.#visits.planIn(ms, () => {
      if (this.#isAnyoneWaiting) void this.#serveLine().then(() => this.#probeAgain());
      else if (this.#hasFragment) void this.#ask();
    });
  }

  #probeAgain(): void {
    if (this.#isAnyoneWaiting) this.#visitLedgerIn(this.#visits.probePause);
  }

  async #serveLine(): Promise<void> {
    const line = this.#line;
    while (line !== undefined && !line.isEmpty) {
      const filling = await this.#ask(...line.wanted);
      line.advance();
      if (filling.kind === 'granted') return;
      if (filling.mayHelpAt === undefined) line.refuseFirst(filling.refusal);
      else return;
    }
  }

  async #ask(...needs: readonly number[]): Promise<Filling> {
    // Who comes while a write is on its way learns from its outcome, and asks again if it did not bring enough.
    if (this.#filling === undefined || this.#needs.length > 0) this.#needs.push(...needs);
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = undefined;
    });
    return await this.#filling;
  }

  async #fill(): Promise<Filling> {
    // Callers of this moment queue up behind one write.
    await Promise.resolve();
    const needs = this.#needs;
    this.#needs = [];
    try {
      const filling = await this.#fillFor(needs);
      this.#outageAt = undefined;
      this.#unreachableSince = undefined;
      return filling;
    } catch (error) {
      return this.#unreachable(error);
    }
  }

  #unreachable(error: unknown): Filling {
    const now = this.#clock.now();
    const refusal = unavailable(this.key, error);
    // A denial is an answer: no time helps, and it is no outage that the policy adds anything for.
    const isOutage = refusal.code === 'LedgerUnavailable';
    if (isOutage) {
      this.#outageAt = now;
      this.#unreachableSince ??= now;
    }
    const filling: Filling = { kind: 'refused', refusal, mayHelpAt: isOutage ? now : undefined };
    this.#refused = { at: now, need: 0, filling };
    return filling;
  }

  async #fillFor(needs: readonly number[]): Promise<Filling> {
    await this.#held.resend();
    if (needs.length === 0) return await this.#giveBackFragment();
    let isFresh = this.#item === undefined || this.#refused !== undefined;
    if (isFresh) await this.#held.look();
    const all = needs.reduce((sum, need) => sum + need, 0);
    const least = Math.min(...needs);
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const item: LedgerItem | undefined = this.#item;
      if (item === undefined) return this.#refuseUnprovisioned(least);
      const now = this.#clock.now();
      const room = Number(ceiling(item.terms, now) - item.committed) + this.#lease.available;
      if (room < least && isFresh) return await this.#refuse(item, least);
      if (room < least) {
        // Others may have given back since: no one is refused on hearsay.
        isFresh = true;
        await this.#held.look();
        continue;
      }
      const holders = this.#sharers(item, now);
      const elapsed = Math.max(1_000, now - this.#settled.since);
      const target = sliceFor({
        // Not enough for all who ask is still enough for some: they take it in turn, and the others ask again.
        need: Math.min(all, room),
        usual: this.#usual,
        spendPerSecond: Math.ceil((this.#settled.cost * 1_000) / elapsed),
        termSeconds: this.#options.leaseMs / 1_000,
        left: room,
        holders,
        previous: this.#lease.leased > 0n ? this.#slice : 0,
      });
      if (await this.#held.write(target, item)) {
        this.#slice = target;
        this.#refused = undefined;
        this.#settled = { cost: 0, since: now };
        this.#usedSinceGrant = needs.some((need) => need > 0);
        this.#isAtEdge = isEdge({ left: room, holders, usual: this.#usual });
        if (this.#isAtEdge) this.#visits.keepAway(item);
        return GRANTED;
      }
    }
    return { kind: 'refused', refusal: busy(this.key), mayHelpAt: this.#clock.now() };
  }

  /** Among how many processes what is left is shared, this one included. */
  #sharers(item: LedgerItem, now: EpochMs): number {
    return (liveHolders(item, now) + (item.holders.has(this.#lease.holder) ? 0 : 1)) * (item.siblings ?? 1);
  }

  /** At the edge, what no call of this process needs goes back at once: elsewhere it may complete a reservation. */
  async #giveBackFragment(): Promise<Filling> {
    const item = await this.#held.lookOnce();
    if (item !== undefined && this.#hasFragment && (await this.#held.write(0, item, { stays: true })))
      this.#visits.keepAway(item);
    return GRANTED;
  }

  /** Gives back what is not in use, leaves word of the refusal for the governor, and remembers it. */
  async #refuse(seen: LedgerItem, need: number): Promise<Filling> {
    const { clock } = this.#options;
    const isNews = this.#refused === undefined || need < this.#refused.need || this.#lease.hasNews;
    let item = seen;
    if (isNews) {
      // A top-up that was refused kept no call from being made: it is no evidence that the budget is used up.
      const isEvidence = need > 0 && seen.terms.standing !== 'closed';
      await this.#held.write(0, seen, isEvidence ? { refusal: { at: clock.now(), need: nanoUsd(BigInt(need)) } } : {});
      item = this.#item ?? seen;
    }
    this.#isAtEdge = true;
    this.#visits.keepAway(item);
    const now = clock.now();
    const amount = nanoUsd(BigInt(need));
    const whenPaced = roomAt(item.terms, item.committed, amount, now);
    const promised = ceiling(item.terms, now) - spent(item) >= amount;
    const mayHelpAt = whenPaced ?? (promised ? now : undefined);
    const filling: Filling = { kind: 'refused', refusal: refusalFor(item, amount, now, mayHelpAt), mayHelpAt };
    this.#refused = { at: now, need, filling };
    return filling;
  }

  #refuseUnprovisioned(need: number): Filling {
    const filling: Filling = { kind: 'refused', refusal: notProvisioned(this.key), mayHelpAt: undefined };
    // A budget that only watches lets calls pass all the same; any other is asked again at the next call.
    if (this.isShadow) this.#refused = { at: this.#clock.now(), need, filling };
    return filling;
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
    await this.#ask(0);
  }

  /** Whether nothing of this account is in use or unreported. */
  get isAtRest(): boolean {
    const lease = this.#lease;
    return (
      lease.held === 0 &&
      !lease.hasNews &&
      this.#filling === undefined &&
      lease.pending === undefined &&
      !this.#isAnyoneWaiting
    );
  }

  /** Past half of its term a lease in use is renewed, and one that nobody used is returned. */
  async maintain(): Promise<void> {
    const now = this.#clock.now();
    const { expiresAt } = this.#lease;
    if (this.#lease.pending !== undefined) await this.#ask(0);
    else if (expiresAt === undefined) await this.#tellCarriedOver();
    else if (expiresAt - now > this.#renewMs) await this.#lookIfIdle();
    else if (this.#usedSinceGrant && now < this.endsAt) await this.#ask(0);
    else await this.flush();
  }

  /** A lease that replaces a lost one may have spending to tell before its first grant. */
  async #tellCarriedOver(): Promise<void> {
    if (this.#lease.hasNews && this.#filling === undefined) await this.flush();
  }

  /** Money that nobody uses may stay in hand for as long as nobody else misses it. */
  async #lookIfIdle(): Promise<void> {
    const isIdle = !this.#usedSinceVisit && this.#filling === undefined && this.#lease.available > 0;
    this.#usedSinceVisit = false;
    if (!isIdle || (this.#item !== undefined && !this.#isEdgeAmong(this.#item, MANY_HOLDERS))) return;
    const item = await this.#held.look();
    if (item === undefined || this.#filling !== undefined) return;
    this.#isAtEdge = this.#isEdgeAmong(item, 1);
    if (this.#hasFragment) await this.#ask();
  }

  /** Whether this would be the edge for so many holders of the item, or for those that it has. */
  #isEdgeAmong(item: LedgerItem, atLeast: number): boolean {
    const now = this.#clock.now();
    const left = Number(ceiling(item.terms, now) - item.committed) + this.#lease.available;
    const holders = Math.max(this.#sharers(item, now), atLeast);
    return isEdge({ left, holders, usual: this.#usual });
  }

  /** Reports everything and returns what no call holds. Resolves when the ledger has it. */
  async flush(): Promise<void> {
    while (this.#filling !== undefined) await this.#filling;
    const giving = this.#giveBack();
    // A lease has one write in flight at a time: who needs money meanwhile waits for this one, and asks again.
    this.#filling = giving
      .then(
        () => GRANTED,
        (error: unknown) => this.#unreachable(error),
      )
      .finally(() => {
        this.#filling = undefined;
      });
    await giving;
  }

  async #giveBack(): Promise<void> {
    // A lease that was just returned is not to be renewed.
    this.#usedSinceGrant = false;
    await this.#held.giveBack();
  }
}
