import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import type { Denial } from '../../domain/lending/denial.ts';
import { nanoUsd } from '../../domain/money.ts';
import {
  type HolderId,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  reclaimable,
  type WriteId,
} from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { BudgetAccount, type Hold } from '../../invoke/budget-account.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { TestTimer } from './test-timer.ts';

const KEY: LedgerKey = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };
const GRACE_MS = 15 * 60_000;

/** One process's account of one budget, and a ledger that may be out of reach. */
class World {
  readonly ledger = new MemoryLedger();
  readonly timer = new TestTimer();
  readonly account: BudgetAccount;
  isReachable = true;
  /** The code with which a function before the ledger denies writes. */
  denies: Denial | undefined;
  /** Writes that were refused, while an earlier copy of each is still under way to the ledger. */
  readonly underWay: LeaseWrite[] = [];
  isRefusing = false;
  #ids = 0;

  constructor({ limit, extra, isShadow = false }: { limit: number; extra?: number; isShadow?: boolean }) {
    const amount = nanoUsd(BigInt(limit));
    void this.ledger.provide({
      key: KEY,
      startsAt: epochMs(Date.UTC(2026, 10, 1)),
      endsAt: epochMs(Date.UTC(2026, 11, 1)),
      terms: {
        limit: amount,
        stopAt: amount,
        standing: 'open',
        version: 1,
        ...(extra === undefined ? {} : { outageExtra: nanoUsd(BigInt(extra)) }),
      },
    });
    const reach = async <T>(work: () => Promise<T>): Promise<T> => {
      if (this.isReachable) return await work();
      throw new Fault('LedgerUnavailable', { doing: 'asking', problem: 'no answer', next: 'try again' });
    };
    const ledger: LeaseLedger = {
      read: async (key) => await reach(async () => await this.ledger.read(key)),
      write: async (write) =>
        await reach(async () => {
          if (this.isRefusing) {
            this.underWay.push(write);
            return { kind: 'refused', why: 'terms-changed', item: this.item };
          }
          if (this.denies === undefined) return await this.ledger.write(write);
          throw new Fault(this.denies, { doing: 'writing', problem: 'it is denied', next: 'nothing was written' });
        }),
    };
    this.account = new BudgetAccount({
      key: KEY,
      startsAt: epochMs(Date.UTC(2026, 10, 1)),
      endsAt: epochMs(Date.UTC(2026, 11, 1)),
      ledger,
      clock: this.timer,
      timer: this.timer,
      leaseMs: 60_000,
      maxWaiting: 10,
      random: () => 0.5,
      newHolder: () => `holder-${++this.#ids}` as HolderId,
      newWriteId: () => `write-${++this.#ids}` as WriteId,
      isShadow,
    });
  }

  get item(): LedgerItem {
    const item = this.ledger.item(KEY);
    if (item === undefined) throw new Error('the item is provided');
    return item;
  }

  /** A hold, where need be after the ledger was asked. */
  async take(amount: number): Promise<Hold> {
    const cost = callCost(amount);
    const hold = this.account.reserve(cost);
    if (hold !== undefined) return hold;
    await this.account.fill(cost);
    const after = this.account.reserve(cost);
    if (after === undefined) throw new Error(`nothing pays for ${amount}`);
    return after;
  }

  /** The process sleeps until its leases were taken back. */
  async sleepPastGrace(): Promise<void> {
    this.timer.advance(60_000 + GRACE_MS + 1);
    for (const [holder, entry] of reclaimable(this.item, this.timer.now(), GRACE_MS))
      await this.ledger.reclaim(KEY, holder, entry, `reclaim-${++this.#ids}` as WriteId);
  }
}

