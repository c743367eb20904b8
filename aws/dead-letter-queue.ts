import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import type { DeadLetter } from '../domain/redrive/dead-letter.ts';
import type { DeadLetters } from '../domain/redrive/redrive.ts';
import { asking } from './asking.ts';

/** Longer than it takes to read a large queue and to call the functions. */
const INVISIBLE_S = 600;
/** SQS API reference, ReceiveMessage. */
const MAX_MESSAGES = 10;

/**
 * The stack's queue of this name in the client's Region.
 *
 * @param region named in faults, where several Regions have such a queue
 */
export function deadLetterQueue(client: SQSClient, queueName: string, region?: string): DeadLetters {
  const told = region === undefined ? queueName : `${queueName} in ${region}`;
  const receipts = new Map<string, string>();
  let url: Promise<string> | undefined;
  const queueUrl = async (): Promise<string> => {
    url ??= asking(`looking up the queue ${told}`, async () => {
      const { QueueUrl = '' } = await client.send(new GetQueueUrlCommand({ QueueName: queueName }));
      return QueueUrl;
    });
    return await url;
  };
  const handleOf = ({ id }: DeadLetter): string => receipts.get(id) ?? '';
  return {
    async isThere() {
      try {
        await queueUrl();
        return true;
      } catch (error) {
        if (error instanceof Fault && error.cause instanceof QueueDoesNotExist) return false;
        throw error;
      }
    },
    async receive() {
      const QueueUrl = await queueUrl();
      const { Messages = [] } = await asking(`reading the queue ${told}`, () =>
        client.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: MAX_MESSAGES,
            VisibilityTimeout: INVISIBLE_S,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['SentTimestamp'],
          }),
        ),
      );
      return Messages.flatMap(({ MessageId, ReceiptHandle, Body, Attributes, MessageAttributes }): DeadLetter[] => {
        if (MessageId === undefined || ReceiptHandle === undefined) return [];
        receipts.set(MessageId, ReceiptHandle);
        const attributes = Object.entries(MessageAttributes ?? {}).map(([name, { StringValue }]) => [
          name,
          StringValue ?? '',
        ]);
        const sentAt = epochMs(Number(Attributes?.['SentTimestamp'] ?? 0));
        return [{ id: MessageId, body: Body ?? '', attributes: Object.fromEntries(attributes), sentAt }];
      });
    },
    async count() {
      const QueueUrl = await queueUrl();
      const { Attributes } = await asking(`counting what is in the queue ${told}`, () =>
        client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] })),
      );
      return Number(Attributes?.['ApproximateNumberOfMessages'] ?? 0);
    },
    async remove(letter) {
      const QueueUrl = await queueUrl();
      await asking(`removing a letter from the queue ${told}`, () =>
        client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: handleOf(letter) })),
      );
    },
    async release(letter) {
      const QueueUrl = await queueUrl();
      await asking(`giving a letter back to the queue ${told}`, () =>
        client.send(
          new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle: handleOf(letter), VisibilityTimeout: 0 }),
        ),
      );
    },
  };
}
