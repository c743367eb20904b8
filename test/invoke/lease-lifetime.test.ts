import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { forgettable, reclaimable, type WriteId } from '../../domain/spending/ledger.ts';
import { costGovernor } from '../../invoke/index.ts';
import type { JsonObject } from '../../local/service.ts';
import { createGate } from '../wire/gate.ts';
import { CALL_COST, converse, figures, GovernedAws, outcomesOf, refusalOf, START } from './governed-aws.ts';

const MINUTE = 60_000;
const DECEMBER = Date.UTC(2026, 11, 1);
const LIMIT = 10_000_000;

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(async () => {
  vi.useRealTimers();
  await world.close();
});

const isLedger = (input: JsonObject) => JSON.stringify(input['Key'] ?? '').includes('"LEDGER#');

/** A budget of acme with a profile that it covers. */
async function acme(limit = LIMIT): Promise<CoveringBudget> {
  const budget = await world.budget('tenant-monthly/acme', limit);
  await world.profile({ budgets: [budget] });
  return budget;
}

/** What a call holds, as the refusal says of one that cannot be paid. */
async function holdOfACall(): Promise<number> {
  const poor = await world.budget('poor', 1);
  await world.profile({ tags: { tenant: 'poor' }, budgets: [poor] });
  const { client } = world.process({ tags: { tenant: 'poor' } });
  const { details } = await refusalOf(client.send(converse()));
  return Math.round(Number(details.neededUsd) * 1e9);
}

/** The next ledger write takes effect and its answer is lost. */
function loseOneAnswer(): () => void {
  let lost = false;
  return world.intercept({
    after: ({ operation }, input) => {
      if (operation !== 'UpdateItem' || !isLedger(input) || lost) return undefined;
      lost = true;
      return 'no-answer';
    },
  });
}

/** No request about the ledger is answered. */
const ledgerGone = () => world.intercept((_, input) => (isLedger(input) ? 'no-answer' : undefined));

/** What the governor's sweep does with leases whose holders are gone. */
async function reclaim(budget: CoveringBudget): Promise<void> {
  const item = await world.item(budget);
  let number = 0;
  for (const [holder, entry] of reclaimable(item, world.now, 15 * MINUTE))
    await world.ledger.reclaim(item.key, holder, entry, `reclaim-${world.now}-${++number}` as WriteId);
  for (const [holder, entry] of forgettable(await world.item(budget), world.now))
    await world.ledger.forget(item.key, new Map([[holder, entry]]));
}

