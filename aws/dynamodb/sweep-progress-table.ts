import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import type { SweepProgress } from '../../domain/profiles/sweep-progress.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const KEY = { pk: { S: 'SWEEP' }, sk: { S: 'CURSOR' } };

/** How far the last sweep came, in the governor's table: one item. It only says where to begin, so one that is unknown is none. */
export function sweepProgressTable(client: DynamoDBClient, table: string): SweepProgress {
  return {
    async read() {
      const { Item: item } = await asking('reading how far the last sweep came', () =>
        client.send(new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true })),
      );
      refuseNewer('sweep', 'reading how far the last sweep came', item);
      const budget = item?.['budget']?.S;
      const profile = item?.['profile']?.S;
      return { ...(budget === undefined ? {} : { budget }), ...(profile === undefined ? {} : { profile }) };
    },

    async keep({ budget, profile }) {
      const item = {
        ...KEY,
        ...(budget === undefined ? {} : { budget: { S: budget } }),
        ...(profile === undefined ? {} : { profile: { S: profile } }),
      };
      await putItem(client, { kind: 'sweep', doing: 'keeping how far the sweep came', table, item });
    },
  };
}
