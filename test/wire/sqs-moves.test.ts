import {
  CreateQueueCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';

describe('moves of messages out of a dead-letter queue', () => {
  let aws: EmbeddedAws;
  let sqs: SQSClient;
  const arnOf = (name: string) => `arn:aws:sqs:us-east-1:${aws.accountId}:${name}`;
  const create = async (QueueName: string, Attributes: Record<string, string> = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? '';
  const receive = async (QueueUrl: string) =>
    (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['All'] }))).Messages?.[0];

  beforeAll(async () => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20) });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    sqs = new SQSClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  });
  afterAll(async () => {
    sqs.destroy();
    await aws.close();
  });

  it('bring a message back to the queue that it came from, as a new message', async () => {
    const dead = await create('dead');
    const redrive = JSON.stringify({ deadLetterTargetArn: arnOf('dead'), maxReceiveCount: 1 });
    const work = await create('work', { RedrivePolicy: redrive, VisibilityTimeout: '0' });
    const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl: work, MessageBody: 'again' }));
    await receive(work);
    expect(await receive(work)).toBeUndefined();
    expect((await receive(dead))?.Attributes?.['DeadLetterQueueSourceArn']).toBe(arnOf('work'));
    const { queueUrls } = await sqs.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead }));
    expect(queueUrls).toEqual([work]);

    const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('dead') }));
    expect(TaskHandle).toBeDefined();
    const back = await receive(work);
    expect(back?.Body).toBe('again');
    expect(back?.MessageId).not.toBe(MessageId);
    const { Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: arnOf('dead') }));
    expect(Results).toEqual([
      expect.objectContaining({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 1, SourceArn: arnOf('dead') }),
    ]);
  });

  it('bring a message to any queue that is named, and leave one there that no queue had before', async () => {
    const dead = await create('dead-2');
    await create('source-2', {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf('dead-2'), maxReceiveCount: 1 }),
    });
    const other = await create('other');
    await sqs.send(new SendMessageCommand({ QueueUrl: dead, MessageBody: 'sent here' }));
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('dead-2') }));
    const { Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: arnOf('dead-2') }));
    expect(Results).toEqual([
      expect.objectContaining({ Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' }),
    ]);
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('dead-2'), DestinationArn: arnOf('other') }));
    expect((await receive(other))?.Body).toBe('sent here');
  });

  it('are refused for a queue that is the dead-letter queue of no other queue, as one of Lambda, SNS or EventBridge', async () => {
    await create('alone');
    const move = sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('alone') }));
    await expect(move).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const none = sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arnOf('nowhere') }));
    await expect(none).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
