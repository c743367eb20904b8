import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  paginateQuery,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import { type NanoUsd, nanoUsd } from '../../domain/money.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { LedgerKey, Opening } from '../../domain/spending/ledger.ts';
import type { Openings } from '../../domain/spending/seeding.ts';
import { asking } from '../asking.ts';
import { refuseNewer, schemaAttribute, unlessNewer } from './item-schema.ts';

const partitionOf = ({ budget, period }: LedgerKey): string => `OPENING#${budget}#${period}`;

const keepingOf = ({ budget, period }: LedgerKey, profile: ProfileArn): string =>
  `keeping what ${profile} brings to ${budget} in ${period}`;

const number = (value: bigint): AttributeValue => ({ N: value.toString() });

/** What profiles brought to budgets in mid-period, in the governor's table: one item for each budget, period and profile. */
export function openingsTable(client: DynamoDBClient, table: string): Openings {
  const update = async (
    key: LedgerKey,
    profile: ProfileArn,
    input: Pick<UpdateItemCommandInput, 'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeValues'>,
  ): Promise<void> =>
    await asking(keepingOf(key, profile), async () => {
      const Key = { pk: { S: partitionOf(key) }, sk: { S: profile } };
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key,
            UpdateExpression: `${input.UpdateExpression}, #schema = if_not_exists(#schema, :schema)`,
            ...unlessNewer('opening', {
              ...input,
              ExpressionAttributeValues: {
                ...input.ExpressionAttributeValues,
                ':schema': schemaAttribute('opening').schema,
              },
            }),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        refuseNewer('opening', keepingOf(key, profile), error.Item);
      }
    });

  return {
    async list(key) {
      const partition = partitionOf(key);
      const items = await asking(`reading what profiles brought to ${key.budget} in ${key.period}`, async () => {
        const read: Attributes[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            KeyConditionExpression: 'pk = :opening',
            ExpressionAttributeValues: { ':opening': { S: partition } },
            ConsistentRead: true,
          },
        );
        for await (const page of pages) read.push(...(page.Items ?? []));
        return read;
      });
      const openings = new Map<ProfileArn, Opening>();
      for (const item of items) {
        refuseNewer('opening', `reading what profiles brought to ${key.budget} in ${key.period}`, item);
        const profile = parseProfileArn(item['sk']?.S ?? '');
        if (profile === undefined) throw unreadable(key, item, 'its key is no profile');
        const amount = (name: string) => amountOf(key, item, name);
        openings.set(profile, { settled: amount('settled'), unconfirmed: amount('unconfirmed') });
      }
      return openings;
    },

    async keep(key, profile, { settled, unconfirmed }) {
      await update(key, profile, {
        UpdateExpression: 'SET isFinal = :no, settled = :settled, unconfirmed = :unconfirmed',
        ConditionExpression:
          'attribute_not_exists(pk) OR (isFinal = :no AND settled <= :settled AND unconfirmed <= :unconfirmed)',
        ExpressionAttributeValues: {
          ':no': { BOOL: false },
          ':settled': number(settled),
          ':unconfirmed': number(unconfirmed),
        },
      });
    },

    async settle(key, profile) {
      await update(key, profile, {
        UpdateExpression:
          'SET isFinal = :yes, settled = if_not_exists(settled, :zero), unconfirmed = if_not_exists(unconfirmed, :zero)',
        ExpressionAttributeValues: { ':yes': { BOOL: true }, ':zero': number(0n) },
      });
    },
  };
}

type Attributes = Readonly<Record<string, AttributeValue>>;

function amountOf(key: LedgerKey, item: Attributes, name: string): NanoUsd {
  const digits = item[name]?.N;
  if (digits === undefined || !/^\d+$/.test(digits))
    throw unreadable(key, item, `its ${name} is ${digits ?? 'missing'}`);
  return nanoUsd(BigInt(digits));
}

const unreadable = ({ budget, period }: LedgerKey, item: Attributes, problem: string): Fault =>
  new Fault('OpeningUnreadable', {
    doing: `reading what ${item['sk']?.S ?? 'a profile'} brought to ${budget} in ${period}`,
    problem,
    next: 'Restore the item from a backup, or run a version of the governor that knows its shape.',
  });
