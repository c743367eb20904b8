import { readFile } from 'node:fs/promises';
import {
  BedrockClient,
  CreateInferenceProfileCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { CreateBudgetCommand } from '@aws-sdk/client-budgets';
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { IAMClient } from '@aws-sdk/client-iam';
import { CreateAliasCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { overridesTable } from '../../aws/dynamodb/overrides-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import type { Override, OverrideId, OverrideTarget } from '../../domain/standing/override.ts';
import { leaseFunction } from '../../invoke/index.ts';
import { AwsFault, type Json, type JsonObject } from '../../local/service.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, PREFIX, RULES } from './deployed-governor.ts';
import { EXCEPTIONS } from './role-exceptions.ts';
import { type RecordedRequest, recordRoles, statementsOfRole, unusedParts } from './role-usage.ts';

const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const ROLES = [
  'billing',
  'budget-alert',
  'budget-hint',
  'cost-anomaly',
  'lease',
  'ledger-watch',
  'metric-alarm',
  'outlook',
  'profile-changed',
  'reopen-ended',
  'resolve-profile',
  'sweep',
] as const;
const PERIOD = '2026-11';
const DAY_MS = 24 * 3_600_000;

const tagsFor = (tenant: string) => ({
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  tenant,
  environment: 'prod',
  costcenter: 'cc-1042',
});
const budgetOf = (tenant: string) => `tenant-monthly/${tenant}`;
const awsBudgetOf = (tenant: string) => `governor/dev/${budgetOf(tenant)}`;

/**
 * Every function of the packaged stack does everything that it is there for, under the role that the packaged template gives
 * it. What is refused fails the function, and what nobody asks for is allowed too much.
 */
describe('the roles of the functions', { timeout: 90_000 }, () => {
  let governor: DeployedGovernor;
  let recorded: ReadonlyMap<string, readonly RecordedRequest[]>;
  let document: JsonObject;
  const config = () => ({
    endpoint: governor.aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'platform-team', secretAccessKey: 'not-verified' },
  });
  const policies = () => policyTable(governor.dynamodb, governor.table);

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-02T09:00:30Z');
    recorded = recordRoles(governor.aws);
    await governor.stopSweeping();
    document = parse(await readFile(POLICY_FILE, 'utf8')) as JsonObject;
    const { tags } = document as { tags: { required: Record<string, JsonObject> } };
    tags.required['environment'] = { ...tags.required['environment'], default: { from: 'creator-tag', key: 'Env' } };
    tags.required['costcenter'] = { default: { from: 'creator-role', map: { 'ci-deploy': 'cc-1042' } } };
    document['profiles'] = { names: '^good-', mismatched: 'delete', allowDelete: true, deleteAfterUnusedDays: 7 };
    document['lending'] = { aliases: { 'tenant-acme': { tenant: 'acme' } } };
    document['anomalies'] = { impact: '1 USD' };
    await policies().apply(document);
  });
  afterAll(() => governor.close());

  const withEvents = async (): Promise<void> => {
    for (const Name of [RULES.apiCalls, RULES.tagChanges]) await governor.events.send(new EnableRuleCommand({ Name }));
  };
  const withoutEvents = async (): Promise<void> => {
    for (const Name of [RULES.apiCalls, RULES.tagChanges]) await governor.events.send(new DisableRuleCommand({ Name }));
  };
  const create = async (tenant: string, name = `good-${tenant}`): Promise<string> => {
    const arn = await governor.createProfile(name, governor.foundationModel(NOVA_PRO), tagsFor(tenant));
    await governor.aws.settled();
    return arn;
  };
  /** As a pipeline creates it, whose role says what is missing. */
  const createByPipeline = async (tenant: string): Promise<string> => {
    governor.aws.registerPrincipal({
      accessKeyId: 'ASIACI',
      accountId: governor.aws.accountId,
      arn: `arn:aws:sts::${governor.aws.accountId}:assumed-role/ci-deploy/run-7`,
      userId: 'AROACI:run-7',
      tags: { Env: 'prod' },
    });
    const { environment: _, costcenter: __, ...tags } = tagsFor(tenant);
    const bedrock = new BedrockClient({ ...config(), credentials: { accessKeyId: 'ASIACI', secretAccessKey: 'any' } });
    const { inferenceProfileArn = '' } = await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: `good-${tenant}`,
        modelSource: { copyFrom: governor.foundationModel(NOVA_PRO) },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    await governor.aws.settled();
    return inferenceProfileArn;
  };
  const retag = async (resourceARN: string, value: string): Promise<void> => {
    await governor.bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'owner', value }] }));
    await governor.aws.settled();
  };
  const invoke = async (name: string, event: Json): Promise<string> => {
    const { payload, error } = await governor.aws.invoke(`${PREFIX}-${name}`, event);
    if (error !== undefined) throw new Error(`${name} failed: ${error.message}`);
    await governor.aws.settled();
    return payload;
  };
  let words = 0;
  /** What an operator says, without anything that the command does about it. */
  const say = async (
    tenant: string,
    kind: 'disable' | 'enable',
    forMs = 40 * DAY_MS,
    target: OverrideTarget = { kind: 'budget', budget: budgetOf(tenant) as BudgetId },
  ): Promise<void> => {
    await governor.aws.clock.advance(1_000);
    const now = governor.aws.clock.now();
    const overrides = overridesTable(governor.dynamodb, governor.table);
    const word: Override = {
      id: `word-${++words}` as OverrideId,
      target,
      change: { kind },
      reason: 'to see what follows',
      author: 'arn:aws:iam::123456789012:role/operator',
      madeAt: epochMs(now),
      until: epochMs(now + forMs),
    };
    expect(await overrides.keep(word, await overrides.lastWord(target))).toBe('kept');
  };
  const spend = async (tenant: string): Promise<void> => {
    const process = governor.tenant({ tenant });
    await process.call(NOVA_PRO, 'How much is the deductible?', 100);
    await process.close();
  };
  /** What this call costs is not known: the true-up keeps how far it has compared since. */
  const loseAnAnswer = async (tenant: string): Promise<void> => {
    const stop = governor.aws.intercept({
      after: ({ operation }) => (operation === 'Converse' ? 'no-answer' : undefined),
    });
    const process = governor.tenant({ tenant });
    await expect(process.call(NOVA_PRO, 'Is anybody there?', 100)).rejects.toThrow();
    stop();
    await process.close();
  };
  const forget = async (tenant: string): Promise<void> => {
    const Key = { pk: { S: `LEDGER#${budgetOf(tenant)}` }, sk: { S: PERIOD } };
    await governor.dynamodb.send(new DeleteItemCommand({ TableName: governor.table, Key }));
  };
  const standing = async (arn: string) => (await governor.tagsOf(arn))['governor:standing'];

  const budgetAlert = (tenant: string): JsonObject => {
    const Message = `AWS Budget Notification November 02, 2026\nAWS Account ${governor.aws.accountId}\n\nBudget Name: ${awsBudgetOf(tenant)}\nBudget Type: Cost\nAlert Type: ACTUAL\n`;
    return { Records: [{ EventSource: 'aws:sns', Sns: { Message } }] };
  };
  const hint = (tenant: string): JsonObject => ({
    source: 'governor.helper',
    'detail-type': 'BudgetThresholdHint',
    account: governor.aws.accountId,
    detail: { version: 1, budget: budgetOf(tenant) },
  });
  const MONITOR = 'arn:aws:ce::123456789012:anomalymonitor/11112222-3333-4444-5555-666677778888';
  const anomaly = (): JsonObject => ({
    source: 'aws.ce',
    'detail-type': 'Anomaly Detected',
    account: governor.aws.accountId,
    region: 'us-east-1',
    detail: { anomalyId: 'an-anomaly', monitorArn: MONITOR, anomalyStartDate: '2026-11-01T00:00:00Z' },
  });
  const alarm = (tenant: string): JsonObject => ({
    source: 'aws.cloudwatch',
    'detail-type': 'CloudWatch Alarm State Change',
    account: governor.aws.accountId,
    region: 'us-east-1',
    detail: { alarmName: awsBudgetOf(tenant), state: { value: 'ALARM' } },
  });
  /** AWS has the anomaly, and the alarm: how they come about is for other tests. */
  const answerLookUps = (tenant: string): (() => void) =>
    governor.aws.intercept(({ operation }) => {
      if (operation === 'GetAnomalies')
        return {
          answer: {
            Anomalies: [
              {
                AnomalyId: 'an-anomaly',
                MonitorArn: MONITOR,
                AnomalyScore: { MaxScore: 1, CurrentScore: 1 },
                Impact: { MaxImpact: 50, TotalImpact: 50 },
                AnomalyStartDate: '2026-11-01T00:00:00Z',
                AnomalyEndDate: '2026-11-01T00:00:00Z',
                DimensionValue: `tenant:${tenant}`,
              },
            ],
          },
        };
      return undefined;
    });

  it.each([
    ['budget-alert', budgetAlert],
    ['budget-hint', hint],
    ['ledger-watch', (): JsonObject => ({})],
    ['cost-anomaly', anomaly],
    ['metric-alarm', alarm],
  ] as const)('suffice for %s to close and to open a budget, and to count anew what was spent', async (name, event) => {
    const tenant = name;
    await withEvents();
    const arn = await create(tenant);
    await withoutEvents();
    await spend(tenant);
    await retag(arn, 'somebody');
    const stop = answerLookUps(tenant);
    if (name === 'metric-alarm') await putAlarm(tenant);
    await say(tenant, 'disable');
    await invoke(name, event(tenant));
    expect(await standing(arn)).toBe('closed');
    await say(tenant, 'enable');
    await invoke(name, event(tenant));
    expect(await standing(arn)).toBeUndefined();
    await forget(tenant);
    await invoke(name, event(tenant));
    if (name === 'metric-alarm') {
      await loseAnAnswer(tenant);
      await invoke(name, event(tenant));
    }
    stop();
  });

  const putAlarm = async (tenant: string): Promise<void> => {
    const { CloudWatchClient, PutMetricAlarmCommand } = await import('@aws-sdk/client-cloudwatch');
    await new CloudWatchClient(config()).send(
      new PutMetricAlarmCommand({
        AlarmName: awsBudgetOf(tenant),
        Namespace: 'AWS/Bedrock',
        MetricName: 'InputTokenCount',
        Dimensions: [],
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'LessThanThreshold',
        TreatMissingData: 'breaching',
      }),
    );
    await governor.aws.clock.advance(5 * 60_000);
  };

  it('suffice for reopen-ended to open what an operator has closed until now', async () => {
    await withEvents();
    const arn = await create('ended');
    await withoutEvents();
    await spend('ended');
    await say('ended', 'disable', 3_600_000);
    await invoke('ledger-watch', {});
    expect(await standing(arn)).toBe('closed');
    await retag(arn, 'somebody else');
    await forget('ended');
    await governor.aws.clock.advance(3_600_000);
    await invoke('reopen-ended', {});
    expect(await standing(arn)).toBeUndefined();
  });

  it('suffice for reopen-ended to show what is still closed for another reason', async () => {
    await withEvents();
    const arn = await create('twice');
    await withoutEvents();
    await say('twice', 'disable', 3_600_000);
    await invoke('ledger-watch', {});
    await say('twice', 'disable', 40 * DAY_MS, { kind: 'tenant', tenant: 'twice' });
    await governor.bedrock.send(new UntagResourceCommand({ resourceARN: arn, tagKeys: ['governor:standing'] }));
    await governor.aws.clock.advance(3_600_000);
    await invoke('reopen-ended', {});
    expect(await standing(arn)).toBe('closed');
  });

  /** Somebody has made a budget by the name that the governor would give it. */
  const makeAwsBudget = async (tenant: string): Promise<void> => {
    const limit = { Amount: '1', Unit: 'USD' };
    const budget = {
      BudgetName: awsBudgetOf(tenant),
      BudgetType: 'COST',
      TimeUnit: 'MONTHLY',
      BudgetLimit: limit,
    } as const;
    await governor.budgets.send(new CreateBudgetCommand({ AccountId: governor.aws.accountId, Budget: budget }));
  };

  it('suffice for profile-changed and the sweep to mend tags, to provide budgets, and to close and open', async () => {
    await withEvents();
    await createByPipeline('piped');
    await makeAwsBudget('heard');
    const heard = await create('heard');
    await spend('heard');
    await governor.bedrock.send(
      new TagResourceCommand({
        resourceARN: heard,
        tags: [
          { key: 'app', value: 'other' },
          { key: 'tenant', value: 'piped' },
        ],
      }),
    );
    await governor.aws.settled();
    await governor.bedrock.send(
      new TagResourceCommand({ resourceARN: heard, tags: [{ key: 'tenant', value: 'heard' }] }),
    );
    await governor.aws.settled();
    await say('heard', 'disable');
    await retag(heard, 'a');
    expect(await standing(heard)).toBe('closed');
    await say('heard', 'enable');
    await retag(heard, 'b');
    expect(await standing(heard)).toBeUndefined();

    await withoutEvents();
    await makeAwsBudget('swept');
    const arn = await createByPipeline('swept');
    await governor.sweep();
    expect(await governor.tagsOf(arn)).toMatchObject({ environment: 'prod', costcenter: 'cc-1042' });
    await say('swept', 'disable');
    await governor.sweep();
    expect(await standing(arn)).toBe('closed');
    await say('swept', 'enable');
    await retag(arn, 'c');
    await governor.sweep();
    expect(await standing(arn)).toBeUndefined();
    await forget('swept');
    await governor.sweep();
    await loseAnAnswer('swept');
    await governor.sweep();
  });

  it('suffice for the sweep to delete what nobody uses', async () => {
    await withEvents();
    const arn = await create('elsewhere', 'bad-unused');
    await create('acme');
    await withoutEvents();
    await governor.aws.clock.advance(8 * DAY_MS);
    await spend('acme');
    await governor.aws.clock.advance(3_600_000);
    for (let sweep = 0; sweep < 3; sweep++) await governor.sweep();
    expect((await governor.indexEntry(arn))?.endedAt).toBeTypeOf('number');
  });

  it.each(['billing', 'outlook'])('suffice for %s to tell what could not be told before', async (name) => {
    const tenant = `late-${name}`;
    await withEvents();
    await create(tenant);
    await withoutEvents();
    const stop = governor.aws.intercept(({ operation }) =>
      operation === 'Publish' || operation === 'PutEvents' ? new AwsFault('InternalError', 'No.', 500) : undefined,
    );
    await say(tenant, 'disable');
    await invoke('ledger-watch', {});
    stop();
    await governor.aws.clock.advance(10 * 60_000);
    await invoke(name, {});
  });

  it('suffice for billing and for the outlook', async () => {
    await invoke('billing', {});
    await governor.aws.clock.advance(2 * DAY_MS);
    await invoke('billing', {});
    await policies().apply({ ...document, anomalies: { impact: '2 USD' } });
    await invoke('billing', {});
    // Only the payer may: that is told.
    const stop = governor.aws.intercept(({ operation }) =>
      operation === 'ListCostAllocationTags'
        ? new AwsFault('AccessDeniedException', "Linked account doesn't have access.")
        : undefined,
    );
    await invoke('billing', {});
    stop();
    for (let hour = 0; hour < 3; hour++) {
      await invoke('outlook', {});
      await governor.aws.clock.advance(3_600_000);
    }
    // Cost Explorer is asked once a second at most.
  });

  it('suffice for the function lease to lend, and for resolve-profile to answer from the index and from its copy', async () => {
    const lambda = new LambdaClient(config());
    const FunctionName = `${PREFIX}-lease`;
    await lambda.send(new CreateAliasCommand({ FunctionName, Name: 'tenant-acme', FunctionVersion: '$LATEST' }));
    const tenant = governor.tenant(
      { tenant: 'acme' },
      { ledger: leaseFunction({ functionName: FunctionName, qualifier: 'tenant-acme', lambda }) },
    );
    await tenant.call(NOVA_PRO, 'And what does it cover?', 100);
    await tenant.close();
    // It looks whose a profile was that is another's now.
    const now = governor.aws.clock.now();
    const entries = await profileIndexTable(governor.dynamodb, governor.table).list();
    const others = entries.find(({ tags }) => tags['tenant'] !== 'acme')?.arn;
    const usage = { inputTokens: 1, outputTokens: 1, cacheReadInputTokens: 0, cacheWrite5mInputTokens: 0 };
    const record = {
      protocol: 1,
      do: 'record',
      process: 'p'.repeat(16),
      hour: new Date(now).toISOString().slice(0, 13),
      chunk: 0,
      sequence: 1,
      watermark: now,
      totals: [
        { profile: others, calls: 1, usage: { ...usage, cacheWrite1hInputTokens: 0 }, settled: '1', unconfirmed: '0' },
      ],
    };
    expect(JSON.parse(await invoke('lease:tenant-acme', record))).toMatchObject({ leftOut: [others] });
    const question = { modelId: NOVA_PRO, tags: { tenant: 'acme' } };
    const stop = governor.aws.intercept(({ service }) =>
      service === 'dynamodb' ? new AwsFault('InternalServerError', 'No.', 500) : undefined,
    );
    expect(JSON.parse(await invoke('resolve-profile', question))).toMatchObject({ kind: 'profile' });
    stop();
    await governor.aws.clock.advance(DAY_MS);
    await invoke('resolve-profile', question);
    await governor.aws.clock.advance(DAY_MS);
    expect(JSON.parse(await invoke('resolve-profile', question))).toMatchObject({ kind: 'profile' });
  });

  it('suffice for Lambda to keep what a function failed to do', async () => {
    const lambda = new LambdaClient(config());
    const stop = governor.aws.intercept(({ service, principal }) =>
      service === 'dynamodb' && principal.arn.includes('assumed-role')
        ? new AwsFault('ValidationException', 'The table cannot be read.', 400)
        : undefined,
    );
    const events: Partial<Record<(typeof ROLES)[number], JsonObject>> = {
      'budget-alert': budgetAlert('budget-alert'),
      'budget-hint': hint('budget-hint'),
      'cost-anomaly': anomaly(),
      'metric-alarm': alarm('metric-alarm'),
      'profile-changed': await profileChanged(),
    };
    for (const name of ROLES.filter((role) => role !== 'lease'))
      await lambda.send(
        new InvokeCommand({
          FunctionName: `${PREFIX}-${name}`,
          InvocationType: 'Event',
          Payload: Buffer.from(JSON.stringify(events[name] ?? {})),
        }),
      );
    const reading = { protocol: 1, do: 'read', budget: budgetOf('acme'), period: PERIOD, process: 'p'.repeat(16) };
    expect((await governor.aws.invoke(`${PREFIX}-lease:tenant-acme`, reading)).error).toBeDefined();
    await governor.aws.settled();
    await governor.aws.clock.advance(61_000);
    await governor.aws.settled();
    await governor.aws.clock.advance(121_000);
    await governor.aws.settled();
    stop();
  });

  const profileChanged = async (): Promise<JsonObject> => {
    const text = await readFile(new URL('../fixtures/events/cloudtrail-TagResource.json', import.meta.url), 'utf8');
    return JSON.parse(text) as JsonObject;
  };

  it('refused nothing', () => {
    const refused = [...recorded].flatMap(([role, requests]) =>
      requests.flatMap(({ allowed, action, resource, context }) =>
        allowed ? [] : [`${role}: ${action} on ${resource} ${JSON.stringify([...context])}`],
      ),
    );
    expect(refused).toEqual([]);
  });

  it('allow nothing that was not asked for, but for what is listed with its reason', async () => {
    const iam = new IAMClient(config());
    const unused: string[] = [];
    for (const name of ROLES) {
      const role = `${PREFIX}-us-east-1-${name}`;
      const statements = await statementsOfRole(iam, role);
      expect(statements.length, role).toBeGreaterThan(0);
      for (const allowed of statements)
        unused.push(...unusedParts(allowed, recorded.get(role) ?? []).map((part) => `${name}: ${part}`));
    }
    expect(unused.sort()).toEqual(Object.keys(EXCEPTIONS).sort());
  });

  it('are those of all functions', async () => {
    expect(Object.keys(FUNCTIONS).length).toBeLessThanOrEqual(ROLES.length);
    expect([...recorded.keys()].filter((role) => role.startsWith(PREFIX)).sort()).toEqual(
      ROLES.map((name) => `${PREFIX}-us-east-1-${name}`),
    );
  });
});
