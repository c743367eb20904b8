/**
 * What calls of DynamoDB are authorised for: their tables, with the partition keys that they name.
 * [docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions] A scan names none, so that
 * `ForAllValues` holds for it, as on AWS.
 */
import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';

export interface TableUse {
  readonly table: string;
  readonly index: string | undefined;
  readonly leadingKeys: readonly string[];
}

/** @param partitionKeyOf the name of a table's or index's partition key; undefined when there is no such table */
export async function tableUses(
  operation: string,
  input: JsonObject,
  partitionKeyOf: (table: string, index: string | undefined) => Promise<string | undefined>,
): Promise<TableUse[]> {
  // Only members that the operation itself reads count: a call could carry others to seem to want something else.
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') {
    const batch = isObject(input['RequestItems']) ? input['RequestItems'] : {};
    return Promise.all(
      Object.entries(batch).map(async ([table, requests]) => {
        const key = await partitionKeyOf(table, undefined);
        return { table, index: undefined, leadingKeys: itemsOf(requests).flatMap((item) => keyValue(item, key)) };
      }),
    );
  }
  const table = input['TableName'];
  if (typeof table !== 'string') return [];
  const index = typeof input['IndexName'] === 'string' ? input['IndexName'] : undefined;
  const key = await partitionKeyOf(table, index);
  if (operation === 'Query') return [{ table, index, leadingKeys: key === undefined ? [] : queriedKey(input, key) }];
  const item = operation === 'PutItem' ? input['Item'] : input['Key'];
  return [
    { table, index: operation === 'Scan' ? index : undefined, leadingKeys: isObject(item) ? keyValue(item, key) : [] },
  ];
}

/** Keys to get, or items and keys of writes. */
function itemsOf(requests: Json | undefined): JsonObject[] {
  if (isObject(requests)) return Array.isArray(requests['Keys']) ? requests['Keys'].filter(isObject) : [];
  return (Array.isArray(requests) ? requests : []).filter(isObject).flatMap(({ PutRequest, DeleteRequest }) => {
    const item = isObject(PutRequest) ? PutRequest['Item'] : isObject(DeleteRequest) ? DeleteRequest['Key'] : undefined;
    return isObject(item) ? [item] : [];
  });
}

function keyValue(item: JsonObject, key: string | undefined): string[] {
  const value = key === undefined ? undefined : item[key];
  return isObject(value) ? Object.values(value).map(String) : [];
}

/** @throws {RangeError} for a key condition in which the partition key is not found, rather than let it pass */
function queriedKey(input: JsonObject, key: string): string[] {
  const conditions = input['KeyConditions'];
  const condition = isObject(conditions) ? conditions[key] : undefined;
  if (isObject(condition) && Array.isArray(condition['AttributeValueList']))
    return condition['AttributeValueList'].filter(isObject).flatMap((value) => Object.values(value).map(String));
  const names = isObject(input['ExpressionAttributeNames']) ? input['ExpressionAttributeNames'] : {};
  const values = isObject(input['ExpressionAttributeValues']) ? input['ExpressionAttributeValues'] : {};
  const expression = String(input['KeyConditionExpression'] ?? '');
  for (const [, left = '', right = ''] of expression.matchAll(/([#:]?[\w.-]+)\s*=\s*([#:]?[\w.-]+)/g)) {
    const [name, placeholder] = left.startsWith(':') ? [right, left] : [left, right];
    const value = values[placeholder];
    if ((names[name] ?? name) === key && isObject(value)) return Object.values(value).map(String);
  }
  throw new RangeError(`no partition key ${key} is found in the key condition of the query`);
}
