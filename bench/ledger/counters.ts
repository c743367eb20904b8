import { exponential, lognormal, seeded, zipf } from '../simulation/random.ts';

/**
 * What others do: each process counts for itself and adds its count to a shared one every few seconds. The overshoot, as
 * a share of the budgets, with the same tenants, costs and demand as the fleet's.
 */
export function overshootOfSyncedCounters(options: {
  readonly seed: number;
  readonly processes: number;
  readonly syncSeconds: number;
}): number {
  const random = seeded(options.seed);
  const pick = zipf(4);
  const limits = [150, 75, 50, 37.5].map((usd) => usd * 1e9);
  const shared = limits.map(() => 0);
  const billed = limits.map(() => 0);
  const own = Array.from({ length: options.processes }, () => limits.map(() => 0));
  const known = Array.from({ length: options.processes }, () => limits.map(() => 0));
  const nextSync = own.map(() => random() * options.syncSeconds);
  for (let now = 0; now < 120; now += exponential(random, 1 / 500)) {
    const tenant = pick(random);
    const process = Math.floor(random() * options.processes);
    const counts = own[process] ?? [];
    const seen = known[process] ?? [];
    if (now >= (nextSync[process] ?? 0)) {
      for (const index of limits.keys()) {
        shared[index] = (shared[index] ?? 0) + (counts[index] ?? 0);
        counts[index] = 0;
        seen[index] = shared[index] ?? 0;
      }
      nextSync[process] = now + options.syncSeconds;
    }
    if ((seen[tenant] ?? 0) + (counts[tenant] ?? 0) >= (limits[tenant] ?? 0)) continue;
    const cost = lognormal(random, 1e7, 0.6);
    counts[tenant] = (counts[tenant] ?? 0) + cost;
    billed[tenant] = (billed[tenant] ?? 0) + cost;
  }
  const over = billed.reduce((sum, spent, index) => sum + Math.max(0, spent - (limits[index] ?? 0)), 0);
  return over / limits.reduce((sum, limit) => sum + limit, 0);
}
