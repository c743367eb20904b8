import { describe, expect, it } from 'vitest';
import { Simulation } from '../../bench/simulation/simulation.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import type { HolderId, LeaseLedger, LedgerKey, WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { BudgetAccount } from '../../invoke/budget-account.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';

const BUDGET = { id: 'tenant-daily/acme' as BudgetId, period: 'day', timeZone: 'UTC' } as const;
const OTHER = { ...BUDGET, id: 'team-daily/claims' as BudgetId };
const NOON = epochMs(Date.UTC(2026, 10, 10, 12));
const LATER_MS = 13 * 3_600_000;

it('a process whose clock was wrong for a moment past the end of a period tells all that it spends in it', async () => {
  const ledger = new MemoryLedger();
  const period = periodAt('day', 'UTC', NOON);
  const key: LedgerKey = { budget: BUDGET.id, period: period.id };
  const limit = nanoUsd(1_000_000_000n);
  const terms = { limit, stopAt: limit, standing: 'open', version: 1 } as const;
  await ledger.provide({ key, startsAt: period.startsAt, endsAt: period.endsAt, terms });
  let now: EpochMs = NOON;
  let names = 0;
  const admissions = new Admissions({
    ledger,
    clock: { now: () => now },
    timer: new Simulation(NOON),
    random: () => 0.5,
    leaseMs: 120_000,
    maxWaitMs: 0,
    maxWaiting: 0,
    newHolder: () => `holder-${++names}` as HolderId,
    newWriteId: () => `write-${++names}` as WriteId,
  });
  const accounts = admissions.accountsOf([BUDGET], now);
  const spend = async (nano: number): Promise<void> => {
    const cost = callCost(nano);
    const reservation = admissions.admitAtOnce(accounts, cost, now) ?? (await admissions.admit([BUDGET], cost));
    reservation.settle(cost);
  };
  await spend(1_000);
  await admissions.flush();
  // The clock is set forward, and back as soon as AWS has said what time it is.
  now = epochMs(NOON + LATER_MS);
  await admissions.maintain();
  now = NOON;
  await spend(2_000);
  await admissions.flush();
  expect(ledger.item(key)).toMatchObject({ settled: 3_000n, leased: 0n });
});

it('a lease that was dated by a clock that was ahead of its end is not used in the next period', async () => {
  const ledger = new MemoryLedger();
  const period = periodAt('day', 'UTC', NOON);
  const key: LedgerKey = { budget: BUDGET.id, period: period.id };
  const limit = nanoUsd(1_000_000_000n);
  const terms = { limit, stopAt: limit, standing: 'open', version: 1 } as const;
  await ledger.provide({ key, startsAt: period.startsAt, endsAt: period.endsAt, terms });
  // A minute ahead, until AWS has said what time it is.
  let now: EpochMs = epochMs(period.endsAt + 60_000);
  let names = 0;
  const account = new BudgetAccount({
    key,
    startsAt: period.startsAt,
    endsAt: period.endsAt,
    isShadow: false,
    ledger,
    clock: { now: () => now },
    timer: new Simulation(NOON),
    random: () => 0.5,
    leaseMs: 120_000,
    maxWaiting: 0,
    newHolder: () => `holder-${++names}` as HolderId,
    newWriteId: () => `write-${++names}` as WriteId,
  });
  const cost = callCost(1_000);
  expect(await account.fill(cost)).toMatchObject({ kind: 'granted' });
  now = epochMs(period.endsAt - 1);
  const hold = account.reserve(cost, now);
  expect(hold).toBeDefined();
  if (hold !== undefined) account.putBack(hold);
  now = period.endsAt;
  expect(account.reserve(cost, now)).toBeUndefined();
});

