import { DeleteItemCommand, type DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ledgerTable } from '../../../aws/dynamodb/ledger-table.ts';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../../domain/money.ts';
import type { HolderId, LeaseWrite, LedgerKey, LedgerStore, WriteId } from '../../../domain/spending/ledger.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../../local/embedded-aws.ts';
import { AwsFault } from '../../../local/service.ts';
import { describeLedgerStore } from '../../spending/ledger-store.contract.ts';
import { createGate } from '../../wire/gate.ts';
import { createGovernorTable, dynamoDbClient, TABLE } from './governor-table.ts';

const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
const TERMS = { limit: nanoUsd(1000n), stopAt: nanoUsd(1000n), standing: 'open', version: 1 } as const;

let aws: EmbeddedAws;
let client: DynamoDBClient;
beforeAll(async () => {
  aws = await startEmbeddedAws({ startAt: NOW });
  client = dynamoDbClient(aws);
  await createGovernorTable(client);
});
afterAll(() => aws.close());

describeLedgerStore('in DynamoDB', () => ledgerTable(client, TABLE));

describe('the ledger in DynamoDB', () => {
  let key: LedgerKey;
  let ledger: LedgerStore;
  let operations: string[];
  let stopObserving: () => void;
  let budgets = 0;
  beforeEach(async () => {
    ledger = ledgerTable(client, TABLE);
    key = { budget: `tenant-monthly/acme-${++budgets}` as BudgetId, period: '2026-11' };
    await ledger.provide({ key, startsAt: epochMs(NOW - 1), endsAt: epochMs(NOW + 1e9), terms: TERMS });
    operations = [];
    stopObserving = aws.observe((seen) => {
      if (seen.kind === 'request') operations.push(seen.call.operation);
    });
  });
  afterEach(() => stopObserving());

  const taking = (amount: bigint, holder = 'holder-1'): LeaseWrite => ({
    key,
    holder: holder as HolderId,
    settled: ZERO,
    unconfirmed: ZERO,
    leased: nanoUsd(amount),
    entry: {
      sequence: 1,
      writeId: `${holder}-write-1` as WriteId,
      leased: nanoUsd(amount),
      expiresAt: epochMs(NOW + 120_000),
    },
    grant: { termsVersion: 1, ceiling: TERMS.stopAt, at: NOW },
  });

  it('tells the terms of many budgets with one read for each hundred, and nothing of those that are not provided', async () => {
    const table = ledgerTable(client, TABLE);
    const missing: LedgerKey = { ...key, period: '2026-12' };
    await ledger.changeTerms(key, { ...TERMS, standing: 'closed', reason: 'by an operator', version: 2 });
    const many = Array.from({ length: 100 }, (_, index): LedgerKey => ({ ...key, period: `none-${index}` }));
    operations.length = 0;
    const [there, absent, ...others] = await table.readTerms([key, missing, ...many]);
    expect(there).toEqual({ ...TERMS, standing: 'closed', reason: 'by an operator', version: 2 });
    expect([absent, ...others]).toEqual(Array.from({ length: 101 }, () => undefined));
    expect(operations).toEqual(['BatchGetItem', 'BatchGetItem']);
  });

  /** Lets the next update take effect and loses its answer. */
  const loseOneAnswer = (): (() => void) => {
    let lost = false;
    return aws.intercept({
      after: ({ operation }) => {
        if (operation !== 'UpdateItem' || lost) return undefined;
        lost = true;
        return 'no-answer';
      },
    });
  };

  it('says that the fate of a write is unknown when its answer is lost; the identical write finds it landed [F11]', async () => {
    const once = ledgerTable(dynamoDbClient(aws, 1), TABLE);
    const stop = loseOneAnswer();
    await expect(once.write(taking(400n))).rejects.toMatchObject({ name: 'Fault', code: 'LedgerUnavailable' });
    expect(await once.write(taking(400n))).toMatchObject({ kind: 'landed' });
    stop();
    expect((await ledger.read(key))?.committed).toBe(400n);
  });

  it("counts a write once that the SDK's own retry repeats [F11]", async () => {
    const stop = loseOneAnswer();
    expect(await ledger.write(taking(400n))).toMatchObject({ kind: 'landed' });
    stop();
    expect(operations.filter((operation) => operation === 'UpdateItem')).toHaveLength(2);
    expect((await ledger.read(key))?.committed).toBe(400n);
  });

  it('lets a write that never arrived be repeated', async () => {
    const once = ledgerTable(dynamoDbClient(aws, 1), TABLE);
    const stop = aws.intercept(({ operation }) => (operation === 'UpdateItem' ? 'no-answer' : undefined));
    await expect(once.write(taking(400n))).rejects.toMatchObject({ code: 'LedgerUnavailable' });
    stop();
    expect((await ledger.read(key))?.committed).toBe(0n);
    expect(await once.write(taking(400n))).toMatchObject({ kind: 'landed' });
    expect((await ledger.read(key))?.committed).toBe(400n);
  });

  /** A server that stands in for DynamoDB and does not know `ReturnValuesOnConditionCheckFailure`. */
  const refuseWithoutItem = (alsoRead?: AwsFault): (() => void) =>
    aws.intercept(({ operation }) => {
      if (operation === 'GetItem') return alsoRead;
      return operation === 'UpdateItem' ? new AwsFault('ConditionalCheckFailedException', 'No') : undefined;
    });

  it('costs one request, whether it lands or not: the refusal brings the item [F11]', async () => {
    await ledger.write(taking(400n));
    expect(operations).toEqual(['UpdateItem']);
    const outcome = await ledger.write(taking(700n, 'holder-2'));
    expect(outcome).toMatchObject({ kind: 'refused', why: 'over-ceiling', item: { key, committed: 400n } });
    expect(operations).toEqual(['UpdateItem', 'UpdateItem']);
  });

  it('reads why a write was refused where the table does not say', async () => {
    await ledger.write(taking(1000n));
    operations.length = 0;
    const stop = refuseWithoutItem();
    expect(await ledger.write(taking(1n, 'holder-2'))).toMatchObject({ kind: 'refused', why: 'over-ceiling' });
    stop();
    expect(operations).toEqual(['UpdateItem', 'GetItem']);
  });

  it('says that the fate is unknown when that read fails', async () => {
    const once = ledgerTable(dynamoDbClient(aws, 1), TABLE);
    const stop = refuseWithoutItem(new AwsFault('ProvisionedThroughputExceededException', 'Slow down'));
    await expect(once.write(taking(1n, 'holder-2'))).rejects.toMatchObject({
      code: 'LedgerUnavailable',
      message: expect.stringContaining('ProvisionedThroughputExceededException'),
    });
    stop();
  });

  it('reads a hundred items with one request, consistently, and one by one what a busy table leaves over', async () => {
    await ledger.write(taking(400n));
    const missing = Array.from({ length: 99 }, (_, index): LedgerKey => ({ ...key, period: `none-${index}` }));
    operations.length = 0;
    const consistent: unknown[] = [];
    const stop = aws.intercept(({ operation }, input) => {
      if (operation === 'GetItem') consistent.push(input['ConsistentRead']);
      if (operation !== 'BatchGetItem') return undefined;
      const asked = input['RequestItems'] as Record<string, { ConsistentRead: unknown; Keys: unknown[] }>;
      consistent.push(asked[TABLE]?.ConsistentRead);
      const Keys = [{ pk: { S: `LEDGER#${key.budget}` }, sk: { S: key.period } }];
      return { answer: { Responses: {}, UnprocessedKeys: { [TABLE]: { Keys } } } };
    });
    const items = await ledger.readTogether([key, ...missing]);
    stop();
    expect(items(key)).toMatchObject({ committed: 400n });
    expect(missing.map(items)).toEqual(missing.map(() => undefined));
    expect(operations).toEqual(['BatchGetItem', 'GetItem']);
    expect(consistent).toEqual([true, true]);
  });

  it('tells of an item that it cannot read where that one is asked for, and reads the others', async () => {
    const broken = { ...key, period: 'broken' };
    await client.send(
      new PutItemCommand({ TableName: TABLE, Item: { pk: { S: `LEDGER#${key.budget}` }, sk: { S: 'broken' } } }),
    );
    const items = await ledger.readTogether([broken, key]);
    expect(items(key)).toMatchObject({ key });
    expect(() => items(broken)).toThrow();
  });

  it('provides an item with one request, there or not: whoever provides has looked', async () => {
    const december = { ...key, period: '2026-12' };
    const item = { key: december, startsAt: epochMs(NOW - 1), endsAt: epochMs(NOW + 1e9), terms: TERMS };
    expect([await ledger.provide(item), await ledger.provide(item)]).toEqual(['created', 'exists']);
    expect(operations).toEqual(['UpdateItem', 'UpdateItem']);
  });

  it('provides no item anew that another has provided since it looked, and spent from [F14]', async () => {
    const december = { ...key, period: '2026-12' };
    const item = { key: december, startsAt: epochMs(NOW - 1), endsAt: epochMs(NOW + 1e9), terms: TERMS };
    const gate = createGate();
    const looked = createGate();
    const stop = aws.intercept(async ({ operation }) => {
      if (operation !== 'UpdateItem') return undefined;
      looked.open();
      return await gate.passed;
    });
    const late = ledger.provide(item);
    await looked.passed;
    stop();
    await ledger.provide(item);
    await ledger.write({ ...taking(400n), key: december });
    gate.open();
    expect(await late).toBe('exists');
    expect((await ledger.read(december))?.committed).toBe(400n);
  });

  it('reads consistently', async () => {
    const consistent: unknown[] = [];
    const stop = aws.intercept(({ operation }, input) => {
      if (operation === 'GetItem') consistent.push(input['ConsistentRead']);
      return undefined;
    });
    await ledger.read(key);
    stop();
    expect(consistent).toEqual([true]);
  });

  it('names the budget and the period of what it was doing when it is denied', async () => {
    const stop = aws.intercept(({ operation }) =>
      operation === 'GetItem' ? new AwsFault('AccessDeniedException', 'No.') : undefined,
    );
    await expect(ledger.read(key)).rejects.toMatchObject({
      code: 'LedgerUnavailable',
      message: expect.stringMatching(`reading the ledger of ${key.budget} in 2026-11: AccessDeniedException`),
    });
    stop();
  });

  const change = async (expression: string, values: Record<string, { N: string } | { S: string }> = {}) => {
    await client.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key: { pk: { S: `LEDGER#${key.budget}` }, sk: { S: key.period } },
        UpdateExpression: expression,
        ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
      }),
    );
  };

  it.each([
    ['a missing amount', 'REMOVE unconfirmed', {}],
    ['an amount that is a text', 'SET unconfirmed = :text', { ':text': { S: '0' } }],
    ['a fraction of a nano-dollar', 'SET unconfirmed = :half', { ':half': { N: '0.5' } }],
    ['missing terms', 'REMOVE standing', {}],
  ])('decides nothing on an item with %s', async (_, expression, values) => {
    await change(expression, values);
    await expect(ledger.read(key)).rejects.toMatchObject({ name: 'Fault', code: 'LedgerUnreadable' });
    await expect(ledger.write(taking(1001n))).rejects.toMatchObject({ code: 'LedgerUnreadable' });
  });

  it('finds nothing where its item was deleted, and creates none', async () => {
    await client.send(
      new DeleteItemCommand({ TableName: TABLE, Key: { pk: { S: `LEDGER#${key.budget}` }, sk: { S: key.period } } }),
    );
    expect(await ledger.write(taking(1n))).toMatchObject({ kind: 'refused', why: 'not-provisioned' });
    expect(await ledger.read(key)).toBeUndefined();
  });
});
