import {
  CreateAnomalyMonitorCommand,
  CreateAnomalySubscriptionCommand,
  ListCostAllocationTagsCommand,
  UpdateAnomalySubscriptionCommand,
} from '@aws-sdk/client-cost-explorer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsFault } from '../../local/service.ts';
import { policyDocument, policyOf } from '../domain/example-policy.ts';
import { BillingAccount, HOUR_MS, TOPIC } from './billing-account.ts';

const KEYS = ['environment', 'team', 'tenant'];
const MONITOR = 'governor-test-tenant';
const SUBSCRIPTION = 'governor-test-anomalies';

describe('the daily look at billing', () => {
  let account: BillingAccount;
  beforeEach(async () => {
    account = await BillingAccount.start();
  });
  afterEach(() => account.aws.close());

  const policyWith = (changes: Record<string, unknown>) => policyOf(policyDocument({ timeZone: 'UTC', ...changes }));
  const said = (what: string) => account.journal.filter((line) => line.what === what);
  const activeTags = async () => {
    const { CostAllocationTags = [] } = await account.costExplorer.send(
      new ListCostAllocationTagsCommand({ Status: 'Active' }),
    );
    return CostAllocationTags.map(({ TagKey }) => TagKey);
  };
  /** The first spend with the tags was a day ago: billing knows their keys. */
  const knowTags = async () => {
    await account.spend('acme');
    await account.aws.clock.advance(25 * HOUR_MS);
  };
  const impact = (value: string) => ({
    Dimensions: {
      Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE' as const,
      MatchOptions: ['GREATER_THAN_OR_EQUAL' as const],
      Values: [value],
    },
  });
  const monitorOf = async (MonitorName: string, Key = 'tenant') => {
    const { MonitorArn } = await account.costExplorer.send(
      new CreateAnomalyMonitorCommand({
        AnomalyMonitor: {
          MonitorName,
          MonitorType: 'DIMENSIONAL',
          MonitorDimension: 'TAG',
          MonitorSpecification: { Tags: { Key } },
        },
      }),
    );
    return MonitorArn ?? '';
  };

  it('waits for tags that billing does not know yet, and activates them a day after their first spend, once', async () => {
    expect(await account.run()).toMatchObject({
      costTags: { active: [], waiting: KEYS, failed: [] },
      anomalies: 'waiting',
    });
    await account.spend('acme');
    expect(await account.run()).toMatchObject({ costTags: { waiting: KEYS } });
    await account.aws.clock.advance(25 * HOUR_MS);
    expect(await account.run()).toMatchObject({
      costTags: { active: KEYS, waiting: [], failed: [] },
      anomalies: 'changed',
    });
    expect(await activeTags()).toEqual(KEYS);
    expect(await account.monitors()).toMatchObject([
      {
        MonitorName: MONITOR,
        MonitorType: 'DIMENSIONAL',
        MonitorDimension: 'TAG',
        MonitorSpecification: { Tags: { Key: 'tenant' } },
      },
    ]);
    const [monitor] = await account.monitors();
    expect(await account.subscriptions()).toMatchObject([
      {
        SubscriptionName: SUBSCRIPTION,
        MonitorArnList: [monitor?.MonitorArn],
        Subscribers: [{ Type: 'SNS', Address: TOPIC }],
        Frequency: 'IMMEDIATE',
        ThresholdExpression: impact('100.00'),
      },
    ]);
    const { writes, stop } = account.watchWrites();
    expect(await account.run()).toMatchObject({ costTags: { active: KEYS }, anomalies: 'unchanged' });
    stop();
    expect(writes).toEqual([]);
  });

  it('sees which keys a success leaves out, and tries them again the next day', async () => {
    await knowTags();
    const stop = account.aws.intercept((call, input) => {
      if (call.operation !== 'UpdateCostAllocationTagsStatus') return undefined;
      expect(input['CostAllocationTagsStatus']).toHaveLength(3);
      return { answer: { Errors: [{ TagKey: 'tenant', Code: 'InternalServerException', Message: 'Later.' }] } };
    });
    expect(await account.run()).toMatchObject({
      costTags: { active: ['environment', 'team'], failed: ['tenant'] },
      anomalies: 'waiting',
    });
    stop();
    expect(said('CostTagNotActivated')).toEqual([
      { what: 'CostTagNotActivated', facts: { key: 'tenant', why: 'InternalServerException: Later.' } },
    ]);
    await account.aws.clock.advance(24 * HOUR_MS);
    expect(await account.run()).toMatchObject({ costTags: { active: KEYS, failed: [] }, anomalies: 'changed' });
  });

  it('leaves alone what the policy does not ask for, and writes nothing where it only observes', async () => {
    await knowTags();
    const { writes, stop } = account.watchWrites();
    account.policy = policyWith({ mode: 'observe' });
    await account.run();
    expect(account.journal.map(({ what }) => what)).toContain('would activate cost allocation tags');
    account.policy = policyWith({ costAllocationTags: 'leave', anomalies: 'off' });
    expect(await account.run()).toMatchObject({ anomalies: 'off' });
    stop();
    expect(writes).toEqual([]);
  });

  it('adopts the monitor that watches the tag already, and puts its own subscription right', async () => {
    await knowTags();
    const monitor = await monitorOf('made-by-hand');
    expect(await account.run()).toMatchObject({ anomalies: 'changed' });
    expect(await account.monitors()).toHaveLength(1);
    const [subscription] = await account.subscriptions();
    const other = await monitorOf('teams', 'team');
    const theirs = 'arn:aws:sns:us-east-1:123456789012:finance';
    await account.costExplorer.send(
      new UpdateAnomalySubscriptionCommand({
        SubscriptionArn: subscription?.SubscriptionArn,
        MonitorArnList: [other],
        Subscribers: [{ Type: 'SNS', Address: theirs }],
        ThresholdExpression: impact('7'),
      }),
    );
    account.policy = policyWith({ anomalies: { impact: '250 USD' } });
    expect(await account.run()).toMatchObject({ anomalies: 'changed' });
    expect(await account.subscriptions()).toMatchObject([
      {
        SubscriptionArn: subscription?.SubscriptionArn,
        MonitorArnList: [other, monitor],
        Subscribers: [{ Address: theirs }, { Address: TOPIC }],
        ThresholdExpression: impact('250.00'),
      },
    ]);
    expect(await account.run()).toMatchObject({ anomalies: 'unchanged' });
  });

  it('leaves alone what others have under its names', async () => {
    await knowTags();
    await monitorOf(MONITOR, 'team');
    expect(await account.run()).toMatchObject({ anomalies: 'taken' });
    expect(await account.monitors()).toHaveLength(1);
    const monitor = await monitorOf('tenants');
    await account.costExplorer.send(
      new CreateAnomalySubscriptionCommand({
        AnomalySubscription: {
          SubscriptionName: SUBSCRIPTION,
          MonitorArnList: [monitor],
          Subscribers: [{ Type: 'EMAIL', Address: 'finops@example.com' }],
          Frequency: 'DAILY',
          ThresholdExpression: impact('7'),
        },
      }),
    );
    const before = await account.subscriptions();
    expect(await account.run()).toMatchObject({ anomalies: 'taken' });
    expect(await account.subscriptions()).toEqual(before);
  });

  it('finds its monitor and subscription on whatever page they are', async () => {
    await knowTags();
    for (let n = 0; n < 3; n++) await monitorOf(`other-${n}`, 'team');
    await account.run();
    const stop = account.aws.intercept((call, input) => {
      if (/^GetAnomaly/.test(call.operation)) input['MaxResults'] = 1;
      return undefined;
    });
    expect(await account.run()).toMatchObject({ anomalies: 'unchanged' });
    stop();
    expect(await account.monitors()).toHaveLength(4);
  });

  it('creates one monitor and one subscription where two runs begin at once', async () => {
    await knowTags();
    const outcomes = await Promise.allSettled([account.run(), account.run()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'BillingBusy' } });
    await account.run();
    expect([await account.monitors(), await account.subscriptions()]).toMatchObject([{ length: 1 }, { length: 1 }]);
  });

  it('is repeated to the same end wherever it breaks off', async () => {
    let crashes = 0;
    for (const when of ['before', 'after'] as const)
      for (let at = 0, isOver = false; !isOver; at++) {
        const broken = await BillingAccount.start();
        await broken.spend('acme');
        await broken.spend('lakeside', { isRecorded: false, calls: 20 });
        await broken.moveTo('2026-11-05T12:00:00Z');
        let calls = 0;
        const stop = broken.aws.intercept({
          [when]: ({ service }: { service: string }) =>
            /^(ce|dynamodb)$/.test(service) && calls++ === at ? new AwsFault('ServiceFault', 'Down.') : undefined,
        });
        isOver = await broken.run().then(
          () => calls <= at,
          () => false,
        );
        crashes += isOver ? 0 : 1;
        stop();
        // The next try of Lambda: a claim that was not released is over by then.
        await broken.aws.clock.advance(4 * 60_000);
        await broken.run();
        const { writes, stop: stopWatching } = broken.watchWrites();
        const last = await broken.run();
        stopWatching();
        expect([last.anomalies, last.detected, writes], `after a crash ${when} call ${at}`).toEqual([
          'unchanged',
          [],
          [],
        ]);
        expect([await broken.monitors(), await broken.subscriptions()]).toMatchObject([
          [{ MonitorName: MONITOR }],
          [{ SubscriptionName: SUBSCRIPTION }],
        ]);
        expect((await broken.notices()).map(({ kind }) => kind)).toEqual(['drift-detected']);
        await broken.aws.close();
      }
    expect(crashes).toBeGreaterThan(20);
  }, 120_000);

  it('fails where AWS throttles, changes nothing of that part, and does the others', async () => {
    await knowTags();
    const stop = account.aws.intercept(({ operation }) =>
      operation === 'GetAnomalyMonitors' ? new AwsFault('LimitExceededException', 'Slow down.') : undefined,
    );
    expect(await account.failingRun()).toBe('BillingIncomplete');
    stop();
    expect(await account.monitors()).toEqual([]);
    expect(await activeTags()).toEqual(KEYS);
    expect(said('compare bill with records')).not.toEqual([]);
    expect(await account.run()).toMatchObject({ anomalies: 'changed' });
  });

  describe('in an account that does not pay', () => {
    beforeEach(async () => {
      await account.aws.close();
      account = await BillingAccount.start({ costExplorer: { isLinked: true } });
    });

    it('says once what the payer is to do, with the commands, and does everything else', async () => {
      await account.spend('acme');
      await account.moveTo('2026-11-05T12:00:00Z');
      const report = await account.run();
      expect(report).toMatchObject({
        costTags: { kind: 'refused', why: expect.stringContaining('Linked account') },
        anomalies: { kind: 'refused' },
        drift: { compared: ['2026-11-01', '2026-11-02', '2026-11-03'] },
      });
      expect(said('leave to payer')).toHaveLength(2);
      const notices = await account.notices();
      expect(notices.map(({ kind, subject }) => [kind, subject])).toEqual([
        ['billing-needs-payer', 'Bedrock costs: account 123456789012 needs its payer'],
        ['billing-needs-payer', 'Bedrock costs: account 123456789012 needs its payer'],
      ]);
      const text = notices.map((notice) => notice.text).join('\n');
      expect(text).toContain(
        `aws ce update-cost-allocation-tags-status --cost-allocation-tags-status '[{"TagKey":"environment","Status":"Active"},{"TagKey":"team","Status":"Active"},{"TagKey":"tenant","Status":"Active"}]' --region us-east-1`,
      );
      expect(text).toContain(`"MonitorArnList":["'"$MONITOR_ARN"'"]`);
      await account.aws.clock.advance(24 * HOUR_MS);
      await account.run();
      expect(said('leave to payer')).toHaveLength(2);
      expect(await account.notices()).toHaveLength(2);
    });

    it('says anew what changes with the policy', async () => {
      await account.run();
      account.policy = policyWith({
        tags: {
          required: {
            tenant: { pattern: '^[a-z][a-z0-9-]*$' },
            environment: { values: ['prod', 'staging', 'dev'], default: 'dev' },
            team: null,
            project: null,
          },
        },
      });
      await account.run();
      expect(said('leave to payer').map(({ facts }) => facts['what'])).toEqual([
        'activate the cost allocation tags environment, team, tenant',
        'watch the tenant tag for anomalies',
        'activate the cost allocation tags environment, project, team, tenant',
      ]);
    });

    it('forgets nothing of it on a day on which it cannot ask', async () => {
      await account.run();
      const stop = account.aws.intercept(({ service }) =>
        service === 'ce' ? new AwsFault('LimitExceededException', 'Slow down.') : undefined,
      );
      expect(await account.failingRun()).toBe('BillingIncomplete');
      stop();
      await account.run();
      expect(said('leave to payer')).toHaveLength(2);
    });
  });

  it('tells where the account may not even ask what it costs', async () => {
    const stop = account.aws.intercept(({ operation }) =>
      operation === 'GetCostAndUsage' ? new AwsFault('AccessDeniedException', 'Not activated.') : undefined,
    );
    expect(await account.run()).toMatchObject({ drift: { kind: 'refused' } });
    expect(said('leave to payer')).toMatchObject([{ facts: { what: 'let linked accounts see their own costs' } }]);
    stop();
    expect(await account.run()).toMatchObject({ drift: { compared: { length: 3 } } });
  });

  describe('the bill', () => {
    beforeEach(async () => {
      await knowTags();
      await account.run();
      account.journal.length = 0;
    });

    it('agrees with the records, for days that are over for a day, and is not asked for in vain', async () => {
      await account.moveTo('2026-11-10T10:00:00Z');
      await account.run();
      await account.spend('acme', { calls: 3 });
      await account.spend('lakeside');
      await account.moveTo('2026-11-11T23:00:00Z');
      expect(await account.run()).toMatchObject({ drift: { compared: ['2026-11-09'] } });
      await account.moveTo('2026-11-12T00:30:00Z');
      account.gauges.clear();
      expect(await account.run()).toMatchObject({ drift: { compared: ['2026-11-10'] }, detected: [] });
      expect(account.journal.at(-1)).toMatchObject({
        what: 'compare bill with records',
        facts: { day: '2026-11-10', unassigned: '0.00 USD', driftPercent: { acme: '0', lakeside: '0' } },
      });
      expect(account.gauges.get('DriftPercent')).toBe(0);
      expect(await account.run()).toMatchObject({ drift: { compared: [], comparedUntil: '2026-11-10' } });
      expect(await account.notices()).toEqual([]);
    });

    it('asks once for all tenants and days, whatever the pages', async () => {
      await account.aws.close();
      account = await BillingAccount.start({ costExplorer: { groupsPerPage: 2 } });
      await knowTags();
      await account.run();
      await account.moveTo('2026-11-10T10:00:00Z');
      for (const tenant of ['a', 'b', 'c', 'd', 'e']) await account.spend(tenant);
      await account.moveTo('2026-11-12T12:00:00Z');
      let asked = 0;
      const stop = account.aws.observe((seen) => {
        if (seen.kind === 'request' && seen.call.operation === 'GetCostAndUsage') asked++;
      });
      await account.run();
      stop();
      expect(asked).toBeLessThanOrEqual(10);
      expect(said('compare bill with records').at(-1)?.facts['driftPercent']).toEqual({
        a: '0',
        b: '0',
        c: '0',
        d: '0',
        e: '0',
      });
      expect(account.gauges.get('DriftPercent')).toBe(0);
    });

    it('that holds more than was recorded is told once, with what is spent without a tenant apart', async () => {
      await account.moveTo('2026-11-10T10:00:00Z');
      await account.spend('acme', { calls: 10 });
      await account.spend('acme', { calls: 10, isRecorded: false });
      await account.spend(undefined, { calls: 2, isRecorded: false });
      await account.moveTo('2026-11-12T12:00:00Z');
      expect(await account.run()).toMatchObject({
        detected: [{ type: 'DriftDetected', day: '2026-11-10', tenant: 'acme', percent: 50 }],
      });
      expect(account.gauges).toEqual(
        new Map([
          ['DriftPercent', 50],
          ['UnassignedSpendUsd', 0.22],
        ]),
      );
      expect(said('DriftDetected')).toHaveLength(1);
      const [notice, ...others] = await account.notices();
      expect(others).toEqual([]);
      expect(notice).toMatchObject({
        kind: 'drift-detected',
        tenant: 'acme',
        subject: 'Bedrock costs of tenant acme drift by 50%',
      });
      // The day is looked at again for two days, and told no more.
      await account.moveTo('2026-11-13T12:00:00Z');
      expect(await account.run()).toMatchObject({ detected: [] });
      expect(said('DriftDetected')).toHaveLength(1);
    });

    it('that is within the bound of the policy is no reason for a notice', async () => {
      account.policy = policyWith({ drift: { alarmPercent: 60, ignoreBelow: '0.01 USD' } });
      await account.moveTo('2026-11-10T10:00:00Z');
      await account.spend('acme');
      await account.spend('acme', { isRecorded: false });
      await account.moveTo('2026-11-12T12:00:00Z');
      expect(await account.run()).toMatchObject({ detected: [] });
      account.policy = policyWith({ drift: { alarmPercent: 40, ignoreBelow: '0.01 USD' } });
      // What is told anew of a day that was compared already is told all the same.
      expect(await account.run()).toMatchObject({ detected: [{ tenant: 'acme' }] });
    });

    it('that cannot be read, or is not there yet, is not zero', async () => {
      await account.moveTo('2026-11-10T10:00:00Z');
      await account.run();
      await account.spend('acme', { calls: 20 });
      await account.moveTo('2026-11-12T12:00:00Z');
      for (const failure of [
        new AwsFault('DataUnavailableException', 'Not now.'),
        { answer: { ResultsByTime: [] } },
        {
          answer: {
            ResultsByTime: [{ TimePeriod: { Start: '2026-11-10', End: '2026-11-11' }, Total: {}, Groups: [] }],
          },
        },
        {
          answer: {
            ResultsByTime: [
              {
                TimePeriod: { Start: '2026-11-10', End: '2026-11-11' },
                Groups: [
                  {
                    Keys: ['tenant$acme', 'Amazon Bedrock'],
                    Metrics: { UnblendedCost: { Amount: 'much', Unit: 'USD' } },
                  },
                ],
              },
            ],
          },
        },
      ]) {
        const stop = account.aws.intercept(({ operation }) => (operation === 'GetCostAndUsage' ? failure : undefined));
        const report = await account.run().catch(() => undefined);
        stop();
        expect(report?.detected ?? []).toEqual([]);
        expect(said('compare bill with records').map(({ facts }) => facts['day'])).not.toContain('2026-11-10');
      }
      expect(await account.run()).toMatchObject({ drift: { compared: ['2026-11-09', '2026-11-10'] }, detected: [] });
    });

    it('is given up on for a day that AWS does not tell within five days, and goes on', async () => {
      await account.moveTo('2026-11-10T10:00:00Z');
      await account.run();
      const stop = account.aws.intercept(({ operation }) =>
        operation === 'GetCostAndUsage'
          ? {
              answer: {
                ResultsByTime: ['10', '11', '12', '13', '14', '15'].map((day) => ({
                  TimePeriod: { Start: `2026-11-${day}`, End: `2026-11-${Number(day) + 1}` },
                  Groups: [],
                })),
              },
            }
          : undefined,
      );
      await account.moveTo('2026-11-13T10:00:00Z');
      expect(await account.run()).toMatchObject({ drift: { compared: [] } });
      await account.moveTo('2026-11-17T10:00:00Z');
      const report = await account.run();
      stop();
      expect(report).toMatchObject({ drift: { compared: { length: 6 }, comparedUntil: '2026-11-15' } });
      expect(said('give up on the bill')).toMatchObject([{ facts: { day: '2026-11-09' } }]);
    });

    it('reads amounts however Cost Explorer writes them, of Bedrock alone', async () => {
      const cost = (Amount: string) => ({ UnblendedCost: { Amount, Unit: 'USD' } });
      const stop = account.aws.intercept(({ operation }) =>
        operation === 'GetCostAndUsage'
          ? {
              answer: {
                ResultsByTime: [
                  {
                    TimePeriod: { Start: '2026-11-03', End: '2026-11-04' },
                    Groups: [
                      { Keys: ['tenant$acme', 'Amazon Bedrock'], Metrics: cost('12.3456789019') },
                      { Keys: ['tenant$acme', 'Claude Sonnet 4.6 (Amazon Bedrock Edition)'], Metrics: cost('1E-7') },
                      { Keys: ['tenant$acme', 'Amazon Elastic Compute Cloud - Compute'], Metrics: cost('1000') },
                      { Keys: ['tenant$a$b', 'Amazon Bedrock'], Metrics: cost('-0.5') },
                      { Keys: ['tenant$', 'Amazon Bedrock'], Metrics: cost('3') },
                    ],
                  },
                ],
              },
            }
          : undefined,
      );
      const days = { first: '2026-11-03', last: '2026-11-03' } as Parameters<typeof account.ports.bill.read>[1];
      expect(await account.ports.bill.read('tenant', days)).toEqual([
        {
          day: '2026-11-03',
          byTenant: new Map([
            ['acme', 12_345_679_001n],
            ['a$b', -500_000_000n],
          ]),
          unassigned: 3_000_000_000n,
          isSilent: false,
        },
      ]);
      stop();
    });
  });
});