describe('giving back', () => {
  it('leaves the ledger with what AWS billed, to the nano-dollar, and nothing leased', async () => {
    const budget = await acme(1_000_000_000);
    const processes = [world.process(), world.process()];
    for (let round = 0; round < 4; round++)
      await Promise.all(
        processes.flatMap(({ client }, number) =>
          Array.from({ length: 10 }, (_, call) =>
            client.send(
              converse({
                messages: [{ role: 'user', content: [{ text: 'x'.repeat(1 + 7 * call + 50 * number + round) }] }],
              }),
            ),
          ),
        ),
      );
    await processes[0]?.governor.flush();
    await processes[1]?.governor.close();
    expect(world.aws.billing).toHaveLength(80);
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('keeps what calls in flight hold, and settles them later', async () => {
    const budget = await acme();
    const gate = createGate();
    const arrived = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'Converse') return undefined;
      arrived.open();
      return await gate.passed;
    });
    const { governor, client } = world.process();
    const call = client.send(converse());
    await arrived.passed;
    await governor.flush();
    const hold = await holdOfACall();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: hold, unconfirmed: 0 });
    gate.open();
    await call;
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('may be asked for at any time and as often as one likes, while calls come and go', async () => {
    const budget = await acme(1_000_000_000);
    const { governor, client } = world.process();
    const calls = Array.from({ length: 60 }, async (_, number) => {
      const sent = client.send(converse());
      if (number % 3 === 0) await governor.flush();
      return await sent;
    });
    expect((await outcomesOf(calls)).refusals).toEqual([]);
    await Promise.all([governor.flush(), governor.flush(), governor.close()]);
    expect(figures(await world.item(budget))).toEqual({ settled: 60 * CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('fails when the ledger cannot be reached, and can be repeated', async () => {
    const budget = await acme();
    const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
    await client.send(converse());
    const comesBack = ledgerGone();
    await expect(governor.flush()).rejects.toMatchObject({ code: 'LedgerUnavailable' });
    comesBack();
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });
});

describe('a lease', () => {
  it('goes on after its term, with the next write', async () => {
    const budget = await acme();
    const { governor, client } = world.process({ leaseSeconds: 10 });
    for (let call = 0; call < 5; call++) {
      await client.send(converse());
      await world.aws.clock.advance(11_000);
    }
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: 5 * CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('is renewed in the background while it is used, and returned when it is not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const budget = await acme();
    const { client } = world.process();
    const pass = async (ms: number) => {
      await world.aws.clock.advance(ms);
      const written = createGate();
      const stop = world.intercept({
        after: ({ operation }, input) => {
          if (operation === 'UpdateItem' && isLedger(input)) written.open();
          return undefined;
        },
      });
      vi.advanceTimersByTime(5_000);
      await written.passed;
      stop();
      return await world.item(budget);
    };
    await client.send(converse());
    const granted = await world.item(budget);
    const renewed = await pass(MINUTE + 1_000);
    const [[, first] = []] = [...granted.holders];
    const [[, second] = []] = [...renewed.holders];
    expect(second?.expiresAt).toBeGreaterThan(first?.expiresAt ?? 0);
    expect(Number(renewed.settled)).toBe(CALL_COST);
    const returned = await pass(MINUTE + 1_000);
    expect(figures(returned)).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('of a process that died stays counted: a restart refills nothing [F2, F12]', async () => {
    const hold = await holdOfACall();
    const budget = await acme(hold);
    const gate = createGate();
    const arrived = createGate();
    const stop = world.intercept(async ({ operation }) => {
      if (operation !== 'Converse') return undefined;
      arrived.open();
      return await gate.passed;
    });
    const call = world.process().client.send(converse());
    await arrived.passed;
    stop();
    expect(Number((await world.item(budget)).committed)).toBe(hold);
    // It says no more. No time that passes frees what it may have spent.
    for (const wait of [3 * MINUTE, 20 * MINUTE, 60 * MINUTE]) {
      await world.aws.clock.advance(wait);
      await reclaim(budget);
      expect(await refusalOf(world.process().client.send(converse()))).toMatchObject({
        details: { budget: 'tenant-monthly/acme' },
      });
    }
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: hold });
    expect(world.reached).toHaveLength(1);
    gate.open();
    await call;
  });

  it('that was reclaimed is not used any more, and a new one is taken', async () => {
    const budget = await acme();
    const { governor, client } = world.process();
    await client.send(converse());
    const lost = Number((await world.item(budget)).leased);
    await world.aws.clock.advance(30 * MINUTE);
    await reclaim(budget);
    await client.send(converse());
    await governor.flush();
    // What the first call cost was never reported: it is part of what was reclaimed.
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: lost });
  });
});

describe('an answer of the ledger that is lost', () => {
  it("is repaired by the SDK's own retry, and counted once [F11]", async () => {
    const budget = await acme();
    const { governor, client } = world.process();
    loseOneAnswer();
    await client.send(converse());
    loseOneAnswer();
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('is repaired by the next call where the SDK gave up, and counted once [F11]', async () => {
    const budget = await acme();
    const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
    loseOneAnswer();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'LedgerUnavailable' });
    expect(world.reached).toEqual([]);
    const { leased } = figures(await world.item(budget));
    expect(leased).toBeGreaterThan(0);
    await world.aws.clock.advance(1_000);
    await client.send(converse());
    const [entry, ...others] = [...(await world.item(budget)).holders.values()];
    expect(others).toEqual([]);
    expect(entry?.sequence).toBeLessThanOrEqual(2);
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('is not asked for again by a process that was frozen past the tombstone: nothing is counted twice [F11]', async () => {
    const budget = await acme();
    const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
    loseOneAnswer();
    await refusalOf(client.send(converse()));
    const { leased } = figures(await world.item(budget));
    await world.aws.clock.advance(60 * MINUTE);
    await reclaim(budget);
    await world.aws.clock.advance(60 * MINUTE);
    await reclaim(budget);
    expect((await world.item(budget)).holders.size).toBe(0);
    await client.send(converse());
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: leased });
    expect((await world.item(budget)).holders.size).toBe(1);
  });
});

describe('a ledger that cannot be reached', () => {
  it('lets calls go on inside the lease in hand, and no further', async () => {
    const hold = await holdOfACall();
    const budget = await acme(1_000 * hold);
    const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
    await client.send(converse());
    const inHand = Number((await world.item(budget)).leased);
    const comesBack = ledgerGone();
    const { admitted, refusals } = await outcomesOf(Array.from({ length: 100 }, () => client.send(converse())));
    expect(admitted).toBeGreaterThan(0);
    expect(admitted * CALL_COST).toBeLessThanOrEqual(inHand);
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['LedgerUnavailable']));
    expect(world.reached).toHaveLength(1 + admitted);
    comesBack();
    await world.aws.clock.advance(2_000);
    await client.send(converse());
    await governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('lets a process that had a grant spend what the policy adds, and counts it afterwards', async () => {
    const hold = await holdOfACall();
    const extra = 3 * hold;
    const budget = await world.budget('tenant-monthly/acme', 1_000 * hold, {
      terms: { outageExtra: nanoUsd(BigInt(extra)) },
    });
    await world.profile({ budgets: [budget] });
    const had = world.process({ dynamodb: world.dynamodbOnce() });
    await had.client.send(converse());
    const inHand = Number((await world.item(budget)).leased);
    const comesBack = ledgerGone();
    const had100 = await outcomesOf(Array.from({ length: 100 }, () => had.client.send(converse())));
    // Holds, not costs, are bounded: so many may be in flight together.
    expect(had100.admitted).toBeGreaterThan(Math.floor(inHand / hold));
    expect(had100.admitted * CALL_COST).toBeLessThanOrEqual(inHand + extra);
    // A process that never had a grant gets nothing.
    const never = world.process({ dynamodb: world.dynamodbOnce() });
    expect(await refusalOf(never.client.send(converse()))).toMatchObject({ code: 'LedgerUnavailable' });
    comesBack();
    await had.governor.flush();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });
});

describe('a ledger that cannot be reached, where the policy adds something for that', () => {
  it('adds nothing to a budget that was closed before', async () => {
    const hold = await holdOfACall();
    const budget = await world.budget('tenant-monthly/acme', 1_000 * hold, {
      terms: { outageExtra: nanoUsd(BigInt(10 * hold)) },
    });
    await world.profile({ budgets: [budget] });
    const { client } = world.process({ dynamodb: world.dynamodbOnce() });
    await client.send(converse());
    await world.changeTerms(budget, { standing: 'closed', reason: 'the limit is spent' });
    await world.aws.clock.advance(3 * MINUTE);
    expect((await refusalOf(client.send(converse()))).code).toBe('BudgetClosed');
    ledgerGone();
    await world.aws.clock.advance(2_000);
    expect((await refusalOf(client.send(converse()))).code).toBe('LedgerUnavailable');
    expect(world.reached).toHaveLength(1);
  });
});

describe('a table that takes connections and is silent', () => {
  it('refuses calls after a while instead of keeping them for ever', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://127.0.0.1:${port}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    try {
      const { dynamodb: _, ...config } = world.config();
      const governor = costGovernor(config);
      let isRefused = false;
      const call = expect(world.runtime(governor).send(converse())).rejects.toMatchObject({
        code: 'IndexUnavailable',
        cause: { code: 'TimeoutError' },
      });
      void call.finally(() => {
        isRefused = true;
      });
      for (let second = 0; second < 60 && !isRefused; second++) {
        await vi.advanceTimersByTimeAsync(1_000);
        await new Promise((turned) => setImmediate(turned));
      }
      expect(isRefused).toBe(true);
      await call;
    } finally {
      vi.unstubAllEnvs();
      silent.closeAllConnections();
      silent.close();
    }
  });
});

