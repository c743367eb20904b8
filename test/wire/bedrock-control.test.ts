import { readFile } from 'node:fs/promises';
import {
  type BedrockClient,
  CreateInferenceProfileCommand,
  type CreateInferenceProfileCommandInput,
  DeleteInferenceProfileCommand,
  GetFoundationModelCommand,
  GetInferenceProfileCommand,
  ListFoundationModelsCommand,
  ListInferenceProfilesCommand,
  ListTagsForResourceCommand,
  paginateListInferenceProfiles,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault, type JsonObject } from '../../local/service.ts';
import { bedrockClient } from './clients.ts';

const START = Date.UTC(2026, 10, 23, 10);
const NOVA_LITE = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';
const US_NOVA_LITE = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0';
const UNKNOWN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/000000000000';
const NOT_FOUND = {
  name: 'ResourceNotFoundException',
  message:
    'The specified resource Amazon Resource Name (ARN) was not found. Check the Amazon Resource Name (ARN) and try your request again.',
  $metadata: { httpStatusCode: 404 },
};

describe('the Bedrock control plane over the wire', () => {
  let aws: EmbeddedAws;
  let bedrock: BedrockClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    bedrock = bedrockClient(aws);
  });
  afterEach(() => aws.close());

  async function create(input: Partial<CreateInferenceProfileCommandInput> = {}, client = bedrock): Promise<string> {
    const { inferenceProfileArn } = await client.send(creation(input));
    return z.string().parse(inferenceProfileArn);
  }
  const creation = (input: Partial<CreateInferenceProfileCommandInput> = {}) =>
    new CreateInferenceProfileCommand({
      inferenceProfileName: 'acme-chat',
      modelSource: { copyFrom: NOVA_LITE },
      ...input,
    });
  const tagsOf = async (resourceARN: string) =>
    (await bedrock.send(new ListTagsForResourceCommand({ resourceARN }))).tags;

  describe('creating a profile', () => {
    it('copies a foundation model of the Region', async () => {
      const arn = await create({ description: 'Chat of ACME', tags: [{ key: 'tenant', value: 'acme' }] });
      expect(arn).toMatch(/^arn:aws:bedrock:us-east-1:123456789012:application-inference-profile\/[a-z0-9]{12}$/);
      const { $metadata, ...profile } = await bedrock.send(
        new GetInferenceProfileCommand({ inferenceProfileIdentifier: arn }),
      );
      expect($metadata.httpStatusCode).toBe(200);
      expect(profile).toEqual({
        inferenceProfileName: 'acme-chat',
        description: 'Chat of ACME',
        createdAt: expect.any(Date),
        updatedAt: profile.createdAt,
        inferenceProfileArn: arn,
        models: [{ modelArn: NOVA_LITE }],
        inferenceProfileId: arn.slice(-12),
        status: 'ACTIVE',
        type: 'APPLICATION',
      });
      expect(await tagsOf(arn)).toEqual([{ key: 'tenant', value: 'acme' }]);
    });

    it('answers 201 with the ARN and the status', async () => {
      const answer = await bedrock.send(creation());
      expect(answer).toMatchObject({ status: 'ACTIVE', $metadata: { httpStatusCode: 201 } });
    });

    it('copies a system profile with the models of all its Regions', async () => {
      const arn = await create({ modelSource: { copyFrom: US_NOVA_LITE } });
      const { models } = await bedrock.send(
        new GetInferenceProfileCommand({ inferenceProfileIdentifier: arn.slice(-12) }),
      );
      expect(models).toEqual(
        ['us-east-1', 'us-west-2', 'us-east-2'].map((region) => ({
          modelArn: `arn:aws:bedrock:${region}::foundation-model/amazon.nova-lite-v1:0`,
        })),
      );
    });

    it('copies a global profile with the model ARN that has no Region', async () => {
      const arn = await create({
        modelSource: {
          copyFrom:
            'arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-haiku-4-5-20251001-v1:0',
        },
      });
      const { models } = await bedrock.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
      expect(models).toContainEqual({
        modelArn: 'arn:aws:bedrock:::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0',
      });
    });

    it('answers the same profile to the same request with the same client token', async () => {
      const clientRequestToken = 'token-1';
      expect(await create({ clientRequestToken })).toBe(await create({ clientRequestToken }));
      await expect(create({ clientRequestToken, inferenceProfileName: 'other' })).rejects.toMatchObject({
        name: 'ConflictException',
      });
    });

    it('makes a new profile when the one made with a token has been deleted', async () => {
      const clientRequestToken = 'token-1';
      const first = await create({ clientRequestToken });
      await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: first }));
      expect(await create({ clientRequestToken })).not.toBe(first);
    });

    it('refuses a name that is taken in the Region', async () => {
      await create();
      await expect(create()).rejects.toMatchObject({ name: 'ConflictException', $metadata: { httpStatusCode: 400 } });
    });

    it.each(['two  spaces', '-leading', 'ends!', 'Grüße', '', 'x'.repeat(65)])(
      'refuses the name "%s"',
      async (inferenceProfileName) => {
        await expect(create({ inferenceProfileName })).rejects.toMatchObject({
          name: 'ValidationException',
          message: expect.stringMatching(
            /validation errors? detected: Value '.*' at 'inferenceProfileName' failed to satisfy constraint: Member must /,
          ),
        });
      },
    );

    it.each(['a', 'A b-c_d', 'trailing-', 'x'.repeat(64)])('accepts the name "%s"', async (inferenceProfileName) => {
      await expect(create({ inferenceProfileName })).resolves.toContain('application-inference-profile');
    });

    it('lists everything that is wrong with a request at once', async () => {
      await expect(
        create({ inferenceProfileName: '!', description: '#', tags: [{ key: 'a,b', value: '$' }] }),
      ).rejects.toThrow(
        "4 validation errors detected: Value '!' at 'inferenceProfileName' failed to satisfy constraint: " +
          'Member must satisfy regular expression pattern: ([0-9a-zA-Z][ _-]?)+; ' +
          "Value '#' at 'description' failed to satisfy constraint: Member must satisfy regular expression pattern: ([0-9a-zA-Z:.][ _-]?)+; " +
          "Value 'a,b' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\\s._:/=+@-]*; " +
          "Value '$' at 'tags.1.member.value'",
      );
    });

    it.each([
      [
        'an unknown model',
        'arn:aws:bedrock:us-east-1::foundation-model/acme.unknown-v1:0',
        'ResourceNotFoundException',
      ],
      [
        'a model of another Region',
        'arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0',
        'ResourceNotFoundException',
      ],
      [
        'a system profile that this Region lacks',
        'arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0',
        'ResourceNotFoundException',
      ],
      [
        'a model that is only behind system profiles',
        'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-premier-v1:0',
        'ValidationException',
      ],
      ['another application profile', UNKNOWN, 'ValidationException'],
      ['a bare model id', 'amazon.nova-lite-v1:0', 'ValidationException'],
    ])('refuses to copy %s', async (_name, copyFrom, name) => {
      await expect(create({ modelSource: { copyFrom } })).rejects.toMatchObject({ name });
    });

    it('takes 50 tags and refuses 51', async () => {
      const tags = Array.from({ length: 51 }, (_, index) => ({ key: `key-${index}`, value: '' }));
      await create({ tags: tags.slice(0, 50) });
      await expect(create({ inferenceProfileName: 'too-many', tags })).rejects.toMatchObject({
        name: 'TooManyTagsException',
        resourceName: 'too-many',
      });
    });

    it.each([
      [
        'a repeated key',
        [
          { key: 'tenant', value: 'a' },
          { key: 'tenant', value: 'b' },
        ],
      ],
      ['a key that is reserved', [{ key: 'aws:createdBy', value: 'me' }]],
      ['an empty key', [{ key: '', value: 'a' }]],
      ['a value that is too long', [{ key: 'tenant', value: 'x'.repeat(257) }]],
    ])('refuses %s and makes no profile', async (_name, tags) => {
      await expect(create({ tags })).rejects.toMatchObject({ name: 'ValidationException' });
      const { inferenceProfileSummaries } = await bedrock.send(
        new ListInferenceProfilesCommand({ typeEquals: 'APPLICATION' }),
      );
      expect(inferenceProfileSummaries).toEqual([]);
    });

    it('refuses profile 1,001 of a Region, and only of that Region', async () => {
      for (let batch = 0; batch < 20; batch += 1) {
        await Promise.all(
          Array.from({ length: 50 }, (_, index) => create({ inferenceProfileName: `p-${batch}-${index}` })),
        );
      }
      await expect(create()).rejects.toMatchObject({ name: 'ServiceQuotaExceededException' });
      const elsewhere = bedrockClient(aws, 'ap-northeast-1');
      await create({ modelSource: { copyFrom: NOVA_LITE.replace('us-east-1', 'ap-northeast-1') } }, elsewhere);
    });
  });

  describe('reading profiles', () => {
    it('gives a system profile by id and by ARN', async () => {
      for (const inferenceProfileIdentifier of ['us.amazon.nova-lite-v1:0', US_NOVA_LITE]) {
        const profile = await bedrock.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier }));
        expect(profile).toMatchObject({ inferenceProfileArn: US_NOVA_LITE, type: 'SYSTEM_DEFINED', status: 'ACTIVE' });
        expect(profile.models).toHaveLength(3);
      }
    });

    it.each([UNKNOWN, '000000000000', 'eu.amazon.nova-lite-v1:0'])(
      'does not find %s',
      async (inferenceProfileIdentifier) => {
        await expect(
          bedrock.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier })),
        ).rejects.toMatchObject(NOT_FOUND);
      },
    );

    it('does not find a profile from another Region', async () => {
      const inferenceProfileIdentifier = await create();
      const elsewhere = bedrockClient(aws, 'eu-west-1');
      await expect(
        elsewhere.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier })),
      ).rejects.toMatchObject(NOT_FOUND);
    });

    it('lists by type, without tags', async () => {
      const arn = await create({ tags: [{ key: 'tenant', value: 'acme' }] });
      const list = async (typeEquals?: 'APPLICATION' | 'SYSTEM_DEFINED') =>
        (await bedrock.send(new ListInferenceProfilesCommand({ typeEquals }))).inferenceProfileSummaries ?? [];
      const application = await list('APPLICATION');
      expect(application.map(({ inferenceProfileArn }) => inferenceProfileArn)).toEqual([arn]);
      expect(application[0]).not.toHaveProperty('tags');
      const system = await list('SYSTEM_DEFINED');
      expect(system.every(({ type }) => type === 'SYSTEM_DEFINED')).toBe(true);
      expect(await list()).toHaveLength(system.length + 1);
    });

    it('pages through all profiles once, also while others are deleted', async () => {
      const arns = [];
      for (let index = 0; index < 7; index += 1) arns.push(await create({ inferenceProfileName: `p-${index}` }));
      const seen: (string | undefined)[][] = [];
      const pages = paginateListInferenceProfiles({ client: bedrock, pageSize: 3 }, { typeEquals: 'APPLICATION' });
      for await (const page of pages) {
        const arnsOnPage = page.inferenceProfileSummaries?.map(({ inferenceProfileArn }) => inferenceProfileArn) ?? [];
        seen.push(arnsOnPage);
        await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arnsOnPage[0] }));
      }
      expect(seen).toEqual([arns.slice(0, 3), arns.slice(3, 6), arns.slice(6)]);
    });

    it.each([{ maxResults: 0 }, { maxResults: 1001 }, { nextToken: 'forged' }])('refuses %o', async (input) => {
      await expect(bedrock.send(new ListInferenceProfilesCommand(input))).rejects.toMatchObject({
        name: 'ValidationException',
      });
    });
  });

  describe('deleting a profile', () => {
    it.each([
      ['id', (arn: string) => arn.slice(-12)],
      ['ARN', (arn: string) => arn],
    ])('takes its %s', async (_name, identify) => {
      const arn = await create();
      await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: identify(arn) }));
      const again = bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
      await expect(again).rejects.toMatchObject(NOT_FOUND);
      await expect(tagsOf(arn)).rejects.toMatchObject(NOT_FOUND);
    });

    it('refuses a system profile', async () => {
      const deletion = bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: US_NOVA_LITE }));
      await expect(deletion).rejects.toMatchObject({ name: 'ValidationException' });
    });
  });

  describe('tags', () => {
    it('are merged, overwritten and removed one by one', async () => {
      const resourceARN = await create({
        tags: [
          { key: 'tenant', value: 'acme' },
          { key: 'stage', value: 'dev' },
        ],
      });
      await bedrock.send(
        new TagResourceCommand({
          resourceARN,
          tags: [
            { key: 'stage', value: 'prod' },
            { key: 'team', value: '' },
          ],
        }),
      );
      expect(await tagsOf(resourceARN)).toEqual([
        { key: 'tenant', value: 'acme' },
        { key: 'stage', value: 'prod' },
        { key: 'team', value: '' },
      ]);
      await bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['stage', 'never-there'] }));
      expect(await tagsOf(resourceARN)).toEqual([
        { key: 'tenant', value: 'acme' },
        { key: 'team', value: '' },
      ]);
    });

    it('may be 50 in all, and an overwritten one counts once', async () => {
      const tags = Array.from({ length: 50 }, (_, index) => ({ key: `key-${index}`, value: 'a' }));
      const resourceARN = await create({ tags });
      await bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'key-0', value: 'b' }] }));
      const oneMore = bedrock.send(
        new TagResourceCommand({
          resourceARN,
          tags: [
            { key: 'key-0', value: 'c' },
            { key: 'new', value: '' },
          ],
        }),
      );
      await expect(oneMore).rejects.toMatchObject({ name: 'TooManyTagsException', resourceName: resourceARN });
      expect(await tagsOf(resourceARN)).toContainEqual({ key: 'key-0', value: 'b' });
    });

    it.each([
      ['an unknown profile', UNKNOWN, NOT_FOUND],
      ['another kind of resource', 'arn:aws:bedrock:us-east-1:123456789012:guardrail/abc123def456', NOT_FOUND],
      ['a system profile', US_NOVA_LITE, NOT_FOUND],
      ['what is no ARN', 'acme-chat-profile-of-the-tenant', { name: 'ValidationException' }],
    ])('are refused for %s', async (_name, resourceARN, refusal) => {
      await expect(
        bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'a', value: 'b' }] })),
      ).rejects.toMatchObject(refusal);
      await expect(bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['a'] }))).rejects.toMatchObject(
        refusal,
      );
      await expect(tagsOf(resourceARN)).rejects.toMatchObject(refusal);
    });

    it('with reserved keys are neither written nor removed', async () => {
      const resourceARN = await create();
      await expect(
        bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'AWS:x', value: 'b' }] })),
      ).rejects.toMatchObject({ name: 'ValidationException' });
      await expect(bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['aws:x'] }))).rejects.toMatchObject({
        name: 'ValidationException',
      });
    });
  });

  describe('foundation models', () => {
    it('say whether they are called on demand or through a profile, by Region', async () => {
      const inferenceTypes = async (modelIdentifier: string, region: string) =>
        (await bedrockClient(aws, region).send(new GetFoundationModelCommand({ modelIdentifier }))).modelDetails
          ?.inferenceTypesSupported;
      expect(await inferenceTypes('amazon.nova-lite-v1:0', 'us-east-1')).toEqual(['ON_DEMAND', 'INFERENCE_PROFILE']);
      expect(await inferenceTypes('amazon.nova-lite-v1:0', 'eu-west-1')).toEqual(['INFERENCE_PROFILE']);
      expect(await inferenceTypes('amazon.nova-premier-v1:0', 'us-east-1')).toEqual(['INFERENCE_PROFILE']);
    });

    it('are listed by provider and inference type', async () => {
      const list = async (input: { byProvider?: string; byInferenceType?: 'ON_DEMAND' }) =>
        (await bedrock.send(new ListFoundationModelsCommand(input))).modelSummaries?.map(({ modelId }) => modelId);
      expect(await list({ byProvider: 'Amazon', byInferenceType: 'ON_DEMAND' })).toEqual([
        'amazon.nova-micro-v1:0',
        'amazon.nova-lite-v1:0',
        'amazon.nova-pro-v1:0',
        'amazon.titan-text-express-v1',
        'amazon.titan-embed-text-v2:0',
      ]);
      expect(await list({ byProvider: 'Anthropic' })).toContain('anthropic.claude-sonnet-4-6');
    });

    it('that are unknown are not found', async () => {
      await expect(
        bedrock.send(new GetFoundationModelCommand({ modelIdentifier: 'acme.none-v1:0' })),
      ).rejects.toMatchObject({
        name: 'ResourceNotFoundException',
      });
    });
  });

  describe('CloudTrail', () => {
    const fixture = async (name: string): Promise<JsonObject> =>
      JSON.parse(await readFile(new URL(`../fixtures/events/cloudtrail-${name}.json`, import.meta.url), 'utf8')).detail;

    function recordDetails(): JsonObject[] {
      const details: JsonObject[] = [];
      aws.observe((observation) => {
        if (observation.kind !== 'event' || observation.event['source'] !== 'aws.bedrock') return;
        expect(observation.event['detail-type']).toBe('AWS API Call via CloudTrail');
        details.push(z.record(z.string(), z.json()).parse(observation.event['detail']));
      });
      return details;
    }

    /** The names of all members, at every depth, with the kind of value. */
    function shapeOf(value: unknown): unknown {
      if (Array.isArray(value)) return value.map(shapeOf);
      if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
      return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
    }

    it('records each write in the shape of the samples', async () => {
      aws.registerPrincipal({
        accessKeyId: 'test',
        accountId: '123456789012',
        arn: 'arn:aws:sts::123456789012:assumed-role/PlatformDeployer/deployer',
        userId: 'AROAEXAMPLEEXAMPLE:deployer',
      });
      const details = recordDetails();
      const tags = ['tenant', 'cost-center', 'environment'].map((key) => ({ key, value: 'a' }));
      const resourceARN = await create({ description: 'Secret plans', tags, modelSource: { copyFrom: US_NOVA_LITE } });
      await bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key: 'cost-center', value: 'b' }] }));
      await bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['cost-center'] }));
      await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: resourceARN }));
      await aws.settled();
      const names = ['CreateInferenceProfile', 'TagResource', 'UntagResource', 'DeleteInferenceProfile'];
      expect(details.map((detail) => detail['eventName'])).toEqual(names);
      for (const [index, name] of names.entries())
        expect(shapeOf(details[index])).toEqual(shapeOf(await fixture(name)));
      expect(details[0]).toMatchObject({
        eventTime: expect.stringMatching(/^2026-11-23T10:00:\d\dZ$/),
        userIdentity: {
          principalId: 'AROAEXAMPLEEXAMPLE:deployer',
          sessionContext: { sessionIssuer: { arn: 'arn:aws:iam::123456789012:role/PlatformDeployer' } },
        },
        requestParameters: { inferenceProfileName: 'acme-chat', description: 'HIDDEN_DUE_TO_SECURITY_REASONS', tags },
        responseElements: { inferenceProfileArn: resourceARN, status: 'ACTIVE' },
      });
      expect(new Set(details.map((detail) => detail['eventID'])).size).toBe(4);
      expect(JSON.stringify(details)).not.toContain('Secret plans');
    });

    it('records what was refused, with the error', async () => {
      const details = recordDetails();
      await expect(create({ inferenceProfileName: '!' })).rejects.toThrow();
      const denial = new AwsFault('AccessDeniedException', 'explicit deny in a service control policy', 403);
      const stop = aws.intercept(({ operation }) => (operation === 'TagResource' ? denial : undefined));
      const denied = bedrock.send(new TagResourceCommand({ resourceARN: UNKNOWN, tags: [{ key: 'a', value: 'b' }] }));
      await expect(denied).rejects.toMatchObject({ name: 'AccessDeniedException' });
      stop();
      await aws.settled();
      expect(details).toMatchObject([
        {
          eventName: 'CreateInferenceProfile',
          errorCode: 'ValidationException',
          requestParameters: { inferenceProfileName: '!' },
          responseElements: null,
        },
        {
          eventName: 'TagResource',
          errorCode: 'AccessDenied',
          errorMessage: denial.message,
          requestParameters: null,
          responseElements: null,
        },
      ]);
    });

    it('records a write that landed although its answer was lost, and none that never arrived', async () => {
      const details = recordDetails();
      const stop = aws.intercept({ before: () => 'no-answer' });
      await expect(create()).rejects.toThrow();
      stop();
      aws.intercept({ after: () => 'no-answer' });
      await expect(create()).rejects.toThrow();
      await aws.settled();
      expect(details).toMatchObject([{ eventName: 'CreateInferenceProfile', responseElements: { status: 'ACTIVE' } }]);
    });

    it('records no read', async () => {
      const arn = await create();
      const details = recordDetails();
      await tagsOf(arn);
      await bedrock.send(new ListInferenceProfilesCommand({}));
      await aws.settled();
      expect(details).toEqual([]);
    });
  });
});
