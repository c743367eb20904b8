import {
  BedrockClient,
  CreateInferenceProfileCommand,
  DeleteInferenceProfileCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import {
  ResourceGroupsTaggingAPIClient,
  TagResourcesCommand,
  UntagResourcesCommand,
} from '@aws-sdk/client-resource-groups-tagging-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { ATTACHED, EVERYTHING, guard, ROLES, register } from '../infra/guarded-principals.ts';
import { clientConfig } from './policed-principal.ts';

const NOVA_LITE = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';
const US_HAIKU = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0';
const GLOBAL_NOVA = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.amazon.nova-2-lite-v1:0';
const TAGS = { dept: 'claims', team: 'intake', app: 'triage', tenant: 'acme' };
const DENIED = { name: 'AccessDeniedException', message: expect.stringContaining('is not authorized to perform') };
const EXPLICIT = { name: 'AccessDeniedException', message: expect.stringContaining('explicit deny') };

let aws: EmbeddedAws;
const bedrock = (who: string, region = 'us-east-1') => new BedrockClient({ ...clientConfig(aws, who), region });
const runtime = (who: string, region = 'us-east-1') => new BedrockRuntimeClient({ ...clientConfig(aws, who), region });

beforeEach(async () => {
  aws = await startEmbeddedAws();
});
afterEach(() => aws.close());

let made = 0;
async function create(who: string, tags: Readonly<Record<string, string>>, copyFrom = NOVA_LITE, region?: string) {
  const { inferenceProfileArn } = await bedrock(who, region).send(
    new CreateInferenceProfileCommand({
      inferenceProfileName: `profile-${++made}`,
      modelSource: { copyFrom },
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
    }),
  );
  return z.string().parse(inferenceProfileArn);
}
const tag = (who: string, resourceARN: string, key: string, value = 'v') =>
  bedrock(who).send(new TagResourceCommand({ resourceARN, tags: [{ key, value }] }));
const untag = (who: string, resourceARN: string, ...tagKeys: string[]) =>
  bedrock(who).send(new UntagResourceCommand({ resourceARN, tagKeys }));

const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
const body = JSON.stringify({ messages });
const converse = (who: string, modelId: string, region?: string) =>
  runtime(who, region).send(new ConverseCommand({ modelId, messages }));
/** By each of the four APIs. */
const calls = (who: string, modelId: string): (() => Promise<unknown>)[] => [
  () => converse(who, modelId),
  () => runtime(who).send(new ConverseStreamCommand({ modelId, messages })),
  () => runtime(who).send(new InvokeModelCommand({ modelId, body })),
  () => runtime(who).send(new InvokeModelWithResponseStreamCommand({ modelId, body })),
];

describe.each(Object.entries(ATTACHED))('a tenant whose role has the guard as %s', (_how, attached) => {
  beforeEach(() => register(aws, { role: 'acme-app', tenant: 'acme', ...attached }));

  it.each([
    ['a model', NOVA_LITE],
    ['a system profile of a geography', US_HAIKU],
    ['a global system profile', GLOBAL_NOVA],
  ])('calls through its own profile of %s', async (_what, source) => {
    const own = await create('admin', TAGS, source);
    await converse('acme-app', own);
    expect(aws.billing).toHaveLength(1);
  });

  it('is refused by every API: through a profile of another tenant or of none, a system profile, and directly', async () => {
    const others = await create('admin', { ...TAGS, tenant: 'umbrella' });
    const nobodys = await create('admin', { dept: 'claims' });
    for (const modelId of [others, nobodys, US_HAIKU, GLOBAL_NOVA, NOVA_LITE, 'amazon.nova-lite-v1:0'])
      for (const call of calls('acme-app', modelId)) await expect(call()).rejects.toMatchObject(DENIED);
    expect(aws.modelCalls).toEqual([]);
  });

  it('is refused through its own profile in a Region that the policy does not govern', async () => {
    const [west, model] = ['us-west-2', 'arn:aws:bedrock:us-west-2::foundation-model/amazon.titan-text-express-v1'];
    const own = await create('admin', TAGS, model, west);
    await converse('admin', own, west);
    await expect(converse('acme-app', own, west)).rejects.toMatchObject(DENIED);
  });

  it.each(['closed', 'quarantined'])('is refused by every API while its profile is %s', async (standing) => {
    const own = await create('admin', { ...TAGS, 'governor:standing': standing });
    for (const call of calls('acme-app', own)) await expect(call()).rejects.toMatchObject(EXPLICIT);
    expect(aws.modelCalls).toEqual([]);
    await untag('admin', own, 'governor:standing');
    await converse('acme-app', own);
  });

  it('goes on while its profile is throttled', async () => {
    const own = await create('admin', { ...TAGS, 'governor:standing': 'throttled' });
    await converse('acme-app', own);
    expect(aws.billing).toHaveLength(1);
  });

  it('neither sets nor removes a standing, in any spelling and by any API', async () => {
    const own = await create('admin', { ...TAGS, 'governor:standing': 'closed' });
    const tagging = new ResourceGroupsTaggingAPIClient(clientConfig(aws, 'acme-app'));
    const ResourceARNList = [own];
    for (const attempt of [
      () => tag('acme-app', own, 'governor:standing', 'throttled'),
      () => tag('acme-app', own, 'Governor:Standing', 'throttled'),
      () => tag('acme-app', own, 'governor:other'),
      () => untag('acme-app', own, 'governor:standing'),
      () => untag('acme-app', own, 'owner', 'governor:standing'),
      () => tagging.send(new TagResourcesCommand({ ResourceARNList, Tags: { 'governor:standing': 'throttled' } })),
      () => tagging.send(new UntagResourcesCommand({ ResourceARNList, TagKeys: ['governor:standing'] })),
      () => create('acme-app', { ...TAGS, 'governor:standing': 'throttled' }),
    ])
      await expect(attempt()).rejects.toMatchObject(DENIED);
  });

  it('makes no profile of another its own', async () => {
    const others = await create('admin', { ...TAGS, tenant: 'umbrella' });
    for (const attempt of [
      () => tag('acme-app', others, 'tenant', 'acme'),
      () => tag('acme-app', others, 'Tenant', 'acme'),
      () => untag('acme-app', others, 'tenant'),
      () => create('acme-app', { ...TAGS, tenant: 'acme' }),
    ])
      await expect(attempt()).rejects.toMatchObject(DENIED);
  });
});

describe('a tenant’s role without its tag', () => {
  it.each(['an identity policy', 'an identity policy alone', 'a permissions boundary'] as const)(
    'calls nothing under %s',
    async (how) => {
      register(aws, { role: 'acme-app', ...ATTACHED[how] });
      const own = await create('admin', TAGS);
      await expect(converse('acme-app', own)).rejects.toMatchObject(DENIED);
    },
  );

  it('is taken for an application of many tenants by a service control policy, which locks by standing all the same', async () => {
    register(aws, { role: 'shared-app', ...ATTACHED['service control policies'] });
    const own = await create('admin', TAGS);
    await converse('shared-app', own);
    await tag('admin', own, 'governor:standing', 'closed');
    await expect(converse('shared-app', own)).rejects.toMatchObject(EXPLICIT);
    await expect(converse('shared-app', NOVA_LITE)).rejects.toMatchObject(EXPLICIT);
  });
});

describe('the service control policies of an account', () => {
  const { serviceControlPolicies } = ATTACHED['service control policies'];
  const holder = (role: string) => register(aws, { role, policies: [EVERYTHING], serviceControlPolicies });

  it.each(ROLES)('let the governor’s role %s write standings', async (role) => {
    holder(role);
    const profile = await create('admin', TAGS);
    await tag(role, profile, 'governor:standing', 'closed');
    await untag(role, profile, 'governor:standing');
  });

  it.each([
    'platform-admin',
    'bedrock-cost-governor-dev-us-east-1-outlook',
    'bedrock-cost-governor-dev-us-east-1-sweep-2',
    'x-bedrock-cost-governor-dev-us-east-1-sweep',
  ])('let %s write no governor tag, and any other', async (role) => {
    holder(role);
    const profile = await create('admin', TAGS);
    await tag(role, profile, 'owner');
    await expect(tag(role, profile, 'governor:standing', 'closed')).rejects.toMatchObject(EXPLICIT);
    await expect(untag(role, profile, 'governor:standing')).rejects.toMatchObject(EXPLICIT);
    await expect(create(role, { ...TAGS, 'governor:copied-from': 'x' })).rejects.toMatchObject(EXPLICIT);
  });

  it('let a team create a profile with the tags that have no default, and with more', async () => {
    holder('team');
    await create('team', TAGS);
    await create('team', { ...TAGS, environment: 'prod', owner: 'x' });
  });

  it.each(Object.keys(TAGS))(
    'let nobody create one without the tag %s, with an empty value or in another case',
    async (key) => {
      holder('team');
      const rest = Object.fromEntries(Object.entries(TAGS).filter(([name]) => name !== key));
      await expect(create('team', rest)).rejects.toMatchObject(EXPLICIT);
      await expect(create('team', { ...rest, [key]: '' })).rejects.toMatchObject(EXPLICIT);
      await expect(create('team', { ...rest, [key.toUpperCase()]: 'x' })).rejects.toMatchObject(EXPLICIT);
    },
  );

  it('let nobody create one without tags', async () => {
    holder('team');
    await expect(create('team', {})).rejects.toMatchObject(EXPLICIT);
  });

  it('leave deleting to whoever may', async () => {
    holder('team');
    const inferenceProfileIdentifier = await create('team', TAGS);
    await bedrock('team').send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier }));
  });
});

it('a boundary gives nothing by itself', async () => {
  register(aws, {
    role: 'acme-app',
    tenant: 'acme',
    policies: [],
    boundary: guard('tenant-permissions-boundary.json'),
  });
  const own = await create('admin', TAGS);
  await expect(converse('acme-app', own)).rejects.toMatchObject({
    message: expect.stringContaining('no identity-based policy allows the bedrock:InvokeModel action'),
  });
});
