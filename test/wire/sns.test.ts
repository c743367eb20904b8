import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Observation } from '../../local/service.ts';

const QUEUE_ARN = 'arn:aws:sqs:us-east-1:123456789012:inbox';

describe('SNS over the wire', () => {
  let aws: EmbeddedAws;
  let sns: SNSClient;
  let sqs: SQSClient;
  let TopicArn: string;
  let QueueUrl: string;

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20) });
    const client = {
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    };
    sns = new SNSClient(client);
    sqs = new SQSClient(client);
    TopicArn = (await sns.send(new CreateTopicCommand({ Name: 'alerts' }))).TopicArn ?? '';
    QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'inbox' }))).QueueUrl ?? '';
    await admitTopic();
  });
  afterEach(async () => {
    sns.destroy();
    sqs.destroy();
    await aws.close();
  });

  const admitTopic = () =>
    sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl,
        Attributes: {
          Policy: JSON.stringify({
            Statement: [
              {
                Effect: 'Allow',
                Principal: { Service: 'sns.amazonaws.com' },
                Action: 'sqs:SendMessage',
                Resource: QUEUE_ARN,
                Condition: { ArnEquals: { 'aws:SourceArn': TopicArn } },
              },
            ],
          }),
        },
      }),
    );
  const subscribe = async (Attributes: Record<string, string> = {}): Promise<string> =>
    (await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: QUEUE_ARN, Attributes })))
      .SubscriptionArn ?? '';
  const inbox = async () => {
    await aws.settled();
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    return Messages;
  };

  it('delivers a notification to a subscribed queue', async () => {
    await subscribe();
    const { MessageId } = await sns.send(
      new PublishCommand({
        TopicArn,
        Subject: 'Warning',
        Message: 'a <b> & "c"\n',
        MessageAttributes: { level: { DataType: 'String', StringValue: 'high' } },
      }),
    );
    const [message] = await inbox();
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({
      Type: 'Notification',
      MessageId,
      TopicArn,
      Subject: 'Warning',
      Message: 'a <b> & "c"\n',
      MessageAttributes: { level: { Type: 'String', Value: 'high' } },
    });
  });

  it('delivers the bare message and its attributes when delivery is raw', async () => {
    await subscribe({ RawMessageDelivery: 'true' });
    await sns.send(
      new PublishCommand({
        TopicArn,
        Message: 'bare',
        MessageAttributes: { level: { DataType: 'String', StringValue: 'high' } },
      }),
    );
    const [message] = await inbox();
    expect(message).toMatchObject({ Body: 'bare', MessageAttributes: { level: { StringValue: 'high' } } });
  });

  it('filters by message attributes', async () => {
    await subscribe({
      RawMessageDelivery: 'true',
      FilterPolicy: JSON.stringify({ level: ['high'], weight: [{ numeric: ['>', 5] }], tags: ['x'] }),
    });
    const publish = (Message: string, weight: string) =>
      sns.send(
        new PublishCommand({
          TopicArn,
          Message,
          MessageAttributes: {
            level: { DataType: 'String', StringValue: 'high' },
            weight: { DataType: 'Number', StringValue: weight },
            tags: { DataType: 'String.Array', StringValue: '["x","y"]' },
          },
        }),
      );
    await publish('light', '4');
    await publish('heavy', '6');
    expect((await inbox()).map((message) => message.Body)).toEqual(['heavy']);
  });

  it('filters by message body, and by nothing once the policy is taken away', async () => {
    const SubscriptionArn = await subscribe({
      RawMessageDelivery: 'true',
      FilterPolicyScope: 'MessageBody',
      FilterPolicy: JSON.stringify({ order: { state: [{ prefix: 'over' }] } }),
    });
    await sns.send(new PublishCommand({ TopicArn, Message: '{"order":{"state":"fine"}}' }));
    await sns.send(new PublishCommand({ TopicArn, Message: 'no JSON' }));
    await sns.send(new PublishCommand({ TopicArn, Message: '{"order":{"state":"overdue"}}' }));
    expect((await inbox()).map((message) => message.Body)).toEqual(['{"order":{"state":"overdue"}}']);
    await sns.send(
      new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: 'FilterPolicy', AttributeValue: '{}' }),
    );
    await sns.send(new PublishCommand({ TopicArn, Message: 'no JSON' }));
    expect((await inbox()).map((message) => message.Body)).toEqual(['no JSON']);
  });

  it('loses what the queue does not admit, unless the subscription has a dead-letter queue', async () => {
    const lost: Observation[] = [];
    aws.observe((observation) => {
      if (observation.kind === 'lost') lost.push(observation);
    });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy: '' } }));
    await subscribe();
    await sns.send(new PublishCommand({ TopicArn, Message: 'unheard' }));
    expect(await inbox()).toEqual([]);
    expect(lost).toMatchObject([{ from: TopicArn, to: QUEUE_ARN }]);
    await admitTopic();
    await sns.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: 'sqs',
        Endpoint: 'arn:aws:sqs:us-east-1:123456789012:gone',
        Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QUEUE_ARN }) },
      }),
    );
    await sns.send(new PublishCommand({ TopicArn, Message: 'redriven' }));
    expect((await inbox()).map((message) => JSON.parse(message.Body ?? '').Message)).toEqual(['redriven', 'redriven']);
  });

  it('publishes a batch and reports its entries one by one', async () => {
    await subscribe({ RawMessageDelivery: 'true' });
    const { Successful, Failed } = await sns.send(
      new PublishBatchCommand({
        TopicArn,
        PublishBatchRequestEntries: [
          { Id: 'good', Message: 'one' },
          { Id: 'bad', Message: 'two', Subject: 'two\nlines' },
        ],
      }),
    );
    expect(Successful).toMatchObject([{ Id: 'good' }]);
    expect(Failed).toMatchObject([{ Id: 'bad', Code: 'InvalidParameter', SenderFault: true }]);
    expect((await inbox()).map((message) => message.Body)).toEqual(['one']);
  });

  it('leaves an email subscription pending and never delivers to it', async () => {
    const { SubscriptionArn } = await sns.send(
      new SubscribeCommand({ TopicArn, Protocol: 'email', Endpoint: 'finops@example.com' }),
    );
    expect(SubscriptionArn).toBe('pending confirmation');
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    expect(Subscriptions).toMatchObject([{ SubscriptionArn: 'PendingConfirmation', Protocol: 'email' }]);
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    expect(Attributes).toMatchObject({ SubscriptionsPending: '1', SubscriptionsConfirmed: '0' });
  });

  it('keeps topics and subscriptions until they are deleted', async () => {
    const SubscriptionArn = await subscribe();
    expect(await subscribe()).toBe(SubscriptionArn);
    expect((await sns.send(new CreateTopicCommand({ Name: 'alerts' }))).TopicArn).toBe(TopicArn);
    expect((await sns.send(new ListTopicsCommand({}))).Topics).toEqual([{ TopicArn }]);
    expect((await sns.send(new ListSubscriptionsCommand({}))).Subscriptions).toMatchObject([{ SubscriptionArn }]);
    const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ Endpoint: QUEUE_ARN, PendingConfirmation: 'false' });
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    expect((await sns.send(new ListSubscriptionsCommand({}))).Subscriptions).toEqual([]);
    await sns.send(new DeleteTopicCommand({ TopicArn }));
    await expect(sns.send(new GetTopicAttributesCommand({ TopicArn }))).rejects.toMatchObject({
      name: 'NotFoundException',
    });
  });

  it('changes the attributes of a topic', async () => {
    await sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName: 'DisplayName', AttributeValue: 'Alerts' }));
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    expect(Attributes).toMatchObject({ DisplayName: 'Alerts', TopicArn, Owner: '123456789012' });
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'an unknown topic',
      () => sns.send(new PublishCommand({ TopicArn: `${TopicArn}-x`, Message: 'x' })),
      'NotFoundException',
    ],
    [
      'a topic of another Region',
      () => sns.send(new PublishCommand({ TopicArn: 'arn:aws:sns:eu-west-1:123456789012:alerts', Message: 'x' })),
      'InvalidParameterException',
    ],
    ['an empty message', () => sns.send(new PublishCommand({ TopicArn, Message: '' })), 'InvalidParameterException'],
    [
      'a message above 256 KB',
      () => sns.send(new PublishCommand({ TopicArn, Message: 'x'.repeat(262_145) })),
      'InvalidParameterException',
    ],
    [
      'a subject of two lines',
      () => sns.send(new PublishCommand({ TopicArn, Message: 'x', Subject: 'a\nb' })),
      'InvalidParameterException',
    ],
    [
      'a subject of 101 characters',
      () => sns.send(new PublishCommand({ TopicArn, Message: 'x', Subject: 'a'.repeat(100) })),
      'InvalidParameterException',
    ],
    [
      'an attribute without a value',
      () =>
        sns.send(
          new PublishCommand({
            TopicArn,
            Message: 'x',
            MessageAttributes: { a: { DataType: 'String', StringValue: '' } },
          }),
        ),
      'InvalidParameterValueException',
    ],
    ['a FIFO topic', () => sns.send(new CreateTopicCommand({ Name: 'alerts.fifo' })), 'InvalidParameterException'],
    ['a name with a space', () => sns.send(new CreateTopicCommand({ Name: 'a b' })), 'InvalidParameterException'],
    [
      'an unknown protocol',
      () => sns.send(new SubscribeCommand({ TopicArn, Protocol: 'pigeon', Endpoint: 'x' })),
      'InvalidParameterException',
    ],
    [
      'an invalid filter policy',
      () => subscribe({ FilterPolicy: '{"a":[{"contains":"x"}]}' }),
      'InvalidParameterException',
    ],
    [
      'a nested filter policy on attributes',
      () => subscribe({ FilterPolicy: '{"a":{"b":["x"]}}' }),
      'InvalidParameterException',
    ],
    [
      'an empty batch',
      () => sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [] })),
      'EmptyBatchRequestException',
    ],
  ])('refuses %s', async (_, call, name) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});
