import {
  DeleteInferenceProfileCommand,
  ListInferenceProfilesCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsFault } from '../../local/service.ts';
import { DeployedGovernor, NOVA_PRO } from './deployed-governor.ts';

const DAY_MS = 86_400_000;

/**
 * A month of an account, from 20 October to 18 November: what people and AWS did on which day. `lost`: no event of that
 * day arrives. `throttled`: every third request to Bedrock is. `down`: the table refuses every fifth request of a function.
 */
const SCRIPT = `
1   create claims-a      dept=claims team=intake app=triage tenant=acme environment=prod costcenter=cc-1001
1   create claims-b      dept=claims team=intake app=triage tenant=globex
2   create nameless      dept=claims
3   lost
3   create unheard       dept=sales team=support app=chat_app tenant=acme environment=dev
3   create unheard-bad   dept=marketing team=intake app=triage tenant=acme
4   tag    nameless      team=intake app=triage tenant=initech
5   lost
5   tag    claims-a      tenant=globex
6   throttled
6   create busy-day      dept=support team=night app=desk tenant=acme
6   tag    claims-b      environment=production
7   tag    claims-b      environment=prod
8   untag  claims-a      team
9   down
9   create in-the-outage dept=claims team=intake app=triage tenant=umbrella
9   tag    claims-a      team=intake
10  spend  umbrella      25
11  lost
11  delete unheard
13  tag    busy-day      governor:standing=closed
14  untag  unheard-bad   governor:standing
15  lost
15  throttled
15  tag    unheard-bad   dept=sales
15  create last-minute   dept=claims team=intake app=triage tenant=umbrella
18  tag    nameless      costcenter=wrong
20  delete busy-day
21  lost
21  create again         dept=claims team=intake app=triage tenant=hooli costcenter=CC
24  throttled
24  down
24  tag    in-the-outage team=Night_Shift
28  tag    claims-b      tenant=initech
`;

interface Step {
  readonly day: number;
  readonly what: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly rest: readonly string[];
}
const STEPS: readonly Step[] = SCRIPT.trim()
  .split('\n')
  .map((line) => {
    const [day = '', what = '', name = '', ...rest] = line.trim().split(/\s+/);
    const tags = Object.fromEntries(
      rest.map((tag): [string, string] => [tag.split('=')[0] ?? '', tag.split('=')[1] ?? '']),
    );
    return { day: Number(day), what, name, tags, rest };
  });

/** What examples/insurer/governance.yaml wants, by a rule of the test's own. */
const RULES: Readonly<Record<string, RegExp>> = {
  dept: /^(claims|underwriting|support|sales)$/,
  team: /^[a-z][a-z-]*$/,
  app: /^[a-z][a-z0-9_]*$/,
  tenant: /^[a-z][a-z0-9-]*$/,
  environment: /^(prod|staging|dev)$/,
  costcenter: /^cc-[0-9]{4}$/,
};
const complies = (tags: Readonly<Record<string, string>>): boolean =>
  Object.entries(RULES).every(([key, pattern]) => pattern.test(tags[key] ?? ''));

