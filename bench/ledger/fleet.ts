import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { periodAt } from '../../domain/period.ts';
import { cellId, cellKey, cellsOf, isCell, writeForCell } from '../../domain/spending/cell.ts';
import { cellsFor } from '../../domain/spending/cell-count.ts';
import { LearnedHolds } from '../../domain/spending/learned-hold.ts';
import type { HolderId, WriteId } from '../../domain/spending/ledger.ts';
import { type CallCost, callCost } from '../../domain/spending/pricing.ts';
import { Admissions } from '../../invoke/admission.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import type { Reservation } from '../../invoke/reservation.ts';
import { exponential, lognormal, seeded, zipf } from '../simulation/random.ts';
import { SimulatedTable } from '../simulation/simulated-table.ts';
import { Simulation } from '../simulation/simulation.ts';

export interface FleetOptions {
  readonly seed: number;
  readonly processes: number;
  readonly tenants: number;
  readonly callsPerSecond: number;
  readonly seconds: number;
  /** USD for each tenant, by rank of its demand. */
  readonly limitUsd: (rank: number) => number;
  readonly holds: 'strict' | 'learned';
  /** Cuts the table off for this long, from a random moment in the second half. */
  readonly outageSeconds?: number;
  /** Whether only tenants that matter to the figure are called: 0 is all. */
  readonly medianCostUsd?: number;
}

export interface TenantOutcome {
  readonly limit: number;
  /** Largest hold of any of its calls. */
  readonly largestHold: number;
  readonly demand: number;
  /** What the judge saw billed, in nano-dollars: its own books, apart from the ledger's. */
  readonly billed: number;
  readonly settledInLedger: number;
  /** Share of the limit that was committed when a call of this tenant was first refused. */
  readonly committedAtFirstRefusal: number | undefined;
}

export interface FleetOutcome {
  readonly calls: number;
  readonly admitted: number;
  readonly refused: number;
  readonly tenants: readonly TenantOutcome[];
  readonly table: SimulatedTable;
  readonly outage: { readonly calls: number; readonly refused: number };
}

const START = Date.parse('2026-11-10T00:00:00Z');
const SIGMA = 0.6;
/** An upper bound is about this many times the median cost, and no call costs more. */
const UPPER = 8;

