import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageBatchCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import {
  DescribeParametersCommand,
  GetParametersByPathCommand,
  GetParametersCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
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

  it('needs for a list the right to all, for a path that to the path, and for a batch that to one message', async () => {
    register(
      { Effect: 'Allow', Action: 'ssm:GetParametersByPath', Resource: 'arn:aws:ssm:*:*:parameter/acme/*' },
      { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' },
    );
    const ssm = new SSMClient(config('ACME'));
    await ssm.send(new GetParametersByPathCommand({ Path: '/acme/' }));
    await expect(ssm.send(new GetParametersByPathCommand({ Path: '/other' }))).rejects.toMatchObject(
      denied('ssm:GetParametersByPath', 'arn:aws:ssm:us-east-1:123456789012:parameter/other'),
    );
    await expect(ssm.send(new DescribeParametersCommand({}))).rejects.toMatchObject(
      denied('ssm:DescribeParameters', '*'),
    );
    await expect(new SecretsManagerClient(config('ACME')).send(new ListSecretsCommand({}))).rejects.toMatchObject(
      denied('secretsmanager:ListSecrets', '*'),
    );
    await expect(new LambdaClient(config('ACME')).send(new ListFunctionsCommand({}))).rejects.toMatchObject(
      denied('lambda:ListFunctions', '*'),
    );
    const { QueueUrl } = await new SQSClient(config('other')).send(new CreateQueueCommand({ QueueName: 'work' }));
    const Entries = [{ Id: 'a', MessageBody: 'x' }];
    const sent = await new SQSClient(config('ACME')).send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(sent.Successful).toHaveLength(1);
    const drop = new DeleteMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', ReceiptHandle: 'x' }] });
    await expect(new SQSClient(config('ACME')).send(drop)).rejects.toMatchObject(denied('sqs:DeleteMessage', '*'));
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
