import { BEDROCK_PACE, Pace } from '../../aws/pace.ts';
import type { Profiles } from '../../domain/profiles/profiles.ts';
import { sweep } from '../../domain/profiles/sweep.ts';
import { reopenEnded } from '../../domain/standing/reopen-ended.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { seeded } from '../simulation/random.ts';
import { Simulation } from '../simulation/simulation.ts';
import { BEDROCK_MS, delayed, TABLE_MS } from './latency.ts';

const TENANTS = 1_000;
const CLOSED_AT = Date.parse('2026-11-30T22:40:00Z');
/** Midnight in Zurich, the example policy's time zone. */
const TURN = Date.parse('2026-11-30T23:00:00Z');
/** As infra/serverless.yml has them: the schedule of reopen-ended, and how long a run may last. */
const EVERY_MS = 60_000;
const RUN_MS = 58_000;

/**
 * All tenants are closed, and the period turns. The functions of the product run on their schedule, with requests to
 * Bedrock paced as they are in a deployment.
 *
 * @returns for each tenant how long after the turn both of its locks were open, in milliseconds
 */
export async function reopenings(seed: number): Promise<readonly number[]> {
  const random = seeded(seed);
  const simulation = new Simulation(CLOSED_AT);
  const policy = policyOf(
    policyDocument({
      regions: ['us-east-1'],
      budgets: [{ name: 'all', per: 'tenant', limit: '1 USD', thresholds: [{ at: '100%', action: 'disable' }] }],
    }),
  );
  const account = new GovernedAccount(policy, simulation);
  for (let tenant = 0; tenant < TENANTS; tenant++)
    account.profile(`t${tenant}`, { environment: 'prod', team: 'sales', tenant: `t${tenant}` });
  await sweep(account.ports);
  for (let tenant = 0; tenant < TENANTS; tenant++) account.spend(`all/t${tenant}`, 1);
  await sweep(account.ports);
  const closed = [...account.stored.values()].filter(({ tags }) => tags['governor:standing'] === 'closed');
  if (closed.length !== TENANTS) throw new Error(`${closed.length} of ${TENANTS} tenants are closed`);

  const untagged = new Map<string, number>();
  const table = { simulation, random, ms: TABLE_MS };
  const { ports } = account;
  const pace = new Pace({
    ...BEDROCK_PACE,
    now: () => simulation.now(),
    wait: (ms) => new Promise<void>((resolve) => void simulation.after(ms, resolve)),
  });
  const bedrock = delayed(ports.profiles, { ...table, ms: BEDROCK_MS });
  const profiles: Profiles = {
    read: (arn) => pace.keep(() => bedrock.read(arn)),
    readTags: (arn) => pace.keep(() => bedrock.readTags(arn)),
    tag: (arn, tags) => pace.keep(() => bedrock.tag(arn, tags)),
    untag: (arn, keys) =>
      pace.keep(async () => {
        await bedrock.untag(arn, keys);
        untagged.set(arn, simulation.now());
      }),
    list: (region) => bedrock.list(region),
  };
  const far = {
    ...ports,
    profiles,
    ledger: delayed(ports.ledger, table),
    overrides: delayed(ports.overrides, table),
    signals: delayed(ports.signals, table),
    outbox: delayed(ports.outbox, table),
    index: delayed(ports.index, table),
    openings: delayed(ports.openings, table),
  };
  const bySchedule = (): void => {
    const begun = simulation.now();
    void reopenEnded(far, () => RUN_MS - (simulation.now() - begun));
    simulation.after(EVERY_MS, bySchedule);
  };
  simulation.after(TURN - CLOSED_AT - random() * EVERY_MS, bySchedule);
  await simulation.runUntil(TURN);
  for (let tenant = 0; tenant < TENANTS; tenant++)
    if (account.ledgerItem(`all/t${tenant}`, '2026-12').terms.standing !== 'open')
      throw new Error(`the ledger of t${tenant} does not open with the period`);
  await simulation.runUntil(TURN + 20 * 60_000);
  return [...account.stored.keys()].map((arn) => (untagged.get(arn) ?? Number.POSITIVE_INFINITY) - TURN);
}
