import {
  type BatchGetItemCommandInput,
  type BatchWriteItemCommandInput,
  ConditionalCheckFailedException,
  type DeleteItemCommandInput,
  type GetItemCommandInput,
  type PutItemCommandInput,
  type QueryCommandInput,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Chance } from '../clockwork/chance.ts';
import { awsError } from './aws-error.ts';
import type { Operations } from './clients.ts';
import { ConditionFailed, type GovernorTable, type Key } from './governor-table.ts';

/** DynamoDB with one table, strongly consistent. Batches leave something over where a table is busy. */
export function dynamodb(table: GovernorTable, chance: Chance, leftOver: () => boolean): Operations {
  const leave = <Part>(parts: readonly Part[]): { done: Part[]; left: Part[] } => {
    if (!leftOver()) return { done: [...parts], left: [] };
    const done = parts.filter(() => chance.happens(0.6));
    return { done, left: parts.filter((part) => !done.includes(part)) };
  };
  return {
    DescribeTableCommand: ({ TableName = '' }: { readonly TableName?: string }) => ({
      Table: {
        TableName,
        TableId: 'the-one-table',
        TableArn: `arn:aws:dynamodb:us-east-1:123456789012:table/${TableName}`,
      },
    }),
    GetItemCommand: ({ Key = {} }: GetItemCommandInput) => ({ Item: table.get(Key) }),
    PutItemCommand: (input: PutItemCommandInput) => conditional(input, () => table.put(input.Item ?? {}, input)),
    DeleteItemCommand: (input: DeleteItemCommandInput) =>
      conditional(input, () => table.delete(input.Key ?? {}, input)),
    UpdateItemCommand: (input: UpdateItemCommandInput) =>
      conditional(input, () => {
        const after = table.update(input.Key ?? {}, input);
        return input.ReturnValues === 'ALL_NEW' ? { Attributes: after } : {};
      }),
    QueryCommand: (input: QueryCommandInput) => ({ Items: table.query(input) }),
    BatchGetItemCommand: ({ RequestItems = {} }: BatchGetItemCommandInput) => {
      const [[name, asked] = ['', undefined]] = Object.entries(RequestItems);
      const { done, left } = leave<Key>(asked?.Keys ?? []);
      return {
        Responses: { [name]: done.map((key) => table.get(key)).filter((item) => item !== undefined) },
        ...(left.length === 0 ? {} : { UnprocessedKeys: { [name]: { Keys: left } } }),
      };
    },
    BatchWriteItemCommand: ({ RequestItems = {} }: BatchWriteItemCommandInput) => {
      const [[name, requests] = ['', []]] = Object.entries(RequestItems);
      const { done, left } = leave(requests);
      for (const { PutRequest } of done) if (PutRequest?.Item !== undefined) table.put(PutRequest.Item);
      return left.length === 0 ? {} : { UnprocessedItems: { [name]: left } };
    },
  };
}

interface Conditional {
  readonly ReturnValuesOnConditionCheckFailure?: string | undefined;
}

function conditional<T>({ ReturnValuesOnConditionCheckFailure: returned }: Conditional, act: () => T): T | object {
  try {
    return act() ?? {};
  } catch (error) {
    if (error instanceof ConditionFailed)
      throw new ConditionalCheckFailedException({
        message: 'The conditional request failed',
        ...(returned === 'ALL_OLD' && error.item !== undefined ? { Item: error.item } : {}),
        $metadata: { httpStatusCode: 400 },
      });
    throw error instanceof Error && error.name === 'ValidationException'
      ? awsError('ValidationException', error.message, 400)
      : error;
  }
}
