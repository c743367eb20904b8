import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DeployedGovernor, NOVA_PRO } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const LAKESIDE = { ...ALPINE_RE, tenant: 'lakeside', dept: 'sales', team: 'support', app: 'chat_app' };
const BUDGET = 'tenant-monthly/alpine-re';

const Amount = z.string().regex(/^-?\d+\.\d{2,9}$/);
const Instant = z.iso.datetime();
const Status = z.strictObject({
  budget: z.string(),
  tenant: z.string().optional(),
  period: z.literal('2026-11'),
  startsAt: Instant,
  endsAt: Instant,
  mode: z.enum(['enforce', 'shadow']),
  limitUsd: Amount,
  figures: z.nullable(
    z.strictObject({
      standing: z.enum(['open', 'throttled', 'closed']),
      until: Instant,
      reason: z
        .strictObject({ from: z.string(), text: z.string(), who: z.string().optional(), when: Instant.optional() })
        .optional(),
      spentUsd: Amount,
      settledUsd: Amount,
      unconfirmedUsd: Amount,
      unattributedUsd: Amount,
      leasedUsd: Amount,
      committedUsd: Amount,
      ceilingUsd: Amount,
      raisedUsd: Amount,
      leftUsd: Amount,
      percent: z.int(),
      forecast: z.looseObject({ kind: z.enum(['foreseen', 'standing-still', 'used-up', 'unknown']) }),
    }),
  ),
});
const Profile = z.strictObject({
  arn: z.string().startsWith('arn:aws:bedrock:'),
  name: z.string(),
  region: z.string(),
  model: z.string(),
  source: z.enum(['in-region', 'geo', 'global']),
  tags: z.record(z.string(), z.string()),
  compliance: z.string().nullable(),
  standing: z.enum(['open', 'throttled', 'closed']),
  reasons: z.array(z.string()),
  budgets: z.array(z.string()),
  isPriced: z.boolean(),
  verifiedAt: Instant,
  endedAt: Instant.optional(),
});
const Override = z.strictObject({
  id: z.uuid(),
  target: z.record(z.string(), z.string()),
  change: z.enum(['disable', 'enable', 'raise']),
  amountUsd: Amount.optional(),
  reason: z.string(),
  author: z.string(),
  madeAt: Instant,
  until: Instant,
});
const Head = { at: Instant, table: z.string() };
const StatusDocument = z.strictObject({
  type: z.literal('status'),
  ...Head,
  state: z.literal('open'),
  budgets: z.array(Status),
  unreadable: z.array(z.string()),
  tenant: z.string().optional(),
  profiles: z.array(Profile).optional(),
  overrides: z.array(Override).optional(),
});

