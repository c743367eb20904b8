import { type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { SIGNAL_KINDS, type Signal, type SignalId, type Signals } from '../../domain/standing/signal.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const Stored = z.lazy(() =>
  z.object({
    id: z.string().transform((id) => id as SignalId),
    kind: z.enum(SIGNAL_KINDS),
    budget: z.string().transform((id) => id as BudgetId),
    because: z.string(),
    seenAt: z.number().transform(epochMs),
    until: z.number().transform(epochMs),
  }),
);

/** What AWS's watchers have seen, in the governor's table: a few items for each budget, kept as a record. */
export function signalsTable(client: DynamoDBClient, table: string): Signals {
  return {
    async keep(signal) {
      await putItem(client, {
        kind: 'signal',
        doing: `keeping signal ${signal.id}`,
        table,
        item: {
          pk: { S: `SIGNALS#${signal.budget}` },
          sk: { S: signal.id },
          seenAt: { N: String(signal.seenAt) },
          until: { N: String(signal.until) },
          signal: { S: JSON.stringify(signal) },
        },
        // Of two that ask AWS at once, the one with the older answer may come last.
        condition: {
          ConditionExpression: 'attribute_not_exists(seenAt) OR seenAt <= :seenAt',
          ExpressionAttributeValues: { ':seenAt': { N: String(signal.seenAt) } },
        },
      });
    },

    async lasting(budget, now) {
      return await asking(`reading the signals about ${budget}`, async () => {
        const lasting: Signal[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            KeyConditionExpression: 'pk = :signals',
            FilterExpression: '#until > :now',
            ExpressionAttributeNames: { '#until': 'until' },
            ExpressionAttributeValues: { ':signals': { S: `SIGNALS#${budget}` }, ':now': { N: String(now) } },
            ConsistentRead: true,
          },
        );
        for await (const page of pages)
          for (const item of page.Items ?? []) {
            refuseNewer('signal', `reading the signals about ${budget}`, item);
            lasting.push(signalOf(budget, item['signal']?.S ?? ''));
          }
        return lasting;
      });
    },
  };
}

function signalOf(budget: BudgetId, json: string): Signal {
  const stored = Stored.safeParse(parsed(json));
  if (stored.success) return stored.data;
  throw new Fault('SignalUnreadable', {
    doing: `reading the signals about ${budget}`,
    problem: z.prettifyError(stored.error),
    next: 'Run a version of the governor that knows its shape, or delete the item.',
  });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
