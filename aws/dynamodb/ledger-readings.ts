import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import type { LedgerItem, LedgerKey } from '../../domain/spending/ledger.ts';
import type { LedgerReadings } from '../../domain/spending/ledger-readings.ts';
import { asking } from '../asking.ts';
import { inRounds, type Wait, waitInRealTime } from './in-rounds.ts';
import { itemOf } from './ledger-item.ts';

/** DynamoDB API reference, BatchGetItem. */
const MAX_BATCH = 100;

type Key = Record<string, AttributeValue>;

const nameOf = ({ pk, sk }: Key): string => `${pk?.S} ${sk?.S}`;
const keyOf = ({ budget, period }: LedgerKey): Key => ({ pk: { S: `LEDGER#${budget}` }, sk: { S: period } });

/** Items of many budgets, at half the price of a consistent read: what follows from them is decided on the item itself. */
export function ledgerReadings(client: DynamoDBClient, table: string, wait: Wait = waitInRealTime): LedgerReadings {
  const doing = 'reading the ledger of many budgets';
  const readBatch = async (batch: readonly Key[]): Promise<Key[]> => {
    const found: Key[] = [];
    await inRounds(batch, {
      request: async (Keys) => {
        const answer = await asking(doing, () =>
          client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys } } })),
        );
        found.push(...(answer.Responses?.[table] ?? []));
        return answer.UnprocessedKeys?.[table]?.Keys;
      },
      tooBusy: (left) =>
        new Fault('LedgerUnavailable', {
          doing,
          problem: `the table left ${left} of ${batch.length} items over, again and again`,
          next: 'It is throttled: look at its capacity. The next run reads them again.',
        }),
      wait,
    });
    return found;
  };
  return {
    async readMany(keys) {
      const found = new Map<string, Key>();
      for (let at = 0; at < keys.length; at += MAX_BATCH)
        for (const item of await readBatch(keys.slice(at, at + MAX_BATCH).map(keyOf))) found.set(nameOf(item), item);
      return keys.map((key): LedgerItem | undefined => {
        const item = found.get(nameOf(keyOf(key)));
        return item === undefined ? undefined : itemOf(key, item);
      });
    },
  };
}
