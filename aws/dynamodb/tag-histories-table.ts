import { type DynamoDBClient, GetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { isTags } from '../../domain/profiles/index-entry-document.ts';
import { type ProfileArn, parseProfileArn } from '../../domain/profiles/profile-arn.ts';
import type { TagHistories, TagHistory } from '../../domain/profiles/tag-history.ts';
import type { Tags } from '../../domain/tags.ts';
import { asking } from '../asking.ts';
import { putItem, refuseNewer } from './item-schema.ts';

const PARTITION = 'TAGS';

const schema = z.lazy(() => {
  const instant = z.number().transform(epochMs);
  return z.array(z.object({ from: instant, tags: z.custom<Tags>(isTags), until: instant.exactOptional() }));
});

/** The tag histories in the governor's table: one partition, one item for each profile, by ARN. */
export function tagHistoriesTable(client: DynamoDBClient, table: string): TagHistories {
  return {
    async get(arn) {
      const { Item: item } = await asking(`reading which tags ${arn} has carried`, () =>
        client.send(
          new GetItemCommand({ TableName: table, Key: { pk: { S: PARTITION }, sk: { S: arn } }, ConsistentRead: true }),
        ),
      );
      if (item === undefined) return { history: [], version: 0 };
      refuseNewer('tags', `reading which tags ${arn} has carried`, item);
      return { history: historyOf(arn, item['history']?.S), version: Number(item['version']?.N ?? 0) };
    },

    async put(arn, history, version) {
      const isWritten = await putItem(client, {
        kind: 'tags',
        doing: `keeping which tags ${arn} has carried`,
        table,
        item: {
          pk: { S: PARTITION },
          sk: { S: arn },
          version: { N: String(version + 1) },
          history: { S: JSON.stringify(history) },
        },
        condition:
          version === 0
            ? { ConditionExpression: 'attribute_not_exists(pk)' }
            : {
                ConditionExpression: 'version = :version',
                ExpressionAttributeValues: { ':version': { N: String(version) } },
              },
      });
      return isWritten ? 'written' : 'stale';
    },

    async list() {
      const histories = new Map<ProfileArn, TagHistory>();
      const pages = paginateQuery(
        { client },
        {
          TableName: table,
          KeyConditionExpression: 'pk = :tags',
          ExpressionAttributeValues: { ':tags': { S: PARTITION } },
          ConsistentRead: true,
        },
      )[Symbol.asyncIterator]();
      for (;;) {
        const page = await asking('reading which tags profiles have carried', () => pages.next());
        if (page.done === true) return histories;
        for (const item of page.value.Items ?? []) {
          refuseNewer('tags', 'reading which tags profiles have carried', item);
          const arn = parseProfileArn(item['sk']?.S ?? '');
          if (arn === undefined) throw unreadable(item['sk']?.S ?? 'an item without a key');
          histories.set(arn, historyOf(arn, item['history']?.S));
        }
      }
    },
  };
}

function historyOf(arn: string, document: string | undefined): TagHistory {
  let parsed: unknown;
  try {
    parsed = JSON.parse(document ?? '');
  } catch {
    throw unreadable(arn);
  }
  const result = schema.safeParse(parsed);
  if (!result.success) throw unreadable(arn);
  return result.data;
}

const unreadable = (arn: string): Fault =>
  new Fault('TagHistoryUnreadable', {
    doing: `reading which tags ${arn} has carried`,
    problem: 'what is stored is not a history that this version writes',
    next: 'Delete the item (its partition is TAGS): the history begins anew when the tags change next.',
  });
