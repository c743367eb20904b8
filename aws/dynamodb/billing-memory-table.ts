import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { BillingMemories } from '../../domain/budgets/billing-memory.ts';
import type { UtcDay } from '../../domain/budgets/drift.ts';
import type { Clock } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer, unlessNewer } from './item-schema.ts';

const MEMORY = { pk: { S: 'BILLING' }, sk: { S: 'MEMORY' } };
const CLAIM = { pk: { S: 'BILLING' }, sk: { S: 'CLAIM' } };

const Stored = z.object({
  said: z.object({ L: z.array(z.object({ S: z.string() })) }),
  comparedUntil: z.object({ S: z.string().regex(/^\d{4}-\d{2}-\d{2}$/) }).optional(),
});

/**
 * What the daily look at billing remembers, in the governor's table: one item, and another while a run has it.
 *
 * @param newToken names a run, so that none releases what another has
 */
export function billingMemoryTable(
  client: DynamoDBClient,
  table: string,
  { clock, newToken }: { readonly clock: Clock; readonly newToken: () => string },
): BillingMemories {
  let held: string | undefined;
  return {
    async read() {
      const { Item: item } = await asking('reading what billing remembers', () =>
        client.send(new GetItemCommand({ TableName: table, Key: MEMORY, ConsistentRead: true })),
      );
      if (item === undefined) return { said: [] };
      refuseNewer('billing', 'reading what billing remembers', item);
      const stored = Stored.safeParse(item);
      if (!stored.success)
        throw new Fault('BillingMemoryUnreadable', {
          doing: 'reading what billing remembers',
          problem: z.prettifyError(stored.error),
          next: 'Delete the item BILLING/MEMORY; what it said is said once more.',
        });
      const { said, comparedUntil } = stored.data;
      return {
        said: said.L.map(({ S }) => S),
        ...(comparedUntil === undefined ? {} : { comparedUntil: comparedUntil.S as UtcDay }),
      };
    },

    async keep({ said, comparedUntil }) {
      const item = {
        ...MEMORY,
        said: { L: said.map((each) => ({ S: each })) },
        ...(comparedUntil === undefined ? {} : { comparedUntil: { S: comparedUntil } }),
      };
      await putItem(client, { kind: 'billing', doing: 'keeping what billing remembers', table, item });
    },

    async claim(forMs) {
      const token = newToken();
      const now = clock.now();
      const isClaimed = await putItem(client, {
        kind: 'billing',
        doing: 'claiming billing for this run',
        table,
        item: { ...CLAIM, token: { S: token }, until: { N: String(now + Math.ceil(forMs)) } },
        condition: {
          ConditionExpression: 'attribute_not_exists(pk) OR #until <= :now OR #token = :token',
          ExpressionAttributeNames: { '#until': 'until', '#token': 'token' },
          ExpressionAttributeValues: { ':now': { N: String(now) }, ':token': { S: token } },
        },
      });
      if (isClaimed) held = token;
      return isClaimed;
    },

    async release() {
      if (held === undefined) return;
      const token = held;
      held = undefined;
      await asking('releasing billing', async () => {
        try {
          await client.send(
            new DeleteItemCommand({
              TableName: table,
              Key: CLAIM,
              ...unlessNewer('billing', {
                ConditionExpression: '#token = :token',
                ExpressionAttributeNames: { '#token': 'token' },
                ExpressionAttributeValues: { ':token': { S: token } },
              }),
            }),
          );
        } catch (error) {
          // It has run out, and another run has it now.
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }
      });
    },
  };
}
