import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointsTable } from '../../../aws/dynamodb/checkpoints-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import type { Checkpoint, Checkpoints } from '../../../domain/spending/checkpoint.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const KEY = { budget: 'tenant-monthly/acme' as BudgetId, period: '2026-11' };
const point = (at: number, settled: bigint): Checkpoint => ({
  at: epochMs(at),
  settled: nanoUsd(settled),
  unconfirmed: nanoUsd(7n),
});

describe('checkpoints in DynamoDB', () => {
  let aws: EmbeddedAws;
  let client: ReturnType<typeof dynamoDbClient>;
  let checkpoints: Checkpoints;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws, 1);
    await createGovernorTable(client);
    checkpoints = checkpointsTable(client, TABLE);
  });
  afterAll(() => aws.close());

  it('come back as they were kept, in order, for their budget and period alone', async () => {
    expect(await checkpoints.list(KEY)).toEqual([]);
    await checkpoints.keep(KEY, [point(1, 5n), point(2, 123_456_789_012_345_678n)]);
    expect(await checkpoints.list(KEY)).toEqual([point(1, 5n), point(2, 123_456_789_012_345_678n)]);
    await checkpoints.keep(KEY, [point(3, 9n)]);
    expect(await checkpoints.list(KEY)).toEqual([point(3, 9n)]);
    expect(await checkpoints.list({ ...KEY, period: '2026-12' })).toEqual([]);
  });

  it('that cannot be read are a fault, not none', async () => {
    const key = { ...KEY, period: '2026-10' };
    await client.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: { pk: { S: `CHECKPOINTS#${key.budget}` }, sk: { S: key.period }, checkpoints: { S: 'later' } },
      }),
    );
    await expect(checkpoints.list(key)).rejects.toMatchObject({ code: 'CheckpointsUnreadable' });
  });
});
