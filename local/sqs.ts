import { DeliveryFailure, type Destinations, type MessageAttribute } from './destinations.ts';
import type { Identifiers } from './identifiers.ts';
import { type Members, membersOf, parseObject } from './members.ts';
import { allowsService } from './resource-policy.ts';
import { AwsFault, type Call, type JsonObject, type Operation, type Service, type World } from './service.ts';
import { inBatches } from './sqs/batches.ts';
import { md5, md5OfAttributes, messageAttributesOf, type ReceivedMessage, wireMessage } from './sqs/message.ts';
import { messageMoves } from './sqs/message-moves.ts';
import {
  attributesOf,
  DEFAULTS,
  MESSAGE_LIMIT_BYTES,
  redriveOf,
  SETTABLE,
  stringEntries,
  unknownAttribute,
} from './sqs/queue-attributes.ts';

export interface QueueCounts {
  readonly arn: string;
  readonly name: string;
  readonly visible: number;
  readonly notVisible: number;
  /** How long the oldest message has been there; 0 where there is none. */
  readonly oldestMs: number;
}

/** What other services of the embedded AWS do with queues, besides delivering to them. */
export interface Queues {
  readonly service: Service;
  /** @throws {AwsFault} if there is no such queue */
  receive(queueArn: string, max: number): ReceivedMessage[];
  delete(queueArn: string, receiptHandle: string): void;
  /** How many messages every queue holds now. */
  counts(): readonly QueueCounts[];
  /** Calls back whenever a message of the queue becomes visible. Returns a function that ends it. */
  onVisible(queueArn: string, callback: () => void): () => void;
}

type Message = {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  readonly senderId: string;
  readonly sentAt: number;
  visibleAt: number;
  receiveCount: number;
  firstReceivedAt: number | undefined;
  receiptHandle: string | undefined;
  /** The queue out of which it was driven into this one, its dead-letter queue. */
  originArn?: string;
};

type Queue = {
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  readonly createdAt: number;
  changedAt: number;
  attributes: Map<string, string>;
  tags: Map<string, string>;
  messages: Message[];
  readonly watchers: Set<() => void>;
};

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterValue', message);
const noQueue = (): AwsFault => new AwsFault('QueueDoesNotExist', 'The specified queue does not exist.');
const members = (input: JsonObject): Members =>
  membersOf(input, (message) => new AwsFault('MissingParameter', message));

/**
 * Amazon SQS, standard queues only: FIFO queues are refused. Time (visibility, delay, retention) is the virtual clock's.
 * Messages are received in the order of sending. A queue's policy is honoured for AWS services that deliver to it.
 */
