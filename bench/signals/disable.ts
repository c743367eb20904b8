import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { governProfile } from '../../domain/profiles/govern-profile.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import type { OverrideId } from '../../domain/standing/override.ts';
import { overrideStanding } from '../../domain/standing/override-standing.ts';
import { DEFAULTS } from '../../invoke/defaults.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';
import { Simulation } from '../simulation/simulation.ts';
import { BEDROCK_MS, delayed, TABLE_MS } from './latency.ts';
import { SKEW_MS, TenantProcess, withoutTerms } from './tenant-process.ts';

const START = Date.parse('2026-11-10T00:00:00Z');
const PROCESSES = 100;
const CALLS_PER_SECOND = 10;
const COST = callCost(1_000_000);
const LEASE_MS = DEFAULTS.leaseSeconds * 1_000;

/** The longest that a disable may take: one lease term, and how far clocks are apart. */
export const DISABLE_BOUND_MS = LEASE_MS + SKEW_MS;

/**
 * Processes spend from one budget, each at ten calls a second, with leases of random phases; an operator disables the
 * budget. The command, the helper's admission and the rules of the ledger are the product's own.
 *
 * @param hears whether processes hear of terms between renewals, as they do at the table
 * @returns for each process how long after the command was given it admitted its last call, in milliseconds
 */
export async function disableReactions(seed: number, hears: boolean): Promise<readonly number[]> {
  const random = seeded(seed);
  const simulation = new Simulation(START);
  const policy = policyOf(policyDocument({ budgets: [{ name: 'all', per: 'tenant', limit: '100000 USD' }] }));
  const account = new GovernedAccount(policy, simulation);
  const profile = account.profile('acme', { environment: 'prod', team: 'sales', tenant: 'acme' });
  await governProfile(account.ports, profile);
  const table = { simulation, random, ms: TABLE_MS };
  const ledger = delayed(account.ledger, table);
  const { budgets } = account.entryOf(profile);

  const lastAdmitted = new Array<number>(PROCESSES).fill(0);
  for (let index = 0; index < PROCESSES; index++)
    new TenantProcess({
      simulation,
      random,
      name: `p${index}`,
      ledger: hears ? ledger : withoutTerms(ledger),
      budgets,
      callsPerSecond: CALLS_PER_SECOND,
      next: () => ({ hold: COST, cost: COST }),
      durationMs: () => 200 + random() * 2_000,
      onAdmitted: () => {
        lastAdmitted[index] = simulation.now();
      },
      onSettled: () => {},
    });

  const givenAt = START + 60_000 + random() * 60_000;
  const { ports } = account;
  let outcome: Awaited<ReturnType<typeof overrideStanding>> | undefined;
  simulation.after(givenAt - START, () => {
    void overrideStanding(
      {
        ...ports,
        ledger,
        overrides: delayed(ports.overrides, table),
        signals: delayed(ports.signals, table),
        outbox: delayed(ports.outbox, table),
        index: delayed(ports.index, table),
        profiles: delayed(ports.profiles, { ...table, ms: BEDROCK_MS }),
      },
      {
        id: 'bench' as OverrideId,
        target: { kind: 'budget', budget: 'all/acme' as BudgetId },
        change: { kind: 'disable' },
        reason: 'the benchmark',
        author: 'the benchmark',
        madeAt: simulation.now(),
        until: epochMs(givenAt + 3_600_000),
      },
    ).then((done) => {
      outcome = done;
    });
  });
  await simulation.runUntil(givenAt + LEASE_MS + 10_000);
  if (outcome?.kind !== 'applied' || account.tagsOf(profile)?.['governor:standing'] !== 'closed')
    throw new Error(`the disable was not applied: ${outcome?.kind}`);
  return lastAdmitted.map((at) => Math.max(0, at - givenAt));
}
