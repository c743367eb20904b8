import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { NO_PACE, type PaceRecords } from '../../domain/outlook/pace-samples.ts';
import type { LedgerKey } from '../../domain/spending/ledger.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const Stored = z.object({
  samples: z.array(
    z
      .tuple([z.number().transform(epochMs), z.string().regex(/^\d+$/)])
      .transform(([at, digits]) => ({ at, spent: nanoUsd(BigInt(digits)) })),
  ),
  foreseen: z.int().min(0),
});

/**
 * What budgets had spent hour by hour, in the governor's table: one item for each budget and period. It is only looked at
 * to see a pace: what cannot be read is none, and fills again within hours.
 */
export function paceTable(client: DynamoDBClient, table: string): PaceRecords {
  const keyOf = ({ budget, period }: LedgerKey) => ({ pk: { S: `PACE#${budget}` }, sk: { S: period } });
  return {
    async read(key) {
      const { Item: item } = await asking(`reading the pace of ${key.budget}`, () =>
        client.send(new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })),
      );
      refuseNewer('pace', `reading the pace of ${key.budget}`, item);
      return parse(item?.['pace']?.S) ?? NO_PACE;
    },

    async keep(key, { samples, foreseen }) {
      const pace = JSON.stringify({ samples: samples.map(({ at, spent }) => [at, spent.toString()]), foreseen });
      const item = { ...keyOf(key), pace: { S: pace } };
      await putItem(client, { kind: 'pace', doing: `keeping the pace of ${key.budget}`, table, item });
    },
  };
}

function parse(document: string | undefined) {
  if (document === undefined) return undefined;
  try {
    return Stored.safeParse(JSON.parse(document)).data;
  } catch {
    return undefined;
  }
}
