import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';
import { ACME, clientConfig, denied, registerAcme } from './policed-principal.ts';

describe('a principal with identity policies', () => {
  let aws: EmbeddedAws;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
  });
  afterEach(() => aws.close());

  const config = (accessKeyId: string) => clientConfig(aws, accessKeyId);
  const register = (...statements: JsonObject[]) => registerAcme(aws, ...statements);

  it('is refused at once when its policy has what is not modelled', () => {
    expect(() =>
      register({
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } },
      }),
    ).toThrow('condition operator IpAddress is not modelled');
  });

  it('may always ask who it is, others may do everything, and it may when its policies are gone', async () => {
    register({ Effect: 'Deny', Action: '*', Resource: '*' });
    expect(await new STSClient(config('ACME')).send(new GetCallerIdentityCommand({}))).toMatchObject({ Arn: ACME });
    const put = new PutParameterCommand({ Name: 'a', Value: 'b', Type: 'String' });
    await expect(new SSMClient(config('ACME')).send(put)).rejects.toMatchObject(
      denied('ssm:PutParameter', 'arn:aws:ssm:us-east-1:123456789012:parameter/a', 'explicit'),
    );
    await new SSMClient(config('other')).send(put);
    aws.registerPrincipal({ accountId: '123456789012', accessKeyId: 'ACME', arn: ACME, userId: 'x' });
    expect(
      await new SSMClient(config('ACME')).send(new PutParameterCommand({ ...put.input, Overwrite: true })),
    ).toMatchObject({ Version: 2 });
  });

  it('is refused in the shape of the Query protocol', async () => {
    register({ Effect: 'Allow', Action: 'sqs:*', Resource: '*' });
    const TopicArn = 'arn:aws:sns:us-east-1:123456789012:notices';
    await expect(
      new SNSClient(config('ACME')).send(new PublishCommand({ TopicArn, Message: 'x' })),
    ).rejects.toMatchObject({
      name: 'AuthorizationErrorException',
      message: denied('sns:Publish', TopicArn).message,
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('may read the parameters and secrets that it is allowed', async () => {
    register(
      { Effect: 'Allow', Action: 'ssm:GetParameter*', Resource: 'arn:aws:ssm:*:*:parameter/acme/*' },
      {
        Effect: 'Allow',
        Action: 'secretsmanager:GetSecretValue',
        Resource: 'arn:aws:secretsmanager:*:*:secret:acme-??????',
      },
    );
    const ssm = new SSMClient(config('ACME'));
    await ssm.send(new GetParametersCommand({ Names: ['/acme/a', '/acme/b'] }));
    await expect(ssm.send(new GetParametersCommand({ Names: ['/acme/a', '/other/b'] }))).rejects.toMatchObject(
      denied('ssm:GetParameters', 'arn:aws:ssm:us-east-1:123456789012:parameter/other/b'),
    );
    for (const Name of ['acme', 'other'])
      await new SecretsManagerClient(config('admin')).send(new CreateSecretCommand({ Name, SecretString: Name }));
    const secrets = new SecretsManagerClient(config('ACME'));
    expect(await secrets.send(new GetSecretValueCommand({ SecretId: 'acme' }))).toMatchObject({ SecretString: 'acme' });
    await expect(secrets.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toMatchObject({
      name: 'AccessDeniedException',
    });
  });

  describe('on Lambda', () => {
    const LEASE = 'arn:aws:lambda:us-east-1:123456789012:function:lease';
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'policies-test-'));
      const FunctionName = { Ref: 'Lease' };
      const alias = (Name: string) => ({
        Type: 'AWS::Lambda::Alias',
        Properties: { FunctionName, Name, FunctionVersion: '$LATEST' },
      });
      const template = {
        Resources: {
          Lease: {
            Type: 'AWS::Lambda::Function',
            Properties: {
              FunctionName: 'lease',
              Runtime: 'nodejs22.x',
              Handler: 'index.handler',
              Code: { ZipFile: 'exports.handler = async (event, context) => context.invokedFunctionArn;' },
              Role: 'arn:aws:iam::123456789012:role/lease',
            },
          },
          Acme: alias('acme'),
          Umbrella: alias('umbrella'),
        },
      };
      const templatePath = join(folder, 'template.json');
      await writeFile(templatePath, JSON.stringify(template));
      await aws.deploy({ templatePath, artifactsDir: folder });
      register({
        Effect: 'Allow',
        Action: 'lambda:InvokeFunction',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
        Resource: 'arn:aws:lambda:*:123456789012:function:lease:${aws:PrincipalTag/tenant}',
      });
    });
    afterEach(() => rm(folder, { recursive: true }));

    const invoke = async (FunctionName: string, Qualifier?: string) =>
      (
        await new LambdaClient(config('ACME')).send(new InvokeCommand({ FunctionName, Qualifier }))
      ).Payload?.transformToString();

    it('invokes its alias, however it is named', async () => {
      for (const [name, qualifier] of [
        ['lease', 'acme'],
        ['lease:acme'],
        [`${LEASE}:acme`],
        ['123456789012:function:lease', 'acme'],
      ] as const)
        expect(await invoke(name, qualifier)).toBe(`"${LEASE}:acme"`);
    });

    it('invokes neither the alias of another nor the function itself', async () => {
      for (const [name, qualifier, resource] of [
        ['lease', 'umbrella', `${LEASE}:umbrella`],
        [`${LEASE}:umbrella`, undefined, `${LEASE}:umbrella`],
        ['lease', undefined, LEASE],
        ['lease', '$LATEST', `${LEASE}:$LATEST`],
      ] as const) {
        await expect(invoke(name, qualifier)).rejects.toMatchObject({
          ...denied('lambda:InvokeFunction', resource),
          $metadata: { httpStatusCode: 403 },
        });
      }
    });
  });
});
