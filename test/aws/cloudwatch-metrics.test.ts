import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloudWatchMetrics } from '../../aws/cloudwatch-metrics.ts';
import { epochMs } from '../../domain/clock.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { MeteredSpend } from '../../domain/spending/metered-spend.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault, type Call, type JsonObject } from '../../local/service.ts';
import { runtimeClient } from '../wire/clients.ts';
import { clientConfig } from './client-config.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const START = Date.parse('2026-11-23T10:00:00Z');

let aws: EmbeddedAws;
let metrics: MeteredSpend;
let calls: Call[];
beforeEach(async () => {
  aws = await startEmbeddedAws({ startAt: START, cloudWatch: { metricsDelayMs: 0 } });
  metrics = metricsOf();
  calls = [];
  aws.observe((observation) => {
    if (observation.kind === 'request' && observation.call.operation === 'GetMetricData') calls.push(observation.call);
  });
});
afterEach(() => aws.close());

const metricsOf = () =>
  cloudWatchMetrics((region) => new CloudWatchClient({ ...clientConfig(aws, region), maxAttempts: 1 }));

async function createProfile(name: string, region = 'us-east-1'): Promise<ProfileArn> {
  const { inferenceProfileArn = '' } = await new BedrockClient(clientConfig(aws, region)).send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: name,
      modelSource: { copyFrom: `arn:aws:bedrock:${region}::foundation-model/anthropic.claude-3-haiku-20240307-v1:0` },
    }),
  );
  const arn = parseProfileArn(inferenceProfileArn);
  if (arn === undefined) throw new Error(`not an ARN: ${inferenceProfileArn}`);
  return arn;
}

async function call(profile: ProfileArn, region = 'us-east-1') {
  const { usage } = await runtimeClient(aws, region).send(
    new ConverseCommand({ modelId: profile, messages: [{ role: 'user', content: [{ text: 'Hello there' }] }] }),
  );
  return { inputTokens: usage?.inputTokens ?? 0, outputTokens: usage?.outputTokens ?? 0 };
}

const window = (profile: ProfileArn, fromMs = 0, untilMs = 2 * HOUR_MS) => ({
  profile,
  from: epochMs(START + fromMs),
  until: epochMs(START + untilMs),
});
const unknown = (id: string): ProfileArn => {
  const arn = parseProfileArn(`arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/${id}`);
  if (arn === undefined) throw new Error(id);
  return arn;
};

