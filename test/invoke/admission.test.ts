import { ValidationException } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { AwsFault } from '../../local/service.ts';
import { createGate } from '../wire/gate.ts';
import { ask, CALL_COST, converse, figures, GovernedAws, outcomesOf, refusalOf, START } from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

/** What a call like this holds, as the refusal says of one that cannot be paid. */
async function holdOf(command = converse()): Promise<number> {
  const poor = await world.budget('poor', 1);
  await world.profile({ tags: { tenant: 'poor' }, budgets: [poor] });
  const { client } = world.process({ tags: { tenant: 'poor' } });
  const { details } = await refusalOf(client.send(command));
  return Math.round(Number(details.neededUsd?.replaceAll(',', '')) * 1e9);
}

/** Requests about the ledger from here on. */
function countRequests(): () => { writes: number; reads: number } {
  const before = { ...world.requests };
  return () => ({
    writes: world.requests.ledgerWrites - before.ledgerWrites,
    reads: world.requests.ledgerReads - before.ledgerReads,
  });
}

/** Holds all Converse requests back at the runtime. */
function holdBack() {
  const gate = createGate();
  const arrived = createGate();
  world.intercept(async ({ operation }) => {
    if (operation !== 'Converse') return undefined;
    arrived.open();
    return await gate.passed;
  });
  return { arrived: arrived.passed, open: gate.open };
}

