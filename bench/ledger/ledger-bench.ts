import { DEFAULTS } from '../../invoke/defaults.ts';
import { figure, median, note } from '../figures.ts';
import { admittedOfBurst } from './burst.ts';
import { overshootOfSyncedCounters } from './counters.ts';
import { type FleetOptions, type FleetOutcome, runFleet } from './fleet.ts';
import { reserveAndSettleSpeedup } from './speed.ts';

/** Tenants whose demand is at least this many times their limit prove how much of a limit can be used. */
const ENOUGH_DEMAND = 1.5;
/** Only budgets this many times the largest reservation: below, one reservation is a visible share. */
const ENOUGH_RESERVATIONS = 400;

export async function run(full: boolean): Promise<void> {
  note(
    `ledger bench, ${full ? 'full' : 'small'} run, shipped defaults: ${JSON.stringify(DEFAULTS)}; renewal at half of the term\n`,
  );
  await edges(full);
  await writes(full);
  await outage(full);
  await bursts();
  const speedup = await reserveAndSettleSpeedup();
  note(
    `reserve + settle in process: ${speedup.ours.toFixed(0)} ns; rate-limiter-flexible in memory, consume + penalty: ${speedup.theirs.toFixed(0)} ns`,
  );
  figure('reserve_settle_speedup', speedup.theirs / speedup.ours);
}

/** Demand far beyond the limits, to the end: overshoot, what of a limit can be used, when a first call is refused. */
async function edges(full: boolean): Promise<void> {
  const scale = full ? 4 : 1;
  const options = (processes: number, holds: 'strict' | 'learned'): FleetOptions => ({
    seed: processes,
    processes,
    tenants: 4,
    callsPerSecond: 500 * scale,
    seconds: 120,
    limitUsd: (rank) => (150 * scale) / (rank + 1),
    holds,
  });
  let usable = 1;
  let strictOvershoot = 0;
  let learnedShare = 0;
  let peakUnits = 0;
  const first = new Map<number, number>();
  for (const processes of [1, 4, 16, 64, 250, 1_000]) {
    for (const holds of ['strict', 'learned'] as const) {
      const outcome = await runFleet(options(processes, holds));
      const overshoot = Math.max(...outcome.tenants.map((tenant) => Math.max(0, tenant.billed - tenant.limit)));
      const limits = outcome.tenants.reduce((sum, tenant) => sum + tenant.limit, 0);
      const over = outcome.tenants.reduce((sum, tenant) => sum + Math.max(0, tenant.billed - tenant.limit), 0);
      if (holds === 'strict') strictOvershoot = Math.max(strictOvershoot, overshoot);
      else learnedShare = Math.max(learnedShare, over / limits);
      const counted = outcome.tenants.filter(
        (t) => t.demand >= ENOUGH_DEMAND * t.limit && t.limit >= ENOUGH_RESERVATIONS * t.largestHold,
      );
      const least = Math.min(1, ...counted.map((tenant) => tenant.settledInLedger / tenant.limit));
      usable = Math.min(usable, least);
      const refusedAt = median(outcome.tenants.flatMap((tenant) => tenant.committedAtFirstRefusal ?? []));
      if (holds === 'strict') first.set(processes, refusedAt);
      if (processes === 1_000)
        peakUnits = Math.max(
          peakUnits,
          outcome.table.throttled > 0 ? 1_000 + outcome.table.throttled : outcome.table.peakUnitsPerSecond,
        );
      note(
        `${String(processes).padStart(5)} processes, ${holds.padEnd(7)}: overshoot ${(overshoot / 1e9).toFixed(9)} USD, usable ${least.toFixed(4)} of ${counted.length} budgets, ` +
          `first refusal at ${refusedAt.toFixed(3)}, ${outcome.admitted} of ${outcome.calls} admitted, ${outcome.table.writes} writes, peak ${outcome.table.peakUnitsPerSecond} units/s, ${outcome.table.throttled} throttled`,
      );
    }
  }
  const counters = overshootOfSyncedCounters({ seed: 64, processes: 64, syncSeconds: 10 });
  note(
    `for comparison, counters synced every 10 s at 64 processes: overshoot ${(100 * counters).toFixed(1)} % of the budgets\n`,
  );
  figure('overshoot_strict_usd', strictOvershoot / 1e9);
  figure('overshoot_learned_share', learnedShare);
  figure('usable_share_min', usable);
  figure('first_refusal_share_p50_64', first.get(64) ?? 0);
  figure('first_refusal_share_p50_1000', first.get(1_000) ?? 0);
  figure('item_units_per_second_max', peakUnits);
}

const healthy = (processes: number, seconds: number): FleetOptions => ({
  seed: processes,
  processes,
  tenants: 100,
  callsPerSecond: 2_000,
  seconds,
  limitUsd: () => 1_000_000,
  holds: 'strict',
});

async function writes(full: boolean): Promise<void> {
  for (const processes of [16, 64]) {
    const outcome = await runFleet(healthy(processes, full ? 500 : 250));
    const perCall = 2 * outcome.calls;
    note(
      `${processes} processes, ${outcome.calls} calls on healthy budgets: ${outcome.table.writes} writes; reserve and settle per call: ${perCall}`,
    );
    figure(`writes_fewer_${processes}`, perCall / outcome.table.writes);
  }
}

async function outage(full: boolean): Promise<void> {
  const outcomes: FleetOutcome[] = [];
  for (let seed = 1; seed <= (full ? 5 : 2); seed++)
    outcomes.push(await runFleet({ ...healthy(16, 400), callsPerSecond: 500, seed, outageSeconds: 60 }));
  const calls = outcomes.reduce((sum, { outage }) => sum + outage.calls, 0);
  const refused = outcomes.reduce((sum, { outage }) => sum + outage.refused, 0);
  const overshoot = Math.max(
    ...outcomes.flatMap(({ tenants }) => tenants.map((tenant) => Math.max(0, tenant.billed - tenant.limit))),
  );
  note(`60 s outage of the ledger: ${refused} of ${calls} calls refused; reserving per call refuses all of them`);
  figure('outage_refused_share', calls === 0 ? 1 : refused / calls);
  figure('outage_overshoot_usd', overshoot / 1e9);
}

async function bursts(): Promise<void> {
  figure('burst_admitted', await admittedOfBurst({ holds: 'learned', maxWaitCalls: 2 }));
  figure('burst_admitted_strict', await admittedOfBurst({ holds: 'strict', maxWaitCalls: 12 }));
}