describe('token metrics from CloudWatch', () => {
  it('are those of the window, of whole hours and of the minutes of the last one', async () => {
    const chat = await createProfile('chat');
    const one = await call(chat);
    await aws.clock.advance(90 * MINUTE_MS);
    const other = await call(chat);
    await aws.clock.advance(5 * MINUTE_MS);
    const both = {
      inputTokens: one.inputTokens + other.inputTokens,
      outputTokens: one.outputTokens + other.outputTokens,
    };
    const [whole, hour, minutes, before] = await metrics.read([
      window(chat),
      window(chat, 0, HOUR_MS),
      window(chat, 90 * MINUTE_MS, 93 * MINUTE_MS),
      window(chat, 0, 90 * MINUTE_MS),
    ]);
    expect(whole).toMatchObject({ kind: 'told', usage: both });
    expect(hour).toMatchObject({ kind: 'told', usage: one });
    expect(minutes).toMatchObject({ kind: 'told', usage: other });
    expect(before).toMatchObject({ kind: 'told', usage: one });
  });

  it('come from the Region of each profile', async () => {
    const here = await createProfile('here');
    const there = await createProfile('there', 'eu-central-1');
    await call(here);
    const used = await call(there, 'eu-central-1');
    expect(await metrics.read([window(there)])).toMatchObject([{ kind: 'told', usage: used }]);
    expect(calls.map(({ region }) => region)).toEqual(['eu-central-1']);
  });

  it('are zero for a profile that was not called where another one of its Region was', async () => {
    const chat = await createProfile('chat');
    await call(chat);
    expect(await metrics.read([window(chat), window(unknown('idle'))])).toMatchObject([
      { kind: 'told' },
      { kind: 'told', usage: { inputTokens: 0, outputTokens: 0 } },
    ]);
  });

  it('are not taken for zero where no profile has a data point', async () => {
    expect(await metrics.read([window(unknown('one')), window(unknown('two'))])).toEqual([
      { kind: 'silent' },
      { kind: 'silent' },
    ]);
  });

  it('of many profiles with one window take a call for each 125, whatever order they come in', async () => {
    const chat = await createProfile('chat');
    const used = await call(chat);
    const idle = Array.from({ length: 250 }, (_, index) => window(unknown(`idle${index}`)));
    const answers = await metrics.read([...idle, window(chat)]);
    expect(answers).toHaveLength(251);
    expect(answers.at(-1)).toMatchObject({ kind: 'told', usage: used });
    expect(answers[0]).toMatchObject({ kind: 'told', usage: { inputTokens: 0 } });
    expect(calls).toHaveLength(3);
  });

  it('are added up over the pages of an answer', async () => {
    const chat = await createProfile('chat');
    const used = await call(chat);
    await aws.clock.advance(HOUR_MS);
    await call(chat);
    const stop = aws.intercept((intercepted, input: JsonObject) => {
      if (intercepted.operation === 'GetMetricData') input['MaxDatapoints'] = 1;
      return undefined;
    });
    const [answer] = await metrics.read([window(chat)]);
    stop();
    expect(answer).toMatchObject({
      kind: 'told',
      usage: { inputTokens: 2 * used.inputTokens, outputTokens: 2 * used.outputTokens },
    });
    expect(calls).toHaveLength(4);
  });

  it.each([
    ['throttled', new AwsFault('ThrottlingException', 'Rate exceeded', 400), 'ThrottlingException'],
    ['denied', new AwsFault('AccessDeniedException', 'not authorized', 403), 'AccessDeniedException'],
  ])('that are %s are unreadable, and those of another Region are read', async (_, fault, name) => {
    const here = await createProfile('here');
    const there = await createProfile('there', 'eu-central-1');
    await call(there, 'eu-central-1');
    aws.intercept((intercepted) =>
      intercepted.operation === 'GetMetricData' && intercepted.region === 'us-east-1' ? fault : undefined,
    );
    const [broken, whole] = await metrics.read([window(here), window(there)]);
    expect(broken).toMatchObject({ kind: 'unreadable', why: expect.stringContaining(name) });
    expect(whole).toMatchObject({ kind: 'told' });
  });

  it.each(['PartialData', 'InternalError', 'Forbidden', undefined])(
    'with the status %s are unreadable',
    async (status) => {
      const chat = await createProfile('chat');
      aws.intercept({
        after: (intercepted, input) =>
          intercepted.operation !== 'GetMetricData'
            ? undefined
            : {
                answer: {
                  MetricDataResults: queryIds(input).map((Id, index) => ({
                    Id,
                    Timestamps: [START / 1_000],
                    Values: [1],
                    ...(index > 0 ? { StatusCode: 'Complete' } : status === undefined ? {} : { StatusCode: status }),
                  })),
                },
              },
      });
      expect(await metrics.read([window(chat)])).toMatchObject([
        { kind: 'unreadable', why: expect.stringContaining('InputTokenCount') },
      ]);
    },
  );

  it('that the answer leaves out, or warns about, are unreadable', async () => {
    const chat = await createProfile('chat');
    for (const answer of [
      { MetricDataResults: [] },
      { MetricDataResults: [], Messages: [{ Code: 'MaxMetricsExceeded', Value: 'too many' }] },
    ]) {
      const stop = aws.intercept({
        after: ({ operation }) => (operation === 'GetMetricData' ? { answer } : undefined),
      });
      expect(await metrics.read([window(chat)])).toMatchObject([{ kind: 'unreadable' }]);
      stop();
    }
  });
});

const queryIds = (input: JsonObject): string[] =>
  (Array.isArray(input['MetricDataQueries']) ? input['MetricDataQueries'] : []).flatMap((query) =>
    typeof query === 'object' && query !== null && !Array.isArray(query) && typeof query['Id'] === 'string'
      ? [query['Id']]
      : [],
  );
