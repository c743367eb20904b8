import { type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ledgerReadings } from '../../../aws/dynamodb/ledger-readings.ts';
import { ledgerTable } from '../../../aws/dynamodb/ledger-table.ts';
import { paceTable } from '../../../aws/dynamodb/pace-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { NO_PACE } from '../../../domain/outlook/pace-samples.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const key = (tenant: string, period = '2026-11') => ({ budget: `tenant-monthly/${tenant}` as BudgetId, period });

describe('what is read of many budgets', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    client = dynamoDbClient(aws);
    await createGovernorTable(client);
  });
  afterEach(() => aws.close());

  it('is their pace, exact to the nano-dollar, each period for itself', async () => {
    const paces = paceTable(client, TABLE);
    expect(await paces.read(key('acme'))).toEqual(NO_PACE);
    const record = { samples: [{ at: epochMs(1), spent: nanoUsd(2n ** 63n + 1n) }], foreseen: 2 };
    await paces.keep(key('acme'), record);
    expect(await paces.read(key('acme'))).toEqual(record);
    expect(await paces.read(key('acme', '2026-12'))).toEqual(NO_PACE);
  });

  it.each(['{', '{}', '{"samples":[[1,"-1"]],"foreseen":0}'])('is no pace where %s is kept', async (pace) => {
    const Item = { pk: { S: 'PACE#tenant-monthly/acme' }, sk: { S: '2026-11' }, pace: { S: pace } };
    await client.send(new PutItemCommand({ TableName: TABLE, Item }));
    expect(await paceTable(client, TABLE).read(key('acme'))).toEqual(NO_PACE);
  });

  it('is their ledger, in the order in which they are asked for, more than one batch of them', async () => {
    const ledger = ledgerTable(client, TABLE);
    const limit = nanoUsd(5n);
    const names = Array.from({ length: 130 }, (_, number) => `t${number}`);
    for (const name of names)
      await ledger.provide({
        key: key(name),
        startsAt: epochMs(0),
        endsAt: epochMs(1),
        terms: { limit, stopAt: limit, standing: 'open', version: 1 },
      });
    const found = await ledgerReadings(client, TABLE).readMany(['missing', ...names].map((name) => key(name)));
    expect(found.map((item) => item?.key.budget)).toEqual([undefined, ...names.map((name) => key(name).budget)]);
    expect(found[1]).toEqual(await ledger.read(key('t0')));
    expect(await ledgerReadings(client, TABLE).readMany([])).toEqual([]);
  });

  it('is asked for again where the table left it over, and never taken for missing', async () => {
    let left = 1;
    aws.intercept(({ operation }, input) =>
      operation === 'BatchGetItem' && left-- > 0
        ? { answer: { Responses: {}, UnprocessedKeys: input['RequestItems'] ?? {} } }
        : undefined,
    );
    expect(await ledgerReadings(client, TABLE).readMany([key('acme')])).toEqual([undefined]);
    expect(left).toBe(-1);
    left = 100;
    await expect(ledgerReadings(client, TABLE).readMany([key('acme')])).rejects.toMatchObject({
      code: 'LedgerUnavailable',
    });
  });
});
