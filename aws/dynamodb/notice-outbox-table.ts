import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import type { Notice, NoticeId, NoticeOutbox } from '../../domain/standing/notice.ts';
import { asking } from '../asking.ts';

/** The sparse index that holds only notices not sent yet, oldest first. */
export const OUTBOX_INDEX = 'outbox';

/** Longer than a publish takes with all its retries; a sender that is gone by then has crashed. */
const CLAIM_MS = 60_000;

const Stored = z.object({
  id: z.string().transform((id) => id as NoticeId),
  kind: z.enum([
    'threshold-crossed',
    'tenant-throttled',
    'tenant-closed',
    'tenant-reopened',
    'profile-violating',
    'profile-quarantined',
    'profile-released',
    'profile-mismatched',
    'tag-conflict',
    'billing-needs-payer',
    'drift-detected',
  ]),
  severity: z.enum(['info', 'warning', 'critical']),
  tenant: z.string().exactOptional(),
  budget: z.string().exactOptional(),
  subject: z.string(),
  text: z.string(),
});

const StoredText = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'not JSON' });
      return z.NEVER;
    }
  })
  .pipe(Stored);

/** Notices in the governor's table, one item each, kept for good: an occasion that is on record is never told again. */
export function noticeOutboxTable(client: DynamoDBClient, table: string, clock: Clock): NoticeOutbox {
  const keyOf = (id: NoticeId) => ({ pk: { S: `NOTICE#${id}` }, sk: { S: 'NOTICE' } });
  return {
    async enter(notice) {
      await asking(`entering notice ${notice.id}`, async () => {
        // A read costs a tenth of a refused write, and most notices that come here are on record already.
        const known = await client.send(
          new GetItemCommand({
            TableName: table,
            Key: keyOf(notice.id),
            ConsistentRead: true,
            ProjectionExpression: 'pk',
          }),
        );
        if (known.Item !== undefined) return;
        try {
          await client.send(
            new PutItemCommand({
              TableName: table,
              Item: {
                ...keyOf(notice.id),
                notice: { S: JSON.stringify(notice) },
                outbox: { S: 'unsent' },
                enteredAt: { N: String(clock.now()) },
              },
              ConditionExpression: 'attribute_not_exists(pk)',
            }),
          );
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }
      });
    },

    async unsent() {
      return await asking('reading the notice outbox', async () => {
        const notices: Notice[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            IndexName: OUTBOX_INDEX,
            KeyConditionExpression: 'outbox = :unsent',
            ExpressionAttributeValues: { ':unsent': { S: 'unsent' } },
          },
        );
        for await (const page of pages)
          for (const item of page.Items ?? []) notices.push(noticeOf(item['notice']?.S ?? ''));
        return notices;
      });
    },

    async claim(id) {
      return await asking(`claiming notice ${id}`, async () => {
        const now = clock.now();
        try {
          await client.send(
            new UpdateItemCommand({
              TableName: table,
              Key: keyOf(id),
              UpdateExpression: 'SET claimedUntil = :until',
              ConditionExpression: 'outbox = :unsent AND (attribute_not_exists(claimedUntil) OR claimedUntil < :now)',
              ExpressionAttributeValues: {
                ':until': { N: String(now + CLAIM_MS) },
                ':now': { N: String(now) },
                ':unsent': { S: 'unsent' },
              },
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
      await asking(`marking notice ${id} as sent`, () =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: keyOf(id),
            UpdateExpression: 'REMOVE outbox, claimedUntil',
            ConditionExpression: 'attribute_exists(pk)',
          }),
        ),
      );
    },
  };
}

function noticeOf(json: string): Notice {
  const stored = StoredText.safeParse(json);
  if (stored.success) return stored.data;
  throw new Fault('NoticeUnreadable', {
    doing: 'reading the notice outbox',
    problem: z.prettifyError(stored.error),
    next: 'Delete the item; its notice was written by another version.',
  });
}
