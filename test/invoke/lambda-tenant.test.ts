import { afterEach, beforeEach, expect, it } from 'vitest';
import { governedHandler } from '../../invoke/index.ts';
import { CALL_COST, converse, figures, GovernedAws } from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

it('reports and returns everything before each invocation is over: two writes for each budget, and the usage record', async () => {
  const budgets = [
    await world.budget('tenant/acme', 1_000 * CALL_COST),
    await world.budget('dept/claims', 9_000 * CALL_COST),
  ];
  await world.profile({ budgets });
  const { governor, client } = world.process();
  const handler = governedHandler(governor, async (event: { readonly n: number }, context: string) => {
    await client.send(converse());
    return `${context} ${event.n}`;
  });
  for (let n = 1; n <= 3; n++) {
    const before = world.requests.ledgerWrites;
    expect(await handler({ n }, 'invocation')).toBe(`invocation ${n}`);
    expect(world.requests.ledgerWrites - before).toBe(2 * budgets.length);
    for (const budget of budgets)
      expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    // Frozen, for longer than a lease lasts.
    await world.aws.clock.advance(10 * 60_000);
  }
  expect(world.reached).toHaveLength(3);
});

it('fails as the handler fails, and has reported all the same', async () => {
  const budget = await world.budget('tenant/acme', 1_000 * CALL_COST);
  await world.profile({ budgets: [budget] });
  const { governor, client } = world.process();
  const handler = governedHandler(governor, async () => {
    await client.send(converse());
    throw new Error('of the tenant');
  });
  await expect(handler({})).rejects.toThrow('of the tenant');
  expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
});

it('does not fail an invocation whose report is lost, and reports it once with the next', async () => {
  const budget = await world.budget('tenant/acme', 1_000 * CALL_COST);
  await world.profile({ budgets: [budget] });
  const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
  let isDown = false;
  world.aws.intercept({
    after: ({ service }) => (service === 'dynamodb' && isDown ? 'no-answer' : undefined),
  });
  const handler = governedHandler(governor, async () => {
    await client.send(converse());
    isDown = world.reached.length === 1;
  });
  await handler({});
  isDown = false;
  await world.aws.clock.advance(60_000);
  await handler({});
  expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
});
