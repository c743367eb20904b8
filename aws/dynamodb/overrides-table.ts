import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  paginateQuery,
} from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { nanoUsd } from '../../domain/money.ts';
import type {
  Override,
  OverrideId,
  Overrides,
  OverrideTarget,
  Retractions,
  StoredWord,
} from '../../domain/standing/override.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer, unlessNewer } from './item-schema.ts';

const PARTITION = 'OVERRIDES';
/** Sorts raises before standings, by their end: a query from now on leaves out those that are over. */
const RAISE = 'raise#';
const STANDING = 'standing#';

/** Made when something is read: schemas take their time, and functions ask first. */
const Stored = z.lazy(() =>
  z.object({
    id: z.string().transform((id) => id as OverrideId),
    target: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('budget'), budget: z.string().transform((id) => id as BudgetId) }),
      z.object({ kind: z.literal('tenant'), tenant: z.string() }),
    ]),
    change: z.discriminatedUnion('kind', [
      z.object({ kind: z.enum(['disable', 'enable']) }),
      z.object({
        kind: z.literal('raise'),
        amount: z
          .string()
          .regex(/^\d+$/)
          .transform((digits) => nanoUsd(BigInt(digits))),
      }),
    ]),
    reason: z.string(),
    author: z.string(),
    madeAt: z.number().transform(epochMs),
    until: z.number().transform(epochMs),
  }),
);

/**
 * What operators have said, in the governor's table. A target has one item for its standing, which the next word on it
 * replaces; each raise has one of its own, and stays as a record.
 */
export function overridesTable(client: DynamoDBClient, table: string): Overrides & Retractions {
  return {
    async lastWord(target) {
      const doing = 'reading the last word on a standing';
      return await asking(doing, async () => {
        const { Item: item } = await client.send(
          new GetItemCommand({
            TableName: table,
            Key: { pk: { S: PARTITION }, sk: { S: standingKeyOf(target) } },
            ConsistentRead: true,
          }),
        );
        if (item === undefined) return undefined;
        refuseNewer('override', doing, item);
        const stored = (item['override']?.S ?? '') as StoredWord;
        const saidAfter = item['saidAfter']?.S as OverrideId | undefined;
        const reading = Stored.safeParse(parsed(stored));
        return {
          ...(reading.success ? { override: reading.data } : {}),
          stored,
          ...(saidAfter === undefined ? {} : { saidAfter }),
        };
      });
    },

    async keep(override, after) {
      const document = JSON.stringify(override, (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      const isKept = await putItem(client, {
        kind: 'override',
        doing: `keeping override ${override.id}`,
        table,
        item: {
          pk: { S: PARTITION },
          sk: { S: sortKeyOf(override) },
          madeAt: { N: String(override.madeAt) },
          override: { S: document },
          ...(after?.override === undefined ? {} : { saidAfter: { S: after.override.id } }),
        },
        condition: {
          ConditionExpression:
            after === undefined
              ? 'attribute_not_exists(pk) OR #override = :this'
              : '#override = :after OR #override = :this',
          ExpressionAttributeNames: { '#override': 'override' },
          ExpressionAttributeValues: {
            ':this': { S: document },
            ...(after === undefined ? {} : { ':after': { S: after.stored } }),
          },
        },
      });
      return isKept ? 'kept' : 'overtaken';
    },

    async takeBack(override) {
      return await asking(`taking back override ${override.id}`, async () => {
        try {
          await client.send(
            new DeleteItemCommand({
              TableName: table,
              Key: { pk: { S: PARTITION }, sk: { S: sortKeyOf(override) } },
              // A later word of the same target has the same key, and an id of its own.
              ...unlessNewer('override', {
                ConditionExpression: 'contains(#override, :id)',
                ExpressionAttributeNames: { '#override': 'override' },
                ExpressionAttributeValues: { ':id': { S: `"id":${JSON.stringify(override.id)}` } },
              }),
            }),
          );
          return 'taken-back';
        } catch (error) {
          if (error instanceof ConditionalCheckFailedException) return 'gone';
          throw error;
        }
      });
    },

    async lasting(now) {
      return await asking('reading the overrides', async () => {
        const lasting: Override[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            KeyConditionExpression: 'pk = :overrides AND sk > :now',
            ExpressionAttributeValues: { ':overrides': { S: PARTITION }, ':now': { S: `${RAISE}${endOf(now)}` } },
            ConsistentRead: true,
          },
        );
        for await (const page of pages)
          for (const item of page.Items ?? []) {
            refuseNewer('override', 'reading the overrides', item);
            const override = overrideOf(item['override']?.S ?? '');
            if (override.until > now) lasting.push(override);
          }
        return lasting;
      });
    },
  };
}

const sortKeyOf = ({ change, target, until, id }: Override): string =>
  change.kind === 'raise' ? `${RAISE}${endOf(until)}#${id}` : standingKeyOf(target);

function standingKeyOf(target: OverrideTarget): string {
  return `${STANDING}${target.kind}#${target.kind === 'budget' ? target.budget : target.tenant}`;
}

/** Fifteen digits, so that instants sort as texts. */
const endOf = (at: EpochMs): string => String(at).padStart(15, '0');

/** One that cannot be read may be a disable: nothing is decided without it. */
function overrideOf(json: string): Override {
  const stored = Stored.safeParse(parsed(json));
  if (stored.success) return stored.data;
  throw new Fault('OverrideUnreadable', {
    doing: 'reading the overrides',
    problem: z.prettifyError(stored.error),
    next: 'Run a version of the governor that knows its shape, or delete the item under OVERRIDES.',
  });
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