describe('when a period turns', () => {
  it('the new period begins with its own limit, and what November leased is not spent in December [F13, F14, F15, F16]', async () => {
    const hold = await holdOfACall();
    const budget = await acme(1_000 * hold);
    const { governor, client } = world.process();
    await world.aws.clock.moveTo(DECEMBER - 30_000);
    await client.send(converse());
    const november = world.now;
    expect(figures(await world.item(budget)).leased).toBeGreaterThan(0);
    await world.aws.clock.moveTo(DECEMBER);
    // November has money left and its lease is not over; December is not provided.
    expect(await refusalOf(client.send(converse()))).toMatchObject({
      code: 'NotProvisioned',
      details: { period: '2026-12' },
    });
    await world.provide(budget, hold);
    await world.aws.clock.advance(2_000);
    await client.send(converse());
    expect(await refusalOf(client.send(converse()))).toMatchObject({
      code: 'BudgetExhausted',
      details: { period: '2026-12' },
    });
    await governor.flush();
    const settledOnce = { settled: CALL_COST, leased: 0, unconfirmed: 0 };
    expect(figures(await world.item(budget, november))).toEqual(settledOnce);
    expect(figures(await world.item(budget))).toEqual(settledOnce);
  });

  it('what was spent just before is still told to the period that is over [F14]', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const budget = await acme();
    await world.aws.clock.moveTo(DECEMBER - 1_000);
    const november = world.now;
    const { governor, client } = world.process();
    await client.send(converse());
    await world.aws.clock.moveTo(DECEMBER + 1_000);
    vi.advanceTimersByTime(5_000);
    await governor.flush();
    expect(figures(await world.item(budget, november))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
  });

  it('a call in flight belongs to the period in which it was admitted [F14]', async () => {
    const budget = await acme();
    const gate = createGate();
    const arrived = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'Converse') return undefined;
      arrived.open();
      return await gate.passed;
    });
    await world.aws.clock.moveTo(DECEMBER - 1_000);
    const november = world.now;
    const { governor, client } = world.process();
    const call = client.send(converse());
    await arrived.passed;
    await world.aws.clock.advance(5_000);
    await world.provide(budget, LIMIT);
    gate.open();
    await call;
    await governor.flush();
    expect(figures(await world.item(budget, november))).toEqual({ settled: CALL_COST, leased: 0, unconfirmed: 0 });
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('each budget turns with its own calendar [F15]', async () => {
    const daily = await world.budget('team-daily', LIMIT, { period: 'day' });
    const monthly = await world.budget('tenant-monthly/acme', LIMIT);
    await world.profile({ budgets: [monthly, daily] });
    const { governor, client } = world.process();
    await client.send(converse());
    await world.aws.clock.advance(24 * 60 * MINUTE);
    expect(await refusalOf(client.send(converse()))).toMatchObject({
      code: 'NotProvisioned',
      details: { budget: 'team-daily', period: '2026-11-24' },
    });
    await world.provide(daily, LIMIT);
    await world.aws.clock.advance(2_000);
    await client.send(converse());
    await governor.flush();
    expect(Number((await world.item(monthly)).settled)).toBe(2 * CALL_COST);
    expect(Number((await world.item(daily)).settled)).toBe(CALL_COST);
    expect(Number((await world.item(daily, epochMs(START))).settled)).toBe(CALL_COST);
  });

  it("it turns with AWS's time, whatever the machine's clock says", async () => {
    const budget = await acme();
    await world.aws.clock.moveTo(DECEMBER + MINUTE);
    await world.provide(budget, LIMIT);
    // Without a clock of the test's own, the governor has the machine's, which is right about nothing here.
    const { clock: _, ...config } = world.config();
    const governor = costGovernor(config);
    await world.runtime(governor).send(converse());
    await governor.close();
    expect(Number((await world.item(budget)).settled)).toBe(CALL_COST);
    expect(Number((await world.item(budget, epochMs(START))).settled)).toBe(0);
  });

  it('an item that was provided ahead is not spent before its period begins', async () => {
    const budget = await acme(1);
    const december = { budget: budget.id, period: '2026-12' };
    await world.ledger.provide({
      key: december,
      startsAt: epochMs(DECEMBER),
      endsAt: epochMs(Date.UTC(2027, 0, 1)),
      terms: { limit: nanoUsd(BigInt(LIMIT)), stopAt: nanoUsd(BigInt(LIMIT)), standing: 'open', version: 1 },
    });
    await world.aws.clock.moveTo(DECEMBER - 1_000);
    const { client } = world.process();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ details: { period: '2026-11' } });
    await world.aws.clock.advance(1_000);
    await client.send(converse());
    expect(world.reached).toHaveLength(1);
  });
});
