import { BEDROCK_PACE, Pace } from '../../aws/pace.ts';
import { regionOf } from '../../domain/profiles/profile-arn.ts';
import type { Profiles } from '../../domain/profiles/profiles.ts';
import { type Sweep, type SweepReport, sweep } from '../../domain/profiles/sweep.ts';
import { policyDocument, policyOf } from '../../test/domain/example-policy.ts';
import { GovernedAccount } from '../../test/domain/governed-account.ts';
import { Simulation } from '../simulation/simulation.ts';

/** `timeout` of the sweep's function in infra/serverless.yml. */
const LAMBDA_MS = 270_000;
/** What a request takes, in milliseconds: more than is seen, so that the figure is no promise of a fast day. */
const BEDROCK_MS = 150;
const DYNAMODB_MS = 10;
const OTHER_MS = 200;

export interface FirstSweep {
  readonly report: SweepReport;
  /** Virtual seconds. */
  readonly seconds: number;
  /** The most requests to Bedrock in any second. */
  readonly peak: number;
}

/**
 * The first sweep of profiles that nobody has seen, tagged as they should be but for a share that has to be mended, on a
 * virtual clock: every port call takes its time, and those to Bedrock wait for the pace of their Region.
 */
export async function firstSweep(
  profiles: number,
  { tenants, toMend }: { readonly tenants: number; readonly toMend: number },
): Promise<FirstSweep> {
  const account = new GovernedAccount(policyOf(policyDocument({ regions: ['us-east-1'] })));
  for (let i = 0; i < profiles; i++)
    account.profile(`p${i}`, {
      ...(i < profiles * toMend ? {} : { environment: 'prod' }),
      team: 'sales',
      tenant: `t${i % tenants}`,
    });
  const simulation = new Simulation(account.now);
  const wait = (ms: number): Promise<void> => new Promise((resolve) => void simulation.after(ms, resolve));
  const now = () => simulation.now();
  const startedAt = now();
  const perSecond = new Map<number, number>();
  const slow = <Port extends object>(port: Port, ms: number): Port =>
    new Proxy(port, {
      get(target, member) {
        const method: unknown = Reflect.get(target, member);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          await wait(ms);
          return await Reflect.apply(method, target, args);
        };
      },
    });
  const paces = new Map<string, Pace>();
  const paceOf = (region: string): Pace => {
    const pace = paces.get(region) ?? new Pace({ ...BEDROCK_PACE, now, wait });
    paces.set(region, pace);
    return pace;
  };
  const { ports } = account;
  const paced = <Answer>(region: string, ask: () => Promise<Answer>): Promise<Answer> =>
    paceOf(region).keep(async () => {
      const second = Math.floor((now() - startedAt) / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
      await wait(BEDROCK_MS);
      return await ask();
    });
  const slowProfiles: Profiles = {
    read: (arn) => paced(regionOf(arn), () => ports.profiles.read(arn)),
    readTags: (arn) => paced(regionOf(arn), () => ports.profiles.readTags(arn)),
    tag: (arn, tags) => paced(regionOf(arn), () => ports.profiles.tag(arn, tags)),
    untag: (arn, keys) => paced(regionOf(arn), () => ports.profiles.untag(arn, keys)),
    list: (region) => ports.profiles.list(region),
  };
  const slowPorts: Sweep = {
    ...ports,
    clock: { now },
    profiles: slowProfiles,
    index: slow(ports.index, DYNAMODB_MS),
    ledger: slow(ports.ledger, DYNAMODB_MS),
    openings: slow(ports.openings, DYNAMODB_MS),
    histories: slow(ports.histories, DYNAMODB_MS),
    outbox: slow(ports.outbox, DYNAMODB_MS),
    awsBudgets: slow(ports.awsBudgets, OTHER_MS),
    bulkTags: slow(ports.bulkTags, Math.ceil(profiles / 100) * 100),
  };
  let isOver = false;
  const running = sweep(slowPorts, () => LAMBDA_MS - (now() - startedAt)).finally(() => {
    isOver = true;
  });
  // Awaited below, and perhaps after it has failed.
  running.catch(() => {});
  while (!isOver && now() - startedAt < LAMBDA_MS) await simulation.runUntil(now() + 1_000);
  if (!isOver) throw new Error('the sweep did not end in its time');
  const report = await running;
  const endedAt = now();
  return { report, seconds: (endedAt - startedAt) / 1_000, peak: Math.max(...perSecond.values()) };
}
