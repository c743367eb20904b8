import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Simulation } from '../../bench/simulation/simulation.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import type { HolderId, LeaseLedger, LedgerKey, TermsReader, WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { MemoryLedger } from '../domain/spending/memory-ledger.ts';
import { createGate, type Gate } from '../wire/gate.ts';

const BUDGET = { id: 'tenant-daily/acme' as BudgetId, period: 'day', timeZone: 'UTC' } as const;
const NOON = epochMs(Date.UTC(2026, 10, 10, 12));
const DAY = periodAt('day', 'UTC', NOON);
const KEY: LedgerKey = { budget: BUDGET.id, period: DAY.id };
const CALL = callCost(1_000);
const termsOf = (limit: bigint, version = 1) =>
  ({ limit: nanoUsd(limit), stopAt: nanoUsd(limit), standing: 'open', version }) as const;

/** Processes that share a budget, each with a governor that can be closed, and with a gate before the ledger. */
async function sharedBudget(limit: bigint, latencyMs = 0) {
  const ledger = new MemoryLedger();
  await ledger.provide({ key: KEY, startsAt: DAY.startsAt, endsAt: DAY.endsAt, terms: termsOf(limit) });
  const timer = new Simulation(NOON);
  let names = 0;
  const process = () => {
    let isClosed = false;
    const own: { gate: Gate | undefined; leasedLate: bigint } = { gate: undefined, leasedLate: 0n };
    let isLate = false;
    const through = async <T>(work: () => Promise<T>): Promise<T> => {
      await own.gate?.passed;
      if (latencyMs > 0) await new Promise<void>((resolve) => void timer.after(latencyMs, resolve));
      return await work();
    };
    const asked: LeaseLedger & TermsReader = {
      read: async (key) => await through(async () => await ledger.read(key)),
      write: async (write) => {
        if (isLate && write.leased > 0n) own.leasedLate += write.leased;
        return await through(async () => await ledger.write(write));
      },
      readTerms: async (keys) => await through(async () => keys.map((key) => ledger.item(key)?.terms)),
    };
    const admissions = new Admissions({
      ledger: asked,
      clock: timer,
      timer,
      random: () => 0.5,
      leaseMs: 120_000,
      maxWaitMs: 5_000,
      maxWaiting: 10,
      isClosed: () => isClosed,
      newHolder: () => `holder-${++names}` as HolderId,
      newWriteId: () => `write-${++names}` as WriteId,
    });
    const close = async (): Promise<void> => {
      isClosed = true;
      admissions.dismiss();
      await admissions.flush();
      isLate = true;
    };
    return { admissions, own, close };
  };
  return { ledger, timer, process };
}

const MOMENT = fc.integer({ min: 0, max: 500 });
const CALLS = fc.array(
  fc.record({ process: fc.nat({ max: 1 }), at: MOMENT, cost: fc.integer({ min: 400, max: 1_500 }) }),
  {
    minLength: 1,
    maxLength: 10,
  },
);

const failureOf = async (call: Promise<unknown>): Promise<unknown> =>
  await call.then(
    () => 'admitted',
    (error) => error,
  );

describe('a governor that is closed leases nothing afterwards', () => {
  it('for a call that the ledger was refusing at that moment, and that would wait', async () => {
    const { ledger, timer, process } = await sharedBudget(1_500n);
    const other = process();
    const held = await other.admissions.admit([BUDGET], CALL);
    const { admissions, own, close } = process();
    own.gate = createGate();
    const call = failureOf(admissions.admit([BUDGET], CALL));
    await timer.runUntil(timer.now() + 10);
    const closed = close();
    own.gate.open();
    await closed;
    held.settle(callCost(100));
    await other.admissions.flush();
    await timer.runUntil(timer.now() + 10_000);
    expect(ledger.item(KEY)).toMatchObject({ settled: 100n, leased: 0n });
    expect(await call).toMatchObject({ code: 'GovernorClosed' });
  });

  it('on the word of new terms that it was asking for', async () => {
    const { ledger, timer, process } = await sharedBudget(1_000_000n);
    const { admissions, own, close } = process();
    (await admissions.admit([BUDGET], CALL)).settle(CALL);
    own.gate = createGate();
    const maintained = admissions.maintain();
    await timer.runUntil(timer.now() + 10);
    await ledger.changeTerms(KEY, termsOf(2_000_000n, 2));
    const { gate } = own;
    own.gate = undefined;
    await close();
    gate.open();
    await maintained;
    await timer.runUntil(timer.now() + 10);
    expect(ledger.item(KEY)).toMatchObject({ settled: 1_000n, leased: 0n });
  });

  it('whenever it is closed, and whatever its calls do: each of them ends, and none is admitted then', async () => {
    await fc.assert(
      fc.asyncProperty(CALLS, MOMENT, fc.bigInt(1_000n, 6_000n), async (calls, closeAt, limit) => {
        const { timer, process } = await sharedBudget(limit, 20);
        const [closing, other] = [process(), process()];
        let isClosed = false;
        const outcomes: string[] = [];
        for (const { process: which, at, cost } of calls)
          timer.after(at, () => {
            const { admissions } = which === 0 ? closing : other;
            const amount = callCost(cost);
            if (which === 0 && isClosed) return void outcomes.push('not begun');
            void admissions.admit([BUDGET], amount).then(
              (reservation) => {
                outcomes.push(which === 0 && isClosed ? 'admitted late' : 'admitted');
                timer.after(300, () => reservation.settle(callCost(100)));
              },
              () => outcomes.push('refused'),
            );
          });
        for (let at = 700; at < 8_000; at += 700)
          timer.after(at, () => {
            if (!isClosed) void closing.admissions.maintain();
            void other.admissions.maintain();
          });
        timer.after(closeAt, () => {
          isClosed = true;
          void closing.close();
        });
        await timer.runUntil(timer.now() + 20_000);
        expect(outcomes).toHaveLength(calls.length);
        expect(outcomes).not.toContain('admitted late');
        expect(closing.own.leasedLate).toBe(0n);
      }),
      { numRuns: 300 },
    );
  });
});
