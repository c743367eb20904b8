import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  GetAliasCommand,
  GetFunctionCommand,
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  PublishVersionCommand,
} from '@aws-sdk/client-lambda';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';

const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:lease';

const CODE = `
exports.handler = async (event, context) => {
  console.log('event ' + JSON.stringify(event));
  if (event.fail) throw new TypeError('told to fail');
  if (event.large) return 'x'.repeat(event.large);
  return { event, arn: context.invokedFunctionArn, version: context.functionVersion, colour: process.env.COLOUR };
};
`;

function template(colour: string, resources: JsonObject = {}): JsonObject {
  const FunctionName = { Ref: 'Lease' };
  return {
    Resources: {
      Lease: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          FunctionName: 'lease',
          Runtime: 'nodejs22.x',
          Handler: 'index.handler',
          Code: { ZipFile: CODE },
          Role: 'arn:aws:iam::123456789012:role/lease',
          Environment: { Variables: { COLOUR: colour } },
        },
      },
      First: { Type: 'AWS::Lambda::Version', Properties: { FunctionName } },
      Acme: {
        Type: 'AWS::Lambda::Alias',
        Properties: { FunctionName, Name: 'acme', FunctionVersion: { 'Fn::GetAtt': ['First', 'Version'] } },
      },
      Umbrella: {
        Type: 'AWS::Lambda::Alias',
        Properties: { FunctionName, Name: 'umbrella', FunctionVersion: '$LATEST' },
      },
      ...resources,
    },
    Outputs: { AcmeArn: { Value: { Ref: 'Acme' } } },
  };
}

