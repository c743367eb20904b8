import { DeliveryFailure, type Destinations } from './destinations.ts';
import type { Identifiers } from './identifiers.ts';
import { isObject, type Members, membersOf, parseObject } from './members.ts';
import { allowsService } from './resource-policy.ts';
import { AwsFault, type Call, type JsonObject, type Operation, type Service, type World } from './service.ts';
import { readMessage, type SnsMessage } from './sns/message.ts';
import { lambdaEvent, queueBody, rawAttributes } from './sns/notification.ts';
import { type Subscription, setSubscriptionAttribute } from './sns/subscription.ts';
import { defaultPolicy, setTopicAttribute, type Topic } from './sns/topic.ts';

const DELIVERED_PROTOCOLS = new Set(['lambda', 'sqs']);
const PROTOCOLS = new Set([...DELIVERED_PROTOCOLS, 'email', 'email-json', 'http', 'https', 'sms']);
const PAGE_SIZE = 100;

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameter', `Invalid parameter: ${message}`);
const notFound = (message: string): AwsFault => new AwsFault('NotFound', message, 404);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/**
 * Amazon SNS, standard topics only: FIFO topics are refused. Lambda and SQS subscriptions deliver; those of other
 * protocols stay pending and never do. A topic's policy is honoured for AWS services that publish to it; topics
 * encrypted with the key `alias/aws/sns` take nothing from services, as on AWS.
 */
