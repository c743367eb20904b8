import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IndexEntryReader } from '../../domain/profiles/index-entry-document.ts';
import type { IndexReading, IndexSource } from '../../domain/profiles/index-source.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { type HearsVouch, type StoredDocument, storedEntries, storedEntriesOf } from './stored-entries.ts';

/**
 * The index as the governor keeps it: all entries of its table, read consistently.
 *
 * @param begun the entries for the first reading, where they have been asked for already
 * @param hears the governor's word of which table this is, with each further reading
 * @param region where the client looks for it, as far as that is known: to be told
 */
export function tableSource(
  client: DynamoDBClient,
  table: string,
  begun?: AsyncIterable<StoredDocument>,
  hears?: HearsVouch,
  region?: string,
): IndexSource {
  const reader = new IndexEntryReader();
  let first = begun;
  return {
    name: `the table ${table}${region === undefined ? '' : ` in ${region}`}`,
    async read() {
      const reading = reader.begin();
      const documents = first ?? storedEntries(client, table, hears);
      first = undefined;
      for await (const { arn, document } of documents) reading.take(arn, document);
      return reading.end();
    },
  };
}

/** What the governor knows of some profiles. */
export function tableEntries(
  client: DynamoDBClient,
  table: string,
): (arns: readonly ProfileArn[]) => Promise<IndexReading> {
  const reader = new IndexEntryReader();
  return async (arns) => {
    const reading = reader.begin();
    for await (const { arn, document } of storedEntriesOf(client, table, arns)) reading.take(arn, document);
    return reading.end();
  };
}