export function createQueues(world: World, destinations: Destinations, identifiers: Identifiers): Queues {
  const queues = new Map<string, Queue>();

  const arnOf = (region: string, name: string): string => `arn:aws:sqs:${region}:${world.accountId}:${name}`;
  const urlOf = (queue: Queue): string => `${world.endpoint()}/${world.accountId}/${queue.name}`;
  const queueAt = (input: JsonObject, call: Call): Queue => {
    const name = members(input).string('QueueUrl').split('/').at(-1) ?? '';
    const queue = queues.get(arnOf(call.region, name));
    if (queue === undefined) throw noQueue();
    return queue;
  };
  const setting = (queue: Queue, name: string): number => Number(queue.attributes.get(name) ?? DEFAULTS[name]);

  const announce = (queue: Queue, at: number): void => {
    const tell = (): void => {
      for (const watcher of queue.watchers) watcher();
    };
    if (at <= world.clock.now()) tell();
    else world.clock.at(at, tell);
  };

  const enqueue = (
    queue: Queue,
    message: Omit<Message, 'id' | 'sentAt' | 'receiveCount' | 'firstReceivedAt' | 'receiptHandle'>,
  ): Message => {
    const size =
      Buffer.byteLength(message.body) +
      Object.entries(message.attributes).reduce(
        (sum, [name, value]) =>
          sum + Buffer.byteLength(name + value.DataType + (value.StringValue ?? '') + (value.BinaryValue ?? '')),
        0,
      );
    if (message.body === '')
      throw new AwsFault('MissingParameter', 'The request must contain the parameter MessageBody.');
    if (size > setting(queue, 'MaximumMessageSize')) {
      throw invalid(
        `One or more parameters are invalid. Reason: Message must be shorter than ${setting(queue, 'MaximumMessageSize')} bytes.`,
      );
    }
    const stored: Message = {
      ...message,
      id: identifiers.uuid(),
      sentAt: world.clock.now(),
      receiveCount: 0,
      firstReceivedAt: undefined,
      receiptHandle: undefined,
    };
    queue.messages.push(stored);
    announce(queue, stored.visibleAt);
    return stored;
  };

  const receiveFrom = (queue: Queue, max: number, visibilityTimeoutSeconds: number): ReceivedMessage[] => {
    const now = world.clock.now();
    const oldest = now - setting(queue, 'MessageRetentionPeriod') * 1000;
    queue.messages = queue.messages.filter((message) => message.sentAt > oldest);
    const redrive = redriveOf(queue.attributes.get('RedrivePolicy'));
    const taken: ReceivedMessage[] = [];
    for (const message of [...queue.messages]) {
      if (taken.length === max) break;
      if (message.visibleAt > now) continue;
      const deadLetterQueue = redrive === undefined ? undefined : queues.get(redrive.deadLetterTargetArn);
      if (redrive !== undefined && deadLetterQueue !== undefined && message.receiveCount >= redrive.maxReceiveCount) {
        queue.messages.splice(queue.messages.indexOf(message), 1);
        deadLetterQueue.messages.push({
          ...message,
          receiveCount: 0,
          firstReceivedAt: undefined,
          receiptHandle: undefined,
          originArn: queue.arn,
        });
        world.observe({ kind: 'dead-letter', queueArn: deadLetterQueue.arn, reason: 'maxReceiveCount' });
        announce(deadLetterQueue, now);
        continue;
      }
      message.receiveCount++;
      message.firstReceivedAt ??= now;
      message.visibleAt = now + visibilityTimeoutSeconds * 1000;
      message.receiptHandle = identifiers.alphanumeric(32);
      announce(queue, message.visibleAt);
      taken.push({
        messageId: message.id,
        receiptHandle: message.receiptHandle,
        body: message.body,
        md5OfBody: md5(message.body),
        messageAttributes: message.attributes,
        attributes: {
          SenderId: message.senderId,
          SentTimestamp: String(message.sentAt),
          ApproximateReceiveCount: String(message.receiveCount),
          ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
          ...(message.originArn === undefined ? {} : { DeadLetterQueueSourceArn: message.originArn }),
        },
      });
    }
    return taken;
  };

  const remove = (queue: Queue, receiptHandle: string): void => {
    queue.messages = queue.messages.filter((message) => message.receiptHandle !== receiptHandle);
  };

  destinations.register('sqs', (arn, delivery) => {
    const queue = queues.get(arn);
    if (queue === undefined) throw new DeliveryFailure('NO_RESOURCE', `The queue ${arn} does not exist.`);
    if (
      'service' in delivery.authority &&
      !allowsService(parseObject(queue.attributes.get('Policy') ?? ''), {
        service: delivery.authority.service,
        action: 'sqs:SendMessage',
        resource: arn,
        sourceArn: delivery.authority.sourceArn,
        sourceAccount: world.accountId,
      })
    ) {
      throw new DeliveryFailure(
        'NO_PERMISSIONS',
        `The policy of ${arn} does not let ${delivery.authority.service} send messages for ${delivery.authority.sourceArn}.`,
      );
    }
    const senderId = 'service' in delivery.authority ? delivery.authority.service : delivery.authority.roleArn;
    const visibleAt = world.clock.now() + setting(queue, 'DelaySeconds') * 1000;
    enqueue(queue, { body: delivery.body, attributes: delivery.attributes ?? {}, senderId, visibleAt });
  });

  const sendMessage = (input: JsonObject, call: Call): JsonObject => {
    const queue = queueAt(input, call);
    const read = members(input);
    const delay = read.optionalNumber('DelaySeconds') ?? setting(queue, 'DelaySeconds');
    if (delay < 0 || delay > 900)
      throw invalid(
        `Value ${delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`,
      );
    const message = enqueue(queue, {
      body: read.string('MessageBody'),
      attributes: messageAttributesOf(input['MessageAttributes']),
      senderId: call.principal.userId,
      visibleAt: world.clock.now() + delay * 1000,
    });
    return {
      MessageId: message.id,
      MD5OfMessageBody: md5(message.body),
      ...(Object.keys(message.attributes).length > 0 && {
        MD5OfMessageAttributes: md5OfAttributes(message.attributes),
      }),
    };
  };

  const deleteMessage = (input: JsonObject, call: Call): JsonObject => {
    remove(queueAt(input, call), members(input).string('ReceiptHandle'));
    return {};
  };

  const operations: Readonly<Record<string, Operation>> = {
    ...messageMoves<Message, Queue>({
      queues,
      now: () => world.clock.now(),
      newHandle: () => identifiers.alphanumeric(32),
      originOf: ({ originArn }) => originArn,
      put(queue, { originArn: _, ...message }) {
        // "Redriven messages are considered new messages with a new messageID and enqueueTime" [SQS developer guide].
        enqueue(queue, { ...message, visibleAt: world.clock.now() });
      },
    }),
    ListDeadLetterSourceQueues(input, call) {
      const { arn } = queueAt(input, call);
      const sources = [...queues.values()].filter(
        ({ attributes }) => redriveOf(attributes.get('RedrivePolicy'))?.deadLetterTargetArn === arn,
      );
      return { queueUrls: sources.map(urlOf) };
    },
    CreateQueue(input, call) {
      const name = members(input).string('QueueName');
      if (name.endsWith('.fifo')) throw new AwsFault('UnsupportedOperation', 'FIFO queues are not embedded.');
      if (!/^[\w-]{1,80}$/.test(name)) {
        throw invalid('Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length');
      }
      const attributes = attributesOf(input);
      const arn = arnOf(call.region, name);
      const existing = queues.get(arn);
      if (existing !== undefined) {
        for (const [key, value] of attributes) {
          if ((existing.attributes.get(key) ?? DEFAULTS[key]) === value) continue;
          throw new AwsFault(
            'QueueNameExists',
            `A queue already exists with the same name and a different value for attribute ${key}`,
          );
        }
        return { QueueUrl: urlOf(existing) };
      }
      const now = world.clock.now();
      const queue: Queue = {
        name,
        arn,
        region: call.region,
        createdAt: now,
        changedAt: now,
        attributes,
        tags: new Map(stringEntries(input['tags'])),
        messages: [],
        watchers: new Set(),
      };
      queues.set(arn, queue);
      return { QueueUrl: urlOf(queue) };
    },
    DeleteQueue(input, call) {
      queues.delete(queueAt(input, call).arn);
      return {};
    },
    GetQueueUrl(input, call) {
      const queue = queues.get(arnOf(call.region, members(input).string('QueueName')));
      if (queue === undefined) throw noQueue();
      return { QueueUrl: urlOf(queue) };
    },
    ListQueues(input, call) {
      const prefix = members(input).optionalString('QueueNamePrefix') ?? '';
      const urls = [...queues.values()]
        .filter((queue) => queue.region === call.region && queue.name.startsWith(prefix))
        .map(urlOf);
      return urls.length === 0 ? {} : { QueueUrls: urls };
    },
    GetQueueAttributes(input, call) {
      const queue = queueAt(input, call);
      const now = world.clock.now();
      const received = (message: Message): boolean => message.visibleAt > now && message.receiveCount > 0;
      const all: Record<string, string> = {
        ...DEFAULTS,
        ...Object.fromEntries(queue.attributes),
        QueueArn: queue.arn,
        CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
        LastModifiedTimestamp: String(Math.floor(queue.changedAt / 1000)),
        ApproximateNumberOfMessages: String(queue.messages.filter((message) => message.visibleAt <= now).length),
        ApproximateNumberOfMessagesNotVisible: String(queue.messages.filter(received).length),
        ApproximateNumberOfMessagesDelayed: String(
          queue.messages.filter((message) => message.visibleAt > now && !received(message)).length,
        ),
      };
      const asked = members(input).strings('AttributeNames');
      const unknown = asked.find((name) => name !== 'All' && !(name in all) && !(name in SETTABLE));
      if (unknown !== undefined) throw unknownAttribute(unknown);
      const chosen = Object.entries(all).filter(([name]) => asked.includes('All') || asked.includes(name));
      return chosen.length === 0 ? {} : { Attributes: Object.fromEntries(chosen) };
    },
    SetQueueAttributes(input, call) {
      const queue = queueAt(input, call);
      for (const [name, value] of attributesOf(input)) {
        if (value === '') queue.attributes.delete(name);
        else queue.attributes.set(name, value);
      }
      queue.changedAt = world.clock.now();
      return {};
    },
    TagQueue(input, call) {
      const queue = queueAt(input, call);
      for (const [name, value] of stringEntries(input['Tags'])) queue.tags.set(name, value);
      return {};
    },
    ListQueueTags: (input, call) => ({ Tags: Object.fromEntries(queueAt(input, call).tags) }),
    SendMessage: sendMessage,
    SendMessageBatch: inBatches(sendMessage, { bytes: MESSAGE_LIMIT_BYTES, sizeOf }),
    async ReceiveMessage(input, call) {
      const queue = queueAt(input, call);
      const read = members(input);
      const max = read.optionalNumber('MaxNumberOfMessages') ?? 1;
      if (max < 1 || max > 10) {
        throw invalid(
          `Value ${max} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.`,
        );
      }
      const visibility = read.optionalNumber('VisibilityTimeout') ?? setting(queue, 'VisibilityTimeout');
      const wait = read.optionalNumber('WaitTimeSeconds') ?? setting(queue, 'ReceiveMessageWaitTimeSeconds');
      if (wait < 0 || wait > 20) {
        throw invalid(
          `Value ${wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.`,
        );
      }
      let received = receiveFrom(queue, max, visibility);
      if (received.length === 0 && wait > 0) {
        await becomesVisible(queue, wait * 1000);
        received = receiveFrom(queue, max, visibility);
      }
      const systemNames = [...read.strings('AttributeNames'), ...read.strings('MessageSystemAttributeNames')];
      const attributeNames = read.strings('MessageAttributeNames');
      return received.length === 0
        ? {}
        : { Messages: received.map((message) => wireMessage(message, systemNames, attributeNames)) };
    },
    DeleteMessage: deleteMessage,
    DeleteMessageBatch: inBatches(deleteMessage),
    ChangeMessageVisibility(input, call) {
      const queue = queueAt(input, call);
      const read = members(input);
      const handle = read.string('ReceiptHandle');
      const message = queue.messages.find((candidate) => candidate.receiptHandle === handle);
      if (message === undefined) throw new AwsFault('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
      message.visibleAt = world.clock.now() + (read.optionalNumber('VisibilityTimeout') ?? 0) * 1000;
      announce(queue, message.visibleAt);
      return {};
    },
    PurgeQueue(input, call) {
      queueAt(input, call).messages = [];
      return {};
    },
  };

  const becomesVisible = (queue: Queue, waitMs: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        queue.watchers.delete(done);
        cancel();
        resolve();
      };
      const cancel = world.clock.at(world.clock.now() + waitMs, done);
      queue.watchers.add(done);
    });

  const queueByArn = (arn: string): Queue => {
    const queue = queues.get(arn);
    if (queue === undefined) throw noQueue();
    return queue;
  };

  return {
    service: { signingName: 'sqs', protocol: { kind: 'json', targetPrefix: 'AmazonSQS', version: '1.0' }, operations },
    counts() {
      const now = world.clock.now();
      return [...queues.values()].map(({ arn, name, messages }) => {
        const visible = messages.filter(({ visibleAt }) => visibleAt <= now).length;
        const oldestMs = messages.reduce((oldest, { sentAt }) => Math.max(oldest, now - sentAt), 0);
        return { arn, name, visible, notVisible: messages.length - visible, oldestMs };
      });
    },
    receive(queueArn, max) {
      const queue = queueByArn(queueArn);
      return receiveFrom(queue, max, setting(queue, 'VisibilityTimeout'));
    },
    delete(queueArn, receiptHandle) {
      remove(queueByArn(queueArn), receiptHandle);
    },
    onVisible(queueArn, callback) {
      const queue = queueByArn(queueArn);
      queue.watchers.add(callback);
      return () => queue.watchers.delete(callback);
    },
  };
}

/** Of an entry of a batch, as far as it is text. */
const sizeOf = ({ MessageBody }: JsonObject): number =>
  typeof MessageBody === 'string' ? Buffer.byteLength(MessageBody) : 0;
