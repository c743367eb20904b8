import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nanoUsd } from '../../domain/money.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { converse, GovernedAws, refusalOf } from './governed-aws.ts';

const Key = { pk: { S: 'LEDGER#tenant-monthly/acme' }, sk: { S: '2026-11' } };

/** A tenant's helper that is older than the stack. */
describe('a ledger item that a later version has written', () => {
  let world: GovernedAws;
  let budget: CoveringBudget;
  const setSchema = async (schema: number) =>
    await world.dynamodb.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key,
        UpdateExpression: 'SET #schema = :schema',
        ExpressionAttributeNames: { '#schema': 'schema' },
        ExpressionAttributeValues: { ':schema': { N: String(schema) } },
      }),
    );
  const stored = async () =>
    (await world.dynamodb.send(new GetItemCommand({ TableName: TABLE, Key, ConsistentRead: true }))).Item;

  beforeEach(async () => {
    world = await GovernedAws.start();
    budget = await world.budget('tenant-monthly/acme', 1_000_000_000, {
      terms: { outageExtra: nanoUsd(500_000_000n) },
    });
    await world.profile({ budgets: [budget] });
  });
  afterEach(async () => {
    await setSchema(1);
    await world.close();
  });

  it('refuses calls with what is to be upgraded, as no outage, and is not written to', async () => {
    await setSchema(2);
    const before = await stored();
    const { client } = world.process();
    const refusal = await refusalOf(client.send(converse()));
    expect(refusal).toMatchObject({ code: 'NewerSchema', message: expect.stringMatching(/Upgrade .*the helper/) });
    expect(world.billed).toBe(0);
    expect(await stored()).toEqual(before);
  });

  it('lets what is in hand be spent, and neither lends more nor takes a report', async () => {
    const { client, governor } = world.process();
    await client.send(converse());
    await setSchema(2);
    const before = await stored();
    await client.send(converse());
    await expect(governor.flush()).rejects.toMatchObject({ code: 'NewerSchema' });
    expect(await stored()).toEqual(before);
    // The version that it has told comes back, as after going back: the same write lands, once.
    await setSchema(1);
    await governor.flush();
    expect(Number((await world.item(budget)).settled)).toBe(world.billed);
  });
});
