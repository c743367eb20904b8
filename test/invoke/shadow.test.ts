import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GovernorEvent, governanceOf } from '../../invoke/index.ts';
import { createGate } from '../wire/gate.ts';
import { CALL_COST, converse, figures, GovernedAws, HAIKU, refusalOf } from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

/** Profile and budgets of acme: one that only watches, and what else is given. */
async function watched(limit: number, others: { readonly limit: number }[] = []) {
  const budget = { ...(await world.budget('tenant/acme', limit)), mode: 'shadow' } as const;
  const more = await Promise.all(others.map((other, index) => world.budget(`other-${index}`, other.limit)));
  await world.profile({ budgets: [budget, ...more] });
  return budget;
}

describe('a budget in shadow mode', () => {
  it('refuses nothing, counts every call, and records what it would have refused', async () => {
    const budget = await watched(2 * CALL_COST);
    const told: GovernorEvent[] = [];
    const { governor, client } = world.process({ observe: (event) => told.push(event) });
    for (let call = 0; call < 6; call++) await client.send(converse());
    expect(world.reached).toHaveLength(6);
    await governor.close();
    const item = await world.item(budget);
    expect(figures(item)).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    const unrefused = told.filter((event) => event.kind === 'admitted' && event.by === 'shadow');
    expect(unrefused.length).toBeGreaterThanOrEqual(4);
    expect(unrefused[0]).toMatchObject({ unrefusing: [{ budget: budget.id }] });
    expect(item.unrefused?.calls).toBe(unrefused.length);
    expect(governor.snapshot().calls).toMatchObject({ admitted: 6, unrefused: unrefused.length, refused: {} });
  });

  it('leaves the others their say: a budget beside it refuses all the same, and nothing is counted twice', async () => {
    const budget = await watched(CALL_COST, [{ limit: 40 * CALL_COST }]);
    const { governor, client } = world.process();
    let admitted = 0;
    for (;;) {
      try {
        await client.send(converse());
        admitted++;
      } catch (error) {
        expect(error).toMatchObject({ code: 'BudgetExhausted', details: { budget: 'other-0' } });
        break;
      }
    }
    await governor.close();
    expect(admitted).toBeGreaterThan(0);
    const item = await world.item(budget);
    expect(figures(item)).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    // Not those that another budget refused.
    expect(item.unrefused?.calls ?? 0).toBeLessThanOrEqual(admitted);
  });

  it('lets calls pass while the ledger cannot be reached, and tells all of it afterwards', async () => {
    const budget = await watched(1_000 * CALL_COST);
    const { governor, client } = world.process({ dynamodb: world.dynamodbOnce() });
    const heal = world.intercept(({ service, operation }) =>
      service === 'dynamodb' && operation !== 'Query' ? 'no-answer' : undefined,
    );
    for (let call = 0; call < 3; call++) await client.send(converse());
    heal();
    await world.aws.clock.advance(2_000);
    await client.send(converse());
    await governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('lets calls pass that nobody has provided an item for', async () => {
    await world.profile({
      budgets: [{ id: 'tenant/nobody' as never, period: 'month', timeZone: 'UTC', mode: 'shadow' }],
    });
    const { client } = world.process();
    await client.send(converse());
    expect(world.reached).toHaveLength(1);
  });

  it('lets no call pass that still looks for its profile when the governor is closed: nobody would count it', async () => {
    const budget = await watched(2 * CALL_COST);
    const { governor, client } = world.process();
    for (let call = 0; call < 6; call++) await client.send(converse());
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    await world.aws.clock.advance(2_000);
    const gate = createGate();
    const asked = createGate();
    world.intercept(async ({ operation }) => {
      if (operation !== 'Query') return undefined;
      asked.open();
      return await gate.passed;
    });
    const late = refusalOf(client.send(converse({ modelId: HAIKU })));
    await asked.passed;
    await governor.close();
    gate.open();
    expect(await late).toMatchObject({ code: 'GovernorClosed' });
    expect(world.reached).toHaveLength(6);
  });

  it('begins to refuse when its mode is changed, with no restart', async () => {
    const budget = await watched(2 * CALL_COST);
    const { client } = world.process();
    for (let call = 0; call < 4; call++) await client.send(converse());
    const [entry] = await world.index.list();
    if (entry === undefined) throw new Error('the profile is in the index');
    const { mode: _, ...enforcing } = budget;
    await world.index.put({ ...entry, budgets: [enforcing] });
    await world.aws.clock.advance(31_000);
    await client.send(converse()).catch(() => {});
    await world.aws.clock.advance(1_000);
    expect(['BudgetExhausted', 'BudgetInUse']).toContain((await refusalOf(client.send(converse()))).code);
  });
});

describe('an answer', () => {
  it('says which profile and model gave it, and that of an ungoverned client says nothing', async () => {
    const { arn } = await world.profile();
    const { client } = world.process();
    const output = await client.send(converse());
    expect(governanceOf(output)).toEqual({ profile: arn, model: 'amazon.nova-lite-v1:0' });
    expect(governanceOf({ $metadata: {} })).toBeUndefined();
  });
});
