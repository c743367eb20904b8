import { type DynamoDBClient, GetItemCommand, PutItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { Fault } from '../../domain/fault.ts';
import { parseIndexEntry, serialiseIndexEntry } from '../../domain/profiles/index-entry-document.ts';
import type { IndexEntry, ProfileIndex } from '../../domain/profiles/profile-index.ts';
import { asking } from '../asking.ts';

const PARTITION = 'INDEX';

/** The profile index in the governor's table: one partition, one item for each profile, by ARN. */
export function profileIndexTable(client: DynamoDBClient, table: string): ProfileIndex {
  return {
    async get(arn) {
      const answer = await asking(`reading the index entry of ${arn}`, () =>
        client.send(
          new GetItemCommand({ TableName: table, Key: { pk: { S: PARTITION }, sk: { S: arn } }, ConsistentRead: true }),
        ),
      );
      return answer.Item === undefined ? undefined : entryOf(arn, answer.Item['entry']?.S);
    },

    async put(entry) {
      await asking(`writing the index entry of ${entry.arn}`, () =>
        client.send(
          new PutItemCommand({
            TableName: table,
            Item: { pk: { S: PARTITION }, sk: { S: entry.arn }, entry: { S: serialiseIndexEntry(entry) } },
          }),
        ),
      );
    },

    async list() {
      return await asking('reading the profile index', async () => {
        const entries: IndexEntry[] = [];
        const pages = paginateQuery(
          { client },
          {
            TableName: table,
            KeyConditionExpression: 'pk = :index',
            ExpressionAttributeValues: { ':index': { S: PARTITION } },
            ConsistentRead: true,
          },
        );
        for await (const page of pages)
          for (const item of page.Items ?? []) entries.push(entryOf(item['sk']?.S ?? '', item['entry']?.S));
        return entries;
      });
    },
  };
}

function entryOf(arn: string, document: string | undefined): IndexEntry {
  const entry = parseIndexEntry(document ?? '');
  if (entry !== undefined) return entry;
  throw new Fault('IndexUnreadable', {
    doing: `reading the index entry of ${arn}`,
    problem: 'the stored entry is not one that this version writes',
    next: 'Delete the item; the next sweep writes it again from what AWS says.',
  });
}
