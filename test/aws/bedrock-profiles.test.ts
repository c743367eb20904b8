import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { bedrockProfiles } from '../../aws/bedrock-profiles.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { Profiles } from '../../domain/profiles/profiles.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

describe('application inference profiles in Bedrock', () => {
  let aws: EmbeddedAws;
  let profiles: Profiles;
  let stops: (() => void)[] = [];
  const client = (region: string) => new BedrockClient({ ...clientConfig(aws, region), maxAttempts: 1 });
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    profiles = bedrockProfiles(client);
  });
  afterEach(() => {
    for (const stop of stops) stop();
    stops = [];
  });
  afterAll(() => aws.close());

  let created = 0;
  async function create(copyFrom: string, region = 'us-east-1', name = `profile-${++created}`): Promise<ProfileArn> {
    const { inferenceProfileArn } = await client(region).send(
      new CreateInferenceProfileCommand({ inferenceProfileName: name, modelSource: { copyFrom } }),
    );
    const arn = parseProfileArn(z.string().parse(inferenceProfileArn));
    if (arn === undefined) throw new Error(`${inferenceProfileArn} is no profile`);
    return arn;
  }
  const model = (id: string, region = 'us-east-1') => `arn:aws:bedrock:${region}::foundation-model/${id}`;
  const system = (id: string, region = 'us-east-1') =>
    `arn:aws:bedrock:${region}:${aws.accountId}:inference-profile/${id}`;
  const failing = (operation: string, code: string, status = 400) => {
    stops.push(
      aws.intercept((call) => (call.operation === operation ? new AwsFault(code, 'Not now.', status) : undefined)),
    );
  };

  it.each([
    ['a foundation model', () => model('amazon.nova-lite-v1:0'), 'amazon.nova-lite-v1:0', 'in-region'],
    ['a global profile', () => system('global.amazon.nova-2-lite-v1:0'), 'amazon.nova-2-lite-v1:0', 'global'],
  ])('tells a profile that was copied from %s', async (_, copyFrom, baseModelId, source) => {
    const arn = await create(copyFrom(), 'us-east-1', `copy-of-${source}`);
    expect(await profiles.read(arn)).toEqual({ arn, name: `copy-of-${source}`, baseModelId, source });
  });

  it.each([
    ['us', 'us-east-1', 'amazon.nova-lite-v1:0'],
    ['eu', 'eu-central-1', 'amazon.nova-lite-v1:0'],
    ['apac', 'ap-northeast-1', 'amazon.nova-lite-v1:0'],
    ['jp', 'ap-northeast-1', 'anthropic.claude-sonnet-4-6'],
    ['apac', 'ap-southeast-2', 'amazon.nova-lite-v1:0'],
    ['au', 'ap-southeast-2', 'anthropic.claude-sonnet-4-6'],
  ])('tells which geography routes, by the Regions that it routes to: %s from %s', async (geography, region, id) => {
    const arn = await create(system(`${geography}.${id}`, region), region);
    expect(await profiles.read(arn)).toMatchObject({ baseModelId: id, source: 'geo', geography });
  });

  it('takes for not there only what Bedrock calls not there', async () => {
    const gone = parseProfileArn(
      `arn:aws:bedrock:us-east-1:${aws.accountId}:application-inference-profile/abcdefghijkl`,
    );
    if (gone === undefined) throw new Error('the ARN is well-formed');
    expect(await profiles.read(gone)).toBeUndefined();
    failing('GetInferenceProfile', 'ThrottlingException', 429);
    await expect(profiles.read(gone)).rejects.toMatchObject({ name: 'Fault', code: 'ThrottlingException' });
  });

  it.each([
    ['ThrottlingException', 429, 'AWS asks for a slower pace'],
    ['AccessDeniedException', 403, 'Check the permissions of the role'],
    ['InternalServerException', 500, 'tried again'],
    ['ResourceNotFoundException', 404, 'Check that the stack is deployed'],
  ])('does not take tags that could not be read for none: %s', async (code, status, advice) => {
    const arn = await create(model('amazon.nova-lite-v1:0'));
    failing('ListTagsForResource', code, status);
    await expect(profiles.readTags(arn)).rejects.toMatchObject({
      name: 'Fault',
      code,
      message: expect.stringContaining(`reading the tags of ${arn}: ${code}`),
      next: expect.stringContaining(advice),
    });
  });

  it('adds, replaces and removes tags, and leaves the others alone', async () => {
    const arn = await create(model('amazon.nova-lite-v1:0'));
    expect(await profiles.readTags(arn)).toEqual({});
    await profiles.tag(arn, { tenant: 'acme', 'cost-center': '', __proto__odd: 'x' });
    await profiles.tag(arn, { tenant: 'umbrella' });
    expect(await profiles.readTags(arn)).toEqual({ tenant: 'umbrella', 'cost-center': '', __proto__odd: 'x' });
    await profiles.untag(arn, ['cost-center', 'never-there']);
    expect(await profiles.readTags(arn)).toEqual({ tenant: 'umbrella', __proto__odd: 'x' });
  });

  it('reads a tag whose name is that of a member of every object', async () => {
    const arn = await create(model('amazon.nova-lite-v1:0'));
    await profiles.tag(arn, Object.fromEntries([['__proto__', 'acme']]));
    expect(Object.entries(await profiles.readTags(arn))).toEqual([['__proto__', 'acme']]);
  });

  it('reads and tags a profile in the Region of its ARN', async () => {
    const regions: string[] = [];
    stops.push(aws.observe((seen) => seen.kind === 'request' && regions.push(seen.call.region)));
    const arn = await create(model('amazon.nova-lite-v1:0', 'ap-northeast-1'), 'ap-northeast-1');
    await profiles.tag(arn, { tenant: 'acme' });
    expect(await profiles.readTags(arn)).toEqual({ tenant: 'acme' });
    expect(await profiles.read(arn)).toMatchObject({ source: 'in-region' });
    await profiles.untag(arn, ['tenant']);
    expect(new Set(regions)).toEqual(new Set(['ap-northeast-1']));
  });

  describe('listing', () => {
    const REGION = 'eu-west-1';
    const made: ProfileArn[] = [];
    beforeAll(async () => {
      for (let number = 0; number < 7; number++)
        made.push(await create(model('mistral.mistral-7b-instruct-v0:2', REGION), REGION));
    });
    /** The service answers pages of this size, whatever is asked for. */
    const pagesOf = (size: number) => {
      const calls: unknown[] = [];
      stops.push(
        aws.intercept(({ operation }, input) => {
          if (operation === 'ListInferenceProfiles') {
            calls.push(input['nextToken']);
            input['maxResults'] = size;
          }
          return undefined;
        }),
      );
      return calls;
    };
    const listed = async (region: string): Promise<ProfileArn[]> => {
      const all: ProfileArn[] = [];
      for await (const { arn } of profiles.list(region)) all.push(arn);
      return all;
    };

    it('follows every page, without system profiles and without other Regions', async () => {
      const calls = pagesOf(2);
      expect((await listed(REGION)).sort()).toEqual([...made].sort());
      expect(calls.length).toBeGreaterThanOrEqual(4);
    });

    it('tells of each what reading it alone does', async () => {
      for await (const facts of profiles.list(REGION)) expect(facts).toEqual(await profiles.read(facts.arn));
    });

    it('asks for no page before the one at hand is used up', async () => {
      const calls = pagesOf(2);
      for await (const _ of profiles.list(REGION)) break;
      expect(calls).toHaveLength(1);
    });

    it('breaks off with a fault when a later page fails, rather than end early', async () => {
      const calls = pagesOf(3);
      stops.push(
        aws.intercept(({ operation }) =>
          operation === 'ListInferenceProfiles' && calls.length > 1
            ? new AwsFault('ThrottlingException', 'Slow down.', 429)
            : undefined,
        ),
      );
      const seen: ProfileArn[] = [];
      const listing = async () => {
        for await (const { arn } of profiles.list(REGION)) seen.push(arn);
      };
      await expect(listing()).rejects.toMatchObject({
        code: 'ThrottlingException',
        doing: expect.stringMatching(REGION),
      });
      expect(seen).toHaveLength(3);
    });

    it('lists nothing where there is nothing', async () => {
      expect(await listed('sa-east-1')).toEqual([]);
    });
  });
});
