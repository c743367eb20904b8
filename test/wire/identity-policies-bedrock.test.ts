import {
  BedrockClient,
  CreateInferenceProfileCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-bedrock';
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';
import { clientConfig, denied, registerAcme } from './policed-principal.ts';

const NOVA_LITE = 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0';
const US_HAIKU = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0';

describe('identity policies on Bedrock', () => {
  let aws: EmbeddedAws;
  const config = (accessKeyId: string) => clientConfig(aws, accessKeyId);
  const register = (...statements: JsonObject[]) => registerAcme(aws, ...statements);
  const messages = [{ role: 'user' as const, content: [{ text: 'Hello' }] }];
  let acme: BedrockRuntimeClient;
  const createProfile = async (tenant: string, copyFrom = US_HAIKU): Promise<string> => {
    const { inferenceProfileArn } = await new BedrockClient(config('admin')).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: `${tenant}-${copyFrom === US_HAIKU ? 'haiku' : 'nova'}`,
        modelSource: { copyFrom },
        tags: [{ key: 'tenant', value: tenant }],
      }),
    );
    return z.string().parse(inferenceProfileArn);
  };
  const Action = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'];

  beforeEach(async () => {
    aws = await startEmbeddedAws();
    acme = new BedrockRuntimeClient(config('ACME'));
    register(
      {
        Effect: 'Allow',
        Action,
        Resource: 'arn:aws:bedrock:*:123456789012:application-inference-profile/*',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
        Condition: { StringEquals: { 'aws:ResourceTag/tenant': '${aws:PrincipalTag/tenant}' } },
      },
      {
        Effect: 'Allow',
        Action,
        Resource: ['arn:aws:bedrock:*::foundation-model/*', 'arn:aws:bedrock:*:123456789012:inference-profile/*'],
        Condition: {
          ArnLike: {
            'bedrock:InferenceProfileArn': 'arn:aws:bedrock:*:123456789012:application-inference-profile/*',
          },
        },
      },
      {
        Effect: 'Deny',
        Action,
        Resource: '*',
        Condition: { StringEquals: { 'aws:ResourceTag/governor:standing': 'closed' } },
      },
    );
  });
  afterEach(async () => {
    acme.destroy();
    await aws.close();
  });

  it('calls models through its own profiles, by every API', async () => {
    for (const modelId of [await createProfile('acme'), await createProfile('acme', NOVA_LITE)]) {
      await acme.send(new ConverseCommand({ modelId, messages }));
      for await (const _ of (await acme.send(new ConverseStreamCommand({ modelId, messages }))).stream ?? []);
    }
    expect(aws.billing).toHaveLength(4);
  });

  it('calls none through those of others, through a system profile, or directly', async () => {
    const other = await createProfile('umbrella');
    const body = JSON.stringify({ messages });
    for (const [modelId, resource] of [
      [other, other],
      [US_HAIKU, US_HAIKU],
      [US_HAIKU.slice(US_HAIKU.indexOf('/') + 1), US_HAIKU],
      [NOVA_LITE, NOVA_LITE],
      ['amazon.nova-lite-v1:0', NOVA_LITE],
    ] as const) {
      await expect(acme.send(new ConverseCommand({ modelId, messages }))).rejects.toMatchObject({
        ...denied('bedrock:InvokeModel', resource),
        $metadata: { httpStatusCode: 403 },
      });
      await expect(acme.send(new ConverseStreamCommand({ modelId, messages }))).rejects.toMatchObject(
        denied('bedrock:InvokeModelWithResponseStream', resource),
      );
      await expect(acme.send(new InvokeModelCommand({ modelId, body }))).rejects.toMatchObject(
        denied('bedrock:InvokeModel', resource),
      );
    }
    expect(aws.billing).toEqual([]);
    expect(aws.modelCalls).toEqual([]);
  });

  it('is shut out by a tag on its profile, from one call to the next', async () => {
    const modelId = await createProfile('acme');
    await acme.send(new ConverseCommand({ modelId, messages }));
    const tags = [{ key: 'governor:standing', value: 'closed' }];
    await new BedrockClient(config('admin')).send(new TagResourceCommand({ resourceARN: modelId, tags }));
    await expect(acme.send(new ConverseCommand({ modelId, messages }))).rejects.toMatchObject(
      denied('bedrock:InvokeModel', modelId, 'explicit'),
    );
  });

  it('needs every model that its profile may route to', async () => {
    const modelId = await createProfile('acme');
    register(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action, Resource: 'arn:aws:bedrock:us-west-2::foundation-model/*' },
    );
    await expect(acme.send(new ConverseCommand({ modelId, messages }))).rejects.toMatchObject({
      message: expect.stringContaining('resource: arn:aws:bedrock:us-west-2::foundation-model/'),
    });
  });

  it('sets and removes only the tags that it may', async () => {
    const resourceARN = await createProfile('acme');
    register({
      Effect: 'Allow',
      Action: ['bedrock:TagResource', 'bedrock:UntagResource', 'bedrock:CreateInferenceProfile'],
      Resource: '*',
      Condition: { 'ForAllValues:StringNotEquals': { 'aws:TagKeys': ['tenant', 'governor:standing'] } },
    });
    const bedrock = new BedrockClient(config('ACME'));
    const tag = (key: string) => bedrock.send(new TagResourceCommand({ resourceARN, tags: [{ key, value: 'v' }] }));
    await tag('team');
    await expect(tag('tenant')).rejects.toMatchObject(denied('bedrock:TagResource', resourceARN));
    await bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['team'] }));
    await expect(
      bedrock.send(new UntagResourceCommand({ resourceARN, tagKeys: ['team', 'governor:standing'] })),
    ).rejects.toMatchObject(denied('bedrock:UntagResource', resourceARN));
    const create = (key: string) =>
      bedrock.send(
        new CreateInferenceProfileCommand({
          inferenceProfileName: 'new',
          modelSource: { copyFrom: NOVA_LITE },
          tags: [{ key, value: 'v' }],
        }),
      );
    await create('team');
    await expect(create('tenant')).rejects.toMatchObject({ name: 'AccessDeniedException' });
  });
});
