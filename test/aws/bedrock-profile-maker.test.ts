import { BedrockClient } from '@aws-sdk/client-bedrock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bedrockProfileMaker } from '../../aws/bedrock-profile-maker.ts';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import type { ProfileMaker } from '../../domain/profiles/apply-plan.ts';
import type { DeclaredProfile } from '../../domain/profiles/declared-profiles.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

describe('making application inference profiles in Bedrock', () => {
  let aws: EmbeddedAws;
  let maker: ProfileMaker;
  let stops: (() => void)[] = [];
  const client = (region: string) => new BedrockClient({ ...clientConfig(aws, region), maxAttempts: 1 });
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    maker = bedrockProfileMaker(client, aws);
  });
  afterEach(() => {
    for (const stop of stops) stop();
    stops = [];
  });
  afterAll(() => aws.close());

  const declared = (name: string, changes: Partial<DeclaredProfile> = {}): DeclaredProfile => ({
    name,
    region: 'us-east-1',
    model: 'amazon.nova-pro-v1:0',
    tags: { tenant: 'acme', environment: 'prod' },
    ...changes,
  });
  const created = async (profile: DeclaredProfile): Promise<ProfileArn> => {
    const creation = await maker.create(profile);
    if (creation.kind !== 'created') throw new Error(creation.why);
    return creation.arn;
  };
  const listed = async (region = 'us-east-1'): Promise<ProfileArn[]> => {
    const arns: ProfileArn[] = [];
    for await (const { arn } of bedrockProfiles(client).list(region)) arns.push(arn);
    return arns;
  };

  it.each([
    ['us-east-1', 'amazon.nova-pro-v1:0', 'in-region', 'amazon.nova-pro-v1:0'],
    ['us-east-1', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'geo', 'anthropic.claude-sonnet-4-5-20250929-v1:0'],
    ['us-east-1', 'global.amazon.nova-2-lite-v1:0', 'global', 'amazon.nova-2-lite-v1:0'],
    ['ap-northeast-1', 'amazon.nova-lite-v1:0', 'in-region', 'amazon.nova-lite-v1:0'],
  ])('copies in %s from %s, and records that on the profile', async (region, model, source, baseModelId) => {
    const arn = await created(declared(`from-${source}`, { region, model }));
    const profiles = bedrockProfiles(client);
    expect(await profiles.read(arn)).toMatchObject({ name: `from-${source}`, source, baseModelId });
    expect(await profiles.readTags(arn)).toEqual({ tenant: 'acme', environment: 'prod', 'governor:copy-from': model });
  });

  it('makes one profile of the same request, asked at the same time and in any order of its tags', async () => {
    const before = await listed();
    const one = declared('raced');
    const other = declared('raced', { tags: { environment: 'prod', tenant: 'acme' } });
    const arns = await Promise.all([created(one), created(other), created(one)]);
    expect(new Set(arns).size).toBe(1);
    expect(await listed()).toHaveLength(before.length + 1);
  });

  it('makes one profile where the answer to the first request was lost', async () => {
    const before = await listed();
    let lost = 0;
    stops.push(
      aws.intercept({
        after: ({ operation }) => (operation === 'CreateInferenceProfile' && lost++ === 0 ? 'no-answer' : undefined),
      }),
    );
    await expect(created(declared('answer-lost'))).rejects.toMatchObject({ doing: expect.stringMatching(/creating/) });
    await created(declared('answer-lost'));
    expect(lost).toBe(2);
    expect(await listed()).toHaveLength(before.length + 1);
  });

  it('tells of a name that is taken', async () => {
    await created(declared('taken'));
    expect(await maker.create(declared('taken', { tags: { tenant: 'globex', environment: 'prod' } }))).toEqual({
      kind: 'conflict',
      why: 'us-east-1 has a profile with the name taken since the plan was made; plan again',
    });
  });

  it.each([
    ['that AWS does not have', 'amazon.nova-9-v1:0', 'there is no model amazon.nova-9-v1:0 in us-east-1'],
    [
      'that is served through system profiles only',
      'anthropic.claude-sonnet-4-5-20250929-v1:0',
      expect.stringMatching(/available only through a system-defined inference profile/),
    ],
  ])('tells of a model %s', async (_, model, why) => {
    expect(await maker.create(declared('no-model', { model }))).toEqual({ kind: 'refused', why });
  });

  it.each([
    ['ServiceQuotaExceededException', 'quota-exceeded'],
    ['ConflictException', 'conflict'],
    ['ValidationException', 'refused'],
  ])('takes %s for an answer', async (code, kind) => {
    stops.push(aws.intercept(() => new AwsFault(code, 'No.', 400)));
    expect(await maker.create(declared('refused'))).toMatchObject({ kind });
  });

  it.each([
    ['AccessDeniedException', 403],
    ['ThrottlingException', 429],
    ['InternalServerException', 500],
  ])('fails on %s, which says nothing about the profile', async (code, status) => {
    stops.push(aws.intercept(() => new AwsFault(code, 'No.', status)));
    await expect(maker.create(declared('failing'))).rejects.toMatchObject({
      code,
      doing: 'creating profile failing in us-east-1',
    });
  });
});
