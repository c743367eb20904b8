import { sweep } from '../../domain/profiles/sweep.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';
import { countedPorts, PER_BUDGET, sumOf } from './counted-ports.ts';

const TENANTS = 20;
/** In the hours in which the audit is at work. */
const LATER_MS = 15 * 3_600_000;
const SWEEP_MS = 5 * 60_000;

export interface SweepCalls {
  /** Requests for profiles and their index, for each profile. */
  readonly perProfile: number;
  /** The same, with those that each budget costs. */
  readonly withBudgets: number;
  /** Writes to profiles, notices or AWS Budgets though nothing was to do, and entries that no longer say the truth. */
  readonly wrongActions: number;
}

/** A sweep of profiles that are all as they should be. With `mixed`, some are untagged, and bulk reads lag behind. */
export async function sweepCalls(profiles: number, { mixed }: { readonly mixed: boolean }): Promise<SweepCalls> {
  const random = seeded(5);
  // In one Region, as a list is paged for each.
  const account = new GovernedAccount(policyOf(policyDocument({ regions: ['us-east-1'] })));
  for (let i = 0; i < profiles; i++)
    account.profile(
      `p${i}`,
      mixed && i % 20 === 0 ? {} : { environment: 'prod', team: 'sales', tenant: `t${i % TENANTS}` },
    );
  await sweep(account.ports);
  account.wait(LATER_MS);
  await sweep(account.ports);
  // The audit goes on with each sweep, and writes down that it has verified what it has.
  const isAudit = (change: string): boolean => change === 'index.put';
  account.wait(SWEEP_MS);

  if (mixed)
    for (const [arn, { tags }] of account.stored) {
      if (Object.hasOwn(tags, 'tenant')) {
        // Retagged a moment ago: the event was handled, and bulk reads still show what was before.
        if (random() < 0.01) account.lagging.set(arn, { ...tags, tenant: 'before' });
      } else if (random() < 0.5) account.lagging.set(arn, {});
    }
  account.changes = [];
  const { ports, requests } = countedPorts(account);
  const report = await sweep(ports);
  if (report.failed.length > 0 || report.profiles !== profiles || report.carriedOver > 0)
    throw new Error(`the sweep is not whole: ${JSON.stringify(report)}`);
  const wrong = account.changes.filter((change) => !isAudit(change)).length + report.drifted;
  return {
    perProfile: sumOf(requests, (port) => !PER_BUDGET.includes(port)) / profiles,
    withBudgets: sumOf(requests, () => true) / profiles,
    wrongActions: wrong + wrongEntries(account),
  };
}

/** Two sweeps, one after the other: what the second writes. */
export async function secondSweepWrites(profiles: number): Promise<number> {
  const account = new GovernedAccount();
  for (let i = 0; i < profiles; i++)
    account.profile(`p${i}`, i % 20 === 0 ? {} : { environment: 'prod', team: 'sales', tenant: `t${i % TENANTS}` });
  await sweep(account.ports);
  account.changes = [];
  const before = JSON.stringify(account.state, text);
  account.wait(SWEEP_MS);
  await sweep(account.ports);
  return account.changes.length + (JSON.stringify(account.state, text) === before ? 0 : 1);
}

function wrongEntries(account: GovernedAccount): number {
  let wrong = 0;
  for (const [arn, { tags }] of account.stored) {
    const { 'governor:standing': _, ...own } = tags;
    if (JSON.stringify(account.entryOf(arn).tags) !== JSON.stringify(own)) wrong++;
  }
  return wrong;
}

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
