import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { BudgetAccount } from '../../invoke/budget-account.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { turnClock } from '../../invoke/turn-clock.ts';
import { median } from '../figures.ts';
import { SimulatedTable } from '../simulation/simulated-table.ts';
import { Simulation } from '../simulation/simulation.ts';

const ROUNDS = 21;
const PER_ROUND = 50_000;
const START = Date.parse('2026-11-10T00:00:00Z');

/** Nanoseconds for one reserve + settle here, and for consume + penalty there, in blocks that take turns. */
export async function reserveAndSettleSpeedup(): Promise<{ readonly ours: number; readonly theirs: number }> {
  const account = await warmAccount();
  const limiter = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 3_600 });
  const amount = callCost(10_000_000);
  const cost = callCost(9_000_000);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint();
    for (let call = 0; call < PER_ROUND; call++) {
      const hold = account.reserve(amount);
      if (hold === undefined) throw new Error('the lease of the benchmark is used up');
      account.end(hold, cost, 0);
    }
    const between = process.hrtime.bigint();
    for (let call = 0; call < PER_ROUND; call++) {
      await limiter.consume('tenant', 10);
      await limiter.penalty('tenant', 1);
    }
    ours.push(Number(between - began) / PER_ROUND);
    theirs.push(Number(process.hrtime.bigint() - between) / PER_ROUND);
  }
  return { ours: median(ours), theirs: median(theirs) };
}

/** An account on the system clock with a lease that outlasts the benchmark. */
async function warmAccount(): Promise<BudgetAccount> {
  const simulation = new Simulation(START);
  const table = new SimulatedTable(simulation, () => 0.5);
  const budget = 'speed' as BudgetId;
  const limit = nanoUsd(9_000_000_000_000_000n);
  const endsAt = Date.now() + 86_400_000;
  table.provide({ budget, period: '2026-11' }, 0, endsAt, { limit, stopAt: limit, standing: 'open', version: 1 });
  const account = new BudgetAccount({
    key: { budget, period: '2026-11' },
    startsAt: epochMs(0),
    endsAt: epochMs(endsAt),
    ledger: table,
    clock: turnClock({ now: () => epochMs(Date.now()) }),
    timer: simulation,
    random: () => 0.5,
    leaseMs: DEFAULTS.leaseSeconds * 1_000,
    maxWaiting: DEFAULTS.maxWaiting,
    newHolder: () => 'h' as HolderId,
    newWriteId: () => `w${Math.random()}` as WriteId,
  });
  const filled = account.fill(4_000_000_000_000_000);
  await simulation.runUntil(START + 1_000);
  await filled;
  return account;
}
