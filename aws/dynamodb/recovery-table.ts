import {
  ConditionalCheckFailedException,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import type { RecoveryStore } from '../../domain/recovery/recover.ts';
import {
  CLOSED,
  IDENTITY_UNTOLD,
  type KnownTable,
  type TableId,
  type TableIdentities,
} from '../../domain/recovery/table-identity.ts';
import { isCell } from '../../domain/spending/cell.ts';
import type { LedgerItem, LedgerKey } from '../../domain/spending/ledger.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer, unlessNewer } from './item-schema.ts';
import { entryAttribute, keyOf, number, text } from './ledger-item.ts';
import { PARTITION, VOUCH_KEY } from './stored-entries.ts';

const IDENTITY = { pk: text('TABLE'), sk: text('IDENTITY') };
const VOUCH = { pk: text(PARTITION), sk: text(VOUCH_KEY) };

const Stored = z.lazy(() =>
  z.object({
    tableId: z.object({ S: z.string().min(1) }),
    closedAt: z.object({ N: z.string().regex(/^\d+$/) }).optional(),
    closedIn: z.object({ S: z.string().min(1) }).optional(),
  }),
);

/** Which table this is, and which one the governor knows: one item, read with each run of a function. */
export function tableIdentities(client: DynamoDBClient, table: string): TableIdentities {
  return {
    async known() {
      const doing = 'reading which table this is to be';
      const { Item: item } = await asking(doing, () =>
        client.send(new GetItemCommand({ TableName: table, Key: IDENTITY, ConsistentRead: true })),
      );
      if (item === undefined) return undefined;
      refuseNewer('table', doing, item);
      const stored = Stored.safeParse(item);
      if (stored.success) {
        const { tableId, closedAt, closedIn } = stored.data;
        const known = { tableId: tableId.S as TableId };
        if (closedAt === undefined || closedIn === undefined) return known;
        return { ...known, closed: { at: epochMs(Number(closedAt.N)), in: closedIn.S as TableId } };
      }
      throw new Fault('TableIdentityUnreadable', {
        doing,
        problem: z.prettifyError(stored.error),
        next: 'Delete the item TABLE/IDENTITY only where the table was certainly not restored; otherwise run `npm run governor -- recover --rolled-back` after it.',
      });
    },

    async describe() {
      const doing = 'asking DynamoDB which table this is';
      const { Table } = await asking(doing, () => client.send(new DescribeTableCommand({ TableName: table })));
      if (Table?.TableId === undefined)
        throw new Fault(IDENTITY_UNTOLD, {
          doing,
          problem: 'DynamoDB tells no id of the table, as servers that stand in for it may do',
          next: 'It is asked again with the next run.',
        });
      return { tableId: Table.TableId as TableId, isRestored: Table.RestoreSummary !== undefined };
    },

    async vouch({ tableId, at }) {
      await putItem(client, {
        kind: 'table',
        doing: 'giving word of which table this is',
        table,
        item: { ...VOUCH, tableId: text(tableId), vouchedAt: number(at) },
      });
    },

    async remember({ tableId, closed }, before) {
      const isRemembered = await putItem(client, {
        kind: 'table',
        doing: 'remembering which table this is',
        table,
        item: {
          ...IDENTITY,
          tableId: text(tableId),
          ...(closed === undefined ? {} : { closedAt: number(closed.at), closedIn: text(closed.in) }),
        },
        condition: stillKnown(before),
      });
      return isRemembered ? 'remembered' : 'stale';
    },
  };
}

function stillKnown(before: KnownTable | undefined) {
  if (before === undefined) return { ConditionExpression: 'attribute_not_exists(pk)' };
  const { tableId, closed } = before;
  return {
    ConditionExpression: `tableId = :before AND ${closed === undefined ? 'attribute_not_exists(closedAt)' : 'closedAt = :closedAt'}`,
    ExpressionAttributeValues: {
      ':before': text(tableId),
      ...(closed === undefined ? {} : { ':closedAt': number(closed.at) }),
    },
  };
}

/** What a recovery writes to ledger items. */
export function recoveryTable(client: DynamoDBClient, table: string): RecoveryStore {
  const update = async (
    doing: string,
    key: LedgerKey,
    input: Omit<UpdateItemCommandInput, 'TableName' | 'Key'>,
  ): Promise<boolean> =>
    await asking(`${doing} of ${key.budget} in ${key.period}`, async () => {
      try {
        const command = { TableName: table, Key: keyOf(key), ...input, ...unlessNewer('ledger', input) };
        await client.send(new UpdateItemCommand({ ...command, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }));
        return true;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        refuseNewer('ledger', doing, error.Item);
        return false;
      }
    });
  return {
    async close(key) {
      await update('closing the item', key, {
        UpdateExpression: 'SET openIn = :closed',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':closed': text(CLOSED) },
      });
    },

    async replace(before, after, openIn) {
      const { funding } = after;
      const effects = [
        ...AMOUNTS.map((name) => `${name} = :to_${name}`),
        'holders = :holders',
        ...(openIn === undefined ? [] : ['openIn = :openIn']),
        ...(isCell(after) ? ['room = :room', ...FUNDING.map((name) => `${name} = :${name}`)] : []),
      ];
      const isReplaced = await update('recovering the item', after.key, {
        UpdateExpression: `SET ${effects.join(', ')}`,
        ConditionExpression: [
          ...AMOUNTS.map((name) => `${name} = :from_${name}`),
          ...(openIn === undefined ? [] : ['(attribute_not_exists(openIn) OR openIn <> :openIn)']),
        ].join(' AND '),
        ExpressionAttributeValues: {
          ...Object.fromEntries(
            AMOUNTS.flatMap((name) => [
              [`:from_${name}`, number(before[name])],
              [`:to_${name}`, number(after[name])],
            ]),
          ),
          ':holders': { M: Object.fromEntries([...after.holders].map(([id, entry]) => [id, entryAttribute(entry)])) },
          ...(openIn === undefined ? {} : { ':openIn': text(openIn) }),
          ...(funding === undefined
            ? {}
            : {
                ':room': number(funding.room),
                ':fundedSequence': number(funding.sequence),
                ':fundedUntil': number(funding.until),
                ':fundedAt': number(funding.at),
                ':fundedSlice': number(funding.slice),
              }),
        },
      });
      return isReplaced ? 'replaced' : 'stale';
    },
  };
}

const AMOUNTS = [
  'committed',
  'settled',
  'leased',
  'unconfirmed',
  'unattributed',
] as const satisfies (keyof LedgerItem)[];
const FUNDING = ['fundedSequence', 'fundedUntil', 'fundedAt', 'fundedSlice'] as const;
