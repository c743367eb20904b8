import { type BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { metricAlarms } from '../../aws/metric-alarms.ts';
import { readAlarmEvent } from '../../domain/signals/alarm.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';
import { bedrockClient, runtimeClient } from './clients.ts';

const MINUTE_MS = 60_000;
const MODEL = 'amazon.nova-lite-v1:0';

describe('alarms of CloudWatch over the wire', () => {
  let aws: EmbeddedAws;
  let bedrock: BedrockClient;
  let cloudWatch: CloudWatchClient;
  let events: JsonObject[];
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: Date.parse('2026-11-23T10:00:30Z') });
    bedrock = bedrockClient(aws);
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    cloudWatch = new CloudWatchClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    events = [];
    aws.observe((observation) => {
      if (observation.kind === 'event' && observation.event['source'] === 'aws.cloudwatch')
        events.push(observation.event);
    });
  });
  afterEach(() => aws.close());

  const profile = async (): Promise<string> => {
    const { inferenceProfileArn } = await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'acme',
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${MODEL}` },
      }),
    );
    return z.string().parse(inferenceProfileArn);
  };
  const call = (modelId: string) =>
    runtimeClient(aws).send(
      new ConverseCommand({ modelId, messages: [{ role: 'user', content: [{ text: 'Hello' }] }] }),
    );
  const alarmOn = (arn: string, change: Partial<PutMetricAlarmCommandInput> = {}) =>
    cloudWatch.send(
      new PutMetricAlarmCommand({
        AlarmName: 'acme-tokens',
        Namespace: 'AWS/Bedrock',
        MetricName: 'InputTokenCount',
        Dimensions: [{ Name: 'ModelId', Value: arn.split('/').at(-1) }],
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        TreatMissingData: 'notBreaching',
        ...change,
      }),
    );
  const states = () =>
    events.map(({ detail }) => z.object({ state: z.object({ value: z.string() }) }).parse(detail).state.value);

  it('go into alarm when the metric is there, and back when it is over, each change an event', async () => {
    const arn = await profile();
    await alarmOn(arn);
    expect(await metricAlarms(() => cloudWatch).find('acme-tokens', 'us-east-1')).toMatchObject({ isInAlarm: false });
    await aws.clock.advance(MINUTE_MS);
    expect(states()).toEqual(['OK']);
    await call(arn);
    await aws.clock.advance(2 * MINUTE_MS);
    expect(states()).toEqual(['OK']);
    await aws.clock.advance(10 * MINUTE_MS);
    expect(states()).toEqual(['OK', 'ALARM', 'OK']);
    expect(await metricAlarms(() => cloudWatch).find('acme-tokens', 'us-east-1')).toMatchObject({ isInAlarm: false });
    const origins = { accountId: aws.accountId, regions: [], homeRegion: 'us-east-1' };
    expect(readAlarmEvent(events[1], origins)).toMatchObject({ kind: 'alarm', name: 'acme-tokens' });
    expect(events[1]).toMatchObject({
      resources: ['arn:aws:cloudwatch:us-east-1:123456789012:alarm:acme-tokens'],
      detail: { previousState: { value: 'OK' }, configuration: { metrics: [{ metricStat: { stat: 'Sum' } }] } },
    });
  });

  it('wait for as many data points as they are told, and treat missing ones as they are told', async () => {
    const arn = await profile();
    await alarmOn(arn, { EvaluationPeriods: 3, DatapointsToAlarm: 2 });
    await alarmOn(arn, { AlarmName: 'missing', TreatMissingData: 'missing' });
    await alarmOn(arn, { AlarmName: 'breaching', TreatMissingData: 'breaching' });
    await call(arn);
    await aws.clock.advance(8 * MINUTE_MS);
    const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({}));
    expect(MetricAlarms.map(({ AlarmName, StateValue }) => [AlarmName, StateValue])).toEqual([
      ['acme-tokens', 'OK'],
      ['missing', 'INSUFFICIENT_DATA'],
      ['breaching', 'ALARM'],
    ]);
  });

  it('are set by hand, found by name, and deleted', async () => {
    await alarmOn(await profile());
    await cloudWatch.send(
      new SetAlarmStateCommand({ AlarmName: 'acme-tokens', StateValue: 'ALARM', StateReason: 'a drill' }),
    );
    expect(states()).toEqual(['ALARM']);
    expect(await metricAlarms(() => cloudWatch).find('acme-tokens', 'us-east-1')).toEqual({
      isInAlarm: true,
      changedAt: expect.any(Number),
    });
    await cloudWatch.send(new DeleteAlarmsCommand({ AlarmNames: ['acme-tokens'] }));
    expect(await metricAlarms(() => cloudWatch).find('acme-tokens', 'us-east-1')).toBeUndefined();
    await expect(
      cloudWatch.send(new SetAlarmStateCommand({ AlarmName: 'acme-tokens', StateValue: 'OK', StateReason: 'x' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFound' });
  });

  it.each([
    ['no threshold', { Threshold: undefined }],
    ['an expression', { Metrics: [{ Id: 'a', Expression: '1' }] }],
    ['a band', { ComparisonOperator: 'GreaterThanUpperThreshold' as const }],
    ['more data points than periods', { DatapointsToAlarm: 2 }],
  ])('are refused with %s', async (_, change) => {
    await expect(alarmOn('x/y', change)).rejects.toMatchObject({ name: /Validation/ });
  });
});