describe('a budget', () => {
  it('admits what it can pay, and refuses the next call with all that a caller needs to know', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', hold);
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    await client.send(converse());
    const refusal = await refusalOf(client.send(converse()));
    expect(refusal.code).toBe('BudgetExhausted');
    // The two are the same cent: what does not pay is then told exactly.
    const exact = (nano: number) => `${(nano / 1e9).toFixed(9).replace(/0+$/, '')} USD`;
    expect(refusal.message).toContain(`may cost up to ${exact(hold)}, and ${exact(hold - CALL_COST)} of`);
    expect(refusal.message).toContain(
      'A call that may cost less is still paid for: set maxTokens lower, or send less.',
    );
    const usd = (nano: number) => (nano / 1e9).toFixed(9).replace(/0{1,7}$/, '');
    expect(refusal.details).toEqual({
      budget: 'tenant-monthly/acme',
      period: '2026-11',
      spentUsd: usd(CALL_COST),
      limitUsd: usd(hold),
      neededUsd: usd(hold),
      retryAfter: new Date(Date.UTC(2026, 11, 1)),
      resetsAt: new Date(Date.UTC(2026, 11, 1)),
    });
    for (const part of ['tenant-monthly/acme', '2026-11', '2026-12-01T00:00:00.000Z'])
      expect(refusal.message).toContain(part);
    expect(world.reached).toHaveLength(1);
  });

  it('is never overspent by 100 calls at once, and pays for as many as it can [F1, F2]', async () => {
    const long = () => converse({ messages: ask('x'.repeat(8_000)), inferenceConfig: { maxTokens: 5_000 } });
    const cost = (2_000 * 60_000 + 4_016 * 240_000) / 1_000;
    const hold = await holdOf(long());
    const limit = 20 * hold;
    const budget = await world.budget('tenant-monthly/acme', limit);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process({ maxWaitMs: 20_000 });
    const { admitted, refusals } = await outcomesOf(Array.from({ length: 100 }, () => client.send(long())));
    await governor.flush();
    expect(world.billed).toBe(admitted * cost);
    expect(world.billed).toBeLessThanOrEqual(limit);
    // What is left would not have paid for one more.
    expect(world.billed + hold).toBeGreaterThan(limit);
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['BudgetExhausted']));
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    expect(world.reached).toHaveLength(admitted);
  });

  it('admits at least as many calls at once as it can hold, where callers do not wait [F1]', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', 7 * hold);
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    const { admitted } = await outcomesOf(Array.from({ length: 50 }, () => client.send(converse())));
    expect(admitted).toBeGreaterThanOrEqual(7);
    expect(world.billed).toBeLessThanOrEqual(7 * hold);
  });

  it('is never overspent by several processes together, also where one starts anew [F1, F2]', async () => {
    const hold = await holdOf();
    const limit = 6 * hold;
    const budget = await world.budget('tenant-monthly/acme', limit);
    await world.profile({ budgets: [budget] });
    const processes = Array.from({ length: 3 }, () => world.process({ maxWaitMs: 200 }));
    const calls = processes.flatMap(({ client }) => Array.from({ length: 40 }, () => client.send(converse())));
    const first = await outcomesOf(calls);
    // One goes away without a word, and comes back knowing nothing.
    processes[0] = world.process({ maxWaitMs: 200 });
    const second = await outcomesOf(
      processes.flatMap(({ client }) => Array.from({ length: 20 }, () => client.send(converse()))),
    );
    expect(world.billed).toBe((first.admitted + second.admitted) * CALL_COST);
    expect(world.billed).toBeLessThanOrEqual(limit);
    const { committed } = await world.item(budget);
    expect(Number(committed)).toBeLessThanOrEqual(limit);
    expect(Number(committed)).toBeGreaterThanOrEqual(world.billed);
  });

  it('is not overspent by processes that have seen the same money left [F1]', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', hold);
    await world.profile({ budgets: [budget] });
    const processes = Array.from({ length: 3 }, () => world.process());
    const seen = createGate();
    let writing = 0;
    world.intercept(async ({ operation }) => {
      if (operation !== 'UpdateItem') return undefined;
      if (++writing === processes.length) seen.open();
      return await seen.passed;
    });
    const { admitted } = await outcomesOf(processes.map(({ client }) => client.send(converse())));
    expect(admitted).toBe(1);
    expect(Number((await world.item(budget)).committed)).toBeLessThanOrEqual(hold);
  });

  it('is written to once for refusals without end, and looked at now and then [F23]', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1);
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    const requests = countRequests();
    await outcomesOf(Array.from({ length: 100 }, () => client.send(converse())));
    for (let call = 0; call < 100; call++) await refusalOf(client.send(converse()));
    const soon = requests();
    expect(soon.writes).toBeLessThanOrEqual(2);
    expect(soon.reads).toBeLessThanOrEqual(5);
    for (let second = 0; second < 30; second++) {
      await world.aws.clock.advance(1_000);
      await refusalOf(client.send(converse()));
    }
    expect(requests().writes).toBe(soon.writes);
    expect(world.reached).toEqual([]);
  });

  it('is asked once in a while, not for each call, and the index not at all [F17, F22]', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    await client.send(converse());
    const indexReads = world.requests.indexReads;
    const requests = countRequests();
    for (let call = 0; call < 100; call++) await client.send(converse());
    const { writes, reads } = requests();
    expect(writes + reads).toBeLessThan(20);
    expect(world.requests.indexReads).toBe(indexReads);
  });

  it('is not asked at all for a call that the lease in hand covers: no request but its own [F17]', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    await client.send(converse());
    const requests: string[] = [];
    world.intercept(({ service, operation }) => {
      requests.push(`${service} ${operation}`);
      return undefined;
    });
    for (let call = 0; call < 10; call++) await client.send(converse());
    expect(requests).toEqual(Array.from({ length: 10 }, () => 'bedrock Converse'));
  });

  it('holds no more for a call than its model can answer, whatever maxTokens says [F25]', async () => {
    const asking = (maxTokens: number) => converse({ inferenceConfig: { maxTokens } });
    const clamped = await holdOf(asking(300_000));
    const budget = await world.budget('tenant-monthly/acme', clamped);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    // Admitted by a budget that pays for the whole context window and not for more; then Bedrock refuses it.
    await expect(client.send(asking(999_999_999))).rejects.toBeInstanceOf(ValidationException);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('leaks nothing, whatever becomes of its calls [F10]', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
    await world.profile({ budgets: [budget] });
    const fates = ['runs', 'is turned away', 'fails', 'is lost', 'is throttled once'] as const;
    const met = new Map<string, number>();
    world.intercept({
      before: ({ operation }, input) => {
        if (operation !== 'Converse') return undefined;
        const text = JSON.stringify(input['messages']);
        const attempt = (met.get(text) ?? 0) + 1;
        met.set(text, attempt);
        if (text.includes('is turned away')) return new AwsFault('ValidationException', 'No.', 400);
        if (text.includes('fails')) return new AwsFault('ModelErrorException', 'No.', 424);
        if (text.includes('is throttled once') && attempt === 1) return new AwsFault('ThrottlingException', 'No.', 429);
        return undefined;
      },
      after: ({ operation }, input) =>
        operation === 'Converse' && JSON.stringify(input['messages']).includes('is lost') ? 'no-answer' : undefined,
    });
    const { governor, client } = world.process();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, number) =>
        client.send(
          converse({ messages: [{ role: 'user', content: [{ text: `${number} ${fates[number % fates.length]}` }] }] }),
        ),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(24);
    await governor.flush();
    const { settled, leased, unconfirmed } = figures(await world.item(budget));
    expect(leased).toBe(0);
    // A dozen failed once, and a dozen were lost three times each; their texts are a little longer than the usual one.
    expect(unconfirmed).toBeGreaterThanOrEqual(48 * hold);
    expect(unconfirmed).toBeLessThan(48 * 1.1 * hold);
    expect(settled + unconfirmed).toBeGreaterThan(world.billed);
    const running = await client.send(converse());
    expect(running.usage?.inputTokens).toBe(2);
  });
});

