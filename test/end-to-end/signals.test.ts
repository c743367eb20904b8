import { readFile } from 'node:fs/promises';
import { CloudWatchClient, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { EnableRuleCommand, EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SetSubscriptionAttributesCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { auditTable } from '../../aws/dynamodb/audit-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { auditOf } from '../../domain/audit/audit-record.ts';
import { EVENTS, isEventType } from '../../domain/events/governor-event.ts';
import { eventBridgeHints, GovernorRefusal } from '../../invoke/index.ts';
import { AwsFault, type JsonObject } from '../../local/service.ts';
import { converse, DeployedGovernor, FUNCTIONS, NOVA_PRO, RULES } from './deployed-governor.ts';
import { subscribeMailbox } from './mailbox.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PERIOD = '2026-11';
const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const TEXT = 'Summarise this claim. '.repeat(100);

const tagsFor = (tenant: string) => ({
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  tenant,
  environment: 'prod',
  costcenter: 'cc-1042',
});
const budgetOf = (tenant: string) => `tenant-monthly/${tenant}`;

/** Own events as the bus has carried them, in order. */
interface Seen {
  readonly type: string;
  readonly detail: JsonObject;
}

describe('signals about money', () => {
  let governor: DeployedGovernor;
  let bus = '';
  let seen: Seen[] = [];
  const outages: (() => void)[] = [];

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T09:00:30Z');
    await governor.stopSweeping();
    bus = 'bedrock-cost-governor-dev';
    const document = parse(await readFile(POLICY_FILE, 'utf8')) as { budgets: { limits: Record<string, string> }[] };
    const [tenants] = document.budgets;
    if (tenants === undefined) throw new Error('the example has a budget for each tenant');
    const names = [
      'hinted',
      'unhinted',
      'untended',
      'twice',
      'outage',
      'busless',
      'bypassed',
      'forecast',
      'filtered',
      'left',
    ];
    for (const name of names) tenants.limits[name] = '0.05 USD';
    await policyTable(governor.dynamodb, governor.table).apply(document);
    governor.aws.observe((observation) => {
      if (observation.kind !== 'event' || observation.bus !== bus) return;
      const { source, detail, 'detail-type': type } = observation.event;
      if (source === 'governor') seen.push({ type: String(type), detail: detail as JsonObject });
    });
  });
  afterEach(async () => {
    for (const end of outages.splice(0)) end();
    await governor.newNotices();
    seen = [];
  });
  afterAll(async () => {
    await governor.close();
  });

  const create = async (tenant: string): Promise<string> => {
    const arn = await governor.createProfile(tenant, governor.foundationModel(NOVA_PRO), tagsFor(tenant));
    await governor.aws.settled();
    await governor.newNotices();
    seen = [];
    return arn;
  };
  const client = () => ({
    endpoint: governor.aws.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'tenant', secretAccessKey: 'not-verified' },
    maxAttempts: 1,
  });
  const spentBy = async (tenant: string): Promise<number> =>
    Number((await governor.ledger(budgetOf(tenant), PERIOD))?.settled ?? 0n) / 1e9;
  /** Calls until this share of 0.05 USD is spent, from processes that end in order. */
  const spend = async (tenant: string, share: number, options = {}): Promise<void> => {
    const process = governor.tenant({ tenant }, options);
    try {
      while ((await spentBy(tenant)) < 0.05 * share) {
        await process.call(NOVA_PRO, TEXT, 500);
        await process.flush();
      }
    } finally {
      await process.close();
    }
    await governor.aws.settled();
  };
  /** Until the ledger refuses, and for as long afterwards that this counts as evidence. */
  const spendAll = async (tenant: string): Promise<void> => {
    const refusal = await spend(tenant, 1, { maxWaitMs: 0 }).catch((reason: unknown) => reason);
    expect(refusal).toBeInstanceOf(GovernorRefusal);
    await governor.aws.clock.advance(3 * MINUTE_MS);
  };
  const hints = () => eventBridgeHints({ busName: bus, client: new EventBridgeClient(client()) });
  const outage = (service: string, durationMs: number): void => {
    const from = governor.aws.clock.now();
    outages.push(governor.aws.planOutage({ service, from, until: from + durationMs }));
  };
  const watch = async () => {
    const { payload, error } = await governor.aws.invoke(FUNCTIONS.ledgerWatch, {});
    expect(error).toBeUndefined();
    await governor.aws.settled();
    return JSON.parse(payload) as { watched: number; reviewed: string[]; failed: string[] };
  };

  it('are heard from a process that crosses a threshold, and answered at once and once', async () => {
    await create('hinted');
    await spend('hinted', 0.85, { hints: hints() });
    expect(await governor.newNotices()).toEqual([
      'threshold-crossed: Bedrock budget tenant-monthly/hinted has reached 80%',
    ]);
    expect((await watch()).reviewed).toEqual([]);
    expect(await governor.newNotices()).toEqual([]);
  });

  it('are found in the ledger within a minute where the process has said nothing', async () => {
    await create('unhinted');
    await spend('unhinted', 0.85);
    expect(await governor.newNotices()).toEqual([]);
    await governor.events.send(new EnableRuleCommand({ Name: RULES.ledgerWatchSchedule }));
    await governor.aws.clock.advance(MINUTE_MS);
    await governor.aws.settled();
    await governor.stopSweeping();
    expect(await governor.newNotices()).toEqual([
      'threshold-crossed: Bedrock budget tenant-monthly/unhinted has reached 80%',
    ]);
  });

  it('are found also while DynamoDB does not say which table it is, and that is told as a failure', async () => {
    await create('untended');
    await spend('untended', 0.85);
    const stop = governor.aws.intercept(({ operation }) =>
      operation === 'DescribeTable' ? new AwsFault('LimitExceededException', 'ill') : undefined,
    );
    const { error } = await governor.aws.invoke(FUNCTIONS.ledgerWatch, {});
    stop();
    await governor.aws.settled();
    expect(error?.message).toMatch(/asking DynamoDB which table this is/);
    expect(await governor.newNotices()).toEqual([
      'threshold-crossed: Bedrock budget tenant-monthly/untended has reached 80%',
    ]);
  });

  it('lead to the same when they come twice, late, reordered or by many ways', async () => {
    const arn = await create('twice');
    await spendAll('twice');
    const hint = {
      EventBusName: bus,
      Source: 'governor.helper',
      DetailType: 'BudgetThresholdHint',
      Detail: JSON.stringify({ version: 1, budget: budgetOf('twice'), period: PERIOD, percent: 80 }),
    };
    await governor.events.send(new PutEventsCommand({ Entries: Array.from({ length: 10 }, () => hint) }));
    await Promise.all([watch(), watch()]);
    await governor.events.send(new PutEventsCommand({ Entries: [hint] }));
    await governor.aws.settled();
    await governor.aws.clock.advance(2 * MINUTE_MS);
    await watch();
    expect(await governor.newNotices()).toEqual([
      'tenant-closed: Bedrock budget tenant-monthly/twice is closed until 2026-11-30T23:00:00.000Z',
      'threshold-crossed: Bedrock budget tenant-monthly/twice has reached 80%',
    ]);
    expect((await governor.tagsOf(arn))['governor:standing']).toBe('closed');
    // Subscribers may meet an event twice, and know it by its id.
    const disabled = seen.filter(({ type }) => type === 'TenantDisabled');
    expect(new Set(disabled.map(({ detail }) => detail['id'])).size).toBe(1);
    expect(disabled[0]?.detail).toMatchObject({
      version: 1,
      tenant: 'twice',
      budget: budgetOf('twice'),
      period: PERIOD,
    });
    for (const { type, detail } of seen) {
      expect(isEventType(type) && EVENTS[type].safeParse(detail).success, type).toBe(true);
    }
  });

  it('are kept as decisions that anyone may read by day and by tenant', async () => {
    const trail = auditTable(governor.dynamodb, governor.table);
    const ofTenant: string[] = [];
    for await (const record of auditOf(trail, { tenant: 'twice', from: '2026-11-10', until: '2026-11-10' }, 2)) {
      expect(record.tenant).toBe('twice');
      ofTenant.push(record.decision);
    }
    expect(ofTenant).toContain('close budget');
    expect(ofTenant).toContain('set standing tag');
    expect(ofTenant).toContain('created AWS budget');
    let closed = 0;
    for await (const { decision, facts, actor } of auditOf(trail, { day: '2026-11-10' }, 3)) {
      if (decision !== 'close budget' || facts['budget'] !== budgetOf('twice')) continue;
      closed++;
      expect(actor).toMatch(/^bedrock-cost-governor-dev-(budget-hint|ledger-watch)$/);
      expect(facts).toMatchObject({ before: 'open', after: 'closed', known: { limit: '0.05 USD' } });
    }
    expect(closed).toBe(1);
  });

  it('are told once after SNS was out for an hour, however often they were tried', async () => {
    await create('outage');
    outage('sns', HOUR_MS);
    await spend('outage', 0.85);
    for (let minute = 0; minute < 60; minute += 5) {
      await watch();
      await governor.aws.clock.advance(5 * MINUTE_MS);
    }
    await Promise.all([watch(), watch()]);
    await watch();
    expect(await governor.newNotices()).toEqual([
      'threshold-crossed: Bedrock budget tenant-monthly/outage has reached 80%',
    ]);
    await governor.aws.clock.advance(5 * MINUTE_MS);
    await watch();
    expect(await governor.newNotices()).toEqual([]);
  });

  it('are told by the ledger watch also where it cannot look over the ledger, which is told as a failure', async () => {
    await create('left');
    outage('sns', MINUTE_MS);
    await spend('left', 0.85);
    await governor.aws.invoke(FUNCTIONS.ledgerWatch, {});
    await governor.aws.clock.advance(3 * MINUTE_MS);
    const stop = governor.aws.intercept(({ operation }) =>
      operation === 'BatchGetItem' ? new AwsFault('ValidationException', 'ill') : undefined,
    );
    const { error } = await governor.aws.invoke(FUNCTIONS.ledgerWatch, {});
    stop();
    await governor.aws.settled();
    expect(error?.message).toMatch(/reading the ledger of many budgets/);
    expect(await governor.newNotices()).toEqual([
      'threshold-crossed: Bedrock budget tenant-monthly/left has reached 80%',
    ]);
  });

  it('reach the bus after it was out, and after it refused an entry inside an answer of 200', async () => {
    await create('busless');
    outage('events', HOUR_MS);
    await spendAll('busless');
    await watch();
    expect(seen).toEqual([]);
    expect(await governor.newNotices()).toHaveLength(2);
    await governor.aws.clock.advance(HOUR_MS + MINUTE_MS);
    const refuse = governor.aws.intercept(({ service, operation }) =>
      service === 'events' && operation === 'PutEvents'
        ? { answer: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'InternalException', ErrorMessage: 'No.' }] } }
        : undefined,
    );
    await watch();
    refuse();
    expect(seen).toEqual([]);
    await governor.aws.clock.advance(2 * MINUTE_MS);
    await watch();
    await watch();
    expect(seen.map(({ type, detail }) => `${type} ${String(detail['tenant'])}`)).toEqual(['TenantDisabled busless']);
    expect(await governor.newNotices()).toEqual([]);
  });

  it('come from an alarm on token metrics, which finds spend round the helper and names the profile', async () => {
    const arn = await create('bypassed');
    const cloudWatch = new CloudWatchClient(client());
    await cloudWatch.send(
      new PutMetricAlarmCommand({
        AlarmName: `governor/dev/${budgetOf('bypassed')}: tokens`,
        Namespace: 'AWS/Bedrock',
        MetricName: 'InputTokenCount',
        Dimensions: [{ Name: 'ModelId', Value: arn.split('/').at(-1) ?? '' }],
        Statistic: 'Sum',
        Period: 300,
        EvaluationPeriods: 1,
        Threshold: 1_000,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'notBreaching',
      }),
    );
    for (let call = 0; call < 30; call++) await governor.plainRuntime().send(converse(arn, TEXT.repeat(5), 1_000));
    await governor.aws.clock.advance(15 * MINUTE_MS);
    await governor.aws.settled();
    expect(Number((await governor.ledger(budgetOf('bypassed'), PERIOD))?.unattributed)).toBeGreaterThan(0);
    const notices = await governor.newNotices();
    expect(notices).toContain('bypass-detected: Spend round the helper in Bedrock budget tenant-monthly/bypassed');
    const [bypass] = seen.filter(({ type }) => type === 'BypassDetected');
    expect(bypass?.detail).toMatchObject({ tenant: 'bypassed', profile: arn, source: 'token metrics' });
    await governor.sweep();
    expect((await governor.newNotices()).filter((notice) => notice.startsWith('bypass'))).toEqual([]);
  });

  it('reach a subscriber who asked for one tenant and severity, and nobody else’s', async () => {
    await create('filtered');
    const sqs = new SQSClient(client());
    const topicArn = 'arn:aws:sns:us-east-1:123456789012:bedrock-cost-governor-dev-notices';
    const mailbox = await subscribeMailbox({ sns: governor.sns, sqs }, topicArn, 'owners-of-filtered');
    const { SubscriptionArn } = await governor.sns.send(
      new SubscribeCommand({
        TopicArn: topicArn,
        Protocol: 'sqs',
        Endpoint: 'arn:aws:sqs:us-east-1:123456789012:owners-of-filtered',
        ReturnSubscriptionArn: true,
      }),
    );
    await governor.sns.send(
      new SetSubscriptionAttributesCommand({
        SubscriptionArn,
        AttributeName: 'FilterPolicy',
        AttributeValue: JSON.stringify({ tenant: ['filtered'], severity: ['critical'] }),
      }),
    );
    await create('elsewhere');
    await spendAll('filtered');
    await watch();
    const mail = await mailbox();
    expect(mail.map(({ attributes }) => [attributes['kind'], attributes['budget']])).toEqual([
      ['tenant-closed', budgetOf('filtered')],
    ]);
    expect(JSON.parse(mail[0]?.text ?? '')).toMatchObject({
      version: 1,
      kind: 'tenant-closed',
      facts: { period: PERIOD, limitUsd: '0.05' },
    });
  });

  it('are not taken from a message that somebody else writes', async () => {
    const forged = {
      anomalyId: 'x',
      monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/x',
      anomalyStartDate: 'soon',
    };
    await governor.sns.send(
      new PublishCommand({
        TopicArn: 'arn:aws:sns:us-east-1:123456789012:bedrock-cost-governor-dev-anomalies',
        Message: JSON.stringify(forged),
      }),
    );
    const watched = governor.watchWrites();
    await governor.aws.settled();
    watched.stop();
    expect(watched.writes).toEqual([]);
    expect(governor.aws.logs(FUNCTIONS.costAnomaly).some((line) => line.includes('EventUnreadable'))).toBe(true);
    expect(await governor.newNotices()).toEqual([]);
  });

  it('are foreseen hour by hour, told once, and told of all budgets once a day', async () => {
    await create('forecast');
    const digests: string[] = [];
    const forecasts: string[] = [];
    const report = z.object({ budgets: z.number(), failed: z.array(z.string()) });
    for (let hour = 0; hour < 12; hour++) {
      if (hour < 9) {
        const process = governor.tenant({ tenant: 'forecast' });
        await process.call(NOVA_PRO, TEXT, 100);
        await process.close();
      }
      const { payload, error } = await governor.aws.invoke(FUNCTIONS.outlook, {});
      expect(error).toBeUndefined();
      expect(report.parse(JSON.parse(payload)).failed).toEqual([]);
      await governor.aws.settled();
      for (const notice of await governor.newNotices())
        (notice.startsWith('daily-digest') ? digests : forecasts).push(notice);
      await governor.aws.clock.advance(HOUR_MS);
    }
    expect(forecasts).toHaveLength(1);
    expect(forecasts[0]).toMatch(/^exhaustion-forecast: Bedrock budget tenant-monthly\/forecast may be used up at /);
    // It began at noon in Zurich and went on past midnight, not yet to seven.
    expect(digests).toEqual(['daily-digest: Bedrock budgets on 2026-11-10']);
  });
});
