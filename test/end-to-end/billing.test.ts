import { readFile } from 'node:fs/promises';
import {
  CostExplorerClient,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
  ListCostAllocationTagsCommand,
} from '@aws-sdk/client-cost-explorer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { auditTable } from '../../aws/dynamodb/audit-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { auditOf } from '../../domain/audit/audit-record.ts';
import { EVENTS } from '../../domain/events/governor-event.ts';
import { AwsFault, type JsonObject, type Observation } from '../../local/service.ts';
import { BillingAccount, TOPIC } from '../aws/billing-account.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { converse, DeployedGovernor, FUNCTIONS, NOVA_PRO, PREFIX } from './deployed-governor.ts';
import { functionRolePolicy } from './role-policies.ts';

const BILLING = `${PREFIX}-billing`;
const ACME = {
  tenant: 'acme',
  dept: 'claims',
  team: 'intake',
  app: 'triage',
  environment: 'prod',
  costcenter: 'cc-4711',
};
const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const decision = z.object({ message: z.literal('decision'), decision: z.string(), day: z.string().optional() });

describe('the deployed look at billing', () => {
  let governor: DeployedGovernor;
  beforeEach(async () => {
    governor = await DeployedGovernor.start('2026-11-02T08:00:00Z');
    await governor.stopSweeping();
  });
  afterEach(() => governor.close());

  const costExplorer = () =>
    new CostExplorerClient({
      endpoint: governor.aws.endpoint,
      region: governor.aws.homeRegion,
      credentials: { accessKeyId: 'finops', secretAccessKey: 'not-verified' },
      disableClockSkewCorrection: true,
    });
  const decisions = () =>
    governor.aws.logs(BILLING).flatMap((line) => {
      const read = decision.safeParse(JSON.parse(line.startsWith('{') ? line : '{}'));
      return read.success ? [`${read.data.decision} ${read.data.day ?? ''}`.trim()] : [];
    });

  it('runs every day: tags are activated, the tenant tag is watched, and the bill agrees with the records', async () => {
    await governor.createProfile('acme-claims', governor.foundationModel(NOVA_PRO), ACME);
    await governor.aws.settled();
    const tenant = governor.tenant({ tenant: 'acme' });
    await tenant.call(NOVA_PRO, 'How much is the deductible?');
    await governor.aws.clock.moveTo(Date.parse('2026-11-05T09:00:00Z'));
    await governor.aws.settled();

    const client = costExplorer();
    const { CostAllocationTags = [] } = await client.send(new ListCostAllocationTagsCommand({ Status: 'Active' }));
    expect(CostAllocationTags.map(({ TagKey }) => TagKey)).toContain('tenant');
    const { AnomalyMonitors } = await client.send(new GetAnomalyMonitorsCommand({}));
    expect(AnomalyMonitors).toMatchObject([{ MonitorName: 'governor-dev-tenant' }]);
    const { AnomalySubscriptions } = await client.send(new GetAnomalySubscriptionsCommand({}));
    expect(AnomalySubscriptions).toMatchObject([
      { Subscribers: [{ Type: 'SNS', Address: `arn:aws:sns:us-east-1:123456789012:${PREFIX}-anomalies` }] },
    ]);

    await tenant.call(NOVA_PRO, 'And what does it cover?');
    await tenant.close();
    await governor.aws.clock.moveTo(Date.parse('2026-11-08T09:00:00Z'));
    await governor.aws.settled();
    expect(decisions()).toContain('compare bill with records 2026-11-05');
    const line = governor.aws.logs(BILLING).find((each) => each.includes('"day":"2026-11-05"'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ driftPercent: { acme: '0' }, unassigned: '0.00 USD' });
    expect(await governor.newNotices()).toEqual([]);
  });

  it('is tried again where a part failed, and tells the account that does not pay what its payer does', async () => {
    const stop = governor.aws.intercept(({ service, operation }) => {
      if (service !== 'ce') return undefined;
      return operation === 'GetCostAndUsage'
        ? new AwsFault('LimitExceededException', 'Slow down.')
        : new AwsFault('AccessDeniedException', "Linked account doesn't have access.");
    });
    const { error } = await governor.aws.invoke(BILLING, {});
    stop();
    expect(error?.message).toContain('the bill could not be read or written');
    expect(await governor.newNotices()).toEqual([
      'billing-needs-payer: Bedrock costs: account 123456789012 needs its payer',
      'billing-needs-payer: Bedrock costs: account 123456789012 needs its payer',
    ]);
    expect((await governor.aws.invoke(BILLING, {})).error).toBeUndefined();
  });

  const moveTo = async (iso: string): Promise<void> => {
    await governor.aws.clock.moveTo(Date.parse(iso));
    await governor.aws.settled();
  };
  /** What is spent through the helper on one day, by a process of its own. */
  const spend = async (calls: number, characters: number): Promise<void> => {
    const tenant = governor.tenant({ tenant: 'acme' });
    for (let call = 0; call < calls; call++) await tenant.call(NOVA_PRO, 'x'.repeat(characters), 100);
    await tenant.close();
    await governor.aws.settled();
  };

  it('has an abnormal day found by AWS, which is looked up, told once, and reviewed', async () => {
    const document = parse(await readFile(POLICY_FILE, 'utf8')) as Record<string, unknown>;
    const policies = policyTable(governor.dynamodb, governor.table);
    await policies.apply({ ...document, anomalies: { impact: '1 USD' } });
    await governor.createProfile('acme-claims', governor.foundationModel(NOVA_PRO), ACME);
    await governor.aws.settled();
    // The key is known to billing a day after it was met, active from then on, and watched.
    await spend(1, 40_000);
    for (const day of ['05', '08', '11', '14']) {
      await moveTo(`2026-11-${day}T10:00:00Z`);
      await spend(1, 40_000);
    }
    expect(await governor.newNotices()).toEqual([]);
    const seen: Observation[] = [];
    const lookUps = () =>
      seen.flatMap((each) =>
        each.kind === 'request' && each.call.operation === 'GetAnomalies' ? [each.call.principal.arn] : [],
      );
    const stop = governor.aws.observe((observation) => seen.push(observation));
    await moveTo('2026-11-15T10:00:00Z');
    await spend(20, 400_000);
    await moveTo('2026-11-17T10:00:00Z');
    stop();

    const alerts = seen.flatMap((each) =>
      each.kind === 'event' && each.event['source'] === 'aws.ce' ? [each.event['detail'] as JsonObject] : [],
    );
    const messages = seen.filter((each) => each.kind === 'publish' && each.message.includes('"anomalyId"'));
    expect([alerts.length, messages.length]).toEqual([1, 1]);
    expect(alerts[0]).toMatchObject({ dimensionValue: 'tenant:acme', anomalyStartDate: '2026-11-15T00:00:00Z' });
    // Both ways of the alert are answered, each by looking the anomaly up.
    expect(lookUps()).toHaveLength(2);
    expect(lookUps().every((arn) => arn.includes('cost-anomaly'))).toBe(true);
    const mail = await governor.notices();
    expect(mail.map(({ attributes }) => attributes['kind'])).toEqual(['spend-anomaly']);
    const { tenant, budget, facts } = JSON.parse(mail[0]?.text ?? '{}') as JsonObject;
    expect({ tenant, budget }).toEqual({ tenant: 'acme', budget: 'tenant-monthly/acme' });
    expect(facts).toMatchObject({ anomaly: alerts[0]?.['anomalyId'], dimension: 'tenant:acme' });
    const logged = governor.aws.logs(FUNCTIONS.costAnomaly);
    expect(logged.some((line) => line.includes('answer anomaly'))).toBe(true);
    expect(logged.some((line) => line.includes('SignalUnconfirmed'))).toBe(false);
  }, 90_000);

  it('is told of an anomaly that AWS cannot answer now only once it can', async () => {
    const hint = {
      source: 'aws.ce',
      'detail-type': 'Anomaly Detected',
      account: '123456789012',
      region: 'us-east-1',
      detail: {
        anomalyId: 'a-1',
        monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/m',
        anomalyStartDate: '2026-11-01T00:00:00Z',
      },
    };
    const anomaly = { AnomalyId: 'a-1', DimensionValue: 'tenant:acme', Impact: { MaxImpact: 7, TotalImpact: 7 } };
    const throttled = governor.aws.intercept(({ operation }) =>
      operation === 'GetAnomalies' ? new AwsFault('LimitExceededException', 'Slow down.') : undefined,
    );
    expect((await governor.aws.invoke(FUNCTIONS.costAnomaly, hint)).error?.message).toContain('Slow down.');
    throttled();
    expect(await governor.newNotices()).toEqual([]);
    const answered = governor.aws.intercept(({ operation }) =>
      operation === 'GetAnomalies' ? { answer: { Anomalies: [anomaly] } } : undefined,
    );
    for (let again = 0; again < 2; again++)
      expect((await governor.aws.invoke(FUNCTIONS.costAnomaly, hint)).error).toBeUndefined();
    answered();
    expect(await governor.newNotices()).toEqual(['spend-anomaly: Unusual spend: tenant:acme']);
  });

  it('announces that bill and records differ to people and to programs, and keeps its decisions', async () => {
    const arn = await governor.createProfile('acme-claims', governor.foundationModel(NOVA_PRO), ACME);
    await governor.aws.settled();
    await spend(1, 1_000);
    const events: JsonObject[] = [];
    governor.aws.observe((observation) => {
      if (observation.kind === 'event' && observation.event['detail-type'] === 'DriftDetected')
        events.push(observation.event['detail'] as JsonObject);
    });
    for (let call = 0; call < 20; call++) await governor.plainRuntime().send(converse(arn, 'x'.repeat(400_000), 100));
    await moveTo('2026-11-06T10:00:00Z');
    expect(await governor.newNotices()).toEqual([
      'drift-detected: Bedrock costs of all tenants together drift by 99.96%',
    ]);
    expect(events).toEqual([expect.objectContaining({ source: 'bill', day: '2026-11-02', difference: 'billed-more' })]);
    expect(EVENTS.DriftDetected.parse(events[0])).toEqual(events[0]);
    const decisions: string[] = [];
    for await (const record of auditOf(auditTable(governor.dynamodb, governor.table), { day: '2026-11-06' }))
      if (record.actor === BILLING) decisions.push(record.decision);
    expect(decisions).toContain('compare bill with records');
  });
});

describe('the role of the look at billing', () => {
  it('allows all that it does, and no more of the table', async () => {
    const account = await BillingAccount.start();
    try {
      await account.spend('acme');
      await account.spend('acme', { calls: 20, isRecorded: false });
      await account.moveTo('2026-11-05T12:00:00Z');
      const policy: JsonObject = await functionRolePolicy({ table: TABLE, aws: account.aws }, 'BillingRole');
      account.aws.registerPrincipal({
        accountId: account.aws.accountId,
        accessKeyId: 'test',
        arn: 'arn:aws:sts::123456789012:assumed-role/billing/session',
        userId: 'AROABILLING:session',
        policies: [policy],
      });
      expect(await account.run()).toMatchObject({
        costTags: { failed: [] },
        anomalies: 'changed',
        detected: [{ day: '2026-11-02' }],
      });
      expect(await account.notices()).toHaveLength(1);
      expect((await account.subscriptions())[0]?.Subscribers?.[0]?.Address).toBe(TOPIC);
    } finally {
      await account.aws.close();
    }
  });
});
