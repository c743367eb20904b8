import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';

describe('SQS over the wire', () => {
  let aws: EmbeddedAws;
  let sqs: SQSClient;

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20) });
    sqs = new SQSClient({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  });
  afterEach(async () => {
    sqs.destroy();
    await aws.close();
  });

  const create = async (QueueName: string, Attributes: Record<string, string> = {}): Promise<string> =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
  const send = (QueueUrl: string, MessageBody: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  const receive = async (QueueUrl: string, more: { WaitTimeSeconds?: number } = {}) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...more }))).Messages ?? [];

  it('carries a message with its attributes, whose digests the client checks', async () => {
    const QueueUrl = await create('work');
    await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'grüß dich',
        MessageAttributes: {
          kind: { DataType: 'String', StringValue: 'greeting' },
          count: { DataType: 'Number', StringValue: '3' },
          raw: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 1, 255]) },
        },
      }),
    );
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] }),
    );
    expect(Messages).toHaveLength(1);
    expect(Messages[0]).toMatchObject({
      Body: 'grüß dich',
      MessageAttributes: { kind: { StringValue: 'greeting' }, count: { DataType: 'Number', StringValue: '3' } },
      Attributes: { ApproximateReceiveCount: '1' },
    });
    expect(Messages[0]?.MessageAttributes?.['raw']?.BinaryValue).toEqual(new Uint8Array([0, 1, 255]));
  });

  it('answers the digest of message attributes that AWS answers', async () => {
    const { MD5OfMessageAttributes } = await sqs.send(
      new SendMessageCommand({
        QueueUrl: await create('work'),
        MessageBody: 'derp',
        MessageAttributes: { timestamp: { DataType: 'Number', StringValue: '1493147359900' } },
      }),
    );
    // As recorded in the tests of moto, the Python stand-in for AWS.
    expect(MD5OfMessageAttributes).toBe('235c5c510d26fb653d073faed50ae77c');
  });

  it('hides a received message until its visibility timeout has passed', async () => {
    const url = await create('work', { VisibilityTimeout: '60' });
    await send(url, 'one');
    expect(await receive(url)).toHaveLength(1);
    await aws.clock.advance(59_000);
    expect(await receive(url)).toEqual([]);
    await aws.clock.advance(2_000);
    expect(await receive(url)).toHaveLength(1);
  });

  it('forgets a deleted message', async () => {
    const url = await create('work');
    await send(url, 'one');
    const [message] = await receive(url);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message?.ReceiptHandle }));
    await aws.clock.advance(60_000);
    expect(await receive(url)).toEqual([]);
  });

  it('shows a message at once when its visibility is set to 0', async () => {
    const url = await create('work');
    await send(url, 'one');
    const [message] = await receive(url);
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: message?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    expect(await receive(url)).toHaveLength(1);
  });

  it('answers a waiting receiver when a message arrives', async () => {
    const url = await create('work');
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await send(url, 'late');
    expect((await waiting).map((message) => message.Body)).toEqual(['late']);
  });

  it('answers a waiting receiver with nothing when its time is over', async () => {
    const url = await create('work');
    const asked = new Promise<void>((resolve) => {
      const stop = aws.intercept((call) => {
        if (call.operation === 'ReceiveMessage') {
          stop();
          resolve();
        }
        return undefined;
      });
    });
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await asked;
    await new Promise((resume) => setImmediate(resume));
    await aws.clock.advance(21_000);
    expect(await waiting).toEqual([]);
  });

  it('moves a message that was received too often to the dead-letter queue', async () => {
    const dead = await create('dead');
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:dead',
      maxReceiveCount: 2,
    });
    const url = await create('work', { RedrivePolicy, VisibilityTimeout: '0' });
    await send(url, 'poison');
    expect(await receive(url)).toHaveLength(1);
    expect(await receive(url)).toHaveLength(1);
    expect(await receive(url)).toEqual([]);
    expect((await receive(dead)).map((message) => message.Body)).toEqual(['poison']);
  });

  it('drops messages at the end of their retention', async () => {
    const url = await create('work', { MessageRetentionPeriod: '60' });
    await send(url, 'old');
    await aws.clock.advance(61_000);
    expect(await receive(url)).toEqual([]);
  });

  it('tells attributes and finds queues by name', async () => {
    const url = await create('work', { DelaySeconds: '5' });
    await send(url, 'later');
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: '7' } }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({
      QueueArn: 'arn:aws:sqs:us-east-1:123456789012:work',
      VisibilityTimeout: '7',
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesDelayed: '1',
    });
    expect((await sqs.send(new GetQueueUrlCommand({ QueueName: 'work' }))).QueueUrl).toBe(url);
    expect((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'wo' }))).QueueUrls).toEqual([url]);
    await aws.clock.advance(6_000);
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
    expect(await receive(url)).toEqual([]);
  });

  it('makes the same queue again, but not with other attributes', async () => {
    const url = await create('work', { DelaySeconds: '5' });
    expect(await create('work', { DelaySeconds: '5' })).toBe(url);
    await expect(create('work', { DelaySeconds: '6' })).rejects.toMatchObject({ name: 'QueueNameExists' });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a queue that does not exist', () => sqs.send(new GetQueueUrlCommand({ QueueName: 'none' })), 'QueueDoesNotExist'],
    ['a name with a space', () => create('a b'), 'InvalidParameterValue'],
    ['a FIFO queue', () => create('work.fifo'), 'UnsupportedOperation'],
    ['an unknown attribute', () => create('work', { Colour: '1' }), 'InvalidAttributeName'],
    ['an attribute out of range', () => create('work', { DelaySeconds: '901' }), 'InvalidAttributeValue'],
    ['an empty body', async () => send(await create('work'), ''), 'MissingParameter'],
    [
      'a message that is too large',
      async () => send(await create('work', { MaximumMessageSize: '1024' }), 'x'.repeat(1025)),
      'InvalidParameterValue',
    ],
    [
      'eleven messages at once',
      async () => sqs.send(new ReceiveMessageCommand({ QueueUrl: await create('work'), MaxNumberOfMessages: 11 })),
      'InvalidParameterValue',
    ],
  ])('refuses %s', async (_, call, name) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});
