import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bedrockProfileRemover } from '../../aws/bedrock-profile-remover.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { cloudWatchInvocations } from '../../aws/cloudwatch-invocations.ts';
import { Pace } from '../../aws/pace.ts';
import { epochMs } from '../../domain/clock.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { runtimeClient } from '../wire/clients.ts';
import { clientConfig } from './client-config.ts';

const START = Date.parse('2026-11-23T10:00:00Z');
const DAY_MS = 86_400_000;

let aws: EmbeddedAws;
beforeEach(async () => {
  aws = await startEmbeddedAws({ startAt: START, cloudWatch: { metricsDelayMs: 0 } });
});
afterEach(() => aws.close());

const bedrock = () => new BedrockClient({ ...clientConfig(aws), maxAttempts: 1 });
async function createProfile(name: string): Promise<ProfileArn> {
  const { inferenceProfileArn = '' } = await bedrock().send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: name,
      modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0' },
    }),
  );
  const arn = parseProfileArn(inferenceProfileArn);
  if (arn === undefined) throw new Error(inferenceProfileArn);
  return arn;
}

describe('deleting a profile', () => {
  const remover = () => bedrockProfileRemover(bedrock, () => new Pace({ perSecond: 1_000, burst: 10 }));

  it('deletes it, and finds it gone when it was deleted before', async () => {
    const arn = await createProfile('a');
    expect(await remover().remove(arn)).toBe('gone');
    expect(await bedrockProfiles(bedrock).read(arn)).toBeUndefined();
    expect(await remover().remove(arn)).toBe('gone');
  });

  it('tells why AWS refuses, and throws where it was not asked', async () => {
    const arn = await createProfile('a');
    let fault = new AwsFault('ConflictException', 'The profile is in use.', 400);
    aws.intercept(({ operation }) => (operation === 'DeleteInferenceProfile' ? fault : undefined));
    expect(await remover().remove(arn)).toEqual({ refused: 'The profile is in use.' });
    fault = new AwsFault('AccessDeniedException', 'no', 403);
    await expect(remover().remove(arn)).rejects.toMatchObject({ code: 'AccessDeniedException' });
    expect(await bedrockProfiles(bedrock).read(arn)).toBeDefined();
  });
});

describe('the invocations that CloudWatch has counted', () => {
  const counts = () => cloudWatchInvocations(() => new CloudWatchClient({ ...clientConfig(aws), maxAttempts: 1 }));
  const window = () => ({ from: epochMs(Date.parse('2026-10-24T00:00:00Z')), until: epochMs(aws.clock.now()) });

  it('are told of each profile in the window, and nothing of one that was not invoked', async () => {
    const [busy, quiet] = [await createProfile('busy'), await createProfile('quiet')];
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
    for (let i = 0; i < 3; i++) await runtimeClient(aws).send(new ConverseCommand({ modelId: busy, messages }));
    await aws.clock.advance(DAY_MS);
    const read = await counts().read('us-east-1', [busy, quiet], window());
    expect(read.get(busy)).toEqual({ kind: 'told', invocations: 3 });
    expect(read.get(quiet)).toEqual({ kind: 'silent' });
    await aws.clock.advance(40 * DAY_MS);
    const later = { from: epochMs(START + 10 * DAY_MS), until: epochMs(aws.clock.now()) };
    expect((await counts().read('us-east-1', [busy], later)).get(busy)).toEqual({ kind: 'silent' });
  });

  it('are unreadable where the answer is not complete, and a fault where there is none', async () => {
    const arn = await createProfile('a');
    let instead: AwsFault | { answer: { MetricDataResults: { Id: string; Values: number[]; StatusCode: string }[] } } =
      {
        answer: { MetricDataResults: [{ Id: 'p0', Values: [], StatusCode: 'InternalError' }] },
      };
    aws.intercept(({ operation }) => (operation === 'GetMetricData' ? instead : undefined));
    expect((await counts().read('us-east-1', [arn], window())).get(arn)).toMatchObject({ kind: 'unreadable' });
    instead = { answer: { MetricDataResults: [] } };
    expect((await counts().read('us-east-1', [arn], window())).get(arn)).toBeUndefined();
    instead = new AwsFault('Throttling', 'Slow down.', 400);
    await expect(counts().read('us-east-1', [arn], window())).rejects.toThrow('reading the invocations of us-east-1');
  });
});
