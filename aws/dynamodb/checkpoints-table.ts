import { type AttributeValue, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { Checkpoint, Checkpoints } from '../../domain/spending/checkpoint.ts';
import type { LedgerKey } from '../../domain/spending/ledger.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const keyOf = ({ budget, period }: LedgerKey): Record<string, AttributeValue> => ({
  pk: { S: `CHECKPOINTS#${budget}` },
  sk: { S: period },
});

/** What ledger items had been told by certain instants, in the governor's table: one item for each budget and period. */
export function checkpointsTable(client: DynamoDBClient, table: string): Checkpoints {
  return {
    async list(key) {
      const { Item: item } = await asking(`reading the checkpoints of ${key.budget} in ${key.period}`, () =>
        client.send(new GetItemCommand({ TableName: table, Key: keyOf(key), ConsistentRead: true })),
      );
      return item === undefined ? [] : checkpointsOf(key, item);
    },

    async keep(key, checkpoints) {
      await putItem(client, {
        kind: 'checkpoints',
        doing: `keeping the checkpoints of ${key.budget} in ${key.period}`,
        table,
        item: { ...keyOf(key), checkpoints: { L: checkpoints.map(attributeOf) } },
      });
    },
  };
}

const attributeOf = ({ at, settled, unconfirmed }: Checkpoint): AttributeValue => ({
  M: { at: { N: String(at) }, settled: { N: String(settled) }, unconfirmed: { N: String(unconfirmed) } },
});

const digits = z.object({ N: z.string().regex(/^\d+$/) });
const money = digits.transform(({ N }) => nanoUsd(BigInt(N)));

const Item = z.object({
  checkpoints: z.object({
    L: z.array(
      z
        .object({
          M: z.object({ at: digits.transform(({ N }) => epochMs(Number(N))), settled: money, unconfirmed: money }),
        })
        .transform(({ M }): Checkpoint => M),
    ),
  }),
});

/** One that cannot be read proves nothing; and it is not replaced, because a later version may have written it. */
function checkpointsOf({ budget, period }: LedgerKey, item: Record<string, AttributeValue>): readonly Checkpoint[] {
  refuseNewer('checkpoints', `reading the checkpoints of ${budget} in ${period}`, item);
  const reading = Item.safeParse(item);
  if (reading.success) return reading.data.checkpoints.L;
  throw new Fault('CheckpointsUnreadable', {
    doing: `reading the checkpoints of ${budget} in ${period}`,
    problem: z.prettifyError(reading.error),
    next: 'Run a version of the governor that knows their shape, or delete the item: only proofs of unspent money are lost.',
  });
}