describe('a month of an account, replayed from a script', () => {
  let governor: DeployedGovernor;
  const arns = new Map<string, string>();
  const deleted = new Set<string>();
  const notices: string[] = [];

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-10-20T08:01:00Z');
    await governor.stopSweeping();
    for (let day = 1; day <= 30; day++) await live(STEPS.filter((step) => step.day === day));
    // The last day's losses are the next sweep's to find, and the one after publishes what that one found.
    await governor.sweep();
    await governor.sweep();
  }, 240_000);
  afterAll(() => governor.close());

  const arnOf = (name: string): string => {
    const arn = arns.get(name);
    if (arn === undefined) throw new Error(`the script creates no ${name} before`);
    return arn;
  };

  async function live(steps: readonly Step[]): Promise<void> {
    const has = (what: string): boolean => steps.some((step) => step.what === what);
    const stops = [has('throttled') ? throttle() : undefined, has('down') ? refuseTable() : undefined];
    const work = async (): Promise<void> => {
      for (const step of steps) await act(step);
      await governor.aws.settled();
    };
    await (has('lost') ? governor.withoutEvents(work) : work());
    await governor.sweep().catch(() => {});
    for (const stop of stops) stop?.();
    await governor.aws.clock.advance(DAY_MS / 2);
    await governor.sweep();
    await governor.aws.clock.advance(DAY_MS / 2);
    await governor.aws.settled();
    notices.push(...(await governor.newNotices()));
  }

  /** Of the governor's requests only: people are not to be disturbed in what they do. */
  const isGovernors = (arn: string): boolean => arn.includes(':assumed-role/');
  function throttle(): () => void {
    let count = 0;
    return governor.aws.intercept(({ service, principal }) =>
      service === 'bedrock' && isGovernors(principal.arn) && ++count % 3 === 0
        ? new AwsFault('ThrottlingException', 'Too many requests', 429)
        : undefined,
    );
  }
  function refuseTable(): () => void {
    let count = 0;
    return governor.aws.intercept(({ service, principal }) =>
      service === 'dynamodb' && isGovernors(principal.arn) && ++count % 5 === 0
        ? new AwsFault('InternalServerError', 'Internal server error', 500)
        : undefined,
    );
  }

  async function act({ what, name, tags, rest }: Step): Promise<void> {
    const list = Object.entries(tags).map(([key, value]) => ({ key, value }));
    switch (what) {
      case 'create':
        arns.set(name, await governor.createProfile(name, governor.foundationModel(NOVA_PRO), tags));
        return;
      case 'tag':
        await governor.bedrock.send(new TagResourceCommand({ resourceARN: arnOf(name), tags: list }));
        return;
      case 'untag':
        await governor.bedrock.send(new UntagResourceCommand({ resourceARN: arnOf(name), tagKeys: [...rest] }));
        return;
      case 'delete':
        await governor.bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arnOf(name) }));
        deleted.add(name);
        return;
      case 'spend': {
        await governor.sweep();
        const tenant = governor.tenant({ tenant: name });
        const dollars = BigInt(rest[0] ?? '0') * 1_000_000_000n;
        const arn = arnOf('in-the-outage');
        while (governor.billed(arn) < dollars)
          if (
            !(await tenant.call(NOVA_PRO, 'claim '.repeat(100_000), 5_000).then(
              () => true,
              () => false,
            ))
          )
            break;
        await tenant.close();
        return;
      }
      default:
        return;
    }
  }

  it('leaves every profile compliant or quarantined, and the index at what AWS says', async () => {
    const { inferenceProfileSummaries = [] } = await governor.bedrock.send(
      new ListInferenceProfilesCommand({ typeEquals: 'APPLICATION' }),
    );
    const live = [...arns].filter(([name]) => !deleted.has(name));
    expect(inferenceProfileSummaries.map(({ inferenceProfileName }) => inferenceProfileName).sort()).toEqual(
      live.map(([name]) => name).sort(),
    );
    const states: Record<string, string> = {};
    for (const [name, arn] of live) {
      const { 'governor:standing': standing, ...tags } = await governor.tagsOf(arn);
      const entry = await governor.indexEntry(arn);
      expect(entry?.tags, name).toEqual(tags);
      expect(entry?.endedAt, name).toBeUndefined();
      const state = complies(tags) ? 'compliant' : 'quarantined';
      expect([name, standing === 'quarantined']).toEqual([name, state === 'quarantined']);
      expect([name, entry?.standing.state]).toEqual([name, state === 'quarantined' ? 'closed' : (standing ?? 'open')]);
      states[name] = state;
    }
    expect(states).toEqual({
      'claims-a': 'compliant',
      'claims-b': 'compliant',
      nameless: 'quarantined',
      'unheard-bad': 'compliant',
      'in-the-outage': 'quarantined',
      'last-minute': 'compliant',
      again: 'quarantined',
    });
  });

  it('ends the entries of profiles that were deleted, with the tags that they had', async () => {
    for (const name of deleted) {
      const entry = await governor.indexEntry(arnOf(name));
      expect(entry?.endedAt, name).toBeTypeOf('number');
      expect(entry?.tags['tenant'], name).toBe('acme');
    }
  });

  it('has closed and opened again the budget that was used up, as its period turned', async () => {
    const october = await governor.ledger('tenant-monthly/umbrella', '2026-10');
    expect(october).toMatchObject({ standing: 'closed' });
    expect(await governor.ledger('tenant-monthly/umbrella', '2026-11')).toMatchObject({ standing: 'open' });
    expect(
      notices.filter((notice) => /umbrella is (closed|open)/.test(notice)).map((text) => text.split(':')[0]),
    ).toEqual(['tenant-closed', 'tenant-reopened']);
  });

  it('leaves a further sweep nothing to write', async () => {
    const watch = governor.watchWrites();
    expect(await governor.sweep()).toMatchObject({ failed: [], ended: 0 });
    watch.stop();
    expect(watch.writes.map(({ what }) => what)).toEqual([]);
  });
});
