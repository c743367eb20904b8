import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject, Observation } from '../../local/service.ts';

const START = Date.UTC(2026, 10, 20, 9, 0);

/** What the function under test does follows from its event. */
const HANDLER = `
const wait = (ms) => new Promise((resume) => setTimeout(resume, ms));
let calls = 0;
export const handler = async (event, context) => {
  console.log('event ' + JSON.stringify(event));
  const order = event.detail ?? event;
  if (order.fail) throw new TypeError('told to fail');
  if (order.exit) process.exit(3);
  if (order.sleep) await wait(order.sleep);
  if (order.identity) {
    const scope = process.env.AWS_ACCESS_KEY_ID + '/20261120/us-east-1/sts/aws4_request';
    const response = await fetch(process.env.AWS_ENDPOINT_URL, {
      method: 'POST',
      headers: {
        authorization: 'AWS4-HMAC-SHA256 Credential=' + scope + ', SignedHeaders=host, Signature=0',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
    });
    return { answer: await response.text() };
  }
  if (event.Records?.[0]?.eventSource === 'aws:sqs') {
    const failed = event.Records.filter((record) => record.body === 'bad');
    return { batchItemFailures: failed.map((record) => ({ itemIdentifier: record.messageId })) };
  }
  return {
    calls: ++calls,
    now: new Date().toISOString(),
    colour: process.env.COLOUR ?? null,
    home: process.env.HOME ?? null,
    name: context.functionName,
    arn: context.invokedFunctionArn,
    requestId: context.awsRequestId,
    remaining: context.getRemainingTimeInMillis() > 0,
  };
};
`;

const EVERYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
const ROLE = {
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: 'worker-role',
    AssumeRolePolicyDocument: {},
    Policies: [{ PolicyName: 'all', PolicyDocument: EVERYTHING }],
  },
};

function template(resources: JsonObject, rest: JsonObject = {}): JsonObject {
  return {
    Parameters: { Stage: { Type: 'String', Default: 'test', AllowedValues: ['test', 'prod'] } },
    Conditions: { IsProd: { 'Fn::Equals': [{ Ref: 'Stage' }, 'prod'] } },
    Resources: {
      Role: ROLE,
      Worker: {
        Type: 'AWS::Lambda::Function',
        DependsOn: ['WorkerLogs'],
        Properties: {
          FunctionName: { 'Fn::Join': ['-', ['worker', { Ref: 'Stage' }]] },
          Runtime: 'nodejs22.x',
          Handler: 'index.handler',
          Code: { S3Bucket: { Ref: 'Bucket' }, S3Key: 'serverless/some/where/worker.zip' },
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          MemorySize: 256,
          Timeout: 1,
          Environment: { Variables: { COLOUR: { 'Fn::If': ['IsProd', 'red', 'green'] } } },
        },
      },
      WorkerLogs: {
        Type: 'AWS::Logs::LogGroup',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation does the substitution
        Properties: { LogGroupName: { 'Fn::Sub': '/aws/lambda/worker-${Stage}' } },
      },
      Bucket: { Type: 'AWS::S3::Bucket' },
      ...resources,
    },
    ...rest,
  };
}

const DEAD_LETTERS: JsonObject = {
  DeadLetters: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'dead-letters' } },
  DeadLettersPolicy: {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [{ Ref: 'DeadLetters' }],
      PolicyDocument: {
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: ['events.amazonaws.com', 'sns.amazonaws.com'] },
            Action: 'sqs:SendMessage',
            Resource: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] },
          },
        ],
      },
    },
  },
};

const RULE: JsonObject = {
  Rule: {
    Type: 'AWS::Events::Rule',
    Properties: {
      EventPattern: { source: ['test.orders'] },
      Targets: [
        {
          Id: 'worker',
          Arn: { 'Fn::GetAtt': ['Worker', 'Arn'] },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] } },
        },
      ],
    },
  },
};