describe('an account whose ledger cannot be reached', () => {
  it('takes nothing twice from the extra where calls cost less than they held', async () => {
    const world = new World({ limit: 100_000, extra: 50 });
    const { account } = world;
    const cheap = await world.take(40);
    const rest = account.reserve(callCost(120));
    world.isReachable = false;
    await account.fill(1_000_000);
    const beyond = account.reserve(callCost(50));
    if (beyond === undefined || rest === undefined) throw new Error('the lease and the extra pay for these');
    expect([world.item.leased, rest.source, beyond.source]).toEqual([160n, 'lease', 'outage-extra']);
    account.end(cheap, 0, 0);
    account.end(beyond, 0, 0);
    expect(account.reserve(callCost(40))).toMatchObject({ source: 'lease' });
    expect(account.reserve(callCost(50))).toMatchObject({ source: 'outage-extra' });
    expect(account.reserve(callCost(1))).toBeUndefined();
  });

  it('spends its lease and the extra of the policy, and no more, however its calls end', async () => {
    const step = fc.record({
      amount: fc.integer({ min: 1, max: 40 }),
      ends: fc.option(fc.record({ which: fc.nat({ max: 9 }), percent: fc.constantFrom(0, 0, 50, 100) })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), fc.nat({ max: 120 }), async (steps, extra) => {
        const world = new World({ limit: 100_000, extra });
        const { account } = world;
        account.end(await world.take(10), 0, 0);
        const leased = Number(world.item.leased);
        world.isReachable = false;
        await account.fill(1_000_000);
        const holds: Hold[] = [];
        let spent = 0;
        for (const { amount, ends } of steps) {
          const hold = account.reserve(callCost(amount));
          if (hold !== undefined) holds.push(hold);
          const [ending] = ends === null ? [] : holds.splice(ends.which % Math.max(1, holds.length), 1);
          if (ends !== null && ending !== undefined) {
            const cost = Math.floor((ending.amount * ends.percent) / 100);
            account.end(ending, cost, 0);
            spent += cost;
          }
          const held = holds.reduce((sum, one) => sum + one.amount, 0);
          expect(spent + held).toBeLessThanOrEqual(leased + extra);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('an account whose report is denied', () => {
  it.each(['RequestInvalid', 'ReportTooLarge'] as const)('%s: tells it anew, as it is by then', async (code) => {
    const world = new World({ limit: 100_000 });
    const { account } = world;
    const early = await world.take(10);
    const late = await world.take(10);
    account.end(early, 10, 0);
    world.denies = code;
    await expect(account.flush()).rejects.toMatchObject({ code });
    account.end(late, 7, 0);
    await expect(account.flush()).rejects.toMatchObject({ code });
    world.denies = undefined;
    await account.flush();
    expect(world.ledger.effects).toHaveLength(2);
    expect(world.item).toMatchObject({ committed: 17n, settled: 17n, leased: 0n });
  });

  it.each(['RequestInvalid', 'ReportTooLarge'] as const)(
    '%s: has nothing to tell of what never landed',
    async (code) => {
      const world = new World({ limit: 100_000 });
      world.denies = code;
      await world.account.fill(1_000);
      expect(world.account.isAtRest).toBe(true);
      await world.account.flush();
      expect(world.ledger.effects).toEqual([]);
    },
  );

  it('repeats the identical write where the denial may be younger than the write', async () => {
    const world = new World({ limit: 100_000 });
    const { account } = world;
    const late = await world.take(1);
    account.end(await world.take(10), 10, 0);
    world.denies = 'CallerUnknown';
    await expect(account.flush()).rejects.toMatchObject({ code: 'CallerUnknown' });
    account.end(late, 1, 0);
    world.denies = undefined;
    await account.flush();
    // Two grants, the repeated write, and one of what came after it.
    expect(world.ledger.effects).toHaveLength(4);
    expect(world.item).toMatchObject({ committed: 11n, settled: 11n, leased: 0n });
  });
});

describe('an account whose write was refused, and lands all the same by an earlier copy', () => {
  it('knows the money as its own, and gives it back', async () => {
    const world = new World({ limit: 100_000 });
    const hold = await world.take(40);
    world.account.end(hold, 40, 0);
    world.isRefusing = true;
    await world.account.fill(1_000);
    world.isRefusing = false;
    const copy = world.underWay[0];
    if (copy === undefined) throw new Error('it was sent');
    expect(await world.ledger.write(copy)).toMatchObject({ kind: 'landed' });
    await world.account.flush();
    expect(world.item).toMatchObject({ committed: 40n, settled: 40n, leased: 0n, unconfirmed: 0n });
  });

  it('counts every call once, whichever of the copies land', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('take' as const), amount: fc.integer({ min: 1, max: 400 }) }),
      fc.record({ kind: fc.constant('end' as const), spent: fc.nat(400), isKnown: fc.boolean() }),
      fc.record({ kind: fc.constant('refused' as const), need: fc.nat(2_000) }),
      fc.record({ kind: fc.constant('copy' as const), which: fc.nat(10) }),
      fc.record({ kind: fc.constant('flush' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const world = new World({ limit: 1_000_000 });
        const holds: Hold[] = [];
        let settled = 0n;
        let unconfirmed = 0n;
        const end = (spent: number, isKnown: boolean): void => {
          const hold = holds.pop();
          if (hold === undefined) return;
          const cost = Math.min(spent, hold.amount);
          world.account.end(hold, isKnown ? cost : 0, isKnown ? 0 : hold.amount);
          if (isKnown) settled += BigInt(cost);
          else unconfirmed += BigInt(hold.amount);
        };
        for (const taken of steps)
          if (taken.kind === 'take') holds.push(await world.take(taken.amount));
          else if (taken.kind === 'end') end(taken.spent, taken.isKnown);
          else if (taken.kind === 'refused') {
            world.isRefusing = true;
            await world.account.fill(taken.need);
            world.isRefusing = false;
          } else if (taken.kind === 'copy') {
            const copy = world.underWay[taken.which % Math.max(1, world.underWay.length)];
            if (copy !== undefined) await world.ledger.write(copy);
          } else await world.account.flush();
        while (holds.length > 0) end(1, true);
        await world.account.flush();
        expect(world.item).toMatchObject({ settled, unconfirmed, leased: 0n });
      }),
    );
  });
});

describe('an account whose lease was taken back', () => {
  it('tells what calls in flight hold beyond it as unconfirmed: only what is complete is settled', async () => {
    const world = new World({ limit: 100, isShadow: true });
    const { account } = world;
    const paid = await world.take(100);
    account.end(await world.take(30), 30, 0);
    const running = await world.take(50);
    await account.flush();
    expect(world.item).toMatchObject({ settled: 30n, leased: 150n });
    account.end(await world.take(20), 20, 0);
    const beyond = await world.take(40);
    await world.sleepPastGrace();
    expect(world.item).toMatchObject({ settled: 30n, unconfirmed: 150n, leased: 0n });
    await account.fill(1).catch(() => undefined);
    await account.flush();
    expect(world.item).toMatchObject({ settled: 50n, unconfirmed: 190n, leased: 0n });
    // What ends later is counted: no less than it cost.
    account.end(beyond, 10, 0);
    account.end(running, 50, 0);
    account.end(paid, 100, 0);
    await account.flush();
    expect(world.item).toMatchObject({ settled: 50n, unconfirmed: 190n, leased: 0n });
  });

  it('tells all that calls used of what a refused write gave back, which landed late, also of those that end afterwards', async () => {
    const world = new World({ limit: 100_000 });
    const { account } = world;
    const calls = [await world.take(40)];
    const leased = Number(world.item.leased);
    world.isRefusing = true;
    await account.flush().catch(() => undefined);
    world.isRefusing = false;
    const copy = world.underWay[0];
    if (copy === undefined) throw new Error('it was sent');
    expect(await world.ledger.write(copy)).toMatchObject({ kind: 'landed' });
    expect(world.item).toMatchObject({ leased: 40n });
    for (const amount of [leased - 80, 20]) {
      const hold = account.reserve(callCost(amount));
      if (hold === undefined) throw new Error('the process takes the money for its own');
      calls.push(hold);
    }
    await world.sleepPastGrace();
    await account.fill(1);
    await account.flush();
    expect(world.item).toMatchObject({ settled: 0n, unconfirmed: BigInt(leased - 20), leased: 0n });
    for (const call of calls) account.end(call, call.amount + 15, 0);
    await account.flush();
    expect(world.item).toMatchObject({ settled: 45n, unconfirmed: BigInt(leased - 20), leased: 0n });
  });

  it('tells of calls that it let pass all the same', async () => {
    const world = new World({ limit: 100, isShadow: true });
    const { account } = world;
    const paid = await world.take(100);
    account.end(await world.take(30), 30, 0);
    await account.flush();
    expect(world.item.unrefused).toEqual({ calls: 1, amount: 30n });
    await world.take(20);
    await world.sleepPastGrace();
    await world.take(50);
    await account.flush();
    expect(paid.source).toBe('lease');
    expect(world.item.unrefused).toEqual({ calls: 3, amount: 100n });
  });
});

describe('an account of a budget that only watches', () => {
  it('lets nothing pass any more once its period is over: nobody would tell of it', async () => {
    const world = new World({ limit: 10, isShadow: true });
    const { account } = world;
    account.end(await world.take(30), 30, 0);
    expect(account.reserve(callCost(30))).toMatchObject({ source: 'shadow' });
    world.timer.advance(account.endsAt - world.timer.now());
    expect(account.reserve(callCost(30))).toBeUndefined();
  });

  it('tells of a call that it let pass and that was turned away later', async () => {
    const world = new World({ limit: 10, isShadow: true });
    const { account } = world;
    account.end(await world.take(30), 0, 0);
    await account.flush();
    expect(world.item).toMatchObject({ committed: 0n, unrefused: { calls: 1, amount: 30n } });
  });
});
