import {
  type BedrockClient,
  CreateInferenceProfileCommand,
  DeleteInferenceProfileCommand,
  ListTagsForResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import {
  GetResourcesCommand,
  type GetResourcesCommandInput,
  GetTagKeysCommand,
  GetTagValuesCommand,
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
  TagResourcesCommand,
  UntagResourcesCommand,
} from '@aws-sdk/client-resource-groups-tagging-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { bedrockClient } from './clients.ts';

const UNKNOWN = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/000000000000';

describe('Resource Groups Tagging over the wire', () => {
  let aws: EmbeddedAws;
  let bedrock: BedrockClient;
  let tagging: ResourceGroupsTaggingAPIClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    bedrock = bedrockClient(aws);
    tagging = taggingIn('us-east-1');
  });
  afterEach(() => aws.close());

  const taggingIn = (region: string) =>
    new ResourceGroupsTaggingAPIClient({
      endpoint: aws.endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });

  async function create(inferenceProfileName: string, tags: Record<string, string>): Promise<string> {
    const { inferenceProfileArn } = await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName,
        modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0' },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    return z.string().parse(inferenceProfileArn);
  }
  const arnsOf = async (input: GetResourcesCommandInput = {}) =>
    (await tagging.send(new GetResourcesCommand(input))).ResourceTagMappingList?.map(({ ResourceARN }) => ResourceARN);

  it('gives the profiles with their tags, and an empty token at the end', async () => {
    const arn = await create('chat', { tenant: 'acme', stage: '' });
    const { $metadata: _, ...answer } = await tagging.send(
      new GetResourcesCommand({ ResourceTypeFilters: ['bedrock:application-inference-profile'] }),
    );
    expect(answer).toEqual({
      PaginationToken: '',
      ResourceTagMappingList: [
        {
          ResourceARN: arn,
          Tags: [
            { Key: 'tenant', Value: 'acme' },
            { Key: 'stage', Value: '' },
          ],
        },
      ],
    });
  });

  it('leaves out a profile that never had a tag, and keeps one that has lost its last', async () => {
    await create('never', {});
    const once = await create('once', { tenant: 'acme' });
    await bedrock.send(new UntagResourceCommand({ resourceARN: once, tagKeys: ['tenant'] }));
    expect(await arnsOf()).toEqual([once]);
  });

  it('forgets a deleted profile', async () => {
    const arn = await create('gone', { tenant: 'acme' });
    await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
    expect(await arnsOf()).toEqual([]);
    expect(await arnsOf({ ResourceARNList: [arn] })).toEqual([]);
  });

  it('shows each Region its own resources', async () => {
    await create('chat', { tenant: 'acme' });
    const { ResourceTagMappingList } = await taggingIn('eu-west-1').send(new GetResourcesCommand({}));
    expect(ResourceTagMappingList).toEqual([]);
  });

  it('filters: all keys must match, any of the values, with case, a key alone by presence', async () => {
    const acmeProd = await create('a', { tenant: 'acme', stage: 'prod' });
    const acmeDev = await create('b', { tenant: 'acme', stage: 'dev' });
    const umbrella = await create('c', { tenant: 'umbrella' });
    expect(await arnsOf({ TagFilters: [{ Key: 'tenant', Values: ['acme'] }] })).toEqual([acmeProd, acmeDev]);
    expect(await arnsOf({ TagFilters: [{ Key: 'tenant', Values: ['acme', 'umbrella'] }] })).toEqual([
      acmeProd,
      acmeDev,
      umbrella,
    ]);
    expect(
      await arnsOf({
        TagFilters: [
          { Key: 'tenant', Values: ['acme'] },
          { Key: 'stage', Values: ['dev'] },
        ],
      }),
    ).toEqual([acmeDev]);
    expect(await arnsOf({ TagFilters: [{ Key: 'stage' }] })).toEqual([acmeProd, acmeDev]);
    expect(await arnsOf({ TagFilters: [{ Key: 'tenant', Values: ['Acme'] }] })).toEqual([]);
  });

  it('filters by type', async () => {
    const arn = await create('chat', { tenant: 'acme' });
    expect(await arnsOf({ ResourceTypeFilters: ['bedrock'] })).toEqual([arn]);
    expect(await arnsOf({ ResourceTypeFilters: ['s3', 'bedrock:application-inference-profile'] })).toEqual([arn]);
    expect(await arnsOf({ ResourceTypeFilters: ['bedrock:guardrail', 'ec2:instance'] })).toEqual([]);
  });

  it('pages by resources, and by tags', async () => {
    const arns = [];
    for (let index = 0; index < 5; index += 1)
      arns.push(await create(`p-${index}`, { tenant: 'acme', index: `${index}` }));
    const pages: (string | undefined)[][] = [];
    for await (const page of paginateGetResources({ client: tagging }, { ResourcesPerPage: 2 })) {
      pages.push(page.ResourceTagMappingList?.map(({ ResourceARN }) => ResourceARN) ?? []);
    }
    expect(pages).toEqual([arns.slice(0, 2), arns.slice(2, 4), arns.slice(4)]);
    const many = Object.fromEntries(Array.from({ length: 45 }, (_, index) => [`key-${index}`, '']));
    const [big, bigger] = [await create('big', many), await create('bigger', many)];
    const first = await tagging.send(new GetResourcesCommand({ TagsPerPage: 100 }));
    expect(first.ResourceTagMappingList?.map(({ ResourceARN }) => ResourceARN)).toEqual([...arns, big, bigger]);
    const third = await create('biggest', many);
    const shorter = await tagging.send(new GetResourcesCommand({ TagsPerPage: 100 }));
    expect(await arnsOf({ TagsPerPage: 100, PaginationToken: shorter.PaginationToken })).toEqual([third]);
  });

  it('looks up ARNs, and is silent about those that it does not know', async () => {
    const arn = await create('chat', { tenant: 'acme' });
    await create('other', { tenant: 'acme' });
    expect(await arnsOf({ ResourceARNList: [arn, UNKNOWN] })).toEqual([arn]);
  });

  it('says that everything complies when asked', async () => {
    await create('chat', { tenant: 'acme' });
    const { ResourceTagMappingList } = await tagging.send(new GetResourcesCommand({ IncludeComplianceDetails: true }));
    expect(ResourceTagMappingList?.[0]?.ComplianceDetails?.ComplianceStatus).toBe(true);
    expect(await arnsOf({ IncludeComplianceDetails: true, ExcludeCompliantResources: true })).toEqual([]);
  });

  it.each([
    ['ARNs with a type filter', { ResourceARNList: [UNKNOWN], ResourceTypeFilters: ['bedrock'] }],
    ['ARNs with a tag filter', { ResourceARNList: [UNKNOWN], TagFilters: [{ Key: 'tenant' }] }],
    ['ARNs with a page size', { ResourceARNList: [UNKNOWN], ResourcesPerPage: 5 }],
    ['101 ARNs', { ResourceARNList: Array.from({ length: 101 }, () => UNKNOWN) }],
    ['a page of none', { ResourcesPerPage: 0 }],
    ['a page of 101', { ResourcesPerPage: 101 }],
    ['a page of 150 tags', { TagsPerPage: 150 }],
    ['21 values', { TagFilters: [{ Key: 'tenant', Values: Array.from({ length: 21 }, (_, index) => `${index}`) }] }],
    ['51 filters', { TagFilters: Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}` })) }],
    ['a filter without key', { TagFilters: [{ Values: ['acme'] }] }],
    ['a malformed type', { ResourceTypeFilters: ['Bedrock Profile'] }],
  ] satisfies [string, GetResourcesCommandInput][])('refuses %s', async (_name, input) => {
    await expect(arnsOf(input)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  it('refuses a token that it has not given', async () => {
    await expect(arnsOf({ PaginationToken: 'forged' })).rejects.toMatchObject({
      name: 'PaginationTokenExpiredException',
    });
  });

  it('lists keys and values', async () => {
    await create('a', { tenant: 'umbrella', stage: 'prod' });
    await create('b', { tenant: 'acme' });
    expect((await tagging.send(new GetTagKeysCommand({}))).TagKeys).toEqual(['stage', 'tenant']);
    expect((await tagging.send(new GetTagValuesCommand({ Key: 'tenant' }))).TagValues).toEqual(['acme', 'umbrella']);
  });

  it('tags and untags several resources and names those that failed', async () => {
    const arn = await create('chat', {});
    const tagged = await tagging.send(
      new TagResourcesCommand({ ResourceARNList: [arn, UNKNOWN], Tags: { tenant: 'acme' } }),
    );
    expect(Object.keys(tagged.FailedResourcesMap ?? {})).toEqual([UNKNOWN]);
    expect((await bedrock.send(new ListTagsForResourceCommand({ resourceARN: arn }))).tags).toEqual([
      { key: 'tenant', value: 'acme' },
    ]);
    const invalid = await tagging.send(new TagResourcesCommand({ ResourceARNList: [arn], Tags: { 'a,b': '#' } }));
    expect(invalid.FailedResourcesMap?.[arn]).toMatchObject({
      StatusCode: 400,
      ErrorCode: 'InvalidParameterException',
    });
    const untagged = await tagging.send(new UntagResourcesCommand({ ResourceARNList: [arn], TagKeys: ['tenant'] }));
    expect(untagged.FailedResourcesMap).toEqual({});
    expect((await bedrock.send(new ListTagsForResourceCommand({ resourceARN: arn }))).tags).toEqual([]);
  });
});
