import type { Clock, EpochMs } from '../domain/clock.ts';
import { nanoUsd } from '../domain/money.ts';
import type { Lease } from '../domain/spending/lease.ts';
import { type LedgerItem, type LedgerKey, liveHolders, spent } from '../domain/spending/ledger.ts';
import { isEdge, sliceFor } from '../domain/spending/slice.ts';
import { ceiling, roomAt } from '../domain/spending/terms.ts';
import type { EdgeVisits } from './edge-visits.ts';
import { type HeldLease, MAX_TRIES } from './held-lease.ts';
import { busy, notProvisioned, refusalFor, unavailable } from './ledger-refusals.ts';
import { type GovernorRefusal, governorClosed } from './refusals.ts';

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

/** A time that is still to come was told by a clock that was ahead, for an hour perhaps. */
const isRecent = (at: EpochMs, now: EpochMs): boolean => Math.abs(now - at) < REFUSAL_MEMORY_MS;

/** The account whose lease is filled. */
export interface FilledAccount {
  /** A usual hold, what calls have cost since the last grant, and how much that grant left in hand. */
  demand(): { readonly usual: number; readonly cost: number; readonly slice: number };
  /** Whether there is money in hand that no call of this process needs, and that others may be waiting for. */
  readonly hasFragment: boolean;
  /**
   * @param slice what is in hand now
   * @param isAtEdge whether so little is left for all that fragments go back at once
   * @param isForCalls whether calls had asked for it
   */
  granted(slice: number, isAtEdge: boolean, isForCalls: boolean): void;
  /** Nothing is left for it: what it has goes back as soon as no call holds it. */
  refused(): void;
  /** What no call holds has gone back. */
  returned(): void;
}

export interface LeaseFillingOptions {
  readonly key: LedgerKey;
  readonly startsAt: EpochMs;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Whether the budget only watches. */
  readonly isShadow?: boolean;
  /** Whether what is leased from now on would be given back by nobody. */
  readonly isClosed?: () => boolean;
}

/**
 * Keeps a lease filled: how much to ask the ledger for, when to ask again after a refusal, and what an outage is. One
 * request at a time, for everybody who asks meanwhile.
 */
export class LeaseFilling {
  readonly #options: LeaseFillingOptions;
  readonly #held: HeldLease;
  readonly #clock: Clock;
  readonly #visits: EdgeVisits;
  readonly #account: FilledAccount;
  #needs: number[] = [];
  #underWay: Promise<Filling> | undefined;
  #refused: { readonly at: EpochMs; readonly need: number; readonly filling: Filling } | undefined;
  #outageAt: EpochMs | undefined;
  #unreachableSince: EpochMs | undefined;
  #grantedAt: EpochMs;

  constructor(options: LeaseFillingOptions, held: HeldLease, visits: EdgeVisits, account: FilledAccount) {
    this.#options = options;
    this.#held = held;
    this.#clock = options.clock;
    this.#visits = visits;
    this.#account = account;
    this.#grantedAt = options.clock.now();
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /** When the ledger last refused, while it has not granted since. */
  get refusedAt(): EpochMs | undefined {
    return this.#refused?.at;
  }

  /** Whether the ledger could not be reached when it was last asked. */
  get isOutage(): boolean {
    return this.#outageAt !== undefined;
  }

  /** Since when the ledger cannot be reached. */
  get unreachableSince(): EpochMs | undefined {
    return this.#unreachableSince;
  }

  /** Whether the last asking brought nothing. */
  get wasInVain(): boolean {
    return this.#refused !== undefined || this.#outageAt !== undefined;
  }

  get #lease(): Lease {
    return this.#held.lease;
  }

