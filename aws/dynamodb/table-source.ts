import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IndexEntryReader } from '../../domain/profiles/index-entry-document.ts';
import type { IndexSource } from '../../domain/profiles/index-source.ts';
import { storedEntries } from './profile-index-table.ts';

/** The index as the governor keeps it: all entries of its table, read consistently. */
export function tableSource(client: DynamoDBClient, table: string): IndexSource {
  const reader = new IndexEntryReader();
  return {
    name: `the table ${table}`,
    async read() {
      const reading = reader.begin();
      for await (const { arn, document } of storedEntries(client, table)) reading.take(arn, document);
      return reading.end();
    },
  };
}
