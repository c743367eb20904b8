import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taggedResources } from '../../aws/tagged-resources.ts';
import type { TaggedResource } from '../../domain/resources/assess-resources.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

describe('Bedrock resources with tags, from the tagging API', () => {
  let aws: EmbeddedAws;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
  });
  afterEach(() => aws.close());

  const arn = (id: string, region = 'us-east-1') => `arn:aws:bedrock:${region}:${aws.accountId}:${id}`;
  async function listed(region = 'us-east-1'): Promise<TaggedResource[]> {
    const clientFor = (of: string) => new ResourceGroupsTaggingAPIClient({ ...clientConfig(aws, of), maxAttempts: 1 });
    const found: TaggedResource[] = [];
    for await (const resource of taggedResources(clientFor).list(region)) found.push(resource);
    return found;
  }

  it('are all types of Bedrock but application inference profiles, in their Region', async () => {
    await new BedrockClient(clientConfig(aws)).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'a-profile',
        modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0' },
        tags: [{ key: 'tenant', value: 'acme' }],
      }),
    );
    aws.putTaggedResource(arn('provisioned-model/abc'), { tenant: 'acme' });
    aws.putTaggedResource(arn('knowledge-base/KB'), {});
    aws.putTaggedResource(arn('agent/EU', 'eu-west-1'), { tenant: 'acme' });
    aws.putTaggedResource('arn:aws:s3:us-east-1:123456789012:bucket', { tenant: 'acme' });
    expect(await listed()).toEqual([
      { arn: arn('provisioned-model/abc'), type: 'provisioned-model', tags: { tenant: 'acme' } },
      { arn: arn('knowledge-base/KB'), type: 'knowledge-base', tags: {} },
    ]);
    expect((await listed('eu-west-1')).map(({ type }) => type)).toEqual(['agent']);
  });

  it('are read over all pages', async () => {
    for (let number = 0; number < 205; number++) aws.putTaggedResource(arn(`agent/A${number}`), { tenant: 'acme' });
    let pages = 0;
    aws.observe((seen) => seen.kind === 'request' && pages++);
    expect(new Set((await listed()).map((resource) => resource.arn)).size).toBe(205);
    expect(pages).toBe(3);
  });

  it('break off with a fault where a later page fails', async () => {
    for (let number = 0; number < 105; number++) aws.putTaggedResource(arn(`agent/A${number}`), { tenant: 'acme' });
    let pages = 0;
    aws.intercept(() => (++pages > 1 ? new AwsFault('ThrottledException', 'Slow down.', 400) : undefined));
    await expect(listed()).rejects.toMatchObject({
      code: 'ThrottledException',
      doing: 'reading the tags of the Bedrock resources of us-east-1',
    });
  });
});
