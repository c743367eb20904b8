import {
  CostExplorerClient,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
  ListCostAllocationTagsCommand,
} from '@aws-sdk/client-cost-explorer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { AwsFault, type JsonObject } from '../../local/service.ts';
import { BillingAccount, TOPIC } from '../aws/billing-account.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { DeployedGovernor, NOVA_PRO, PREFIX } from './deployed-governor.ts';
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