describe('governor status, tenants, profiles, overrides, take-back', () => {
  let stack: DeployedGovernor;
  const run = (...args: string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args).ended;
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const figuresOf = async (tenant: string) =>
    StatusDocument.parse(await json('status', tenant)).budgets.find(
      ({ budget }) => budget === `tenant-monthly/${tenant}`,
    )?.figures;

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.createProfile('lakeside-chat', stack.foundationModel(NOVA_PRO), LAKESIDE);
    await stack.createProfile('nobody', stack.foundationModel(NOVA_PRO), {
      ...ALPINE_RE,
      dept: 'pirates',
      tenant: 'quay',
    });
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
    const tenant = stack.tenant(ALPINE_RE);
    await tenant.call(NOVA_PRO, 'Hello', 10);
    await tenant.close();
  });
  afterAll(() => stack.close());

  it('shows every budget with its figures, exact, and without colours in a pipe', async () => {
    const { code, stdout, stderr } = await run('status');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    for (const text of [BUDGET, 'tenant-monthly/lakeside', 'sales-support-chat', '2026-11', 'open', '3 budgets at '])
      expect(stdout).toContain(text);
    const { budgets } = StatusDocument.parse(await json('status'));
    expect(budgets.map(({ budget }) => budget)).toEqual(['sales-support-chat', BUDGET, 'tenant-monthly/lakeside']);
    const ledger = await stack.ledger(BUDGET, '2026-11');
    const figures = budgets[1]?.figures;
    expect(nano(figures?.settledUsd)).toBeGreaterThan(0n);
    expect(nano(figures?.settledUsd)).toBe(ledger?.settled);
    expect(nano(figures?.committedUsd)).toBe(ledger?.committed);
    expect(nano(figures?.leftUsd)).toBe((ledger?.limit ?? 0n) - (ledger?.committed ?? 0n));
  });

  it('shows a tenant in full, with the budgets that it shares, its profiles, and says the same twice', async () => {
    const first = StatusDocument.parse(await json('status', 'lakeside'));
    expect(first.budgets.map(({ budget }) => budget)).toEqual(['sales-support-chat', 'tenant-monthly/lakeside']);
    expect(first.profiles?.map(({ name }) => name)).toEqual(['lakeside-chat']);
    const { at: _, ...again } = StatusDocument.parse(await json('status', 'lakeside'));
    const { at: __, ...before } = first;
    expect(again).toEqual(before);
    const text = await run('status', 'lakeside');
    expect(text.stdout).toContain('tenant lakeside at ');
    expect(text.stdout).toMatch(/ {2}left {7}5\.00 USD up to 5\.00 USD/);
  });

  it('says why a budget is closed, who closed it, when, and until when; and takes it back', async () => {
    await run('disable', '--tenant', 'alpine-re', '--for', '3d', '--reason', 'an invoice is disputed');
    expect(await figuresOf('alpine-re')).toMatchObject({
      standing: 'closed',
      leftUsd: '0.00',
      reason: {
        from: 'operator',
        text: 'an invoice is disputed',
        who: expect.stringMatching(/^arn:aws:/),
        when: expect.any(String),
      },
    });
    const text = await run('status', 'alpine-re');
    expect(text.stdout).toMatch(
      / {2}why {8}an invoice is disputed\n {2}by {9}an operator \(arn:aws:[^)]+\), since 2026-11-10 09:\d\d UTC\n {2}until {6}2026-11-13 /,
    );
    expect(text.stdout).toContain('disable tenant alpine-re until');

    const { overrides } = z
      .strictObject({ type: z.literal('overrides'), ...Head, overrides: z.array(Override) })
      .parse(await json('overrides'));
    expect(overrides).toHaveLength(1);
    const id = overrides[0]?.id ?? '';
    expect((await run('overrides')).stdout).toContain(id.slice(0, 8));
    expect((await run('overrides', '--tenant', 'lakeside')).stdout).toMatch(
      /^No override of these holds .*\nAll that hold: governor overrides\n$/,
    );

    const back = await run('take-back', id.slice(0, 6), '--reason', 'it is paid');
    expect(back).toMatchObject({ code: 0, stderr: '' });
    expect(back.stdout).toContain('taken back: disable tenant alpine-re');
    expect(back.stdout).toContain(`${BUDGET} 2026-11: open`);
    expect(await figuresOf('alpine-re')).toMatchObject({ standing: 'open' });
    const again = await run('take-back', id, '--reason', 'it is paid');
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toContain('no override with the id');
  });

  it('takes a raise back, and the money with it', async () => {
    await run('raise', '--budget', BUDGET, '--by', '50 USD', '--for', '2d', '--reason', 'the fair');
    expect(await figuresOf('alpine-re')).toMatchObject({ raisedUsd: '50.00', ceilingUsd: '70.00' });
    const [override] = z.looseObject({ overrides: z.array(Override) }).parse(await json('overrides')).overrides;
    expect(override).toMatchObject({ change: 'raise', amountUsd: '50.00', target: { budget: BUDGET } });
    const back = await run('take-back', override?.id ?? '', '--reason', 'the fair was cancelled', '--json');
    expect(back.code).toBe(0);
    expect(JSON.parse(back.stdout)).toMatchObject({ type: 'taken-back', outcome: 'applied' });
    expect(await figuresOf('alpine-re')).toMatchObject({ raisedUsd: '0.00', ceilingUsd: '20.00' });
  });

  it('lists tenants and profiles, and those that are asked for', async () => {
    const tenants = z
      .strictObject({
        type: z.literal('tenants'),
        ...Head,
        tenants: z.array(
          z.strictObject({
            tenant: z.string(),
            standing: z.string(),
            profiles: z.int(),
            closedProfiles: z.int(),
            budgets: z.array(Status),
          }),
        ),
        unreadable: z.array(z.string()),
      })
      .parse(await json('tenants'));
    expect(tenants.tenants.map(({ tenant, closedProfiles }) => [tenant, closedProfiles])).toEqual([
      ['alpine-re', 0],
      ['lakeside', 0],
      ['quay', 1],
    ]);
    expect((await run('tenants')).stdout).toContain('3 tenants at ');

    const Profiles = z.strictObject({
      type: z.literal('profiles'),
      ...Head,
      profiles: z.array(Profile),
      unreadable: z.array(z.string()),
    });
    const named = async (...args: string[]) =>
      Profiles.parse(await json('profiles', ...args)).profiles.map(({ name }) => name);
    expect(await named()).toEqual(['alpine-triage', 'lakeside-chat', 'nobody']);
    expect(await named('--tenant', 'lakeside')).toEqual(['lakeside-chat']);
    expect(await named('--tag', 'app=triage', '--tag', 'tenant=alpine-re')).toEqual(['alpine-triage']);
    expect(await named('--standing', 'quarantined')).toEqual(['nobody']);
    const text = await run('profiles', '--standing', 'quarantined');
    expect(text.stdout).toContain('nobody: quarantined: ');
  });

  it('takes the Region and the endpoint as options, and the stage instead of the table', async () => {
    const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: _, AWS_DEFAULT_REGION: __, ...rest } = stack.aws.environment();
    const { code, stderr } = await governor(
      { ...rest, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9' },
      'tenants',
      '--stage',
      'dev',
      '--region',
      'us-east-1',
      '--endpoint-url',
      endpoint,
    ).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('takes a profile of the AWS configuration files, which beats keys in the environment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'governor-profile-'));
    const config = join(folder, 'config');
    await writeFile(
      config,
      `[profile finops]\nregion = us-east-1\naws_access_key_id = finops\naws_secret_access_key = x\nendpoint_url = ${stack.aws.endpoint}\n`,
    );
    const keys: string[] = [];
    const stop = stack.aws.observe((seen) => {
      if (seen.kind === 'request' && seen.call.service === 'dynamodb') keys.push(seen.call.principal.accessKeyId);
    });
    const environment = {
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none'),
      AWS_ACCESS_KEY_ID: 'other',
      AWS_SECRET_ACCESS_KEY: 'x',
    };
    const { code, stderr } = await governor(environment, 'tenants', '--profile', 'finops', '--stage', 'dev').ended;
    stop();
    await rm(folder, { recursive: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(keys).toContain('finops');
    expect(keys).not.toContain('other');
  });

  it.each<[string, string[], Record<string, string>, number, RegExp]>([
    [
      'a tenant that is none',
      ['status', 'alpine'],
      {},
      2,
      /^no profile has the tenant "alpine"; there are alpine-re, /,
    ],
    [
      'a tag that is none',
      ['profiles', '--tag', 'app'],
      {},
      2,
      /^--tag: expected a tag such as tenant=acme, not "app"/,
    ],
    ['a standing that is none', ['profiles', '--standing', 'shut'], {}, 2, /Allowed choices are open, throttled/],
    ['a Region that is none', ['status', '--region', 'Frankfurt'], {}, 2, /^--region: expected a Region such as/],
    ['an endpoint that is none', ['status', '--endpoint-url', 'here'], {}, 2, /^--endpoint-url: expected a URL/],
    ['a profile that is none', ['status', '--profile', 'nobody'], {}, 2, /expected AWS credentials, as any AWS client/],
    [
      'no AWS at all',
      ['status', '--endpoint-url', 'http://127.0.0.1:9'],
      {},
      1,
      /^AWS cannot be reached \(ECONNREFUSED\), while reading the policy in table bedrock-cost-governor-dev\. Check the network/,
    ],
    [
      'another table',
      ['status', '--table', 'other'],
      {},
      1,
      /^ResourceNotFoundException: .*right account, Region and table/s,
    ],
    ['a table named by nobody', ['status'], { GOVERNOR_TABLE: '' }, 2, /^expected --table <name> or --stage/],
    [
      'a command that is none',
      ['stauts'],
      {},
      2,
      /unknown command 'stauts'.*Did you mean status.*All commands: governor --help\n$/s,
    ],
    [
      'a missing option',
      ['plan'],
      {},
      2,
      /'--policy <file>' not specified\nFor instance: governor plan --policy .*\nAll of it: governor plan --help\n$/,
    ],
    ['no reason', ['take-back', 'abcdef', '--reason', ' '], {}, 2, /^--reason: expected <text>, not an empty text/],
  ])('refuses %s without a stack trace', async (_, args, env, expected, problem) => {
    const ending = await governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table, ...env }, ...args).ended;
    expect({ code: ending.code, stdout: ending.stdout }).toEqual({ code: expected, stdout: '' });
    expect(ending.stderr).toMatch(problem);
    expect(ending.stderr).not.toMatch(/\n\s+at /);
  });

  it('ends at once with Ctrl-C, with the exit code that shells know', async () => {
    let answer = (): void => {};
    const answered = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    let stop = (): void => {};
    const asked = new Promise<void>((resolve) => {
      stop = stack.aws.intercept((call) => {
        if (call.service !== 'dynamodb') return undefined;
        resolve();
        return answered;
      });
    });
    const command = governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, 'status');
    await asked;
    command.signal('SIGINT');
    expect(await command.ended).toMatchObject({ code: 130, signal: null, stdout: '' });
    stop();
    answer();
  });
  it('is foretold by plan what another policy makes of budgets and profiles, and apply makes it so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'governor-plan-'));
    const file = join(folder, 'governance.yaml');
    const example = await readFile('examples/insurer/governance.yaml', 'utf8');
    await writeFile(
      file,
      example
        .replace('limit: 20 USD', 'limit: 0.00001 USD')
        .replace('app: { pattern: "^[a-z][a-z0-9_]*$" }', 'app: { pattern: "^[a-z]*$" }')
        .replace('[claims, underwriting', '[pirates, claims, underwriting')
        .replace('name: sales-support-chat', 'name: claims-chat')
        .replace('dept: sales, team: support, app: chat_app', 'dept: claims'),
    );
    const before = await stack.ledger(BUDGET, '2026-11');
    const planned = (await run('plan', '--policy', file, '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => z.looseObject({ type: z.string() }).parse(JSON.parse(line)));
    expect(planned).toContainEqual(
      expect.objectContaining({
        type: 'budget',
        action: 'change',
        budget: BUDGET,
        limitUsd: { before: '20.00', after: '0.00001' },
        standing: { before: 'open', after: 'closed' },
        because: '100% of the limit is spent',
      }),
    );
    expect(planned).toContainEqual({
      type: 'budget',
      action: 'begin',
      budget: 'claims-chat',
      limitUsd: '10000.00',
      profiles: 1,
      spentUsd: expect.stringMatching(/^0\.0*[1-9]\d*$/),
      standing: 'open',
    });
    expect(planned).toContainEqual({ type: 'budget', action: 'end', budget: 'tenant-monthly/lakeside' });
    expect(planned).toContainEqual(
      expect.objectContaining({
        type: 'standing',
        action: 'quarantined',
        name: 'lakeside-chat',
        because: expect.stringContaining('app'),
      }),
    );
    expect(planned).toContainEqual(expect.objectContaining({ type: 'standing', action: 'released', name: 'nobody' }));
    const text = await run('plan', '--policy', file);
    expect(text.stdout).toContain(
      `  ~ ${BUDGET} 2026-11: limit 20.00 USD → 0.00001 USD, stops at 20.00 USD → 0.00001 USD, open → closed: 100% of the limit is spent\n`,
    );
    expect(text.stdout).toContain('  ! lakeside-chat is quarantined: ');
    expect((await stack.ledger(BUDGET, '2026-11'))?.termsVersion).toBe(before?.termsVersion);

    expect(await run('apply', '--policy', file, '--yes')).toMatchObject({ code: 0, stderr: '' });
    await rm(folder, { recursive: true });
    await stack.sweep();
    expect(await figuresOf('alpine-re')).toMatchObject({
      standing: 'closed',
      reason: { from: 'money', text: '100% of the limit is spent', who: expect.stringContaining('sweep') },
    });
    const { tenants } = z
      .looseObject({ tenants: z.array(z.looseObject({ tenant: z.string(), closedProfiles: z.int() })) })
      .parse(await json('tenants'));
    expect(tenants.map(({ tenant, closedProfiles }) => [tenant, closedProfiles])).toEqual([
      ['alpine-re', 1],
      ['lakeside', 1],
      ['quay', 0],
    ]);
  });
});

const nano = (text: string | undefined): bigint | undefined => {
  const [whole = '', decimals = ''] = (text ?? '').split('.');
  return text === undefined ? undefined : BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, '0'));
};
