import { DeleteItemCommand, type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openingsTable } from '../../aws/dynamodb/openings-table.ts';
import { usageTable } from '../../aws/dynamodb/usage-table.ts';
import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { LedgerKey } from '../../domain/spending/ledger.ts';
import { readRecordedUsage } from '../../domain/spending/recorded-usage.ts';
import type { UsageRecord } from '../../domain/spending/usage-record.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { profileArn } from '../domain/governed-account.ts';
import { at, recordOf, totals, window } from '../domain/spending/usage-fixtures.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './dynamodb/governor-table.ts';

const CHAT = profileArn('chat00000001');
const TRIAGE = profileArn('triage000001');

let aws: EmbeddedAws;
let client: DynamoDBClient;

beforeEach(async () => {
  aws = await startEmbeddedAws();
  client = dynamoDbClient(aws, 2);
  await createGovernorTable(client);
});
afterEach(() => aws.close());

describe('usage records in DynamoDB', () => {
  const read = async (from: string, until: string): Promise<UsageRecord[]> => {
    const records: UsageRecord[] = [];
    for await (const record of usageTable(client, TABLE).read(window(from, until))) records.push(record);
    return records;
  };
  const record = (sequence: number, settled: number) =>
    recordOf({ process: 'aZ-_9', hour: '2026-11-23T22', sequence, totals: [[CHAT, totals(sequence, settled)]] });
  const settled = async (): Promise<bigint | undefined> => {
    const day = window('2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z');
    return (await readRecordedUsage(usageTable(client, TABLE), day)).totals.get(CHAT)?.settled;
  };

  it('come back as they were written, with every meter', async () => {
    const usage = {
      inputTokens: 1,
      outputTokens: 2,
      cacheReadInputTokens: 3,
      cacheWrite5mInputTokens: 4,
      cacheWrite1hInputTokens: 5,
    };
    const written = recordOf({
      process: 'aZ-_9',
      hour: '2026-11-23T22',
      chunk: 12,
      sequence: 7,
      watermark: at('2026-11-23T22:31:00.123Z'),
      totals: [
        [CHAT, { calls: 9, usage, settled: nanoUsd(9_007_199_254_740_993n), unconfirmed: nanoUsd(11n) }],
        [TRIAGE, totals(0, 0, 3)],
      ],
    });
    await usageTable(client, TABLE).write(written);
    expect(await read('2026-11-23T22:00:00Z', '2026-11-23T23:00:00Z')).toEqual([written]);
  });

  it('are read for the hours of a window and no others, across days', async () => {
    const hours = ['2026-11-22T22', '2026-11-22T23', '2026-11-23T00', '2026-11-23T01', '2026-11-24T00'];
    for (const hour of hours)
      for (const process of ['~last', '-first', 'z'])
        await usageTable(client, TABLE).write(recordOf({ process, hour, totals: [[CHAT, totals(1, 1)]] }));
    const found = await read('2026-11-22T23:00:00Z', '2026-11-23T00:30:00Z');
    expect(found.map(({ hour }) => hour)).toEqual([
      ...['2026-11-22T23', '2026-11-22T23', '2026-11-22T23'],
      ...['2026-11-23T00', '2026-11-23T00', '2026-11-23T00'],
    ]);
    expect(await read('2026-11-23T02:00:00Z', '2026-11-24T00:00:00Z')).toEqual([]);
  });

  it('take the latest version, and neither a copy nor an earlier one that arrives late', async () => {
    const usage = usageTable(client, TABLE);
    for (const sequence of [1, 2, 2, 1]) await usage.write(record(sequence, sequence * 100));
    expect(await settled()).toBe(200n);
    await usage.write(record(3, 300));
    expect(await settled()).toBe(300n);
  });

  it('have landed where the SDK repeats a write whose answer was lost', async () => {
    let answers = 0;
    const stop = aws.intercept({
      after: ({ operation }) => (operation === 'PutItem' && answers++ === 0 ? 'no-answer' : undefined),
    });
    await usageTable(client, TABLE).write(record(1, 100));
    stop();
    expect(answers).toBe(1);
    expect(await settled()).toBe(100n);
  });

  it('may be written again, with more in them, when nobody knows what became of a write', async () => {
    const stop = aws.intercept(({ operation }) =>
      operation === 'PutItem' ? new AwsFault('ProvisionedThroughputExceededException', 'Slow down') : undefined,
    );
    await expect(usageTable(client, TABLE).write(record(1, 100))).rejects.toMatchObject({
      code: 'ProvisionedThroughputExceededException',
    });
    stop();
    await usageTable(client, TABLE).write(record(2, 130));
    expect(await settled()).toBe(130n);
  });

  it('keep a hundred profiles far from the size that an item may have, and read several pages', async () => {
    const used = Array.from({ length: 100 }, (_, index) => {
      const big = totals(1_000_000, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      return [profileArn(`p${String(index).padStart(11, '0')}`), big] as const;
    });
    for (let process = 0; process < 60; process++)
      await usageTable(client, TABLE).write(
        recordOf({ process: `process-${process}`, hour: '2026-11-23T22', totals: used }),
      );
    const found = await read('2026-11-23T22:00:00Z', '2026-11-23T23:00:00Z');
    expect(found).toHaveLength(60);
    expect(found.every((one) => one.totals.size === 100)).toBe(true);
  });

  it.each([
    ['an amount that is missing', 'REMOVE profiles.#arn.settled', undefined],
    ['an amount that is no whole number', 'SET profiles.#arn.settled = :value', { N: '1.5' }],
    ['an amount below zero', 'SET profiles.#arn.settled = :value', { N: '-1' }],
    ['no profiles', 'REMOVE #profiles', undefined],
  ])('are a fault with %s, never no usage', async (_, change, value) => {
    await usageTable(client, TABLE).write(record(1, 100));
    const names = { '#arn': CHAT, '#profiles': 'profiles' };
    await client.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: { pk: { S: 'USAGE#2026-11-23' }, sk: { S: '22#aZ-_9#0' } },
        UpdateExpression: change,
        ExpressionAttributeNames: Object.fromEntries(Object.entries(names).filter(([name]) => change.includes(name))),
        ...(value === undefined ? {} : { ExpressionAttributeValues: { ':value': value } }),
      }),
    );
    await expect(settled()).rejects.toMatchObject({ name: 'Fault', code: 'UsageUnreadable' });
  });

  it('are a fault while the table cannot be read, never no usage', async () => {
    const elsewhere = usageTable(client, 'no-such-table');
    await expect(
      readRecordedUsage(elsewhere, window('2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z')),
    ).rejects.toMatchObject({ code: 'ResourceNotFoundException' });
  });
});

