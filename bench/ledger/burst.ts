import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { LearnedHolds } from '../../domain/spending/learned-hold.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import { type CallCost, callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { seeded } from '../simulation/random.ts';
import { SimulatedTable } from '../simulation/simulated-table.ts';
import { Simulation } from '../simulation/simulation.ts';

const START = Date.parse('2026-11-10T00:00:00Z');
const COST = 10_000_000;
const CALL_MS = 2_000;
const BURST = 20;
/** The budget pays for so many calls and one reservation. */
const PAID = 17;

/**
 * Twenty calls at once on a budget that pays for seventeen and one reservation: how many are admitted. Phantom refusals
 * show here, when money is promised to calls in flight that will not cost as much.
 */
export async function admittedOfBurst(options: {
  readonly holds: 'strict' | 'learned';
  readonly maxWaitCalls: number;
}): Promise<number> {
  const simulation = new Simulation(START);
  const random = seeded(7);
  const table = new SimulatedTable(simulation, seeded(8));
  const period = periodAt('month', 'UTC', epochMs(START));
  const upperBound = callCost(COST * 4.5);
  const learned = new LearnedHolds();
  // Two hundred calls within ± 10 % have gone before.
  for (let call = 0; call < 200; call++) learned.learn('profile', Math.round(COST * (0.9 + 0.2 * random())));
  const hold = (
    options.holds === 'strict' ? upperBound : learned.begun('profile', upperBound, Number.MAX_SAFE_INTEGER)
  ) as CallCost;
  const limit = nanoUsd(BigInt(PAID * COST + hold));
  const budget = 'burst' as BudgetId;
  table.provide({ budget, period: period.id }, period.startsAt, period.endsAt, {
    limit,
    stopAt: limit,
    standing: 'open',
    version: 1,
  });
  let identity = 0;
  const admissions = new Admissions({
    ledger: table,
    clock: simulation,
    timer: simulation,
    random,
    leaseMs: DEFAULTS.leaseSeconds * 1_000,
    // The ledger's own latency comes on top of the calls'.
    maxWaitMs: options.maxWaitCalls * CALL_MS,
    maxWaiting: DEFAULTS.maxWaiting,
    newHolder: () => `h${identity++}` as HolderId,
    newWriteId: () => `w${identity++}` as WriteId,
  });
  let admitted = 0;
  for (let call = 0; call < BURST; call++)
    admissions.admit([{ id: budget, period: 'month', timeZone: 'UTC' }], hold).then(
      (reservation) => {
        admitted++;
        simulation.after(CALL_MS * (0.95 + 0.05 * random()), () => reservation.settle(callCost(COST)));
      },
      () => {},
    );
  await simulation.runUntil(START + 40 * CALL_MS);
  return admitted;
}
