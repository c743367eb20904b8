import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, paginateQuery } from '@aws-sdk/client-dynamodb';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { TableId, TableVouch } from '../../domain/recovery/table-identity.ts';
import { asking } from '../asking.ts';
import { inRounds, type Wait, waitInRealTime } from './in-rounds.ts';

/** Of all index entries. */
export const PARTITION = 'INDEX';

/** Of the item among them by which the governor says which table this is: whoever reads the index reads that as well. */
export const VOUCH_KEY = 'TABLE';

export type HearsVouch = (word: TableVouch) => void;

/**
 * The documents of all index entries, as they are stored.
 * @param hears the governor's word of which table this is
 */
export async function* storedEntries(
  client: DynamoDBClient,
  table: string,
  hears?: HearsVouch,
): AsyncGenerator<StoredDocument> {
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
    for (const item of page.value.Items ?? [])
      if (item['sk']?.S !== VOUCH_KEY) yield documentOf(item);
      else hears?.({ tableId: (item['tableId']?.S ?? '') as TableId, at: epochMs(Number(item['vouchedAt']?.N ?? 0)) });
  }
}

/** Keys that one BatchGetItem takes (DynamoDB API reference). */
const KEYS_PER_REQUEST = 100;
/**
 * The documents of these profiles' entries; those that have none are left out.
 *
 * @param wait before asking again for what was left over
 */
export async function* storedEntriesOf(
  client: DynamoDBClient,
  table: string,
  arns: readonly ProfileArn[],
  wait: Wait = waitInRealTime,
): AsyncGenerator<StoredDocument> {
  for (let from = 0; from < arns.length; from += KEYS_PER_REQUEST) {
    const batch = arns.slice(from, from + KEYS_PER_REQUEST);
    const found: StoredDocument[] = [];
    await inRounds(
      batch.map((arn): Record<string, AttributeValue> => ({ pk: { S: PARTITION }, sk: { S: arn } })),
      {
        request: async (Keys) => {
          const answer = await asking('reading index entries', () =>
            client.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } })),
          );
          found.push(...(answer.Responses?.[table] ?? []).map(documentOf));
          return answer.UnprocessedKeys?.[table]?.Keys;
        },
        tooBusy: (left) =>
          new Fault('IndexIncomplete', {
            doing: 'reading index entries',
            problem: `the table left ${left} of ${batch.length} over, again and again`,
            next: 'The table is throttled: look at its consumed capacity.',
          }),
        wait,
      },
    );
    yield* found;
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
