import { type BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  CloudWatchClient,
  type CloudWatchServiceException,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  InvalidNextToken,
  ListMetricsCommand,
  type MetricDataQuery,
  paginateGetMetricData,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { bedrockClient, runtimeClient } from './clients.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = Date.parse('2026-11-23T10:00:00Z');
const MODEL = 'amazon.nova-lite-v1:0';

describe('CloudWatch over the wire', () => {
  let aws: EmbeddedAws;
  let bedrock: BedrockClient;
  let cloudWatch: CloudWatchClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    bedrock = bedrockClient(aws);
    cloudWatch = cloudWatchIn('us-east-1');
  });
  afterEach(() => aws.close());

  const cloudWatchIn = (region: string) =>
    new CloudWatchClient({
      endpoint: aws.endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  const createProfile = async (name: string): Promise<string> => {
    const { inferenceProfileArn } = await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: name,
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${MODEL}` },
      }),
    );
    return z.string().parse(inferenceProfileArn);
  };
  const call = async (modelId: string, text = 'Hello there') =>
    z
      .object({ inputTokens: z.number(), outputTokens: z.number() })
      .parse(
        (
          await runtimeClient(aws).send(
            new ConverseCommand({ modelId, messages: [{ role: 'user', content: [{ text }] }] }),
          )
        ).usage,
      );
  const query = (
    modelId: string,
    parts: Partial<{ id: string; name: string; period: number; stat: string; unit: 'Count' | 'Seconds' }> = {},
  ): MetricDataQuery => ({
    Id: parts.id ?? 'input',
    MetricStat: {
      Metric: {
        Namespace: 'AWS/Bedrock',
        MetricName: parts.name ?? 'InputTokenCount',
        Dimensions: [{ Name: 'ModelId', Value: modelId }],
      },
      Period: parts.period ?? 60,
      Stat: parts.stat ?? 'Sum',
      ...(parts.unit === undefined ? {} : { Unit: parts.unit }),
    },
  });
  const request = (MetricDataQueries: MetricDataQuery[], parts: Partial<GetMetricDataCommandInput> = {}) => ({
    MetricDataQueries,
    StartTime: new Date(START),
    EndTime: new Date(START + 24 * HOUR_MS),
    ...parts,
  });
  const read = async (...args: Parameters<typeof request>) =>
    await cloudWatch.send(new GetMetricDataCommand(request(...args)));
  const valuesOf = async (...args: Parameters<typeof request>) =>
    (await read(...args)).MetricDataResults?.map(({ Id, Values, StatusCode }) => [Id, Values, StatusCode]);
  const refusal = async (...args: Parameters<typeof request>): Promise<CloudWatchServiceException> =>
    await read(...args).then(
      () => {
        throw new Error('was not refused');
      },
      (error: CloudWatchServiceException) => error,
    );

  it('tells the tokens of a profile by its id, only after the delay', async () => {
    const arn = await createProfile('chat');
    const id = arn.split('/').at(-1) ?? '';
    const used = await call(arn);
    const queries = [
      query(id),
      query(id, { id: 'output', name: 'OutputTokenCount', unit: 'Count' }),
      query(id, { id: 'calls', name: 'Invocations' }),
    ];
    await aws.clock.advance(2 * MINUTE_MS);
    expect(await valuesOf(queries)).toEqual([
      ['input', [], 'Complete'],
      ['output', [], 'Complete'],
      ['calls', [], 'Complete'],
    ]);
    await aws.clock.advance(MINUTE_MS);
    expect(await valuesOf(queries)).toEqual([
      ['input', [used.inputTokens], 'Complete'],
      ['output', [used.outputTokens], 'Complete'],
      ['calls', [1], 'Complete'],
    ]);
    expect((await read(queries)).MetricDataResults?.[0]).toMatchObject({
      Label: 'InputTokenCount',
      Timestamps: [new Date(START)],
    });
  });

  it('names a call without a profile by its model, and keeps Regions apart', async () => {
    const used = await call(MODEL);
    await aws.clock.advance(5 * MINUTE_MS);
    expect(await valuesOf([query(MODEL)])).toEqual([['input', [used.inputTokens], 'Complete']]);
    cloudWatch = cloudWatchIn('eu-west-1');
    expect(await valuesOf([query(MODEL)])).toEqual([['input', [], 'Complete']]);
  });

  it('has the delay that it was started with', async () => {
    await aws.close();
    aws = await startEmbeddedAws({ startAt: START, cloudWatch: { metricsDelayMs: 0 } });
    cloudWatch = cloudWatchIn('us-east-1');
    const used = await call(MODEL);
    expect(await valuesOf([query(MODEL)])).toEqual([['input', [used.inputTokens], 'Complete']]);
  });

  it('adds up by period, newest first unless asked otherwise', async () => {
    const used = await call(MODEL);
    await aws.clock.advance(30 * MINUTE_MS);
    await call(MODEL);
    await aws.clock.advance(40 * MINUTE_MS);
    await call(MODEL, 'Hello there, and a few more words than before');
    await aws.clock.advance(5 * MINUTE_MS);
    const [[, newestFirst] = []] = (await valuesOf([query(MODEL, { period: 3600 })])) ?? [];
    const [[, oldestFirst] = []] =
      (await valuesOf([query(MODEL, { period: 3600 })], { ScanBy: 'TimestampAscending' })) ?? [];
    expect(oldestFirst).toHaveLength(2);
    expect(z.array(z.number()).parse(oldestFirst)[0]).toBe(2 * used.inputTokens);
    expect(newestFirst).toEqual([...z.array(z.number()).parse(oldestFirst)].reverse());
    expect(
      await valuesOf([query(MODEL)], {
        StartTime: new Date(START + MINUTE_MS),
        EndTime: new Date(START + 31 * MINUTE_MS),
      }),
    ).toEqual([['input', [used.inputTokens], 'Complete']]);
    expect(await valuesOf([query(MODEL)], { EndTime: new Date(START + 30 * MINUTE_MS) })).toEqual([
      ['input', [used.inputTokens], 'Complete'],
    ]);
  });

  it('has no data points of a metric, unit or dimension that nobody reports', async () => {
    await call(MODEL);
    await aws.clock.advance(5 * MINUTE_MS);
    const unknown = [
      query('0000'),
      query(MODEL, { id: 'name', name: 'Nothing' }),
      query(MODEL, { id: 'unit', unit: 'Seconds' }),
      query(MODEL, { id: 'cache', name: 'CacheReadInputTokenCount' }),
    ];
    expect(await valuesOf(unknown)).toEqual(['input', 'name', 'unit', 'cache'].map((id) => [id, [], 'Complete']));
  });

  it('forgets minutes after 15 days and keeps hours', async () => {
    const used = await call(MODEL);
    await aws.clock.advance(16 * 24 * HOUR_MS);
    expect(await valuesOf([query(MODEL)])).toEqual([['input', [], 'Complete']]);
    expect(await valuesOf([query(MODEL, { period: 3600 })])).toEqual([['input', [used.inputTokens], 'Complete']]);
  });

  it('pages when there are more data points than asked for', async () => {
    for (let minute = 0; minute < 3; minute++) {
      await call(MODEL);
      await aws.clock.advance(MINUTE_MS);
    }
    await aws.clock.advance(5 * MINUTE_MS);
    const queries = [query(MODEL), query('0000', { id: 'none' }), query(MODEL, { id: 'calls', name: 'Invocations' })];
    const first = await read(queries, { MaxDatapoints: 2 });
    expect(
      first.MetricDataResults?.map(({ Id, Values, StatusCode }) => [Id, Values?.length, StatusCode]),
    ).toContainEqual(['input', 2, 'PartialData']);
    const seen = new Map<string, number>();
    const last = new Map<string, string>();
    let pages = 0;
    for await (const page of paginateGetMetricData({ client: cloudWatch }, request(queries, { MaxDatapoints: 2 }))) {
      pages++;
      for (const { Id = '', Values = [], StatusCode = '' } of page.MetricDataResults ?? []) {
        seen.set(Id, (seen.get(Id) ?? 0) + Values.length);
        last.set(Id, StatusCode);
      }
    }
    expect([pages, Object.fromEntries(seen), [...new Set(last.values())]]).toEqual([
      3,
      { input: 3, none: 0, calls: 3 },
      ['Complete'],
    ]);
    expect(await refusal([query(MODEL, { id: 'other' })], { NextToken: first.NextToken })).toBeInstanceOf(
      InvalidNextToken,
    );
    expect(await refusal(queries, { NextToken: 'nonsense' })).toBeInstanceOf(InvalidNextToken);
  });

  it.each([
    ['more than 500 queries', Array.from({ length: 501 }, (_, index) => ({ id: `q${index}` })), {}],
    ['no query', [], {}],
    ['the same id twice', [{}, {}], {}],
    ['an id that begins with a capital', [{ id: 'Input' }], {}],
    ['a period of 90 seconds', [{ period: 90 }], {}],
    ['a metric without a name', [{ name: '' }], {}],
    ['a metric with a name of 256 characters', [{ name: 'x'.repeat(256) }], {}],
    ['a statistic that does not exist', [{ stat: 'Median' }], {}],
    ['a start that is not before the end', [{}], { EndTime: new Date(START) }],
    ['more data points than a page may have', [{}], { MaxDatapoints: 100_801 }],
  ])('refuses %s', async (_, queries, parts) => {
    const error = await refusal(
      queries.map((each) => query(MODEL, each)),
      parts,
    );
    expect([error.name, error.$metadata.httpStatusCode, error.$fault]).toEqual(['ValidationException', 400, 'client']);
  });

  it('lists the metrics that have data points', async () => {
    const arn = await createProfile('chat');
    const id = arn.split('/').at(-1) ?? '';
    await call(arn);
    expect((await cloudWatch.send(new ListMetricsCommand({ Namespace: 'AWS/Bedrock' }))).Metrics).toEqual([]);
    await aws.clock.advance(5 * MINUTE_MS);
    const dimensions = [{ Name: 'ModelId', Value: id }];
    const { Metrics } = await cloudWatch.send(
      new ListMetricsCommand({ Namespace: 'AWS/Bedrock', Dimensions: dimensions }),
    );
    expect(Metrics?.map(({ MetricName }) => MetricName)).toEqual([
      'Invocations',
      'InputTokenCount',
      'OutputTokenCount',
    ]);
    expect(Metrics?.[0]?.Dimensions).toEqual(dimensions);
    for (const filter of [
      { Namespace: 'AWS/EC2' },
      { Dimensions: [{ Name: 'ModelId', Value: 'x' }] },
      { MetricName: 'CacheReadInputTokenCount' },
    ])
      expect((await cloudWatch.send(new ListMetricsCommand(filter))).Metrics).toEqual([]);
  });
});