describe('Lambda over the wire', () => {
  let aws: EmbeddedAws;
  let lambda: LambdaClient;
  let artifactsDir: string;
  beforeEach(async () => {
    artifactsDir = await mkdtemp(join(tmpdir(), 'lambda-test-'));
    aws = await startEmbeddedAws();
    lambda = clientIn('us-east-1');
  });
  afterEach(async () => {
    await aws.close();
    await rm(artifactsDir, { recursive: true });
  });

  const clientIn = (region: string) =>
    new LambdaClient({
      endpoint: aws.endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  const deploy = async (colour = 'green', resources?: JsonObject) => deployTemplate(template(colour, resources));
  const deployTemplate = async (content: JsonObject) => {
    const templatePath = join(artifactsDir, 'template.json');
    await writeFile(templatePath, JSON.stringify(content));
    return aws.deploy({ templatePath, artifactsDir });
  };
  const invoke = async (input: Partial<InvokeCommandInput> = {}, event: unknown = {}) => {
    const { Payload, ...output } = await lambda.send(
      new InvokeCommand({ FunctionName: 'lease', Payload: JSON.stringify(event), ...input }),
    );
    const text = Payload?.transformToString() ?? '';
    return { ...output, result: text === '' ? undefined : JSON.parse(text) };
  };

  it('invokes a deployed function and answers what it returns', async () => {
    await deploy();
    expect(await invoke({}, { n: 1 })).toMatchObject({
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      result: { event: { n: 1 }, arn: ARN, version: '$LATEST', colour: 'green' },
    });
  });

  it.each([
    ['its name', 'lease', undefined, ARN],
    ['a qualifier', 'lease', 'acme', `${ARN}:acme`],
    ['a name with a qualifier', 'lease:acme', undefined, `${ARN}:acme`],
    ['a partial ARN', '123456789012:function:lease', undefined, ARN],
    ['a partial ARN with a qualifier', '123456789012:function:lease:acme', undefined, `${ARN}:acme`],
    ['an ARN', ARN, undefined, ARN],
    ['the ARN of an alias', `${ARN}:umbrella`, undefined, `${ARN}:umbrella`],
    ['the same qualifier twice', `${ARN}:acme`, 'acme', `${ARN}:acme`],
    ['a version', 'lease', '1', `${ARN}:1`],
    ['$LATEST', 'lease', '$LATEST', `${ARN}:$LATEST`],
  ])('finds a function by %s, and tells it how it was called', async (_name, FunctionName, Qualifier, arn) => {
    await deploy();
    expect((await invoke({ FunctionName, Qualifier })).result).toMatchObject({ arn });
  });

  it('keeps a version as it was published, and moves what is not one', async () => {
    expect((await deploy()).outputs).toEqual({ AcmeArn: `${ARN}:acme` });
    await deploy('red');
    expect(await invoke({ Qualifier: 'acme' })).toMatchObject({
      ExecutedVersion: '1',
      result: { colour: 'green', version: '1' },
    });
    expect(await invoke({ Qualifier: 'umbrella' })).toMatchObject({ result: { colour: 'red', version: '$LATEST' } });
  });

  it('publishes what has changed, once', async () => {
    await deploy();
    const publish = async () => (await lambda.send(new PublishVersionCommand({ FunctionName: 'lease' }))).Version;
    expect(await publish()).toBe('1');
    await deploy('red');
    expect([await publish(), await publish()]).toEqual(['2', '2']);
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'lease', Qualifier: '2' }));
    expect(Configuration).toMatchObject({ FunctionArn: `${ARN}:2`, Version: '2', FunctionName: 'lease' });
  });

  it('makes and shows aliases', async () => {
    await deploy();
    const made = { FunctionName: 'lease', Name: 'initech', FunctionVersion: '1' };
    const alias = { AliasArn: `${ARN}:initech`, Name: 'initech', FunctionVersion: '1' };
    expect(await lambda.send(new CreateAliasCommand(made))).toMatchObject(alias);
    expect(await lambda.send(new GetAliasCommand(made))).toMatchObject(alias);
    await expect(lambda.send(new CreateAliasCommand(made))).rejects.toMatchObject({
      name: 'ResourceConflictException',
    });
    await expect(lambda.send(new GetAliasCommand({ ...made, Name: 'no' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `Cannot find alias arn: ${ARN}:no`,
    });
    await expect(lambda.send(new CreateAliasCommand({ ...made, Name: '7' }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(
      lambda.send(new CreateAliasCommand({ ...made, Name: 'x', FunctionVersion: '9' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('is deployed with parameters, which change and go with the stack', async () => {
    const ssm = new SSMClient({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const value = async () => (await ssm.send(new GetParameterCommand({ Name: '/map' }))).Parameter;
    const parameter = (Value: string) => ({
      Map: { Type: 'AWS::SSM::Parameter', Properties: { Name: '/map', Type: 'String', Value } },
    });
    await deploy('green', parameter('a'));
    await deploy('green', parameter('b'));
    expect(await value()).toMatchObject({ Value: 'b', Version: 2 });
    await deploy();
    await expect(value()).rejects.toMatchObject({ name: 'ParameterNotFound' });
  });

  it('takes an alias away with its resource', async () => {
    await deploy();
    await deploy('green', { Umbrella: undefined });
    await expect(invoke({ Qualifier: 'umbrella' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('answers the error of a function that fails', async () => {
    await deploy();
    expect(await invoke({}, { fail: true })).toMatchObject({
      StatusCode: 200,
      FunctionError: 'Unhandled',
      result: { errorType: 'TypeError', errorMessage: 'told to fail', trace: expect.any(Array) },
    });
  });

  it('takes an event and runs it afterwards, as the alias that was named', async () => {
    await deploy();
    expect(await invoke({ InvocationType: 'Event', Qualifier: 'acme' }, { later: 1 })).toMatchObject({
      StatusCode: 202,
      result: undefined,
    });
    await aws.settled();
    expect(aws.logs('lease')).toContain('event {"later":1}');
  });

  it('runs nothing when asked whether it could', async () => {
    await deploy();
    expect(await invoke({ InvocationType: 'DryRun' }, { dry: 1 })).toMatchObject({ StatusCode: 204 });
    await aws.settled();
    expect(aws.logs('lease')).toEqual([]);
  });

  it('takes and answers 6 MB at most', async () => {
    await deploy();
    const limit = 6 * 1024 * 1024;
    await expect(invoke({}, 'x'.repeat(limit))).rejects.toMatchObject({
      name: 'RequestTooLargeException',
      $metadata: { httpStatusCode: 413 },
    });
    expect(await invoke({}, { large: limit - 2 })).toMatchObject({ result: expect.stringMatching(/^x/) });
    expect(await invoke({}, { large: limit })).toMatchObject({
      FunctionError: 'Unhandled',
      result: { errorType: 'Function.ResponseSizeTooLarge' },
    });
  });

  it.each([
    ['function', { FunctionName: 'none' }, 'arn:aws:lambda:us-east-1:123456789012:function:none'],
    ['alias', { Qualifier: 'none' }, `${ARN}:none`],
    ['version', { Qualifier: '9' }, `${ARN}:9`],
    ['account', { FunctionName: ARN.replace('123456789012', '999999999999') }, '999999999999'],
  ])('knows no other %s', async (_name, input, named) => {
    await deploy();
    await expect(invoke(input)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: expect.stringMatching(/^Function not found: .*/),
      $metadata: { httpStatusCode: 404 },
    });
    await expect(invoke(input)).rejects.toThrow(named);
  });

  it('refuses what cannot be meant', async () => {
    await deploy();
    await expect(invoke({ FunctionName: `${ARN}:acme`, Qualifier: 'umbrella' })).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
    await expect(clientIn('eu-west-1').send(new InvokeCommand({ FunctionName: ARN }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
    });
    await expect(invoke({ FunctionName: 'a b' })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(invoke({ Payload: 'no json' })).rejects.toMatchObject({ name: 'InvalidRequestContentException' });
  });
});
