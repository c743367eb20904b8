import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type Clock, epochMs } from '../../domain/clock.ts';
import type { Outbox, OutboxMessage, Waiting } from '../../domain/outbox.ts';
import { asking } from '../asking.ts';
import { isNewer, putItem, unlessNewer } from './item-schema.ts';

/** The sparse index that holds only what is not sent yet, oldest first; each kind of message under a mark of its own. */
export const OUTBOX_INDEX = 'outbox';

/** Longer than a publish takes with all its retries; a sender that is gone by then has crashed. */
const CLAIM_MS = 60_000;

/** One kind of message in the table. */
export interface OutboxKind<Message extends OutboxMessage> {
  /** The partition is `<prefix>#<id>`. */
  readonly prefix: string;
  readonly sort: string;
  /** Value of the attribute `outbox` until it is sent. */
  readonly mark: string;
  /** Name of the attribute that holds the message. */
  readonly attribute: string;
  readonly serialise: (message: Message) => string;
  /** Undefined for what this version does not write. */
  readonly parse: (document: string) => Message | undefined | Promise<Message | undefined>;
}

/** Messages in the governor's table, one item each, kept for good: an occasion that is on record is never told again. */
export function outboxTable<Message extends OutboxMessage>(
  client: DynamoDBClient,
  table: string,
  clock: Clock,
  kind: OutboxKind<Message>,
): Outbox<Message> {
  const { prefix, sort, mark, attribute } = kind;
  const keyOf = (id: string) => ({ pk: { S: `${prefix}#${id}` }, sk: { S: sort } });
  const has = async (id: string): Promise<boolean> =>
    await asking(`looking for ${prefix} ${id}`, async () => {
      const known = await client.send(
        new GetItemCommand({ TableName: table, Key: keyOf(id), ConsistentRead: true, ProjectionExpression: 'pk' }),
      );
      return known.Item !== undefined;
    });
  let hasNews = false;
  return {
    has,

    get hasNews() {
      return hasNews;
    },

    async enter(message) {
      // Also where it is not known what became of it.
      hasNews = true;
      await putItem(client, {
        kind: 'message',
        doing: `entering ${prefix} ${message.id}`,
        table,
        item: {
          ...keyOf(message.id),
          [attribute]: { S: kind.serialise(message) },
          outbox: { S: mark },
          enteredAt: { N: String(clock.now()) },
        },
        condition: { ConditionExpression: 'attribute_not_exists(pk)' },
      });
    },

    async unsent() {
      // Before it is read: what is entered meanwhile may be missed.
      const hadNews = hasNews;
      hasNews = false;
      return await asking(`reading the outbox ${mark}`, async () => {
        const waiting: Waiting<Message>[] = [];
        const unreadable: string[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            IndexName: OUTBOX_INDEX,
            KeyConditionExpression: 'outbox = :mark',
            ExpressionAttributeValues: { ':mark': { S: mark } },
          },
        );
        for await (const page of pages)
          for (const item of page.Items ?? []) {
            // It waits for the version that has entered it.
            const message = isNewer('message', item) ? undefined : await kind.parse(item[attribute]?.S ?? '');
            const enteredAt = epochMs(Number(item['enteredAt']?.N ?? 0));
            if (message === undefined) unreadable.push(item['pk']?.S?.slice(prefix.length + 1) ?? '');
            else waiting.push({ message, enteredAt });
          }
        return { waiting, unreadable };
      }).catch((error: unknown) => {
        hasNews ||= hadNews;
        throw error;
      });
    },

    async claim(id) {
      return await asking(`claiming ${prefix} ${id}`, async () => {
        const now = clock.now();
        try {
          await client.send(
            new UpdateItemCommand({
              TableName: table,
              Key: keyOf(id),
              UpdateExpression: 'SET claimedUntil = :until',
              ...unlessNewer('message', {
                ConditionExpression: 'outbox = :mark AND (attribute_not_exists(claimedUntil) OR claimedUntil < :now)',
                ExpressionAttributeValues: {
                  ':until': { N: String(now + CLAIM_MS) },
                  ':now': { N: String(now) },
                  ':mark': { S: mark },
                },
              }),
            }),
          );
          return true;
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return false;
          throw error;
        }
      });
    },

    async markSent(id) {
      await asking(`marking ${prefix} ${id} as sent`, () =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: keyOf(id),
            UpdateExpression: 'REMOVE outbox, claimedUntil',
            ...unlessNewer('message', { ConditionExpression: 'attribute_exists(pk)' }),
          }),
        ),
      );
    },
  };
}