describe('several budgets of one profile', () => {
  it('are charged all together', async () => {
    const tenant = await world.budget('tenant-monthly/acme', 1_000_000);
    const team = await world.budget('team-daily', 1_000_000, { period: 'day' });
    await world.profile({ budgets: [tenant, team] });
    const { governor, client } = world.process();
    await client.send(converse());
    await governor.flush();
    for (const budget of [tenant, team])
      expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('hold all or none: where the last refuses, the others have lost nothing [F10]', async () => {
    const hold = await holdOf();
    const first = await world.budget('first', hold);
    const second = await world.budget('second', hold);
    const third = await world.budget('third', hold - 1);
    await world.profile({ tags: { tenant: 'acme', app: 'all' }, budgets: [first, second, third] });
    await world.profile({ tags: { tenant: 'acme', app: 'two' }, budgets: [second, first] });
    const governor = world.governor();
    const all = world.runtime(governor.for({ app: 'all' }));
    const two = world.runtime(governor.for({ app: 'two' }));
    for (let call = 0; call < 3; call++)
      expect(await refusalOf(all.send(converse()))).toMatchObject({
        code: 'BudgetExhausted',
        details: { budget: 'third' },
      });
    expect(world.reached).toEqual([]);
    // The other two have exactly one hold each, and nothing of it is lost.
    await two.send(converse());
    await governor.flush();
    for (const budget of [first, second])
      expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(figures(await world.item(third))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('never overspend any of them, in whatever order profiles name them [F1]', async () => {
    const hold = await holdOf();
    const [one, other] = [await world.budget('one', 4 * hold), await world.budget('other', 5 * hold)];
    await world.profile({ tags: { tenant: 'acme', app: 'a' }, budgets: [one, other] });
    await world.profile({ tags: { tenant: 'acme', app: 'b' }, budgets: [other, one] });
    const governor = world.governor({ maxWaitMs: 200 });
    const clients = ['a', 'b'].map((app) => world.runtime(governor.for({ app })));
    const calls = clients.flatMap((client) => Array.from({ length: 60 }, () => client.send(converse())));
    const { admitted } = await outcomesOf(calls);
    await governor.flush();
    expect(admitted).toBeGreaterThanOrEqual(4);
    for (const budget of [one, other])
      expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    expect(world.billed).toBeLessThanOrEqual(4 * hold);
  });
});

describe('waiting at the edge of a budget', () => {
  /** A call in flight, and money for it that leaves too little for another of its kind until it is back. */
  async function callInFlight(
    options: { readonly maxWaitMs: number; readonly maxWaiting?: number },
    limit = (hold: number): number => 2 * hold - 1,
  ) {
    const budget = await world.budget('tenant-monthly/acme', limit(await holdOf()));
    await world.profile({ budgets: [budget] });
    const runtime = holdBack();
    const { governor, client } = world.process(options);
    const first = client.send(converse());
    await runtime.arrived;
    return { budget, governor, client, first, runtime };
  }

  it('ends when a call in flight costs less than was held for it', async () => {
    const { client, first, runtime } = await callInFlight({ maxWaitMs: 60_000 }, (hold) => hold + CALL_COST);
    const second = client.send(converse());
    expect(world.reached).toHaveLength(1);
    runtime.open();
    await Promise.all([first, second]);
    expect(world.reached).toHaveLength(2);
  });

  it('is not for a call that can never be paid', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', hold);
    await world.profile({ budgets: [budget] });
    const { client } = world.process({ maxWaitMs: 600_000 });
    await client.send(converse());
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'BudgetExhausted' });
  });

  it('is for so many calls only', async () => {
    const { client, first, runtime } = await callInFlight({ maxWaitMs: 600_000, maxWaiting: 1 });
    const others = [client.send(converse()), client.send(converse())];
    const refused = await Promise.any(others.map((call) => refusalOf(call)));
    expect(refused).toMatchObject({ code: 'BudgetInUse', details: { budget: 'tenant-monthly/acme' } });
    runtime.open();
    await first;
    expect((await outcomesOf(others)).admitted).toBe(1);
  });

  it('ends when the caller gives up, and nothing is sent or held [F10]', async () => {
    const { budget, governor, client, first, runtime } = await callInFlight({ maxWaitMs: 600_000 });
    const abort = new AbortController();
    const second = client.send(converse(), { abortSignal: abort.signal });
    const failure = expect(second).rejects.toMatchObject({ name: 'AbortError' });
    abort.abort();
    await failure;
    runtime.open();
    await first;
    await governor.flush();
    expect(world.reached).toHaveLength(1);
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('ends when the governor is closed, and nothing is leased afterwards', async () => {
    const { budget, governor, client, first, runtime } = await callInFlight({ maxWaitMs: 600_000 });
    const second = refusalOf(client.send(converse()));
    await vi.waitFor(() => expect(governor.snapshot().budgets[0]?.waiting).toBe(1));
    await governor.close();
    expect(await second).toMatchObject({ code: 'GovernorClosed' });
    runtime.open();
    await first;
    await governor.flush();
    expect(world.reached).toHaveLength(1);
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('for an answer of the ledger ends when the caller gives up', async () => {
    await world.profile({ budgets: [await world.budget('tenant-monthly/acme', 10_000_000)] });
    const gate = createGate();
    const asked = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'UpdateItem') return undefined;
      asked.open();
      return await gate.passed;
    });
    const { client } = world.process();
    const abort = new AbortController();
    const call = client.send(converse(), { abortSignal: abort.signal });
    await asked.passed;
    abort.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    gate.open();
  });

  it('does not begin for a caller that has given up already', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    const given = { abortSignal: AbortSignal.abort() };
    await expect(client.send(converse(), given)).rejects.toMatchObject({ name: 'AbortError' });
    await governor.flush();
    expect(world.reached).toEqual([]);
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });
});

describe('the standing of a budget', () => {
  it('closes it for every process that has no lease in hand, a restarted one included [F28]', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000);
    await world.profile({ budgets: [budget] });
    const before = world.process();
    await before.client.send(converse());
    await before.governor.close();
    await world.changeTerms(budget, { standing: 'closed', reason: 'it was used up outside' });
    const { client } = world.process();
    const refusal = await refusalOf(client.send(converse()));
    expect(refusal).toMatchObject({ code: 'BudgetClosed', details: { budget: 'tenant-monthly/acme' } });
    expect(refusal.message).toContain('it was used up outside');
    expect(world.reached).toHaveLength(1);
  });

  it('reaches a process at its next lease: what it has in hand is all that it spends [F28]', async () => {
    const hold = await holdOf();
    const budget = await world.budget('tenant-monthly/acme', 1_000 * hold);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    await client.send(converse());
    const inHand = Number((await world.item(budget)).leased);
    await world.changeTerms(budget, { standing: 'closed' });
    const { admitted, refusals } = await outcomesOf(Array.from({ length: 100 }, () => client.send(converse())));
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['BudgetClosed']));
    expect(admitted * CALL_COST).toBeLessThanOrEqual(inHand);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('opens it again within a second or two', async () => {
    const budget = await world.budget('tenant-monthly/acme', 1_000_000, { terms: { standing: 'closed' } });
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    await refusalOf(client.send(converse()));
    await world.changeTerms(budget, { standing: 'open' });
    await world.aws.clock.advance(2_000);
    await client.send(converse());
  });

  it('slows it down along a pace line, and says when the line will have room', async () => {
    const hold = await holdOf();
    const until = epochMs(Date.UTC(2026, 11, 1));
    const pace = { from: world.now, base: nanoUsd(0n), until };
    const budget = await world.budget('tenant-monthly/acme', 100 * hold, { terms: { standing: 'throttled', pace } });
    await world.profile({ budgets: [budget] });
    const { client } = world.process();
    const { code, details } = await refusalOf(client.send(converse()));
    expect(code).toBe('Throttled');
    const room = START + (until - START) / 100;
    expect(details.retryAfter?.getTime()).toBeGreaterThan(room - 60_000);
    expect(details.retryAfter?.getTime()).toBeLessThan(room + 60_000);
    await world.aws.clock.moveTo((details.retryAfter?.getTime() ?? 0) - 5_000);
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'Throttled' });
    await world.aws.clock.advance(7_000);
    await client.send(converse());
  });
});
