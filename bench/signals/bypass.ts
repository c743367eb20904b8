import { epochMs } from '../../domain/clock.ts';
import { governProfile } from '../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import type { Metered, MeteredWindow } from '../../domain/spending/metered-spend.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { METRICS_DELAY_MS } from '../../domain/spending/true-up.ts';
import { addUsage, NO_USAGE, type Usage } from '../../domain/spending/usage.ts';
import type { ProcessId } from '../../domain/spending/usage-record.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { UsageRecorder } from '../../invoke/usage-recorder.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';
import { Simulation } from '../simulation/simulation.ts';
import { delayed, TABLE_MS } from './latency.ts';
import { SKEW_MS, TenantProcess } from './tenant-process.ts';

const START = Date.parse('2026-11-10T08:00:00Z');
const TENANTS = 10;
const PROCESSES = 2;
const SWEEP_MS = 300_000;
/** 10 USD at Nova Lite's price of output, 0.24 USD for a million tokens: the whole limit and more. */
const BYPASS: Usage = { ...NO_USAGE, outputTokens: 45_000_000 };
/** One call: a thousandth of a dollar. */
const CALL: Usage = { ...NO_USAGE, outputTokens: 4_000 };
const COST = callCost(4_000 * 240);

/** What a tenant may be spending on at the most: one sweep, the metrics' delay, one lease term, and how far clocks are apart. */
export const BYPASS_BOUND_MS = SWEEP_MS + METRICS_DELAY_MS + DEFAULTS.leaseSeconds * 1_000 + SKEW_MS;

interface DataPoint {
  readonly at: number;
  readonly visibleAt: number;
  readonly usage: Usage;
}

/** The token metrics: each call's tokens at the minute of the call, some minutes later. */
class LateMetrics {
  readonly #points = new Map<ProfileArn, DataPoint[]>();
  readonly #simulation: Simulation;
  readonly #random: () => number;

  constructor(simulation: Simulation, random: () => number) {
    this.#simulation = simulation;
    this.#random = random;
  }

  add(profile: ProfileArn, usage: Usage): void {
    const points = this.#points.get(profile) ?? [];
    this.#points.set(profile, points);
    const at = this.#simulation.now();
    points.push({ at, visibleAt: at + 60_000 + this.#random() * (METRICS_DELAY_MS - 60_000), usage });
  }

  readonly read = ({ profile, from, until }: MeteredWindow): Metered => {
    const now = this.#simulation.now();
    const seen = (this.#points.get(profile) ?? []).filter(
      ({ at, visibleAt }) => at >= from && at < until && visibleAt <= now,
    );
    return { kind: 'told', usage: seen.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE) };
  };
}

/**
 * Tenants call through the helper, and at some moment somebody spends more than the whole limit through the same profile
 * without it. Metrics tell of each call after 1 to 15 minutes; the sweep comes by every five.
 *
 * @returns for each tenant how long after that it admitted its last call, in milliseconds
 */
export async function bypassReactions(seed: number): Promise<readonly number[]> {
  const random = seeded(seed);
  const simulation = new Simulation(START);
  const policy = policyOf(
    policyDocument({
      budgets: [{ name: 'all', per: 'tenant', limit: '10 USD', thresholds: [{ at: '100%', action: 'disable' }] }],
    }),
  );
  const account = new GovernedAccount(policy, simulation);
  const metrics = new LateMetrics(simulation, random);
  account.meter = metrics.read;
  const ledger = delayed(account.ledger, { simulation, random, ms: TABLE_MS });
  const bypassAt: number[] = [];
  const lastAdmitted = new Array<number>(TENANTS).fill(0);
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const tags = { environment: 'prod', team: 'sales', tenant: `t${tenant}` };
    const profile = account.profile(`t${tenant}`, tags);
    await governProfile(account.ports, profile);
    const { budgets } = account.entryOf(profile);
    for (let process = 0; process < PROCESSES; process++) {
      const name = `t${tenant}p${process}`;
      const recorder = new UsageRecorder({ records: account.usage, clock: simulation, process: name as ProcessId });
      new TenantProcess({
        simulation,
        random,
        name,
        ledger,
        budgets,
        callsPerSecond: 0.5,
        next: () => ({ hold: COST, cost: COST }),
        durationMs: () => 200 + random() * 2_000,
        onAdmitted: () => {
          lastAdmitted[tenant] = simulation.now();
        },
        onSettled: () => {
          recorder.of(profile).settled(CALL, COST);
          metrics.add(profile, CALL);
        },
        maintain: () => void recorder.maintain(),
      });
    }
    const at = START + 20 * 60_000 + random() * 20 * 60_000;
    bypassAt.push(at);
    simulation.after(at - START, () => metrics.add(profile, BYPASS));
  }
  const bySchedule = (): void => {
    void sweep(account.ports);
    simulation.after(SWEEP_MS, bySchedule);
  };
  simulation.after(random() * SWEEP_MS, bySchedule);
  await simulation.runUntil(START + 40 * 60_000 + BYPASS_BOUND_MS + 60_000);
  if (epochMs(simulation.now()) !== account.now) throw new Error('the account has another time');
  return lastAdmitted.map((at, tenant) => at - (bypassAt[tenant] ?? 0));
}
