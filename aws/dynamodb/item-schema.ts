import {
  type AttributeValue,
  ConditionalCheckFailedException,
  type DynamoDBClient,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import { asking } from '../asking.ts';

/**
 * The version of each kind of item's layout, in the attribute `schema`: the one place where versions are said.
 *
 * A version is raised when a program of the version before would misread the item, or lose something by writing to it.
 * What may be missing and is passed over by whoever does not know it needs none. The items of each version are kept in
 * test/fixtures/items, where a test compares them with what is written. How to raise one: docs/upgrading.md.
 *
 * An item without the attribute is of version 1: it was written before its kind had one.
 */
export const SCHEMAS = {
  audit: 1,
  billing: 1,
  checkpoints: 1,
  index: 1,
  ledger: 1,
  message: 1,
  opening: 1,
  override: 1,
  pace: 1,
  policy: 1,
  signal: 1,
  sweep: 1,
  table: 1,
  tags: 1,
  usage: 1,
} as const;
export type ItemKind = keyof typeof SCHEMAS;

type Attributes = Readonly<Record<string, AttributeValue>>;

/** What every item that is written has beside its content. */
export const schemaAttribute = (kind: ItemKind): { readonly schema: { N: string } } => ({
  schema: { N: String(SCHEMAS[kind]) },
});

/** Undefined for a version that is none. */
function schemaOf(item: Attributes): number | undefined {
  const { schema } = item;
  if (schema === undefined) return 1;
  return /^[1-9]\d{0,8}$/.test(schema.N ?? '') ? Number(schema.N) : undefined;
}

/** For readers that pass over what they cannot read, and tell of it. */
export function isNewer(kind: ItemKind, item: Attributes): boolean {
  const schema = schemaOf(item);
  return schema === undefined || schema > SCHEMAS[kind];
}

/** @throws {Fault} `NewerSchema` where a later version of the product has written the item */
export function refuseNewer(kind: ItemKind, doing: string, item: Attributes | undefined): void {
  if (item !== undefined && isNewer(kind, item)) throw newerSchema(kind, doing, item);
}

function newerSchema(kind: ItemKind, doing: string, item: Attributes | undefined): Fault {
  const told = schemaOf(item ?? {}) ?? item?.['schema']?.N ?? 'no number';
  const which = `${item?.['pk']?.S ?? 'the item'} ${item?.['sk']?.S ?? ''}`.trimEnd();
  return new Fault('NewerSchema', {
    doing,
    problem: `${which} has the layout ${kind} ${told}, and this program knows ${kind} ${SCHEMAS[kind]} and older`,
    next: 'Nothing was changed. Upgrade what says this (the helper in its process, the stack, or the command) to the version of bedrock-cost-governor that has written the item: docs/upgrading.md.',
  });
}

interface Condition {
  readonly ConditionExpression?: string | undefined;
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
}

/** In parentheses only where AND would tear it apart: parsers that go back and forth pay for each pair several times. */
const asTerm = (condition: string): string =>
  condition.includes(' OR ') && condition.replaceAll(/\([^()]*\)/g, '').includes(' OR ') ? `(${condition})` : condition;

const NO_NEWER = '(attribute_not_exists(#schema) OR #schema <= :schemaKnown)';

/** Expressions are a few texts, used for every write: each is put together once. More of them than this are made up as they come. */
const withNoNewer = new Map<string, string>();
const MAX_KNOWN = 200;

function andNoNewer(condition: string): string {
  const known = withNoNewer.get(condition);
  if (known !== undefined) return known;
  const both = `${asTerm(condition)} AND ${NO_NEWER}`;
  if (withNoNewer.size < MAX_KNOWN) withNoNewer.set(condition, both);
  return both;
}

/** The same condition, and that the item is of no later version: what is not understood is not written to. */
export const unlessNewer = (kind: ItemKind, condition: Condition = {}) => ({
  ConditionExpression:
    condition.ConditionExpression === undefined ? NO_NEWER : andNoNewer(condition.ConditionExpression),
  ExpressionAttributeNames: { ...condition.ExpressionAttributeNames, '#schema': 'schema' },
  ExpressionAttributeValues: { ...condition.ExpressionAttributeValues, ':schemaKnown': { N: String(SCHEMAS[kind]) } },
});

/**
 * Puts an item in the place of one that this version understands.
 * @returns whether the condition held
 * @throws {Fault} `NewerSchema` where a later version's item is there: it stays
 */
export async function putItem(
  client: DynamoDBClient,
  put: {
    readonly kind: ItemKind;
    readonly doing: string;
    readonly table: string;
    readonly item: Record<string, AttributeValue>;
    readonly condition?: Condition;
  },
): Promise<boolean> {
  const { kind, doing, table, item, condition } = put;
  return await asking(doing, async () => {
    try {
      await client.send(
        new PutItemCommand({
          TableName: table,
          Item: { ...item, ...schemaAttribute(kind) },
          ...unlessNewer(kind, condition),
          // So that a refusal can be told from the other without asking again.
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return true;
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      refuseNewer(kind, doing, error.Item);
      if (condition === undefined) throw newerSchema(kind, doing, error.Item);
      return false;
    }
  });
}