describe('a clock that was ahead for a moment, in the next period of a budget', () => {
  const period = periodAt('day', 'UTC', NOON);
  const next = periodAt('day', 'UTC', period.endsAt);
  const today: LedgerKey = { budget: BUDGET.id, period: period.id };
  const tomorrow: LedgerKey = { budget: BUDGET.id, period: next.id };
  const CALL = callCost(1_000);

  /** A process a minute before the period's end, whose clock is two minutes ahead. */
  async function processAhead(money: bigint, maxWaitMs: number) {
    const ledger = new MemoryLedger();
    const terms = { limit: nanoUsd(money), stopAt: nanoUsd(money), standing: 'open', version: 1 } as const;
    await ledger.provide({ key: today, startsAt: period.startsAt, endsAt: period.endsAt, terms });
    await ledger.provide({
      key: { ...today, budget: OTHER.id },
      startsAt: period.startsAt,
      endsAt: period.endsAt,
      terms,
    });
    await ledger.provide({ key: tomorrow, startsAt: next.startsAt, endsAt: next.endsAt, terms });
    const timer = new Simulation(period.endsAt - 60_000);
    const process = { aheadMs: 120_000, requests: 0, isTold: false, isReachable: true };
    /** Each answer of AWS tells what time it is. */
    const told = (): void => {
      process.requests++;
      if (!process.isReachable)
        throw new Fault('TimeoutError', { doing: 'asking', problem: 'no answer', next: 'wait' });
      if (process.isTold) process.aheadMs = 0;
    };
    const asked: LeaseLedger = {
      read: async (key) => await ledger.read(key).finally(told),
      write: async (write) => await ledger.write(write).finally(told),
    };
    let names = 0;
    const admissions = new Admissions({
      ledger: asked,
      clock: { now: () => epochMs(timer.now() + process.aheadMs) },
      timer,
      random: () => 0.5,
      leaseMs: 120_000,
      maxWaitMs,
      maxWaiting: 10,
      newHolder: () => `holder-${++names}` as HolderId,
      newWriteId: () => `write-${++names}` as WriteId,
    });
    return { admissions, ledger, timer, process };
  }

  it('does not keep the process there: what it spends then counts where it belongs', async () => {
    const { admissions, ledger, timer, process } = await processAhead(1_000_000_000n, 0);
    (await admissions.admit([BUDGET], CALL)).settle(CALL);
    const accounts = admissions.accountsOf([BUDGET], epochMs(timer.now() + process.aheadMs));
    process.aheadMs = 0;
    expect(admissions.admitAtOnce(accounts, CALL, timer.now())).toBeUndefined();
    (await admissions.admit([BUDGET], CALL)).settle(callCost(700));
    await admissions.flush();
    expect(ledger.item(today)).toMatchObject({ settled: 700n, leased: 0n });
    expect(ledger.item(tomorrow)).toMatchObject({ settled: 1_000n, leased: 0n });
  });

  it('costs a call a request or two, not its admission', async () => {
    const { admissions, ledger, process } = await processAhead(1_000_000_000n, 0);
    process.isTold = true;
    (await admissions.admit([BUDGET], CALL)).settle(CALL);
    expect(process.requests).toBeLessThanOrEqual(4);
    await admissions.flush();
    expect(ledger.item(today)).toMatchObject({ settled: 1_000n });
    expect(ledger.item(tomorrow)).toMatchObject({ settled: 0n, leased: 0n });
  });

  it('keeps nobody waiting for longer than calls may wait', async () => {
    const { admissions, timer, process } = await processAhead(1_500n, 2_000);
    process.aheadMs = 0;
    await admissions.admit([BUDGET], CALL);
    process.aheadMs = 120_000;
    process.isTold = true;
    const second = admissions.admit([BUDGET], CALL).catch((error: unknown) => error);
    await timer.runUntil(timer.now() + 2_500);
    expect(await Promise.race([second, Promise.resolve('waits')])).toMatchObject({ code: 'BudgetInUse' });
  });

  it('nor for one budget after the other', async () => {
    const { admissions, timer, process } = await processAhead(1_500n, 2_000);
    process.aheadMs = 0;
    const first = await admissions.admit([BUDGET], CALL);
    await admissions.admit([OTHER], CALL);
    process.aheadMs = 30_000;
    process.isTold = true;
    const both = admissions.admit([BUDGET, OTHER], CALL).catch((error: unknown) => error);
    timer.after(1_500, () => first.settle(callCost(0)));
    await timer.runUntil(timer.now() + 2_500);
    expect(await Promise.race([both, Promise.resolve('waits')])).toMatchObject({ code: 'BudgetInUse' });
  });

  it('does not keep an outage in mind until that time', async () => {
    const { admissions, process } = await processAhead(1_000_000n, 0);
    process.aheadMs = 30_000;
    process.isReachable = false;
    await expect(admissions.admit([BUDGET], CALL)).rejects.toMatchObject({ code: 'LedgerUnavailable' });
    process.isReachable = true;
    process.aheadMs = 0;
    (await admissions.admit([BUDGET], CALL)).settle(CALL);
  });
});
