import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';
import { asText, type Desired, physicalName, type ResourceType, stringProperty } from './resource-type.ts';
import { TemplateError } from './template.ts';

/** Performs an operation of a service as CloudFormation. */
export type Perform = (service: string, operation: string, input: JsonObject, region: string) => Promise<JsonObject>;

/** `AWS::SNS::*` and `AWS::SQS::*`. */
export function messagingResources(perform: Perform): Readonly<Record<string, ResourceType>> {
  const text = (output: JsonObject, member: string): string => String(output[member]);

  const topic: ResourceType = {
    used: ['TopicName', 'DisplayName', 'KmsMasterKeyId', 'Subscription', 'FifoTopic', 'SignatureVersion'],
    ignored: ['Tags', 'TracingConfig', 'DataProtectionPolicy'],
    async put(desired) {
      const name = stringProperty(desired, 'TopicName', physicalName(desired, 256));
      const attributes = attributesIn(desired, ['DisplayName', 'KmsMasterKeyId', 'FifoTopic', 'SignatureVersion']);
      const output = await perform('sns', 'CreateTopic', { Name: name, Attributes: attributes }, desired.region);
      const arn = text(output, 'TopicArn');
      for (const subscription of listOf(desired, 'Subscription')) {
        const input = { TopicArn: arn, Protocol: subscription['Protocol'], Endpoint: subscription['Endpoint'] };
        await perform('sns', 'Subscribe', input, desired.region);
      }
      return {
        ref: arn,
        attributes: { TopicArn: arn, TopicName: name },
        remove: async () => void (await perform('sns', 'DeleteTopic', { TopicArn: arn }, desired.region)),
      };
    },
  };

  const topicPolicy: ResourceType = {
    used: ['Topics', 'PolicyDocument'],
    ignored: [],
    async put(desired) {
      const AttributeValue = asText(desired.properties['PolicyDocument'] ?? null);
      for (const arn of strings(desired, 'Topics')) {
        const input = { TopicArn: arn, AttributeName: 'Policy', AttributeValue };
        await perform('sns', 'SetTopicAttributes', input, desired.region);
      }
      return { ref: physicalName(desired), attributes: { Id: physicalName(desired) } };
    },
  };

  const SUBSCRIPTION_ATTRIBUTES = [
    'FilterPolicy',
    'FilterPolicyScope',
    'RawMessageDelivery',
    'RedrivePolicy',
    'DeliveryPolicy',
  ];
  const subscription: ResourceType = {
    used: ['TopicArn', 'Protocol', 'Endpoint', ...SUBSCRIPTION_ATTRIBUTES],
    ignored: ['Region'],
    async put(desired) {
      // Attributes of an existing subscription cannot be given again with others, so an update makes it anew.
      await desired.previous?.remove?.();
      const input = {
        TopicArn: stringProperty(desired, 'TopicArn'),
        Protocol: stringProperty(desired, 'Protocol'),
        Endpoint: stringProperty(desired, 'Endpoint'),
        Attributes: attributesIn(desired, SUBSCRIPTION_ATTRIBUTES),
        ReturnSubscriptionArn: true,
      };
      const arn = text(await perform('sns', 'Subscribe', input, desired.region), 'SubscriptionArn');
      return {
        ref: arn,
        attributes: { Arn: arn },
        remove: async () => void (await perform('sns', 'Unsubscribe', { SubscriptionArn: arn }, desired.region)),
      };
    },
  };

  const QUEUE_ATTRIBUTES = [
    'VisibilityTimeout',
    'MessageRetentionPeriod',
    'DelaySeconds',
    'ReceiveMessageWaitTimeSeconds',
    'KmsMasterKeyId',
    'KmsDataKeyReusePeriodSeconds',
    'SqsManagedSseEnabled',
    'RedrivePolicy',
    'RedriveAllowPolicy',
  ];
  const queue: ResourceType = {
    used: ['QueueName', 'MaximumMessageSize', ...QUEUE_ATTRIBUTES],
    ignored: ['Tags'],
    async put(desired) {
      const name = stringProperty(desired, 'QueueName', physicalName(desired, 80));
      const Attributes = attributesIn(desired, [...QUEUE_ATTRIBUTES, 'MaximumMessageSize']);
      const url =
        desired.previous?.ref ??
        text(await perform('sqs', 'CreateQueue', { QueueName: name, Attributes }, desired.region), 'QueueUrl');
      if (desired.previous !== undefined) {
        await perform('sqs', 'SetQueueAttributes', { QueueUrl: url, Attributes }, desired.region);
      }
      const arn = `arn:aws:sqs:${desired.region}:${desired.accountId}:${name}`;
      return {
        ref: url,
        attributes: { Arn: arn, QueueName: name, QueueUrl: url },
        remove: async () => void (await perform('sqs', 'DeleteQueue', { QueueUrl: url }, desired.region)),
      };
    },
  };

  const queuePolicy: ResourceType = {
    used: ['Queues', 'PolicyDocument'],
    ignored: [],
    async put(desired) {
      const Attributes = { Policy: asText(desired.properties['PolicyDocument'] ?? null) };
      for (const QueueUrl of strings(desired, 'Queues')) {
        await perform('sqs', 'SetQueueAttributes', { QueueUrl, Attributes }, desired.region);
      }
      return { ref: physicalName(desired), attributes: { Id: physicalName(desired) } };
    },
  };

  return {
    'AWS::SNS::Topic': topic,
    'AWS::SNS::TopicPolicy': topicPolicy,
    'AWS::SNS::Subscription': subscription,
    'AWS::SQS::Queue': queue,
    'AWS::SQS::QueuePolicy': queuePolicy,
  };
}

function attributesIn(desired: Desired, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name): [string, Json][] => {
      const value = desired.properties[name];
      return value === undefined || value === null ? [] : [[name, asText(value)]];
    }),
  );
}

function listOf(desired: Desired, name: string): JsonObject[] {
  const value = desired.properties[name] ?? [];
  if (!Array.isArray(value) || !value.every(isObject)) {
    throw new TemplateError(`${desired.logicalId}: ${name} must be a list of objects`);
  }
  return value;
}

function strings(desired: Desired, name: string): string[] {
  const value = desired.properties[name];
  if (!Array.isArray(value)) throw new TemplateError(`${desired.logicalId}: ${name} must be a list`);
  return value.map(String);
}