const RULE_MAY_INVOKE: JsonObject = {
  RuleMayInvoke: {
    Type: 'AWS::Lambda::Permission',
    Properties: {
      FunctionName: { Ref: 'Worker' },
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
      SourceArn: { 'Fn::GetAtt': ['Rule', 'Arn'] },
    },
  },
};

describe('a deployed stack', () => {
  let aws: EmbeddedAws;
  let folder: string;
  let seen: Observation[];
  let events: EventBridgeClient;
  let sqs: SQSClient;

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    folder = await mkdtemp(join(tmpdir(), 'deploy-test-'));
    await writeFile(join(folder, 'worker.zip'), zipSync({ 'index.mjs': strToU8(HANDLER) }));
    seen = [];
    aws.observe((observation) => seen.push(observation));
    const client = {
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    events = new EventBridgeClient(client);
    sqs = new SQSClient(client);
  });
  afterEach(async () => {
    events.destroy();
    sqs.destroy();
    await aws.close();
    await rm(folder, { recursive: true, force: true });
  });

  const deploy = async (content: JsonObject, parameters: Record<string, string> = {}) => {
    const templatePath = join(folder, 'template.json');
    await writeFile(templatePath, JSON.stringify(content));
    return aws.deploy({ templatePath, artifactsDir: folder, parameters });
  };
  const order = (detail: JsonObject) =>
    events.send(
      new PutEventsCommand({
        Entries: [{ Source: 'test.orders', DetailType: 'Order', Detail: JSON.stringify(detail) }],
      }),
    );
  const invocations = () => seen.filter((observation) => observation.kind === 'invocation');
  const received = async (queue: string) => {
    const QueueUrl = `${aws.endpoint}/123456789012/${queue}`;
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    return Messages ?? [];
  };
  const result = async (event: JsonObject, name = 'worker-test') => JSON.parse((await aws.invoke(name, event)).payload);

  it('runs the zip of a function with the environment of the template and no other', async () => {
    await deploy(template({}));
    expect(await result({ hello: 1 })).toMatchObject({
      calls: 1,
      colour: 'green',
      home: null,
      name: 'worker-test',
      arn: 'arn:aws:lambda:us-east-1:123456789012:function:worker-test',
      remaining: true,
    });
    expect(aws.logs('worker-test')).toEqual(['event {"hello":1}']);
  });

  it('keeps a function warm and shows it the virtual clock', async () => {
    await deploy(template({}));
    await aws.clock.moveTo(Date.UTC(2027, 0, 1));
    expect((await result({})).now.slice(0, 16)).toBe('2027-01-01T00:00');
    expect((await result({})).calls).toBe(2);
  });

  it('gives a function the credentials of its role', async () => {
    await deploy(template({}));
    const { answer } = await result({ identity: true });
    expect(answer).toContain('<Arn>arn:aws:sts::123456789012:assumed-role/worker-role/worker-test</Arn>');
  });

  it('reports an error of the handler as Lambda does, over the Invoke API', async () => {
    await deploy(template({}));
    const response = await fetch(`${aws.endpoint}/2015-03-31/functions/worker-test/invocations`, {
      method: 'POST',
      body: '{"fail":true}',
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIATEST/20261120/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
      },
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-amz-function-error')).toBe('Unhandled');
    expect(await response.json()).toMatchObject({ errorType: 'TypeError', errorMessage: 'told to fail' });
  });

  it('answers an unknown function with ResourceNotFoundException', async () => {
    const response = await fetch(`${aws.endpoint}/2015-03-31/functions/nobody/invocations`, {
      method: 'POST',
      body: '{}',
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=AKIATEST/20261120/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
      },
    });
    expect(response.status).toBe(404);
    expect(response.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
  });

  it('ends a function that takes too long, and starts it afresh', async () => {
    await deploy(template({}));
    expect(await result({ sleep: 60_000 })).toMatchObject({ errorType: 'Sandbox.Timedout' });
    expect((await result({})).calls).toBe(1);
  });

  it('survives a function that ends its process', async () => {
    await deploy(template({}));
    expect(await result({ exit: true })).toMatchObject({ errorType: 'Runtime.ExitError' });
    expect((await result({})).calls).toBe(1);
  });

  it('runs concurrent invocations side by side', async () => {
    await deploy(template({}));
    const both = await Promise.all([result({ sleep: 50 }), result({ sleep: 50 })]);
    expect(both.map(({ calls }) => calls)).toEqual([1, 1]);
    expect(new Set(both.map(({ requestId }) => requestId)).size).toBe(2);
  });

  it('runs what is deployed last', async () => {
    await deploy(template({}));
    await result({});
    await writeFile(join(folder, 'worker.zip'), zipSync({ 'index.mjs': strToU8('export const handler = () => 2;') }));
    await deploy(template({}));
    expect(await result({})).toBe(2);
  });

  it('reports a handler that is not there', async () => {
    await writeFile(join(folder, 'worker.zip'), zipSync({ 'index.mjs': strToU8('export const other = 1;') }));
    await deploy(template({}));
    expect(await result({})).toMatchObject({ errorType: 'Runtime.HandlerNotFound' });
  });

  it('lets a rule invoke a function that permits it, with the event as payload', async () => {
    await deploy(template({ ...DEAD_LETTERS, ...RULE, ...RULE_MAY_INVOKE }));
    await order({ size: 3 });
    await aws.settled();
    expect(invocations()).toMatchObject([{ functionName: 'worker-test' }]);
    const line = aws.logs('worker-test')[0] ?? '';
    expect(JSON.parse(line.slice('event '.length))).toMatchObject({
      version: '0',
      source: 'test.orders',
      'detail-type': 'Order',
      account: '123456789012',
      region: 'us-east-1',
      time: '2026-11-20T09:00:00Z',
      detail: { size: 3 },
    });
  });

  it('sends an event to the dead-letter queue when no permission lets the rule invoke', async () => {
    await deploy(template({ ...DEAD_LETTERS, ...RULE }));
    await order({ size: 3 });
    await aws.settled();
    expect(invocations()).toEqual([]);
    const [message] = await received('dead-letters');
    expect(message?.MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: 'NO_PERMISSIONS' },
      RETRY_ATTEMPTS: { StringValue: '0' },
      TARGET_ARN: { StringValue: 'arn:aws:lambda:us-east-1:123456789012:function:worker-test' },
    });
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ detail: { size: 3 } });
  });

  it('loses an event that not even the dead-letter queue may take, and says so', async () => {
    const { DeadLettersPolicy: _, ...unprotected } = DEAD_LETTERS;
    await deploy(template({ ...unprotected, ...RULE }));
    await order({ size: 3 });
    await aws.settled();
    expect(await received('dead-letters')).toEqual([]);
    expect(seen).toContainEqual(
      expect.objectContaining({ kind: 'lost', to: 'arn:aws:sqs:us-east-1:123456789012:dead-letters' }),
    );
  });

  it('retries a failed asynchronous invocation twice in virtual time, then records it at the destination', async () => {
    const withDestination = {
      Failed: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'failed' } },
      Config: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: {
          FunctionName: { Ref: 'Worker' },
          Qualifier: '$LATEST',
          DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Failed', 'Arn'] } } },
        },
      },
    };
    await deploy(template({ ...DEAD_LETTERS, ...RULE, ...RULE_MAY_INVOKE, ...withDestination }));
    await order({ fail: true });
    await aws.settled();
    expect(invocations()).toHaveLength(1);
    await aws.clock.advance(61_000);
    expect(invocations()).toHaveLength(2);
    expect(await received('failed')).toEqual([]);
    await aws.clock.advance(121_000);
    expect(invocations()).toHaveLength(3);
    const [message] = await received('failed');
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({
      version: '1.0',
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
      requestPayload: { detail: { fail: true } },
      responseContext: { statusCode: 200, functionError: 'Unhandled' },
      responsePayload: { errorType: 'TypeError', errorMessage: 'told to fail' },
    });
  });

  it('feeds a function from a queue and returns only the messages that it names as failed', async () => {
    const fed = {
      Work: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'work', VisibilityTimeout: 60 } },
      Feed: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Work', 'Arn'] },
          FunctionName: { 'Fn::GetAtt': ['Worker', 'Arn'] },
          FunctionResponseTypes: ['ReportBatchItemFailures'],
        },
      },
    };
    const { resources } = await deploy(template(fed));
    const QueueUrl = resources['Work'] ?? '';
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'good' }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'bad' }));
    await aws.settled();
    const records = () => aws.logs('worker-test').flatMap((line) => JSON.parse(line.slice('event '.length)).Records);
    expect(records().map((record) => record.body)).toEqual(['good', 'bad']);
    await aws.clock.advance(61_000);
    expect(records().map((record) => record.body)).toEqual(['good', 'bad', 'bad']);
    expect(records()[2].attributes.ApproximateReceiveCount).toBe('2');
  });

  it('delivers a topic to a subscribed function that permits it', async () => {
    const topic = {
      Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'alerts' } },
      Subscription: {
        Type: 'AWS::SNS::Subscription',
        Properties: { TopicArn: { Ref: 'Topic' }, Protocol: 'lambda', Endpoint: { 'Fn::GetAtt': ['Worker', 'Arn'] } },
      },
      TopicMayInvoke: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          FunctionName: { 'Fn::GetAtt': ['Worker', 'Arn'] },
          Action: 'lambda:InvokeFunction',
          Principal: 'sns.amazonaws.com',
          SourceArn: { Ref: 'Topic' },
        },
      },
    };
    const { resources } = await deploy(template(topic));
    const sns = new SNSClient({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    await sns.send(new PublishCommand({ TopicArn: resources['Topic'], Message: 'hello', Subject: 'hi' }));
    await aws.settled();
    sns.destroy();
    const [line = ''] = aws.logs('worker-test');
    expect(JSON.parse(line.slice('event '.length)).Records[0].Sns).toMatchObject({
      Message: 'hello',
      Subject: 'hi',
      TopicArn: 'arn:aws:sns:us-east-1:123456789012:alerts',
    });
  });

  it('runs a schedule as time passes, and once for all that falls into one jump of the clock', async () => {
    const schedule = {
      Sweep: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          Name: 'sweep',
          ScheduleExpression: 'rate(1 hour)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: {
            Arn: { 'Fn::GetAtt': ['Worker', 'Arn'] },
            RoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Input: '{"at":"<aws.scheduler.scheduled-time>"}',
          },
        },
      },
    };
    await deploy(template(schedule));
    await aws.clock.advance(3_600_000);
    await aws.clock.advance(3_600_000);
    expect(invocations()).toHaveLength(2);
    await aws.clock.moveTo(Date.UTC(2026, 11, 20, 9, 30));
    expect(invocations()).toHaveLength(3);
    expect(aws.logs('worker-test').at(-1)).toMatch(/^event {"at":"2026-12-20T09:00:0\dZ"}$/);
  });

  it('creates tables and outputs, and updates the stack when it is deployed again', async () => {
    const table = {
      Ledger: {
        Type: 'AWS::DynamoDB::Table',
        Properties: {
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
        },
      },
      OnlyProd: { Type: 'AWS::SNS::Topic', Condition: 'IsProd' },
    };
    const outputs = {
      Outputs: { LedgerName: { Value: { Ref: 'Ledger' } }, Nothing: { Condition: 'IsProd', Value: 'x' } },
    };
    const first = await deploy(template({ ...table, ...DEAD_LETTERS, ...RULE, ...RULE_MAY_INVOKE }, outputs));
    expect(first.outputs).toEqual({ LedgerName: first.resources['Ledger'] });
    expect(first.resources).not.toHaveProperty('OnlyProd');
    await result({});

    const second = await deploy(template(table, outputs), { Stage: 'prod' });
    expect(second.outputs).toEqual({ LedgerName: first.resources['Ledger'], Nothing: 'x' });
    expect(await result({}, 'worker-prod')).toMatchObject({ colour: 'red' });
    await order({ size: 1 });
    await aws.settled();
    expect(invocations().filter((observation) => observation.functionName === 'worker-test')).toHaveLength(1);
  });

  it.each<[string, JsonObject, RegExp]>([
    [
      'an unknown resource type',
      { Odd: { Type: 'AWS::EC2::Instance' } },
      /Odd: resource type AWS::EC2::Instance is not embedded/,
    ],
    [
      'an unknown property',
      { Odd: { Type: 'AWS::SQS::Queue', Properties: { Colour: 1 } } },
      /property Colour of AWS::SQS::Queue/,
    ],
    [
      'a reference to nothing',
      { Odd: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Gone' } } } },
      /Ref Gone/,
    ],
    [
      'an unknown attribute',
      { Odd: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { 'Fn::GetAtt': ['Role', 'Age'] } } } },
      /Role\.Age/,
    ],
    [
      'an unknown function',
      { Odd: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { 'Fn::ImportValue': 'x' } } } },
      /Fn::ImportValue is not embedded/,
    ],
    [
      'a circle',
      {
        One: { Type: 'AWS::SNS::Topic', DependsOn: 'Two' },
        Two: { Type: 'AWS::SNS::Topic', DependsOn: 'One' },
      },
      /circular dependency: One → Two → One/,
    ],
    [
      'a refused call',
      { Odd: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'a b' } } },
      /Odd \(AWS::SNS::Topic\) could not be made: .*Topic Name/,
    ],
  ])('refuses a template with %s', async (_, resources, message) => {
    await expect(deploy(template(resources))).rejects.toThrow(message);
  });

  it('refuses a parameter value that is not allowed', async () => {
    await expect(deploy(template({}), { Stage: 'other' })).rejects.toThrow(/Stage must be one of/);
  });

  it('closes at once while a function is running', async () => {
    await deploy(template({}));
    const running = aws.invoke('worker-test', { sleep: 900 });
    await new Promise((resume) => setImmediate(resume));
    await aws.close();
    expect(JSON.parse((await running).payload)).toMatchObject({ errorType: 'Runtime.ExitError' });
  });

  it('puts the statements of a bus policy beside each other, and takes back those that have left the template', async () => {
    const statement = (effect: string) => ({
      Effect: effect,
      Principal: '*',
      Action: 'events:PutEvents',
      Resource: { 'Fn::GetAtt': ['Bus', 'Arn'] },
    });
    const policy = (StatementId: string, effect: string) => ({
      Type: 'AWS::Events::EventBusPolicy',
      Properties: { EventBusName: { Ref: 'Bus' }, StatementId, Statement: statement(effect) },
    });
    const Bus = { Type: 'AWS::Events::EventBus', Properties: { Name: 'central' } };
    const put = () => aws.forwardEvent(BUS, 'arn:aws:iam::999999999999:role/r', { source: 's', 'detail-type': 'd' });
    const BUS = 'arn:aws:events:us-east-1:123456789012:event-bus/central';
    await deploy({ Resources: { Bus, Open: policy('Open', 'Allow'), Shut: policy('Shut', 'Deny') } });
    await expect(put()).rejects.toThrow('explicit deny');
    await deploy({ Resources: { Bus, Open: policy('Open', 'Allow') } });
    await expect(put()).resolves.toBeUndefined();
    await deploy({ Resources: { Bus } });
    await expect(put()).rejects.toThrow('no resource-based policy allows');
  });

  it('checks the rules of a template before it makes anything', async () => {
    const rules = {
      Rules: {
        Somewhere: {
          Assertions: [
            { Assert: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] }, AssertDescription: 'in Ireland' },
          ],
        },
      },
    };
    const Bus = { Type: 'AWS::Events::EventBus', Properties: { Name: 'central' } };
    await expect(deploy({ Resources: { Bus }, ...rules })).rejects.toThrow('rule Somewhere: in Ireland');
    await expect(
      aws.forwardEvent('arn:aws:events:us-east-1:123456789012:event-bus/central', 'arn:aws:iam::1:role/r', {}),
    ).rejects.toMatchObject({ code: 'NO_RESOURCE' });
  });
});
