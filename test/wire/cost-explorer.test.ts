import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  CostExplorerClient,
  CreateAnomalyMonitorCommand,
  CreateAnomalySubscriptionCommand,
  GetAnomaliesCommand,
  type GetAnomaliesCommandInput,
  GetAnomalyMonitorsCommand,
  GetAnomalySubscriptionsCommand,
  GetCostAndUsageCommand,
  type GetCostAndUsageCommandInput,
  ListCostAllocationTagsCommand,
  UpdateAnomalyMonitorCommand,
  UpdateAnomalySubscriptionCommand,
  UpdateCostAllocationTagsStatusCommand,
} from '@aws-sdk/client-cost-explorer';
import { CreateTopicCommand, SetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, type EmbeddedAwsOptions, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Observation } from '../../local/service.ts';

const ACCOUNT = '123456789012';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:anomalies`;

describe('Cost Explorer over the wire', () => {
  let aws: EmbeddedAws;
  let ce: CostExplorerClient;
  let seen: Observation[];

  const start = async (options: EmbeddedAwsOptions = {}) => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 2), ...options });
    ce = new CostExplorerClient(config());
    seen = [];
    aws.observe((observation) => seen.push(observation));
  };
  const config = () => ({
    endpoint: aws.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    disableClockSkewCorrection: true,
  });
  beforeEach(() => start());
  afterEach(() => aws.close());

  let names = 0;
  /** A profile with tags, and a function that calls a model through it and gives the cost in dollars. */
  const spender = async (tags: Record<string, string>, model = 'amazon.nova-pro-v1:0') => {
    const client = { ...config(), region: 'us-east-1' };
    const { inferenceProfileArn } = await new BedrockClient(client).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: `profile-${++names}`,
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${model}` },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    const runtime = new BedrockRuntimeClient(client);
    return async (characters = 400_000): Promise<number> => {
      const content = [{ text: 'x'.repeat(characters) }];
      await runtime.send(new ConverseCommand({ modelId: inferenceProfileArn, messages: [{ role: 'user', content }] }));
      return Number(aws.billing.at(-1)?.costNanoUsd ?? 0n) / 1e9;
    };
  };
  const activate = (...keys: string[]) =>
    ce.send(
      new UpdateCostAllocationTagsStatusCommand({
        CostAllocationTagsStatus: keys.map((TagKey) => ({ TagKey, Status: 'Active' })),
      }),
    );
  const list = async (input: Partial<ListCostAllocationTagsCommand['input']> = {}) => {
    const { CostAllocationTags = [] } = await ce.send(new ListCostAllocationTagsCommand(input));
    return CostAllocationTags.map(({ TagKey, Status }) => `${TagKey} ${Status}`);
  };
  const days = (Start: string, End: string, more: Partial<GetCostAndUsageCommandInput> = {}) =>
    new GetCostAndUsageCommand({
      TimePeriod: { Start, End },
      Granularity: 'DAILY',
      Metrics: ['UnblendedCost'],
      GroupBy: [
        { Type: 'TAG', Key: 'tenant' },
        { Type: 'DIMENSION', Key: 'SERVICE' },
      ],
      ...more,
    });
  const costs = async (Start: string, End: string, more: Partial<GetCostAndUsageCommandInput> = {}) => {
    const { ResultsByTime = [] } = await ce.send(days(Start, End, more));
    return ResultsByTime.map(({ TimePeriod, Groups = [] }) => [
      TimePeriod?.Start,
      ...Groups.map(({ Keys, Metrics }) => [...(Keys ?? []), Number(Metrics?.['UnblendedCost']?.Amount)]),
    ]);
  };

  describe('cost allocation tags', () => {
    it('are known a day after the first spend with them, and then inactive', async () => {
      const spend = await spender({ tenant: 'acme', team: 'search' });
      await aws.clock.advance(3 * DAY);
      expect(await list()).toEqual([]);
      await spend();
      await aws.clock.advance(23 * HOUR);
      expect(await list()).toEqual([]);
      await aws.clock.advance(HOUR);
      expect(await list()).toEqual(['team Inactive', 'tenant Inactive']);
      const { CostAllocationTags: [tag] = [] } = await ce.send(
        new ListCostAllocationTagsCommand({ TagKeys: ['tenant'] }),
      );
      expect(tag).toEqual({
        TagKey: 'tenant',
        Type: 'UserDefined',
        Status: 'Inactive',
        LastUsedDate: '2026-11-01T00:00:00Z',
      });
    });

    it('are activated key by key, with the errors of unknown ones in an answer that succeeds', async () => {
      const spend = await spender({ tenant: 'acme', team: 'search' });
      await spend();
      await aws.clock.advance(DAY);
      const { Errors } = await activate('tenant', 'elsewhere');
      expect(Errors).toEqual([{ TagKey: 'elsewhere', Code: expect.any(String), Message: expect.any(String) }]);
      expect(await list()).toEqual(['team Inactive', 'tenant Active']);
      expect(await list({ Status: 'Active' })).toEqual(['tenant Active']);
      expect(await list({ Type: 'AWSGenerated' })).toEqual([]);
      await expect(activate(...Array.from({ length: 21 }, (_, n) => `k${n}`))).rejects.toMatchObject({
        name: 'ValidationException',
      });
    });

    it('are listed in pages', async () => {
      const spend = await spender({ a: '1', b: '2', c: '3' });
      await spend();
      await aws.clock.advance(DAY);
      const first = await ce.send(new ListCostAllocationTagsCommand({ MaxResults: 2 }));
      expect(first.CostAllocationTags).toHaveLength(2);
      const rest = await ce.send(new ListCostAllocationTagsCommand({ MaxResults: 2, NextToken: first.NextToken }));
      expect(rest).toMatchObject({ CostAllocationTags: [{ TagKey: 'c' }] });
      expect(rest.NextToken).toBeUndefined();
      await expect(ce.send(new ListCostAllocationTagsCommand({ NextToken: 'x' }))).rejects.toMatchObject({
        name: 'InvalidNextTokenException',
      });
    });

    it('are none of the business of a linked account', async () => {
      await aws.close();
      await start({ costExplorer: { isLinked: true } });
      const refusal = { name: 'AccessDeniedException', message: expect.stringContaining('Linked account') };
      await expect(list()).rejects.toMatchObject(refusal);
      await expect(activate('tenant')).rejects.toMatchObject(refusal);
    });
  });

  describe('costs', () => {
    it('show 8 to 16 hours late, by tag value and service', async () => {
      const acme = await spender({ tenant: 'acme' });
      const claude = await spender({ tenant: 'acme' }, 'anthropic.claude-3-haiku-20240307-v1:0');
      await acme();
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 1));
      await activate('tenant');
      const [one, other] = [await acme(), await claude()];
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 8, 59));
      expect(await costs('2026-11-03', '2026-11-04')).toEqual([['2026-11-03']]);
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 16));
      expect(await costs('2026-11-03', '2026-11-04')).toEqual([
        [
          '2026-11-03',
          ['tenant$acme', 'Amazon Bedrock', expect.closeTo(one, 8)],
          ['tenant$acme', 'Claude 3 Haiku (Amazon Bedrock Edition)', expect.closeTo(other, 8)],
        ],
      ]);
    });

    it('carry a tag only from its activation on, and the empty value without it', async () => {
      const acme = await spender({ tenant: 'acme' });
      const nobody = await spender({ team: 'search' });
      const before = await acme();
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 1));
      await activate('tenant');
      await aws.clock.advance(HOUR);
      const [after, untagged] = [await acme(), await nobody()];
      await aws.clock.advance(2 * DAY);
      expect(await costs('2026-11-02', '2026-11-05', { GroupBy: [{ Type: 'TAG', Key: 'tenant' }] })).toEqual([
        ['2026-11-02', ['tenant$', expect.closeTo(before, 8)]],
        ['2026-11-03', ['tenant$', expect.closeTo(untagged, 8)], ['tenant$acme', expect.closeTo(after, 8)]],
        ['2026-11-04'],
      ]);
    });

    it('come in pages, and filtered', async () => {
      await aws.close();
      await start({ costExplorer: { groupsPerPage: 2 } });
      for (const tenant of ['a', 'b', 'c']) await (await spender({ tenant }))(4_000);
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 1));
      await activate('tenant');
      for (const tenant of ['a', 'b', 'c']) await (await spender({ tenant }))(4_000);
      await aws.clock.advance(2 * DAY);
      const keys: string[] = [];
      let NextPageToken: string | undefined;
      let pages = 0;
      do {
        const page = await ce.send(days('2026-11-02', '2026-11-04', { NextPageToken }));
        for (const { TimePeriod, Groups = [] } of page.ResultsByTime ?? [])
          keys.push(...Groups.map(({ Keys }) => `${TimePeriod?.Start} ${Keys?.[0]}`));
        ({ NextPageToken } = page);
        pages++;
      } while (NextPageToken !== undefined);
      expect(pages).toBe(2);
      expect(keys).toEqual(['2026-11-02 tenant$', '2026-11-03 tenant$a', '2026-11-03 tenant$b', '2026-11-03 tenant$c']);
      const filtered = await costs('2026-11-03', '2026-11-04', {
        Filter: {
          And: [
            { Dimensions: { Key: 'RECORD_TYPE', Values: ['Usage'] } },
            { Dimensions: { Key: 'LINKED_ACCOUNT', Values: [ACCOUNT] } },
            { Tags: { Key: 'tenant', Values: ['b'] } },
          ],
        },
      });
      expect(filtered).toEqual([['2026-11-03', ['tenant$b', 'Amazon Bedrock', expect.any(Number)]]]);
      expect(
        await costs('2026-11-03', '2026-11-04', {
          Filter: { Dimensions: { Key: 'LINKED_ACCOUNT', Values: ['999999999999'] } },
        }),
      ).toEqual([['2026-11-03']]);
    });

    it.each<[string, Partial<GetCostAndUsageCommandInput>]>([
      ['of hours', { Granularity: 'HOURLY' }],
      ['of a period without a day', { TimePeriod: { Start: '2026-11-02', End: '2026-11-02' } }],
      ['of the future', { TimePeriod: { Start: '2026-11-03', End: '2026-11-04' } }],
      ['of long ago', { TimePeriod: { Start: '2025-01-01', End: '2025-01-02' } }],
      ['of no date', { TimePeriod: { Start: 'yesterday', End: '2026-11-02' } }],
      ['of three groups', { GroupBy: ['a', 'b', 'c'].map((Key) => ({ Type: 'TAG' as const, Key })) }],
      [
        'with an option that only cost categories take',
        { Filter: { Dimensions: { Key: 'SERVICE', Values: ['x'], MatchOptions: ['ENDS_WITH'] } } },
      ],
    ])('are refused %s', async (_, more) => {
      await expect(ce.send(days('2026-11-01', '2026-11-02', more))).rejects.toMatchObject({
        name: 'ValidationException',
      });
    });
  });

  describe('anomaly detection', () => {
    const monitor = (MonitorName = 'tenants') =>
      ce.send(
        new CreateAnomalyMonitorCommand({
          AnomalyMonitor: {
            MonitorName,
            MonitorType: 'DIMENSIONAL',
            MonitorDimension: 'TAG',
            MonitorSpecification: { Tags: { Key: 'tenant' } },
          },
        }),
      );
    const impact = (value: string) => ({
      Dimensions: {
        Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE' as const,
        MatchOptions: ['GREATER_THAN_OR_EQUAL' as const],
        Values: [value],
      },
    });
    const subscribe = (monitorArn: string, more: Record<string, unknown> = {}) =>
      ce.send(
        new CreateAnomalySubscriptionCommand({
          AnomalySubscription: {
            SubscriptionName: 'governor',
            MonitorArnList: [monitorArn],
            Subscribers: [{ Type: 'SNS', Address: TOPIC }],
            Frequency: 'IMMEDIATE',
            ThresholdExpression: impact('5'),
            ...more,
          },
        }),
      );
    const admitAlerts = async () => {
      await new SNSClient({ ...config(), region: 'us-east-1' }).send(new CreateTopicCommand({ Name: 'anomalies' }));
      await new SNSClient({ ...config(), region: 'us-east-1' }).send(
        new SetTopicAttributesCommand({
          TopicArn: TOPIC,
          AttributeName: 'Policy',
          AttributeValue: JSON.stringify({
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Service: 'costalerts.amazonaws.com' },
                Action: 'SNS:Publish',
                Resource: TOPIC,
                Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT } },
              },
            ],
          }),
        }),
      );
    };
    const arnOf = async () => (await monitor()).MonitorArn ?? '';
    const alerts = () => seen.flatMap((each) => (each.kind === 'publish' ? [JSON.parse(each.message) as object] : []));
    const events = () =>
      seen.flatMap((each) => (each.kind === 'event' && each.event['source'] === 'aws.ce' ? [each.event] : []));

    it('keeps monitors and subscriptions as they were made and changed', async () => {
      const MonitorArn = await arnOf();
      await ce.send(new UpdateAnomalyMonitorCommand({ MonitorArn, MonitorName: 'renamed' }));
      const { AnomalyMonitors } = await ce.send(new GetAnomalyMonitorsCommand({}));
      expect(AnomalyMonitors).toMatchObject([
        {
          MonitorArn,
          MonitorName: 'renamed',
          MonitorType: 'DIMENSIONAL',
          MonitorDimension: 'TAG',
          MonitorSpecification: { Tags: { Key: 'tenant' } },
        },
      ]);
      const { SubscriptionArn } = await subscribe(MonitorArn);
      await ce.send(new UpdateAnomalySubscriptionCommand({ SubscriptionArn, ThresholdExpression: impact('7') }));
      const { AnomalySubscriptions } = await ce.send(new GetAnomalySubscriptionsCommand({}));
      expect(AnomalySubscriptions).toMatchObject([
        {
          SubscriptionArn,
          SubscriptionName: 'governor',
          MonitorArnList: [MonitorArn],
          Frequency: 'IMMEDIATE',
          Subscribers: [{ Type: 'SNS', Address: TOPIC }],
          ThresholdExpression: impact('7'),
        },
      ]);
    });

    it('lists monitors in pages', async () => {
      for (const name of ['a', 'b', 'c']) await monitor(name);
      const first = await ce.send(new GetAnomalyMonitorsCommand({ MaxResults: 2 }));
      const rest = await ce.send(new GetAnomalyMonitorsCommand({ MaxResults: 2, NextPageToken: first.NextPageToken }));
      expect([...(first.AnomalyMonitors ?? []), ...(rest.AnomalyMonitors ?? [])]).toHaveLength(3);
      expect(rest.NextPageToken).toBeUndefined();
    });

    it('refuses what AWS refuses', async () => {
      const MonitorArn = await arnOf();
      const validation = { name: 'ValidationException' };
      await expect(subscribe(MonitorArn, { Frequency: 'DAILY' })).rejects.toMatchObject(validation);
      await expect(subscribe(MonitorArn, { ThresholdExpression: undefined })).rejects.toMatchObject(validation);
      await expect(subscribe(MonitorArn, { ThresholdExpression: impact('-1') })).rejects.toMatchObject(validation);
      await expect(subscribe('arn:aws:ce::1:anomalymonitor/x')).rejects.toMatchObject({
        name: 'UnknownMonitorException',
      });
      await aws.close();
      await start({ costExplorer: { isLinked: true } });
      await expect(monitor()).rejects.toMatchObject(validation);
    });

    /** Ten days at one price and then a day at many times as much. */
    const spendAbnormally = async () => {
      const spend = await spender({ tenant: 'acme' });
      await spend(40_000);
      await aws.clock.moveTo(Date.UTC(2026, 10, 3, 1));
      await activate('tenant');
      for (let day = 3; day < 14; day++) {
        await aws.clock.moveTo(Date.UTC(2026, 10, day, 12));
        await spend(40_000);
      }
      await aws.clock.moveTo(Date.UTC(2026, 10, 14, 12));
      for (let call = 0; call < 20; call++) await spend(400_000);
    };

    it('tells an abnormal day once, hours after it, by an event and to the topic of an immediate subscription', async () => {
      await admitAlerts();
      const MonitorArn = await arnOf();
      await subscribe(MonitorArn, { ThresholdExpression: impact('1') });
      await spendAbnormally();
      await aws.clock.moveTo(Date.UTC(2026, 10, 15, 7));
      expect(events()).toEqual([]);
      await aws.clock.moveTo(Date.UTC(2026, 10, 17));
      expect(events()).toHaveLength(1);
      expect(events()[0]).toMatchObject({
        source: 'aws.ce',
        'detail-type': 'Anomaly Detected',
        region: 'us-east-1',
        resources: [MonitorArn],
        detail: {
          accountId: ACCOUNT,
          dimensionValue: 'tenant:acme',
          anomalyStartDate: '2026-11-14T00:00:00Z',
          monitorName: 'tenants',
          impact: { totalImpact: expect.any(Number) },
          rootCauses: [{ service: 'Amazon Bedrock' }],
        },
      });
      expect(alerts()).toEqual([
        expect.objectContaining({
          dimensionalValue: 'tenant:acme',
          monitorArn: MonitorArn,
          subscriptionName: 'governor',
        }),
      ]);
    });

    it('answers an anomaly by its monitor and its day, whether anyone was told of it or not', async () => {
      const MonitorArn = await arnOf();
      await spendAbnormally();
      await aws.clock.moveTo(Date.UTC(2026, 10, 17));
      const ask = async (input: Partial<GetAnomaliesCommandInput>) => {
        const DateInterval = { StartDate: '2026-11-14', EndDate: '2026-11-17' };
        return (await ce.send(new GetAnomaliesCommand({ MonitorArn, DateInterval, ...input }))).Anomalies ?? [];
      };
      const [anomaly, ...others] = await ask({});
      expect(others).toEqual([]);
      expect(anomaly).toMatchObject({
        AnomalyId: expect.any(String),
        AnomalyStartDate: '2026-11-14T00:00:00Z',
        DimensionValue: 'tenant:acme',
        MonitorArn,
        RootCauses: [{ Service: 'Amazon Bedrock', LinkedAccount: ACCOUNT }],
      });
      expect(anomaly?.Impact?.TotalImpact).toBeGreaterThan(1);
      expect(await ask({ MonitorArn: undefined })).toEqual([anomaly]);
      expect(await ask({ DateInterval: { StartDate: '2026-11-14' } })).toEqual([anomaly]);
      expect(await ask({ DateInterval: { StartDate: '2026-11-01', EndDate: '2026-11-13' } })).toEqual([]);
      expect(await ask({ DateInterval: { StartDate: '2026-11-15', EndDate: '2026-11-17' } })).toEqual([]);
      expect(await ask({ MonitorArn: `${MonitorArn}x` })).toEqual([]);
      for (const StartDate of ['soon', '2026-11-18'])
        await expect(ask({ DateInterval: { StartDate, EndDate: '2026-11-17' } })).rejects.toMatchObject({
          name: 'ValidationException',
        });
    });

    it('tells nothing below the threshold, nor of a usual day', async () => {
      await admitAlerts();
      await subscribe(await arnOf(), { ThresholdExpression: impact('1000') });
      await spendAbnormally();
      await aws.clock.moveTo(Date.UTC(2026, 10, 17));
      expect([...events(), ...alerts()]).toEqual([]);
    });

    it('loses the copy for a topic that does not admit it', async () => {
      await new SNSClient({ ...config(), region: 'us-east-1' }).send(new CreateTopicCommand({ Name: 'anomalies' }));
      await subscribe(await arnOf(), { ThresholdExpression: impact('1') });
      await spendAbnormally();
      await aws.clock.moveTo(Date.UTC(2026, 10, 17));
      expect(events()).toHaveLength(1);
      expect(alerts()).toEqual([]);
      expect(seen.filter(({ kind }) => kind === 'lost')).toHaveLength(1);
    });
  });
});
