import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tagHistoriesTable } from '../../../aws/dynamodb/tag-histories-table.ts';
import { epochMs } from '../../../domain/clock.ts';
import { withEnd, withTags } from '../../../domain/profiles/tag-history.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { profileArn } from '../../domain/governed-account.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const ARN = profileArn('a');

let aws: EmbeddedAws;
let client: DynamoDBClient;
beforeEach(async () => {
  aws = await startEmbeddedAws();
  client = dynamoDbClient(aws);
  await createGovernorTable(client);
});
afterEach(() => aws.close());

describe('tag histories in the table', () => {
  const histories = () => tagHistoriesTable(client, TABLE);

  it('gives back what was put, tags of every name included', async () => {
    const tags = JSON.parse('{"tenant":"acme","__proto__":"x"}') as Record<string, string>;
    const history = withEnd(withTags(withTags([], tags, epochMs(5)), { tenant: 'b' }, epochMs(9)), epochMs(12));
    expect(await histories().get(ARN)).toEqual({ history: [], version: 0 });
    expect(await histories().put(ARN, history, 0)).toBe('written');
    const read = await histories().get(ARN);
    expect(JSON.stringify(read)).toBe(JSON.stringify({ history, version: 1 }));
    expect([...(await histories().list()).keys()]).toEqual([ARN]);
  });

  it('takes of two who have read the same version the one that comes first', async () => {
    const one = withTags([], { tenant: 'a' }, epochMs(1));
    expect(await histories().put(ARN, one, 0)).toBe('written');
    expect(await histories().put(ARN, withTags([], { tenant: 'b' }, epochMs(2)), 0)).toBe('stale');
    expect(await histories().put(ARN, withTags(one, { tenant: 'c' }, epochMs(3)), 1)).toBe('written');
    expect(await histories().put(ARN, one, 1)).toBe('stale');
    expect((await histories().get(ARN)).history.map(({ tags }) => tags)).toEqual([{ tenant: 'a' }, { tenant: 'c' }]);
  });

  it.each(['no JSON', '{}', '[{"from":1}]', '[{"from":1,"tags":{"a":1}}]'])(
    'takes what it cannot read for no empty history: %s',
    async (history) => {
      const Item = { pk: { S: 'TAGS' }, sk: { S: ARN }, version: { N: '1' }, history: { S: history } };
      await client.send(new PutItemCommand({ TableName: TABLE, Item }));
      await expect(histories().get(ARN)).rejects.toMatchObject({ code: 'TagHistoryUnreadable' });
      await expect(histories().list()).rejects.toMatchObject({ code: 'TagHistoryUnreadable' });
    },
  );
});
