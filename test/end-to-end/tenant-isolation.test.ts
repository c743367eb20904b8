import { readFile } from 'node:fs/promises';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateScan,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { CreateAliasCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { GovernorRefusal, leaseFunction } from '../../invoke/index.ts';
import { clientConfig } from '../aws/client-config.ts';
import { converse, DeployedGovernor, NOVA_PRO, PREFIX, type Tenant } from './deployed-governor.ts';
import { leaseRolePolicy, statementsOfSecurityGuide } from './role-policies.ts';

const START = '2026-11-23T10:00:00Z';
const MONTH = '2026-11';
const ACME = 'tenant-monthly/acme';
const BETA = 'tenant-monthly/beta';
/** Sales support's chat, whoever the tenant is: both spend from it. */
const SHARED = 'sales-support-chat';
const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const PROCESS = 'attacker-process';
const LEASE_FUNCTION = `${PREFIX}-lease`;

const usageOf = (profile: string, change: object = {}) => ({
  profile,
  calls: 1,
  usage: {
    inputTokens: 1,
    outputTokens: 1,
    cacheReadInputTokens: 0,
    cacheWrite5mInputTokens: 0,
    cacheWrite1hInputTokens: 0,
  },
  settled: '1',
  unconfirmed: '0',
  ...change,
});

/**
 * Two tenants that lease through the function, each by an alias of its own. Acme has valid credentials of its own, the
 * name of everything of beta's, and copies of all that beta has ever sent.
 */
describe('a tenant with valid credentials of its own', () => {
  let governor: DeployedGovernor;
  /** Payloads that reached the function, in order. */
  const payloads: string[] = [];
  const profiles = { acme: '', beta: '' };
  const beta: { holder: string; write: string; sharedWrite: string } = { holder: '', write: '', sharedWrite: '' };

  const tenantOf = (tenant: string, key: string, alias = `tenant-${key}`, maxWaitMs = 0): Tenant =>
    governor.tenant(
      { tenant },
      {
        maxWaitMs,
        ledger: leaseFunction({ functionName: LEASE_FUNCTION, qualifier: alias, lambda: lambdaAs(key) }),
        dynamodb: new DynamoDBClient(configAs(key)),
      },
    );

  const configAs = (accessKeyId: string) => ({
    ...clientConfig(governor.aws),
    credentials: { accessKeyId, secretAccessKey: 'not-verified' },
    maxAttempts: 1,
  });
  const lambdaAs = (accessKeyId: string) => new LambdaClient(configAs(accessKeyId));

  /** A session of a role that may do what docs/security.md says, call its own profile, and read the index. */
  function registerTenant(tenant: 'acme' | 'beta', setup: 'alias' | 'table', accessKeyId: string = tenant): void {
    const { accountId } = governor.aws;
    const tableArn = `arn:aws:dynamodb:us-east-1:${accountId}:table/${governor.table}`;
    const [readIndex, ...rest] = statementsOfSecurityGuide('table', tenant, tableArn);
    const Statement = [
      readIndex,
      ...(setup === 'table' ? rest : statementsOfSecurityGuide('alias', tenant, tableArn)),
      {
        Effect: 'Allow',
        Action: 'bedrock:InvokeModel',
        Resource: [profiles[tenant], 'arn:aws:bedrock:*::foundation-model/*'],
      },
    ];
    governor.aws.registerPrincipal({
      accountId,
      accessKeyId,
      arn: `arn:aws:sts::${accountId}:assumed-role/${accessKeyId}-app/session`,
      userId: `AROA${accessKeyId.toUpperCase()}:session`,
      policies: [JSON.parse(JSON.stringify({ Version: '2012-10-17', Statement }))],
    });
  }

  /** All that the governor's table holds. */
  async function everything(): Promise<Record<string, AttributeValue>[]> {
    const items: Record<string, AttributeValue>[] = [];
    for await (const page of paginateScan({ client: governor.dynamodb }, { TableName: governor.table }))
      items.push(...(page.Items ?? []));
    return items;
  }

  /** Sends a payload to the function with acme's credentials, as any program may. */
  async function send(payload: unknown, alias: string | null = 'tenant-acme'): Promise<unknown> {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const { Payload } = await lambdaAs('acme').send(
      new InvokeCommand({ FunctionName: LEASE_FUNCTION, Qualifier: alias ?? undefined, Payload: Buffer.from(text) }),
    );
    return JSON.parse(Buffer.from(Payload ?? []).toString('utf8'));
  }

  const now = () => governor.aws.clock.now();
  const writing = (change: Record<string, unknown> = {}) =>
    Object.fromEntries(
      Object.entries({
        protocol: 1,
        do: 'write',
        budget: BETA,
        period: MONTH,
        holder: `${PROCESS}.1`,
        sequence: 1,
        writeId: 'attack-0001',
        settled: '0',
        unconfirmed: '0',
        leased: '1000000',
        expiresAt: now() + 60_000,
        termsVersion: 1,
        ...change,
      }).filter(([, value]) => value !== undefined),
    );
  const denial = (code: string) => ({ kind: 'denied', code });

  /** What beta's process has sent to the function so far that takes money from a budget. */
  function sentBy(budget: string): { readonly text: string; readonly holder: string } {
    for (const text of payloads) {
      const sent = JSON.parse(text) as { do: string; budget: string; holder: string };
      if (sent.do === 'write' && sent.budget === budget) return { text, holder: sent.holder };
    }
    throw new Error(`nothing was sent about ${budget}`);
  }

  let betas: Tenant;
  beforeAll(async () => {
    governor = await DeployedGovernor.start(START);
    await governor.stopSweeping();
    await policyTable(governor.dynamodb, governor.table).apply({
      ...parse(await readFile(POLICY_FILE, 'utf8')),
      lending: {
        aliases: { 'tenant-acme': { tenant: 'acme' }, 'tenant-beta': { tenant: 'beta' } },
        roles: { [`arn:aws:iam::${governor.aws.accountId}:role/beta-app`]: { tenant: 'beta' } },
      },
    });
    for (const tenant of ['acme', 'beta'] as const)
      profiles[tenant] = await governor.createProfile(`${tenant}-chat`, governor.foundationModel(NOVA_PRO), {
        dept: 'sales',
        team: 'support',
        app: 'chat_app',
        tenant,
        environment: 'prod',
      });
    await governor.aws.settled();
    for (const tenant of ['acme', 'beta'] as const) {
      const alias = { FunctionName: LEASE_FUNCTION, Name: `tenant-${tenant}`, FunctionVersion: '$LATEST' };
      await lambdaAs('platform-team').send(new CreateAliasCommand(alias));
      registerTenant(tenant, 'alias');
    }
    registerTenant('acme', 'table', 'acme-direct');
    // From its first request on the function may do what its role allows, and nothing else.
    let isLimited = false;
    governor.aws.intercept(async ({ operation, principal }, input) => {
      if (operation === 'Invoke') payloads.push(String(input['Payload']));
      if (!isLimited && principal.arn.endsWith('-lease')) {
        isLimited = true;
        governor.aws.registerPrincipal({ ...principal, policies: [await leaseRolePolicy(governor)] });
      }
      return undefined;
    });
    betas = tenantOf('beta', 'beta');
    await betas.call(NOVA_PRO, 'Hello!');
    const own = sentBy(BETA);
    beta.holder = own.holder;
    beta.write = own.text;
    beta.sharedWrite = sentBy(SHARED).text;
  });
  afterAll(async () => {
    await betas.close();
    await governor.close();
  });

  it('spends its own money through the function, and reports it to the last nano-dollar', async () => {
    const acme = tenantOf('acme', 'acme');
    await acme.call(NOVA_PRO, 'Hello!');
    await acme.close();
    const billed = governor.billed(profiles.acme);
    expect(billed).toBeGreaterThan(0n);
    expect(await governor.ledger(ACME, MONTH)).toMatchObject({ committed: billed, settled: billed, leased: 0n });
  });

  it('fails with a typed refusal under the tags of another, and nothing is billed or written', async () => {
    const before = await everything();
    const billed = governor.billed(profiles.beta);
    // However long it is ready to wait: a denial is an answer.
    const impostor = tenantOf('beta', 'acme', 'tenant-acme', 600_000);
    await expect(impostor.call(NOVA_PRO, 'Hello!')).rejects.toMatchObject({
      name: 'GovernorRefusal',
      code: 'LedgerDenied',
      message: expect.stringContaining('alias tenant-acme'),
    });
    await impostor.close();
    expect(governor.billed(profiles.beta)).toBe(billed);
    expect(await everything()).toEqual(before);
  });

  it('fails under the alias of another, or none, or the URL: IAM lets it invoke its own', async () => {
    const before = await everything();
    const impostor = tenantOf('beta', 'acme', 'tenant-beta');
    await expect(impostor.call(NOVA_PRO, 'Hello!')).rejects.toMatchObject({ code: 'LedgerUnavailable' });
    await impostor.close();
    for (const alias of ['tenant-beta', 'url', '$LATEST', '1'])
      await expect(send(writing(), alias)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await everything()).toEqual(before);
  });

  it("fails with the ARN of another's profile", async () => {
    const acme = tenantOf('acme', 'acme');
    await expect(acme.call(profiles.beta, 'Hello!')).rejects.toMatchObject({ code: 'TenantMismatch' });
    await acme.close();
    const unguarded = new BedrockRuntimeClient(configAs('acme'));
    await expect(unguarded.send(converse(profiles.beta, 'Hello!', 10))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it.each<[string, () => unknown, string]>([
    ["takes from another's budget", () => writing(), 'BudgetNotYours'],
    [
      "reads another's budget",
      () => ({ protocol: 1, do: 'read', budget: BETA, period: MONTH, process: PROCESS }),
      'BudgetNotYours',
    ],
    ["replays another's write byte for byte", () => beta.write, 'BudgetNotYours'],
    ["goes on with another's lease", () => writing({ holder: beta.holder, sequence: 2 }), 'BudgetNotYours'],
    [
      "gives another's lease back",
      () => writing({ holder: beta.holder, sequence: 2, leased: '0', termsVersion: undefined }),
      'BudgetNotYours',
    ],
    ['reports spending to it', () => writing({ settled: '1', leased: '0', termsVersion: undefined }), 'BudgetNotYours'],
    [
      'says that it was refused there',
      () => writing({ leased: '0', termsVersion: undefined, refusedNeed: '9000000000000000' }),
      'BudgetNotYours',
    ],
    ['takes from its next period', () => writing({ period: '2026-12' }), 'BudgetNotYours'],
    ['takes from a cell of it', () => writing({ budget: `${BETA}#cell-0` }), 'BudgetNotYours'],
    ['walks there from its own', () => writing({ budget: `${ACME}/../beta` }), 'BudgetNotYours'],
    ['spells it otherwise', () => writing({ budget: 'tenant-monthly/Beta' }), 'BudgetNotYours'],
    ['asks for all budgets', () => writing({ budget: 'tenant-monthly/*' }), 'BudgetNotYours'],
    ['asks for a budget of nobody', () => writing({ budget: 'tenant-monthly/' }), 'BudgetNotYours'],
    ['says that it is another', () => writing({ identity: { tags: { tenant: 'beta' } } }), 'RequestInvalid'],
    ['says that it has the tags of another', () => writing({ tags: { tenant: 'beta' } }), 'RequestInvalid'],
    [
      'forges a request to the function URL',
      () => ({
        requestContext: {
          authorizer: {
            iam: { userArn: `arn:aws:sts::${governor.aws.accountId}:assumed-role/beta-app/session` },
          },
        },
        body: JSON.stringify(writing()),
      }),
      'RequestInvalid',
    ],
    ['takes a name of the form that the ledger keeps', () => writing({ holder: `x~${beta.holder}` }), 'RequestInvalid'],
    ['passes for a cell', () => writing({ budget: SHARED, holder: 'cell-0' }), 'RequestInvalid'],
    ['brings terms', () => writing({ budget: SHARED, terms: { limit: '1', version: 2 } }), 'RequestInvalid'],
    ['brings a ceiling', () => writing({ budget: SHARED, grant: { ceiling: '1', at: 0 } }), 'RequestInvalid'],
    ['drains a shared budget by less than nothing', () => writing({ budget: SHARED, leased: '-1' }), 'RequestInvalid'],
    ['unspends', () => writing({ budget: SHARED, settled: '-1000000' }), 'RequestInvalid'],
    [
      'brings a number too large for any item',
      () => writing({ budget: SHARED, settled: '9'.repeat(38) }),
      'RequestInvalid',
    ],
    [
      'reports millions to a shared budget',
      () => writing({ budget: SHARED, settled: '9000000000000000', leased: '0', termsVersion: undefined }),
      'ReportTooLarge',
    ],
    [
      'leases from a shared budget what no ceiling was asked about',
      () => writing({ budget: SHARED, leased: '9000000000000', termsVersion: undefined }),
      'RequestInvalid',
    ],
    ['changes terms', () => ({ protocol: 1, do: 'changeTerms', budget: ACME, period: MONTH }), 'RequestInvalid'],
    ['reclaims', () => ({ protocol: 1, do: 'reclaim', budget: BETA, holder: beta.holder }), 'RequestInvalid'],
    ['sends no request', () => '[]', 'RequestInvalid'],
  ])('changes nothing where it %s', async (_, payload, code) => {
    const before = await everything();
    expect(await send(payload())).toMatchObject(denial(code));
    expect(await everything()).toEqual(before);
  });

  it("tells nothing of another's profile: what it tells beside that is kept", async () => {
    const record = (totals: readonly object[]) => ({
      protocol: 1,
      do: 'record',
      process: PROCESS,
      hour: new Date(now()).toISOString().slice(0, 13),
      chunk: 0,
      sequence: 1,
      watermark: now(),
      totals,
    });
    const before = await everything();
    expect(await send(record([usageOf(profiles.acme), usageOf(profiles.beta)]))).toEqual({
      protocol: 1,
      kind: 'recorded',
      leftOut: [profiles.beta],
    });
    const known = new Set(before.map((item) => JSON.stringify(item)));
    const written = (await everything()).filter((item) => !known.has(JSON.stringify(item)));
    expect(written).toHaveLength(1);
    expect(JSON.stringify(written)).toContain(profiles.acme);
    expect(JSON.stringify(written)).not.toContain(profiles.beta);
  });

  it("is not another's process on a budget that both share, whatever it calls itself", async () => {
    const before = (await governor.ledger(SHARED, MONTH))?.stored['holders']?.M ?? {};
    const change = {
      budget: SHARED,
      holder: beta.holder,
      sequence: 2,
      leased: '0',
      settled: '0',
      termsVersion: undefined,
    };
    expect(await send(writing(change))).toMatchObject({ kind: 'refused', why: 'lease-lost' });
    // Beta's own write, sent again: it is acme's first, under a name that is acme's.
    expect(await send(beta.sharedWrite)).toMatchObject({ kind: 'landed' });
    const after = (await governor.ledger(SHARED, MONTH))?.stored['holders']?.M ?? {};
    expect(after).toMatchObject(before);
    expect(Object.keys(after)).toHaveLength(Object.keys(before).length + 1);
  });

  it('sees on a shared budget what is left, and neither the names nor the writes of others', async () => {
    const seen = await send({ protocol: 1, do: 'read', budget: SHARED, period: MONTH, process: PROCESS });
    expect(seen).toMatchObject({ kind: 'item', item: { terms: { standing: 'open' } } });
    const { item } = seen as { item: { holders: [string, { writeId: string }][] } };
    const others = item.holders.filter(([holder]) => holder.startsWith('other.'));
    expect(others.length).toBeGreaterThan(0);
    for (const [, { writeId }] of others) expect(writeId).toBe('');
    expect(JSON.stringify(seen)).not.toMatch(/beta|~/);
  });

  it('is told that a lease ends in two minutes at most, however long it wants to keep it', async () => {
    const asked = writing({ budget: SHARED, holder: `${PROCESS}.7`, expiresAt: now() + 1e10 });
    const answer = (await send(asked)) as { item: { holders: [string, { expiresAt: number }][] } };
    const entry = answer.item.holders.find(([holder]) => holder === `${PROCESS}.7`)?.[1];
    expect((entry?.expiresAt ?? 0) - now()).toBeLessThanOrEqual(121_000);
  });

  it('reaches nothing through the deployed function without an alias', async () => {
    const before = await everything();
    await expect(send(writing({ budget: ACME }), null)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    const { payload } = await governor.aws.invoke(LEASE_FUNCTION, writing({ budget: ACME }));
    expect(JSON.parse(payload)).toMatchObject(denial('CallerUnknown'));
    expect(await everything()).toEqual(before);
  });

  it('cannot touch the table by itself', async () => {
    const before = await everything();
    const table = new DynamoDBClient(configAs('acme'));
    const TableName = governor.table;
    const ledgerKey = (budget: string) => ({ pk: { S: `LEDGER#${budget}` }, sk: { S: MONTH } });
    const raise = {
      UpdateExpression: 'SET stopAt = :much',
      ExpressionAttributeValues: { ':much': { N: '1000000000000' } },
    };
    const INDEX = { pk: { S: 'INDEX' }, sk: { S: profiles.acme } };
    const ofBeta = {
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `LEDGER#${BETA}` } },
    };
    const attempts: (() => Promise<unknown>)[] = [
      ...[ACME, BETA, SHARED]
        .map(ledgerKey)
        .flatMap((Key) => [
          () => table.send(new GetItemCommand({ TableName, Key })),
          () => table.send(new UpdateItemCommand({ TableName, Key, ...raise })),
          () => table.send(new DeleteItemCommand({ TableName, Key })),
          () => table.send(new PutItemCommand({ TableName, Item: Key })),
        ]),
      ...[
        { pk: { S: 'POLICY' }, sk: { S: 'CURRENT' } },
        { pk: { S: 'USAGE#2026-11-23' }, sk: { S: '10#someone#0' } },
        INDEX,
      ].map((Item) => () => table.send(new PutItemCommand({ TableName, Item }))),
      () => table.send(new UpdateItemCommand({ TableName, Key: INDEX })),
      () => table.send(new ScanCommand({ TableName })),
      () => table.send(new QueryCommand({ TableName, ...ofBeta })),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await everything()).toEqual(before);
  });

  it('cannot make itself an alias', async () => {
    const alias = { FunctionName: LEASE_FUNCTION, Name: 'tenant-gamma', FunctionVersion: '$LATEST' };
    await expect(lambdaAs('acme').send(new CreateAliasCommand(alias))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  it("has its own items alone where it may write the table, and another's not", async () => {
    const table = new DynamoDBClient(configAs('acme-direct'));
    const touch = (budget: string) =>
      table.send(
        new UpdateItemCommand({
          TableName: governor.table,
          Key: { pk: { S: `LEDGER#${budget}` }, sk: { S: MONTH } },
          UpdateExpression: 'SET settled = settled + :one',
          ConditionExpression: 'attribute_not_exists(pk)',
          ExpressionAttributeValues: { ':one': { N: '1' } },
        }),
      );
    await expect(touch(BETA)).rejects.toMatchObject({ name: 'AccessDeniedException' });
    for (const budget of [ACME, SHARED])
      await expect(touch(budget)).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
  });

  it('leaves the other to spend as if it were alone', async () => {
    const before = governor.billed(profiles.beta);
    await betas.call(NOVA_PRO, 'Hello again!');
    await betas.close();
    const billed = governor.billed(profiles.beta);
    expect(billed).toBeGreaterThan(before);
    expect(await governor.ledger(BETA, MONTH)).toMatchObject({ committed: billed, settled: billed, leased: 0n });
    await expect(betas.call(NOVA_PRO, 'Hello!')).rejects.toBeInstanceOf(GovernorRefusal);
  });
});
