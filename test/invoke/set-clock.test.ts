import { expect, it } from 'vitest';
import { Simulation } from '../../bench/simulation/simulation.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import type { HolderId, LedgerKey, WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { BudgetAccount } from '../../invoke/budget-account.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';

const BUDGET = { id: 'tenant-daily/acme' as BudgetId, period: 'day', timeZone: 'UTC' } as const;
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