export function createSns(world: World, destinations: Destinations, identifiers: Identifiers): Service {
  const topics = new Map<string, Topic>();
  const subscriptions = new Map<string, Subscription>();

  const topicAt = (arn: string): Topic => {
    if (!/^arn:aws:sns:[\w-]+:\d{12}:[\w-]{1,256}(\.fifo)?$/.test(arn)) throw invalid('TopicArn');
    const topic = topics.get(arn);
    if (topic === undefined) throw notFound('Topic does not exist');
    return topic;
  };
  const subscriptionAt = (arn: string): Subscription => {
    const subscription = subscriptions.get(arn);
    if (subscription === undefined) throw notFound('Subscription does not exist');
    return subscription;
  };
  const ofTopic = (topic: Topic): Subscription[] =>
    [...subscriptions.values()].filter((subscription) => subscription.topicArn === topic.arn);

  const deliver = async (subscription: Subscription, message: SnsMessage): Promise<void> => {
    const authority = { service: 'sns.amazonaws.com', sourceArn: subscription.topicArn };
    const raw = subscription.attributes.get('RawMessageDelivery') === 'true';
    const delivery =
      subscription.protocol === 'lambda'
        ? { authority, body: JSON.stringify(lambdaEvent(subscription.arn, message)) }
        : raw
          ? { authority, body: message.text, attributes: rawAttributes(message) }
          : { authority, body: JSON.stringify(queueBody(subscription.arn, message)) };
    try {
      await destinations.send(subscription.endpoint, delivery);
    } catch (error) {
      if (!(error instanceof DeliveryFailure)) throw error;
      await redrive(subscription, JSON.stringify(queueBody(subscription.arn, message)), error);
    }
  };

  const redrive = async (subscription: Subscription, body: string, failure: DeliveryFailure): Promise<void> => {
    const queueArn = parseObject(subscription.attributes.get('RedrivePolicy') ?? '')?.['deadLetterTargetArn'];
    const reason = `${failure.code}: ${failure.message}`;
    if (typeof queueArn === 'string') {
      try {
        // The queue's policy has to admit SNS for the topic, like for any delivery.
        const authority = { service: 'sns.amazonaws.com', sourceArn: subscription.topicArn };
        await destinations.send(queueArn, { authority, body });
        world.observe({ kind: 'dead-letter', queueArn, reason });
        return;
      } catch (error) {
        if (!(error instanceof DeliveryFailure)) throw error;
      }
    }
    world.observe({ kind: 'lost', from: subscription.topicArn, to: subscription.endpoint, reason });
  };

  const publish = (topic: Topic, draft: Omit<SnsMessage, 'id' | 'at' | 'topicArn'>): string => {
    const message: SnsMessage = { ...draft, id: identifiers.uuid(), at: world.clock.now(), topicArn: topic.arn };
    world.observe({
      kind: 'publish',
      topicArn: topic.arn,
      messageId: message.id,
      message: message.text,
      ...(message.subject !== undefined && { subject: message.subject }),
    });
    for (const subscription of ofTopic(topic)) {
      if (subscription.confirmed && subscription.accepts(message)) {
        void world.activity.track(deliver(subscription, message));
      }
    }
    return message.id;
  };

  destinations.register('sns', (arn, delivery) => {
    const topic = topics.get(arn);
    if (topic === undefined) throw new DeliveryFailure('NO_RESOURCE', `The topic ${arn} does not exist.`);
    if ('service' in delivery.authority) {
      const { service, sourceArn } = delivery.authority;
      const policy = parseObject(topic.attributes.get('Policy') ?? '');
      const request = { service, action: 'sns:Publish', resource: arn, sourceArn, sourceAccount: world.accountId };
      if (!allowsService(policy, request)) {
        throw new DeliveryFailure(
          'NO_PERMISSIONS',
          `The policy of ${arn} does not let ${service} publish for ${sourceArn}.`,
        );
      }
      if (topic.attributes.get('KmsMasterKeyId') === 'alias/aws/sns') {
        throw new DeliveryFailure(
          'NO_PERMISSIONS',
          `${service} cannot use the key alias/aws/sns that encrypts ${arn}.`,
        );
      }
    }
    publish(topic, {
      text: delivery.body,
      subject: delivery.subject,
      attributes: delivery.attributes ?? {},
      byProtocol: {},
    });
  });

  const page = <T>(items: readonly T[], input: JsonObject): { items: readonly T[]; more: JsonObject } => {
    const start = Number(members(input).optionalString('NextToken') ?? '0');
    if (!Number.isInteger(start) || start < 0) throw invalid('NextToken');
    const next = start + PAGE_SIZE;
    return { items: items.slice(start, next), more: next < items.length ? { NextToken: String(next) } : {} };
  };

  const listed = (subscription: Subscription): JsonObject => ({
    SubscriptionArn: subscription.confirmed ? subscription.arn : 'PendingConfirmation',
    Owner: world.accountId,
    Protocol: subscription.protocol,
    Endpoint: subscription.endpoint,
    TopicArn: subscription.topicArn,
  });

  const operations: Readonly<Record<string, Operation>> = {
    CreateTopic(input, call) {
      const name = members(input).string('Name');
      const attributes = stringEntries(input['Attributes']);
      if (name.endsWith('.fifo') || attributes.some(([key, value]) => key === 'FifoTopic' && value === 'true')) {
        throw invalid('FIFO topics are not embedded');
      }
      if (!/^[\w-]{1,256}$/.test(name)) throw invalid('Topic Name');
      const arn = `arn:aws:sns:${call.region}:${world.accountId}:${name}`;
      const topic: Topic = topics.get(arn) ?? {
        arn,
        region: call.region,
        attributes: new Map([['Policy', defaultPolicy(arn, world.accountId)]]),
        tags: new Map(),
      };
      for (const [key, value] of attributes) setTopicAttribute(topic, key, value);
      for (const tag of members(input).objects('Tags')) {
        topic.tags.set(members(tag).string('Key'), members(tag).string('Value'));
      }
      topics.set(arn, topic);
      return { TopicArn: arn };
    },
    DeleteTopic(input) {
      const arn = members(input).string('TopicArn');
      for (const subscription of subscriptions.values()) {
        if (subscription.topicArn === arn) subscriptions.delete(subscription.arn);
      }
      topics.delete(arn);
      return {};
    },
    ListTopics(input, call) {
      const { items, more } = page(
        [...topics.values()].filter((topic) => topic.region === call.region),
        input,
      );
      return { Topics: items.map((topic) => ({ TopicArn: topic.arn })), ...more };
    },
    GetTopicAttributes(input) {
      const topic = topicAt(members(input).string('TopicArn'));
      const confirmed = ofTopic(topic).filter((subscription) => subscription.confirmed).length;
      return {
        Attributes: {
          DisplayName: '',
          ...Object.fromEntries(topic.attributes),
          TopicArn: topic.arn,
          Owner: world.accountId,
          SubscriptionsConfirmed: String(confirmed),
          SubscriptionsPending: String(ofTopic(topic).length - confirmed),
          SubscriptionsDeleted: '0',
        },
      };
    },
    SetTopicAttributes(input) {
      const read = members(input);
      setTopicAttribute(
        topicAt(read.string('TopicArn')),
        read.string('AttributeName'),
        read.optionalString('AttributeValue') ?? '',
      );
      return {};
    },
    ListTagsForResource(input) {
      const topic = topicAt(members(input).string('ResourceArn'));
      return { Tags: [...topic.tags].map(([Key, Value]) => ({ Key, Value })) };
    },
    TagResource(input) {
      const topic = topicAt(members(input).string('ResourceArn'));
      for (const tag of members(input).objects('Tags')) {
        topic.tags.set(members(tag).string('Key'), members(tag).string('Value'));
      }
      return {};
    },
    Subscribe(input) {
      const read = members(input);
      const topic = topicAt(read.string('TopicArn'));
      const protocol = read.string('Protocol');
      const endpoint = read.optionalString('Endpoint') ?? '';
      if (!PROTOCOLS.has(protocol)) throw invalid(`Amazon SNS does not support protocol ${protocol} here`);
      const confirmed = DELIVERED_PROTOCOLS.has(protocol);
      if (endpoint === '' || (confirmed && !endpoint.startsWith(`arn:aws:${protocol}:`))) {
        throw invalid(`${protocol} endpoint ARN`);
      }
      const existing = ofTopic(topic).find(
        (subscription) => subscription.protocol === protocol && subscription.endpoint === endpoint,
      );
      const attributes = stringEntries(input['Attributes']);
      if (existing !== undefined && attributes.some(([name, value]) => existing.attributes.get(name) !== value)) {
        throw invalid('Attributes Reason: Subscription already exists with different attributes');
      }
      const subscription: Subscription = existing ?? {
        arn: `${topic.arn}:${identifiers.uuid()}`,
        topicArn: topic.arn,
        protocol,
        endpoint,
        confirmed,
        attributes: new Map(),
        accepts: () => true,
      };
      if (existing === undefined) {
        // The scope decides how the filter policy is read, so it goes first.
        const inOrder = attributes.sort(([name]) => (name === 'FilterPolicyScope' ? -1 : 1));
        for (const [name, value] of inOrder) setSubscriptionAttribute(subscription, name, value);
        subscriptions.set(subscription.arn, subscription);
      }
      const arn =
        confirmed || read.optionalBoolean('ReturnSubscriptionArn') ? subscription.arn : 'pending confirmation';
      return { SubscriptionArn: arn };
    },
    Unsubscribe(input) {
      subscriptions.delete(members(input).string('SubscriptionArn'));
      return {};
    },
    ListSubscriptions(input, call) {
      const here = [...subscriptions.values()].filter((each) => each.topicArn.split(':')[3] === call.region);
      const { items, more } = page(here, input);
      return { Subscriptions: items.map(listed), ...more };
    },
    ListSubscriptionsByTopic(input) {
      const { items, more } = page(ofTopic(topicAt(members(input).string('TopicArn'))), input);
      return { Subscriptions: items.map(listed), ...more };
    },
    GetSubscriptionAttributes(input) {
      const subscription = subscriptionAt(members(input).string('SubscriptionArn'));
      return {
        Attributes: {
          RawMessageDelivery: 'false',
          ...Object.fromEntries(subscription.attributes),
          SubscriptionArn: subscription.arn,
          TopicArn: subscription.topicArn,
          Protocol: subscription.protocol,
          Endpoint: subscription.endpoint,
          Owner: world.accountId,
          PendingConfirmation: String(!subscription.confirmed),
          ConfirmationWasAuthenticated: String(subscription.confirmed),
        },
      };
    },
    SetSubscriptionAttributes(input) {
      const read = members(input);
      setSubscriptionAttribute(
        subscriptionAt(read.string('SubscriptionArn')),
        read.string('AttributeName'),
        read.optionalString('AttributeValue') ?? '',
      );
      return {};
    },
    Publish(input, call) {
      const read = members(input);
      if (read.optionalString('PhoneNumber') !== undefined) throw invalid('PhoneNumber: SMS is not embedded');
      const topic = ownTopic(read.optionalString('TopicArn') ?? read.string('TargetArn'), call);
      return { MessageId: publish(topic, readMessage(input)) };
    },
    PublishBatch(input, call) {
      const read = members(input);
      const topic = ownTopic(read.string('TopicArn'), call);
      const entries = read.objects('PublishBatchRequestEntries');
      if (entries.length === 0)
        throw new AwsFault('EmptyBatchRequest', "The batch request doesn't contain any entries.");
      if (entries.length > 10) {
        throw new AwsFault('TooManyEntriesInBatchRequest', 'The batch request contains more entries than permissible.');
      }
      const ids = entries.map((entry) => members(entry).string('Id'));
      if (new Set(ids).size < ids.length) {
        throw new AwsFault('BatchEntryIdsNotDistinct', 'Two or more batch entries in the request have the same Id.');
      }
      const Successful: JsonObject[] = [];
      const Failed: JsonObject[] = [];
      for (const [index, entry] of entries.entries()) {
        const Id = ids[index] ?? '';
        try {
          Successful.push({ Id, MessageId: publish(topic, readMessage(entry)) });
        } catch (error) {
          if (!(error instanceof AwsFault)) throw error;
          Failed.push({ Id, Code: error.code, Message: error.message, SenderFault: true });
        }
      }
      return { Successful, Failed };
    },
  };

  const ownTopic = (arn: string, call: Call): Topic => {
    if (arn.split(':')[3] !== call.region) throw invalid('TopicArn');
    return topicAt(arn);
  };

  return {
    signingName: 'sns',
    protocol: {
      kind: 'query',
      xmlNamespace: 'http://sns.amazonaws.com/doc/2010-03-31/',
      version: '2010-03-31',
      mapMembers: ['Attributes'],
    },
    operations,
  };
}

function stringEntries(value: JsonObject[string]): [string, string][] {
  return Object.entries(isObject(value) ? value : {}).map(([name, item]) => [name, String(item)]);
}