/** Runs a fleet of processes that share a ledger, and keeps books of its own of what they spent. */
export async function runFleet(options: FleetOptions): Promise<FleetOutcome> {
  const random = seeded(options.seed);
  const simulation = new Simulation(START);
  const table = new SimulatedTable(simulation, seeded(options.seed + 1));
  const period = periodAt('month', 'UTC', epochMs(START));
  const medianCost = (options.medianCostUsd ?? 0.01) * 1e9;
  const upperBound = callCost(Math.ceil(medianCost * UPPER));

  const cells = cellsFor(options.processes);
  const tenants = Array.from({ length: options.tenants }, (_, rank) => {
    const budget = `tenant-monthly/t${rank}` as BudgetId;
    const limit = Math.round(options.limitUsd(rank) * 1e9);
    const key = { budget, period: period.id };
    const terms = {
      limit: nanoUsd(BigInt(limit)),
      stopAt: nanoUsd(BigInt(limit)),
      standing: 'open' as const,
      version: 1,
    };
    table.provide(key, period.startsAt, period.endsAt, terms);
    for (let cell = 0; cell < (cells ?? 0); cell++)
      table.provide(cellKey(key, cellId(cell)), period.startsAt, period.endsAt, terms);
    return {
      key,
      limit,
      covering: [{ id: budget, period: 'month' as const, timeZone: 'UTC', ...(cells === undefined ? {} : { cells }) }],
      billed: 0,
      demand: 0,
      largestHold: 0,
      first: undefined as number | undefined,
    };
  });

  let identity = 0;
  const processes = Array.from({ length: options.processes }, (_, index) => {
    const admissions = new Admissions({
      ledger: table,
      clock: simulation,
      timer: simulation,
      random,
      leaseMs: DEFAULTS.leaseSeconds * 1_000,
      maxWaitMs: DEFAULTS.maxWaitMs,
      maxWaiting: DEFAULTS.maxWaiting,
      newHolder: () => `h${identity++}` as HolderId,
      newWriteId: () => `w${identity++}` as WriteId,
    });
    const maintain = () => {
      void admissions.maintain();
      simulation.after(DEFAULTS.maintenanceMs, maintain);
    };
    simulation.after((DEFAULTS.maintenanceMs * index) / options.processes, maintain);
    return { admissions, learned: new LearnedHolds() };
  });

  const pickTenant = zipf(options.tenants);
  const until = START + options.seconds * 1_000;
  const outageFrom =
    options.outageSeconds === undefined ? Number.POSITIVE_INFINITY : START + options.seconds * 500 + random() * 120_000;
  const outageUntil = outageFrom + (options.outageSeconds ?? 0) * 1_000;
  table.failFrom(outageFrom, outageUntil);
  const counts = { calls: 0, admitted: 0, refused: 0, outageCalls: 0, outageRefused: 0 };

  const arrive = (): void => {
    simulation.after(exponential(random, 1_000 / options.callsPerSecond), arrive);
    if (simulation.now() >= until) return;
    const tenant = tenants[pickTenant(random)];
    const process = processes[Math.floor(random() * processes.length)];
    if (tenant === undefined || process === undefined) return;
    const cost = callCost(Math.min(upperBound, Math.ceil(lognormal(random, medianCost, SIGMA))));
    const durationMs = 200 + lognormal(random, 1_500, 0.5);
    counts.calls++;
    const inOutage = simulation.now() >= outageFrom && simulation.now() < outageUntil;
    if (inOutage) counts.outageCalls++;
    tenant.demand += cost;
    const profile = tenant.key.budget;
    const hold = (
      options.holds === 'strict' ? upperBound : process.learned.begun(profile, upperBound, Number.MAX_SAFE_INTEGER)
    ) as CallCost;
    tenant.largestHold = Math.max(tenant.largestHold, hold);
    const run = (reservation: Reservation): void => {
      counts.admitted++;
      simulation.after(durationMs, () => {
        tenant.billed += cost;
        reservation.settle(cost);
        process.learned.ended(hold, upperBound);
        process.learned.learn(profile, cost);
      });
    };
    const now = simulation.now();
    const accounts = process.admissions.accountsOf(tenant.covering, now);
    const atOnce = process.admissions.admitAtOnce(accounts, hold, now);
    if (atOnce !== undefined) {
      run(atOnce);
      return;
    }
    process.admissions.admit(tenant.covering, hold).then(run, (error: unknown) => {
      if (!(error instanceof GovernorRefusal)) throw error;
      counts.refused++;
      if (inOutage) counts.outageRefused++;
      process.learned.ended(hold, upperBound);
      tenant.first ??= Number(table.item(tenant.key).committed) / tenant.limit;
    });
  };
  arrive();
  await simulation.runUntil(until + 30_000);
  // Processes end in turn; one whose last report was throttled tells it a second later.
  const flushing = processes.map(({ admissions }, index) => {
    const flush = (): void => void admissions.flush().catch(() => simulation.after(1_000, flush));
    return simulation.after((30_000 * index) / processes.length, flush);
  });
  await simulation.runUntil(until + 90_000);
  for (const cancel of flushing) cancel();
  // The governor's review collects what the cells have been told: see domain/standing/collect-cells.ts.
  for (const { key } of tenants)
    for (const id of cellsOf(table.item(key))) {
      const cell = table.item(cellKey(key, id));
      if (!isCell(cell)) throw new Error(`no cell: ${key.budget} ${id}`);
      const request = { writeId: `w${identity++}` as WriteId, at: simulation.now() };
      void table.write(writeForCell(table.item(key), cell, id, request));
      await simulation.runUntil(simulation.now() + 1_000);
    }

  return {
    calls: counts.calls,
    admitted: counts.admitted,
    refused: counts.refused,
    outage: { calls: counts.outageCalls, refused: counts.outageRefused },
    table,
    tenants: tenants.map((tenant) => ({
      limit: tenant.limit,
      largestHold: tenant.largestHold,
      demand: tenant.demand,
      billed: tenant.billed,
      settledInLedger: Number(table.item(tenant.key).settled),
      committedAtFirstRefusal: tenant.first,
    })),
  };
}
