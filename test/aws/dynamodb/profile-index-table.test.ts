import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { profileIndexTable } from '../../../aws/dynamodb/profile-index-table.ts';
import { storedEntriesOf } from '../../../aws/dynamodb/stored-entries.ts';
import { tableSource } from '../../../aws/dynamodb/table-source.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { type ProfileArn, parseProfileArn } from '../../../domain/profiles/profile-arn.ts';
import type { IndexEntry, ProfileIndex } from '../../../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken } from '../../../domain/spending/pricing.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { AwsFault } from '../../../local/service.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const arnOf = (id: string): ProfileArn => {
  const arn = parseProfileArn(`arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/${id}`);
  if (arn === undefined) throw new Error(`${id} is no profile id`);
  return arn;
};
const rate = (pico: number) => pico as PicoUsdPerToken;

const entry = (id: string, change: Partial<IndexEntry> = {}): IndexEntry => ({
  arn: arnOf(id),
  name: 'acme-chat',
  region: 'us-east-1',
  tags: { tenant: 'acme', 'cost-center': '' },
  baseModelId: 'amazon.nova-lite-v1:0',
  source: 'in-region',
  rates: {
    input: rate(60_000),
    output: rate(240_000),
    cacheRead: rate(15_000),
    cacheWrite5m: rate(60_000),
    cacheWrite1h: rate(60_000),
  },
  contextWindow: 300_000,
  standing: {
    state: 'closed',
    reasons: [
      {
        kind: 'budget-used-up',
        budget: 'tenant-monthly/acme' as BudgetId,
        period: '2026-11',
        spent: nanoUsd(2n ** 64n),
        limit: nanoUsd(20_000_000_000n),
        until: epochMs(Date.UTC(2026, 11, 1)),
      },
    ],
  },
  budgets: [{ id: 'tenant-monthly/acme' as BudgetId, period: 'month', timeZone: 'Europe/Zurich' }],
  verifiedAt: epochMs(Date.UTC(2026, 10, 23)),
  ...change,
});

describe('the profile index in DynamoDB', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  let index: ProfileIndex;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws, 1);
    await createGovernorTable(client);
    index = profileIndexTable(client, TABLE);
  });
  afterEach(() => aws.close());

  it('gives back an entry as it was put, and the one put last', async () => {
    expect(await index.get(arnOf('abc'))).toBeUndefined();
    await index.put(entry('abc', { name: 'before' }));
    await index.put(entry('abc'));
    expect(await index.get(arnOf('abc'))).toEqual(entry('abc'));
    expect(await index.list()).toEqual([entry('abc')]);
  });

  it('lists ended entries as well', async () => {
    const ended = entry('gone', { endedAt: epochMs(1) });
    await index.put(ended);
    await index.put(entry('alive'));
    expect(await index.list()).toEqual(expect.arrayContaining([ended, entry('alive')]));
  });

  it('lists more than the megabyte that one page holds', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`key-${n}-${'k'.repeat(100)}`, 'v'.repeat(250)]),
    );
    const ids = Array.from({ length: 80 }, (_, n) => `p${String(n).padStart(4, '0')}`);
    await Promise.all(ids.map((id) => index.put(entry(id, { tags }))));
    let pages = 0;
    aws.intercept(({ operation }) => {
      if (operation === 'Query') pages++;
      return undefined;
    });
    expect((await index.list()).map(({ arn }) => arn).sort()).toEqual(ids.map(arnOf).sort());
    expect(pages).toBeGreaterThan(1);
  });

  it('reads consistently: what an event has just written, the next one sees', async () => {
    const consistent: unknown[] = [];
    aws.intercept((_, input) => {
      consistent.push(input['ConsistentRead']);
      return undefined;
    });
    await index.get(arnOf('abc'));
    await index.list();
    expect(consistent).toEqual([true, true]);
  });

  it('does not take a list that broke off for all there is', async () => {
    await index.put(entry('abc'));
    aws.intercept(({ operation }) =>
      operation === 'Query' ? new AwsFault('ProvisionedThroughputExceededException', 'Slow down.') : undefined,
    );
    await expect(index.list()).rejects.toMatchObject({
      name: 'Fault',
      code: 'ProvisionedThroughputExceededException',
      doing: 'reading the profile index',
    });
  });

  const putUnreadable = (id: string, document = '{"schema":2}') =>
    client.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: { pk: { S: 'INDEX' }, sk: { S: arnOf(id) }, entry: { S: document } },
      }),
    );

  it('says which entry this version cannot read, by get and by list', async () => {
    await putUnreadable('odd');
    const unreadable = { name: 'Fault', code: 'IndexUnreadable', doing: expect.stringContaining(arnOf('odd')) };
    await expect(index.get(arnOf('odd'))).rejects.toMatchObject(unreadable);
    await expect(index.list()).rejects.toMatchObject(unreadable);
  });

  it('lists the others where somebody wants to be told of an entry that it cannot read', async () => {
    await index.put(entry('abc'));
    await putUnreadable('odd');
    const told: string[] = [];
    expect(await index.list((arn) => told.push(arn))).toEqual([entry('abc')]);
    expect(told).toEqual([arnOf('odd')]);
  });

  it('does not take the entries that a busy table answers for all that were asked for', async () => {
    await index.put(entry('abc'));
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        if (context.commandName === 'BatchGetItemCommand')
          Object.assign(result.output, {
            Responses: {},
            UnprocessedKeys: { [TABLE]: { Keys: [{ pk: { S: 'INDEX' }, sk: { S: arnOf('abc') } }] } },
          });
        return result;
      },
      { step: 'initialize' },
    );
    const pauses: number[] = [];
    const reading = storedEntriesOf(client, TABLE, [arnOf('abc')], async (ms) => void pauses.push(ms)).next();
    await expect(reading).rejects.toMatchObject({ name: 'Fault', code: 'IndexIncomplete' });
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.length).toBeGreaterThan(3);
  });

  describe('as a source of the helper', () => {
    it('serves what it can read and withholds what it cannot', async () => {
      await index.put(entry('abc'));
      await putUnreadable('odd');
      expect(await tableSource(client, TABLE).read()).toEqual({
        entries: [entry('abc')],
        withheld: [{ arn: arnOf('odd'), why: 'unreadable' }],
      });
    });

    it('gives the same object again for an entry that has not changed, and another one for one that has', async () => {
      await index.put(entry('abc'));
      await index.put(entry('def'));
      const source = tableSource(client, TABLE);
      const before = await source.read();
      await index.put(entry('def', { name: 'after' }));
      const after = await source.read();
      expect(after.entries[0]).toBe(before.entries[0]);
      expect(after.entries[1]).toEqual(entry('def', { name: 'after' }));
      expect((await source.read()).entries.every((same, at) => same === after.entries[at])).toBe(true);
    });

    it('forgets an entry that is gone, and reads one that was mended', async () => {
      await putUnreadable('odd');
      const source = tableSource(client, TABLE);
      expect((await source.read()).entries).toEqual([]);
      await index.put(entry('odd'));
      expect(await source.read()).toEqual({ entries: [entry('odd')], withheld: [] });
    });
  });
});
