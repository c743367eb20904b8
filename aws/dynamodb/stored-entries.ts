import { setTimeout } from 'node:timers/promises';
import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { asking } from '../asking.ts';

/** Of all index entries. */
export const PARTITION = 'INDEX';

/** The documents of all index entries, as they are stored. */
export async function* storedEntries(client: DynamoDBClient, table: string): AsyncGenerator<StoredDocument> {
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      KeyConditionExpression: 'pk = :index',
      ExpressionAttributeValues: { ':index': { S: PARTITION } },
      ConsistentRead: true,
    },
  )[Symbol.asyncIterator]();
  for (;;) {
    const page = await asking('reading the profile index', () => pages.next());
    if (page.done === true) return;
    for (const item of page.value.Items ?? []) yield documentOf(item);
  }
}

/** Keys that one BatchGetItem takes (DynamoDB API reference). */
const KEYS_PER_REQUEST = 100;
/** How often keys are asked for again that a request left over because the table was busy. */
const ROUNDS = 10;

const PAUSE_MS = 50;

/**
 * The documents of these profiles' entries; those that have none are left out.
 *
 * @param pause before asking again for what was left over, in milliseconds
 */
export async function* storedEntriesOf(
  client: DynamoDBClient,
  table: string,
  arns: readonly ProfileArn[],
  pause: (ms: number) => Promise<unknown> = setTimeout,
): AsyncGenerator<StoredDocument> {
  for (let from = 0; from < arns.length; from += KEYS_PER_REQUEST) {
    let keys = arns
      .slice(from, from + KEYS_PER_REQUEST)
      .map((arn) => ({ pk: { S: PARTITION }, sk: { S: arn as string } }));
    for (let round = 1; ; round++) {
      const Keys = keys;
      const answer = await asking('reading index entries', () =>
        client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } })),
      );
      for (const item of answer.Responses?.[table] ?? []) yield documentOf(item);
      keys = (answer.UnprocessedKeys?.[table]?.Keys ?? []).flatMap(({ sk }) =>
        sk?.S === undefined ? [] : [{ pk: { S: PARTITION }, sk: { S: sk.S } }],
      );
      if (keys.length === 0) break;
      if (round === ROUNDS)
        throw new Fault('IndexIncomplete', {
          doing: 'reading index entries',
          problem: `the table left ${keys.length} of them over ${ROUNDS} times`,
          next: 'The table is throttled: look at its consumed capacity.',
        });
      await pause(PAUSE_MS * round);
    }
  }
}

/** An index entry as it is stored. */
export interface StoredDocument {
  readonly arn: string;
  readonly document: string;
}

const documentOf = (item: Record<string, AttributeValue>): StoredDocument => ({
  arn: item['sk']?.S ?? '',
  document: item['entry']?.S ?? '',
});

/** Asks for the first page at once, so that it is on its way while something else is done. */
export function begun(documents: AsyncGenerator<StoredDocument>): AsyncIterable<StoredDocument> {
  const first = documents.next();
  // Whoever reads on is told.
  first.catch(() => {});
  return (async function* () {
    for (let result = await first; result.done !== true; result = await documents.next()) yield result.value;
  })();
}