  get #item(): LedgerItem | undefined {
    return this.#held.item;
  }

  /** Asks the ledger for at least `need`, together with whoever else asks at this moment. */
  async fill(need: number): Promise<Filling> {
    const refused = this.#refused;
    const recent = refused !== undefined && isRecent(refused.at, this.#clock.now());
    if (recent && need >= refused.need) return refused.filling;
    return await this.ask(need);
  }

  /** Looks at the ledger: whether it has room for so much. A no is told to whoever needs it, when it is certain that they do. */
  async hasRoomFor(need: number): Promise<boolean> {
    try {
      const item = await this.#held.lookOnce();
      return item !== undefined && this.#roomIn(item, this.#clock.now()) >= need;
    } catch (error) {
      this.#unreachable(error);
      return false;
    }
  }

  /** In the background; its failure is no failure of the call, and shows when the money in hand is used up. */
  topUp(now: EpochMs): void {
    const tried = this.#refused?.at ?? this.#outageAt;
    if (this.#underWay !== undefined || (tried !== undefined && isRecent(tried, now))) return;
    void this.ask(0);
  }

  /** Asks the ledger for what these need; for none, it only tops up what is in hand (0) or gives back a fragment (no need at all). */
  async ask(...needs: readonly number[]): Promise<Filling> {
    // Who comes while a write is on its way learns from its outcome, and asks again if it did not bring enough.
    if (this.#underWay === undefined || this.#needs.length > 0) this.#needs.push(...needs);
    this.#underWay ??= this.#fill().finally(() => {
      this.#underWay = undefined;
    });
    return await this.#underWay;
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
    const refusal = unavailable(this.#options.key, error);
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
    // Asked for by what was under way when the governor was closed.
    if (this.#options.isClosed?.() === true)
      return { kind: 'refused', refusal: governorClosed(), mayHelpAt: undefined };
    let isFresh = this.#item === undefined || this.#refused !== undefined;
    if (isFresh) await this.#held.look();
    const all = needs.reduce((sum, need) => sum + need, 0);
    const least = Math.min(...needs);
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const item: LedgerItem | undefined = this.#item;
      if (item === undefined) return this.#refuseUnprovisioned(least);
      const now = this.#clock.now();
      // The ledger grants nothing before the period begins, and an answer of it has just told what time it is.
      if (now < this.#options.startsAt) break;
      const room = this.#roomIn(item, now);
      if (room < least && isFresh) return await this.#refuse(item, least);
      if (room < least) {
        // Others may have given back since: no one is refused on hearsay.
        isFresh = true;
        await this.#held.look();
        continue;
      }
      const holders = this.#sharers(item, now);
      const elapsed = Math.max(1_000, now - this.#grantedAt);
      const { usual, cost, slice } = this.#account.demand();
      const target = sliceFor({
        // Not enough for all who ask is still enough for some: they take it in turn, and the others ask again.
        need: Math.min(all, room),
        usual,
        spendPerSecond: Math.ceil((cost * 1_000) / elapsed),
        termSeconds: this.#options.leaseMs / 1_000,
        left: room,
        holders,
        previous: this.#lease.leased > 0n ? slice : 0,
      });
      if (await this.#held.write(target, item)) {
        this.#refused = undefined;
        this.#grantedAt = now;
        const isAtEdge = isEdge({ left: room, holders, usual });
        this.#account.granted(
          target,
          isAtEdge,
          needs.some((need) => need > 0),
        );
        if (isAtEdge) this.#visits.keepAway(item);
        return GRANTED;
      }
    }
    return { kind: 'refused', refusal: busy(this.#options.key), mayHelpAt: this.#clock.now() };
  }

  /** What the budget has left for this process, as the item was last seen; less than nothing where it was lowered. */
  #roomIn(item: LedgerItem, now: EpochMs): number {
    return Number(ceiling(item.terms, now) - item.committed) + this.#lease.available;
  }

  /** Among how many processes what is left is shared, this one included. */
  #sharers(item: LedgerItem, now: EpochMs): number {
    return (liveHolders(item, now) + (item.holders.has(this.#lease.holder) ? 0 : 1)) * (item.siblings ?? 1);
  }

  /** At the edge, what no call of this process needs goes back at once: elsewhere it may complete a reservation. */
  async #giveBackFragment(): Promise<Filling> {
    const item = await this.#held.lookOnce();
    if (item !== undefined && this.#account.hasFragment && (await this.#held.write(0, item, { stays: true })))
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
    this.#account.refused();
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
    const filling: Filling = { kind: 'refused', refusal: notProvisioned(this.#options.key), mayHelpAt: undefined };
    // A budget that only watches lets calls pass all the same; any other is asked again at the next call.
    if (this.#options.isShadow === true) this.#refused = { at: this.#clock.now(), need, filling };
    return filling;
  }

  /** Whether this would be the edge for so many holders of the item, or for those that it has. */
  isEdgeAmong(item: LedgerItem, atLeast: number): boolean {
    const now = this.#clock.now();
    const left = this.#roomIn(item, now);
    const holders = Math.max(this.#sharers(item, now), atLeast);
    return isEdge({ left, holders, usual: this.#account.demand().usual });
  }

  /** Reports everything and returns what no call holds. Resolves when the ledger has it. */
  async flush(): Promise<void> {
    while (this.#underWay !== undefined) await this.#underWay;
    const giving = this.#giveBack();
    // A lease has one write in flight at a time: who needs money meanwhile waits for this one, and asks again.
    this.#underWay = giving
      .then(
        () => GRANTED,
        (error: unknown) => this.#unreachable(error),
      )
      .finally(() => {
        this.#underWay = undefined;
      });
    await giving;
  }

  async #giveBack(): Promise<void> {
    this.#account.returned();
    await this.#held.giveBack();
  }
}
