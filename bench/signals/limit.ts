import { governProfile } from '../../domain/profiles/govern-profile.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';
import { Simulation } from '../simulation/simulation.ts';
import { delayed, TABLE_MS } from './latency.ts';
import { TenantProcess } from './tenant-process.ts';

const START = Date.parse('2026-11-10T00:00:00Z');
const TENANTS = 20;
const PROCESSES = 4;
const LIMIT = 1_000_000_000;
const SWEEP_MS = 300_000;

export interface LimitOutcome {
  /** Calls admitted when what was admitted before had reached the limit already, by the judge's own books. */
  readonly callsPastLimit: number;
  /** Tenants that came to their limit to the nano-dollar. */
  readonly reached: number;
}

/** Tenants spend what they have, and go on asking: with the sweep coming by, which closes them. */
export async function spendToTheLimit(seed: number): Promise<LimitOutcome> {
  const random = seeded(seed);
  const simulation = new Simulation(START);
  const policy = policyOf(
    policyDocument({
      budgets: [{ name: 'all', per: 'tenant', limit: '1 USD', thresholds: [{ at: '100%', action: 'disable' }] }],
    }),
  );
  const account = new GovernedAccount(policy, simulation);
  const ledger = delayed(account.ledger, { simulation, random, ms: TABLE_MS });
  const admitted = new Array<number>(TENANTS).fill(0);
  let callsPastLimit = 0;
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    const tags = { environment: 'prod', team: 'sales', tenant: `t${tenant}` };
    const profile = account.profile(`t${tenant}`, tags);
    await governProfile(account.ports, profile);
    const { budgets } = account.entryOf(profile);
    // Every other tenant's calls cost what they hold, and divide the limit.
    const isExact = tenant % 2 === 0;
    for (let process = 0; process < PROCESSES; process++)
      new TenantProcess({
        simulation,
        random,
        name: `t${tenant}p${process}`,
        ledger,
        budgets,
        callsPerSecond: 2,
        next: () => {
          const hold = callCost(isExact ? 2_000_000 : 1_000_000 + Math.floor(random() * 4_000_000));
          return { hold, cost: isExact ? hold : callCost(Math.ceil(hold * (0.1 + 0.9 * random()))) };
        },
        durationMs: () => 200 + random() * 2_000,
        onAdmitted: ({ cost }) => {
          const before = admitted[tenant] ?? 0;
          if (before >= LIMIT) callsPastLimit++;
          admitted[tenant] = before + cost;
        },
        onSettled: () => {},
      });
  }
  const bySchedule = (): void => {
    void sweep(account.ports);
    simulation.after(SWEEP_MS, bySchedule);
  };
  simulation.after(random() * SWEEP_MS, bySchedule);
  await simulation.runUntil(START + 15 * 60_000);
  return { callsPastLimit, reached: admitted.filter((amount) => amount >= LIMIT).length };
}
