import type { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import type { CostGovernor } from '../../invoke/index.ts';
import { AwsFault } from '../../local/service.ts';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { CALL_COST, converse, figures, GovernedAws, refusalOf } from './governed-aws.ts';

let governed: GovernedAws;
beforeEach(async () => {
  governed = await GovernedAws.start();
});
afterEach(() => governed.close());

/** What is asked of the table, and when the SDK makes the request of a call, in order. */
function tellOrder(dynamodb: DynamoDBClient, client: BedrockRuntimeClient): string[] {
  const order: string[] = [];
  dynamodb.middlewareStack.add(
    (next, context) => async (args) => {
      order.push(String(context.commandName).replace('Command', ''));
      return await next(args);
    },
    { step: 'initialize' },
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      order.push('request made');
      return await next(args);
    },
    { step: 'serialize' },
  );
  return order;
}

const down = () => new AwsFault('ServiceUnavailable', 'down', 503);

describe('the first call of a process', () => {
  test('has its lease on its way before the SDK makes the request', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    // As `ledger-watch` does each minute: else the process asks by itself which table this is.
    const identities = tableIdentities(governed.dynamodb, TABLE);
    await identities.vouch({ tableId: (await identities.describe()).tableId, at: governed.now });
    const dynamodb = governed.dynamodbOnce();
    const { client, governor } = governed.process({ dynamodb });
    const order = tellOrder(dynamodb, client);

    await client.send(converse());
    expect(order).toEqual(['Query', 'GetItem', 'UpdateItem', 'request made']);

    await governor.flush();
    expect(figures(await governed.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  test('leaves nothing in the way of those after it', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { client } = governed.process();
    const ours = () => client.middlewareStack.identify().filter((name) => name.includes('costGovernor')).length;

    expect(ours()).toBe(1);
    await client.send(converse());

    expect(ours()).toBe(0);
  });

  test('holds nothing when its request is never made', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { client, governor } = governed.process();
    client.middlewareStack.add(() => async () => Promise.reject(new Error('not this one')), { step: 'build' });

    await expect(client.send(converse())).rejects.toThrow('not this one');
    await governor.flush();

    expect(governed.reached).toEqual([]);
    expect(governor.snapshot().budgets).toMatchObject([{ held: 0, available: 0 }]);
    expect(figures(await governed.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  test('is refused for what is sent, and not for what was asked for at first', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { client, governor } = governed.process();
    client.middlewareStack.add(
      (next) => (args) => next({ ...args, input: { ...args.input, inferenceConfig: { maxTokens: 50 } } }),
      { step: 'serialize', priority: 'high' },
    );

    // The budget does not pay for so many tokens.
    await client.send(converse({ inferenceConfig: { maxTokens: 9_000 } }));
    await governor.flush();

    const item = await governed.item(budget);
    expect(figures(item)).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(item.refusing).toBeUndefined();
  });

  test('is refused by a budget that is used up as quickly as any other, and leaves word of it once', async () => {
    const budget = await governed.budget('acme', 10);
    await governed.profile({ budgets: [budget] });
    const { client } = governed.process({ maxWaitMs: 60_000 });
    const writes = governed.requests.ledgerWrites;

    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'BudgetExhausted' });

    expect(governed.requests.ledgerWrites - writes).toBe(1);
    expect((await governed.item(budget)).refusing).toBeDefined();
  });

  test('asks none of its budgets for anything where one of them refuses', async () => {
    const open = await governed.budget('open', 1_000_000_000);
    const usedUp = await governed.budget('used-up', 10);
    await governed.profile({ budgets: [usedUp, open] });
    const { client } = governed.process();

    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'BudgetExhausted' });

    expect((await governed.item(open)).leased).toBe(0n);
  });

  test.each([
    ['index', 'Query', 'IndexUnavailable', 'indexReads'],
    ['ledger', 'GetItem', 'LedgerUnavailable', 'ledgerReads'],
  ] as const)('waits once for an %s that cannot be read', async (_, operation, code, requests) => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const told: string[] = [];
    const { client } = governed.process({
      dynamodb: governed.dynamodbOnce(),
      observe: (event) => void told.push(event.kind),
    });
    const before = governed.requests[requests];
    const mend = governed.intercept((call) => (call.operation === operation ? down() : undefined));

    expect(await refusalOf(client.send(converse()))).toMatchObject({ code });
    expect([governed.requests[requests] - before, told]).toEqual([1, ['refused']]);

    mend();
    await governed.aws.clock.advance(2_000);
    await client.send(converse());
  });

  test('is given up at once where the caller gives it up, while the ledger is silent', async () => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { client } = governed.process();
    const asked = new AbortController();
    let answer: () => void = () => {};
    const silence = new Promise<void>((resolve) => {
      answer = resolve;
    });
    governed.intercept(async (call) => {
      if (call.operation !== 'GetItem') return undefined;
      asked.abort();
      await silence;
      return undefined;
    });

    await expect(client.send(converse(), { abortSignal: asked.signal })).rejects.toMatchObject({ name: 'AbortError' });
    answer();

    expect(governed.reached).toEqual([]);
  });

  test('costs the table no more where the process begins with many calls at once', async () => {
    const budget = await governed.budget('acme', 1_000_000_000);
    await governed.profile({ budgets: [budget] });
    const { client, governor } = governed.process();

    const before = governed.requests.ledgerReads;
    await Promise.all(Array.from({ length: 20 }, () => client.send(converse())));
    await governor.flush();

    expect(governed.requests.indexReads).toBe(1);
    expect(governed.requests.ledgerReads - before).toBeLessThanOrEqual(2);
    expect(figures(await governed.item(budget))).toEqual({ settled: 20 * CALL_COST, leased: 0, unconfirmed: 0 });
  });

  test.each([
    ['its caller has given it up', 'AbortError', async (_: CostGovernor, caller: AbortController) => caller.abort()],
    ['the governor was closed', 'GovernorRefusal', async (governor: CostGovernor) => await governor.close()],
  ] as const)('leases nothing ahead once %s', async (_, name, end) => {
    const budget = await governed.budget('acme', 1_000_000);
    await governed.profile({ budgets: [budget] });
    const { client, governor } = governed.process();
    const before = governed.requests.ledgerWrites;
    const caller = new AbortController();
    let answer: () => void = () => {};
    const silence = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const isAsked = new Promise<void>((resolve) => {
      governed.intercept(async (call) => {
        if (call.operation !== 'GetItem') return undefined;
        resolve();
        await silence;
        return undefined;
      });
    });

    const call = client.send(converse(), { abortSignal: caller.signal });
    const failure = expect(call).rejects.toMatchObject({ name });
    await isAsked;
    await end(governor, caller);
    answer();
    await failure;
    // The process has its answer by now, too, and what it made of it is under way.
    await governed.item(budget);
    await governor.flush();

    expect(governed.requests.ledgerWrites - before).toBe(0);
    expect(governed.reached).toEqual([]);
  });

  test('that is free asks for nothing', async () => {
    const { client } = governed.process();
    const { CountTokensCommand } = await import('@aws-sdk/client-bedrock-runtime');

    await client
      .send(new CountTokensCommand({ modelId: 'amazon.nova-lite-v1:0', input: { converse: { messages: [] } } }))
      .catch(() => {});

    expect(governed.requests).toEqual({ indexReads: 0, ledgerReads: 0, ledgerWrites: 0 });
  });
});