describe('openings in DynamoDB', () => {
  const KEY: LedgerKey = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };
  const amounts = (settledAmount: bigint, unconfirmed = 0n) => ({
    settled: nanoUsd(settledAmount),
    unconfirmed: nanoUsd(unconfirmed),
  });
  const kept = async (key = KEY) => Object.fromEntries(await openingsTable(client, TABLE).list(key));

  it('are kept by budget, period and profile', async () => {
    const openings = openingsTable(client, TABLE);
    await openings.keep(KEY, CHAT, amounts(10n, 1n));
    await openings.keep(KEY, TRIAGE, amounts(5n));
    await openings.keep({ ...KEY, period: '2026-12' }, CHAT, amounts(7n));
    expect(await kept()).toEqual({ [CHAT]: amounts(10n, 1n), [TRIAGE]: amounts(5n) });
  });

  it('rise until they are settled, and not after', async () => {
    const openings = openingsTable(client, TABLE);
    for (const amount of [10n, 30n, 20n]) await openings.keep(KEY, CHAT, amounts(amount));
    expect(await kept()).toEqual({ [CHAT]: amounts(30n) });
    await openings.settle(KEY, CHAT);
    await openings.keep(KEY, CHAT, amounts(90n));
    expect(await kept()).toEqual({ [CHAT]: amounts(30n) });
  });

  it('are nothing, for good, for a profile that was covered from the beginning', async () => {
    const openings = openingsTable(client, TABLE);
    await openings.settle(KEY, CHAT);
    await openings.keep(KEY, CHAT, amounts(90n));
    expect(await kept()).toEqual({ [CHAT]: amounts(0n) });
  });

  it('are a fault where an amount is missing, never nothing', async () => {
    await openingsTable(client, TABLE).settle(KEY, CHAT);
    const Key = { pk: { S: 'OPENING#tenant-monthly/acme#2026-11' }, sk: { S: CHAT } };
    await client.send(new UpdateItemCommand({ TableName: TABLE, Key, UpdateExpression: 'REMOVE settled' }));
    await expect(kept()).rejects.toMatchObject({ code: 'OpeningUnreadable' });
    await client.send(new DeleteItemCommand({ TableName: TABLE, Key }));
    expect(await kept()).toEqual({});
  });
});
