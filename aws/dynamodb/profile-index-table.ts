import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { parseIndexEntry, serialiseIndexEntry, unreadableEntry } from '../../domain/profiles/index-entry-document.ts';
import type { IndexEntry, ProfileIndex } from '../../domain/profiles/profile-index.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';
import { PARTITION, storedEntries } from './stored-entries.ts';

/** Some megabytes. */
const MAX_KNOWN = 2_000;

/** The profile index in the governor's table: one partition, one item for each profile, by ARN. */
export function profileIndexTable(client: DynamoDBClient, table: string): ProfileIndex {
  const known = new Map<string, { readonly document: string; readonly entry: IndexEntry | undefined }>();
  /** The same text is the same entry: a function reads most of them again and again. */
  const parse = (arn: string, document: string): IndexEntry | undefined => {
    const before = known.get(arn);
    if (before?.document === document) return before.entry;
    const entry = parseIndexEntry(document);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(arn, { document, entry });
    return entry;
  };
  const entryOf = (arn: string, document: string | undefined): IndexEntry => {
    const entry = parse(arn, document ?? '');
    if (entry !== undefined) return entry;
    throw unreadableEntry(arn);
  };
  return {
    async get(arn) {
      const answer = await asking(`reading the index entry of ${arn}`, () =>
        client.send(
          new GetItemCommand({ TableName: table, Key: { pk: { S: PARTITION }, sk: { S: arn } }, ConsistentRead: true }),
        ),
      );
      refuseNewer('index', `reading the index entry of ${arn}`, answer.Item);
      return answer.Item === undefined ? undefined : entryOf(arn, answer.Item['entry']?.S);
    },

    async put(entry) {
      await putItem(client, {
        kind: 'index',
        doing: `writing the index entry of ${entry.arn}`,
        table,
        item: { pk: { S: PARTITION }, sk: { S: entry.arn }, entry: { S: serialiseIndexEntry(entry) } },
      });
    },

    async list(onUnreadable) {
      const entries: IndexEntry[] = [];
      for await (const { arn, document } of storedEntries(client, table)) {
        const entry = onUnreadable === undefined ? entryOf(arn, document) : parse(arn, document);
        if (entry === undefined) onUnreadable?.(arn);
        else entries.push(entry);
      }
      return entries;
    },
  };
}
