import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken } from '../../domain/spending/pricing.ts';
import { APIS, readAll, STREAMS } from './four-apis.ts';
import { figures, GovernedAws, HAIKU, http1, NOVA_LITE } from './governed-aws.ts';
import { recordedTotals } from './recorded-totals.ts';

const NOVA_PRO = 'amazon.nova-pro-v1:0';
const SYSTEM = 'x'.repeat(400);

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
});
afterEach(() => world.close());

/** The bill, the ledger and the usage records say the same to the nano-dollar, and nothing is in doubt. */
async function expectSettled(cost: number): Promise<void> {
  expect(world.billed).toBe(cost);
  expect(figures(await world.item(budget))).toEqual({ settled: cost, leased: 0, unconfirmed: 0 });
  const totals = await recordedTotals(world);
  expect([Number(totals.settled), Number(totals.unconfirmed)]).toEqual([cost, 0]);
  const tokens = { input: 0, output: 0, read: 0, written: 0 };
  for (const bill of world.aws.billing) {
    tokens.input += bill.inputTokens;
    tokens.output += bill.outputTokens;
    tokens.read += bill.cacheReadInputTokens;
    tokens.written += bill.cacheWriteInputTokens;
  }
  const { usage } = totals;
  expect({
    input: usage.inputTokens,
    output: usage.outputTokens,
    read: usage.cacheReadInputTokens,
    written: usage.cacheWrite5mInputTokens + usage.cacheWrite1hInputTokens,
  }).toEqual(tokens);
}

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('over %s', (_, handler) => {
  describe.each(APIS)('$operation', (api) => {
    it('settles at what AWS bills', async () => {
      await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
      const governor = world.governor();
      await readAll(await api.ask(world.runtime(governor, handler)));
      await governor.close();
      // 2 tokens in at 1.10 USD for a million, 20 out at 5.50.
      await expectSettled(2 * 1_100 + 20 * 5_500);
    });
  });
});

describe.each(APIS)('$operation', (api) => {
  it.each([
    ['5m', 100 * 1_375],
    ['1h', 100 * 2_200],
  ] as const)(
    'prices what is written to the cache for %s, and what is read from it, apart [F6]',
    async (ttl, writing) => {
      await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
      const { governor, client } = world.process();
      const question = { cached: { text: SYSTEM, ttl } };
      await readAll(await api.ask(client, question));
      await readAll(await api.ask(client, question));
      await governor.close();
      const output = world.aws.billing.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
      await expectSettled(2 * 2 * 1_100 + writing + 100 * 110 + output * 5_500);
    },
  );

  it.each([
    ['default', 4],
    ['flex', 2],
    ['priority', 7],
  ] as const)('prices the tier %s that served it', async (tier, quarters) => {
    await world.profile({ copyFrom: NOVA_PRO, budgets: [budget] });
    const { governor, client } = world.process();
    await readAll(await api.ask(client, { modelId: NOVA_PRO, tier }));
    await governor.close();
    await expectSettled(((2 * 800 + 20 * 3_200) * quarters) / 4);
  });

  it.each([
    ['in its Region', NOVA_LITE, NOVA_LITE, 2 * 60 + 20 * 240],
    ['in its geography', HAIKU, `us.${HAIKU}`, 2 * 1_100 + 20 * 5_500],
    ['anywhere', HAIKU, `global.${HAIKU}`, 2 * 1_000 + 20 * 5_000],
  ])('prices a model that is served %s', async (_where, modelId, copyFrom, cost) => {
    await world.profile({ copyFrom, budgets: [budget] });
    const { governor, client } = world.process();
    await readAll(await api.ask(client, { modelId }));
    await governor.close();
    await expectSettled(cost);
  });

  it('prices all of a call by the size of its context, cached tokens included', async () => {
    const { rates } = await world.profile({ copyFrom: `us.${HAIKU}` });
    if (rates === undefined) throw new Error('the model has a price');
    const twice = (price: PicoUsdPerToken) => (price * 2) as PicoUsdPerToken;
    const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = rates;
    const step = {
      aboveInputTokens: 101,
      input: twice(input),
      output: twice(output),
      cacheRead: twice(cacheRead),
      cacheWrite5m: twice(cacheWrite5m),
      cacheWrite1h: twice(cacheWrite1h),
    };
    await world.profile({
      tags: { tenant: 'large' },
      copyFrom: `us.${HAIKU}`,
      budgets: [budget],
      entry: { rates: { ...rates, steps: [step] } },
    });
    const { governor, client } = world.process({ tags: { tenant: 'large' } });
    await readAll(await api.ask(client, { cached: { text: SYSTEM, ttl: '5m' } }));
    await governor.close();
    const [bill] = world.aws.billing;
    // The embedded AWS knows no such step: the same tokens at twice the price.
    expect(figures(await world.item(budget))).toEqual({
      settled: 2 * Number(bill?.costNanoUsd),
      leased: 0,
      unconfirmed: 0,
    });
  });

  it('counts an answer that tells no usage at the most that it may have cost: unknown is not zero [F4]', async () => {
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    world.aws.planModelCalls(() => ({ usage: 'nowhere' }));
    const { governor, client } = world.process();
    await readAll(await api.ask(client));
    await governor.close();
    const { settled, leased, unconfirmed } = figures(await world.item(budget));
    expect([settled, leased]).toEqual([0, 0]);
    expect(unconfirmed).toBeGreaterThanOrEqual(world.billed);
    expect(Number((await recordedTotals(world)).unconfirmed)).toBe(unconfirmed);
  });
});

describe.each(APIS.filter(({ operation }) => operation.startsWith('Invoke')))('$operation', (api) => {
  it.each([
    ['Anthropic', HAIKU, `us.${HAIKU}`],
    ['Amazon Nova', NOVA_PRO, NOVA_PRO],
  ])('reads the usage in the answer of %s, where Bedrock tells none', async (_, modelId, copyFrom) => {
    await world.profile({ copyFrom, budgets: [budget] });
    world.aws.planModelCalls(() => ({ usage: 'in-body' }));
    const { governor, client } = world.process();
    for (const ttl of ['5m', '1h'] as const)
      await readAll(await api.ask(client, { modelId, cached: { text: `${ttl}${SYSTEM}`, ttl } }));
    await governor.close();
    await expectSettled(world.billed);
    expect(world.billed).toBeGreaterThan(0);
  });
});

describe.each(STREAMS)('$operation', (api) => {
  it('prices by the tier that served it also where the answer broke off', async () => {
    await world.profile({ copyFrom: NOVA_PRO, budgets: [budget] });
    world.aws.planModelCalls(() => ({ breaks: { afterChunks: 1, by: 'cut' } }));
    const { governor, client } = world.process();
    await expect(api.ask(client, { modelId: NOVA_PRO, tier: 'flex' }).then(readAll)).rejects.toThrow();
    await governor.close();
    const { settled, leased, unconfirmed } = figures(await world.item(budget));
    expect(leased).toBe(0);
    expect(settled).toBeLessThanOrEqual(world.billed);
    expect(settled + unconfirmed).toBeGreaterThanOrEqual(world.billed);
  });
});
