import type { BedrockRuntimeClient, ConverseStreamOutput, TokenUsage } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { API, readAll } from './four-apis.ts';
import { figures, GovernedAws, HAIKU } from './governed-aws.ts';
import { expectConsistent, observedProcess } from './observed-process.ts';

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant/acme', 1_000_000_000_000);
});
afterEach(() => world.close());

type Change = (usage: TokenUsage | undefined) => TokenUsage | undefined;

/** Lets Bedrock tell other counts than it does. */
function telling(client: BedrockRuntimeClient, change: Change): void {
  async function* changed(events: AsyncIterable<ConverseStreamOutput>) {
    for await (const event of events)
      yield event.metadata === undefined
        ? event
        : { metadata: { ...event.metadata, usage: change(event.metadata.usage) } };
  }
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const output = result.output as { usage?: TokenUsage; stream?: AsyncIterable<ConverseStreamOutput> };
      if (output.stream !== undefined) Object.assign(output, { stream: changed(output.stream) });
      else Object.assign(output, { usage: change(output.usage) });
      return result;
    },
    { step: 'deserialize', priority: 'high' },
  );
}

describe.each([API.Converse, API.ConverseStream])('$operation', (api) => {
  it('of a model that counts cached tokens as input too is priced once for each token [F7]', async () => {
    const { rates } = await world.profile({ copyFrom: `us.${HAIKU}` });
    if (rates === undefined) throw new Error('the model has a price');
    const entry = { rates: { ...rates, inputTokens: 'including-cache' } } as const;
    await world.profile({ tags: { tenant: 'other' }, copyFrom: `us.${HAIKU}`, budgets: [budget], entry });
    const tenant = observedProcess(world, {}, { tags: { tenant: 'other' } });
    telling(tenant.client, (usage) => {
      if (usage?.inputTokens === undefined) throw new Error('it tells its usage');
      const cached = (usage.cacheReadInputTokens ?? 0) + (usage.cacheWriteInputTokens ?? 0);
      return { ...usage, inputTokens: usage.inputTokens + cached };
    });
    for (let call = 0; call < 2; call++)
      await readAll(await api.ask(tenant.client, { cached: { text: 'x'.repeat(400), ttl: '5m' } }));
    await tenant.governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
    expect(tenant.told.filter((event) => event.kind === 'settled' && event.drift !== undefined)).toEqual([]);
    expectConsistent(tenant);
  });

  it.each<[string, Change]>([
    ['no usage', () => undefined],
    ['counts that no amount holds', (usage) => ({ ...usage, ...counts(Number.MAX_SAFE_INTEGER) })],
    ['counts below zero', (usage) => ({ ...usage, ...counts(-1) })],
    ['fractions', (usage) => ({ ...usage, ...counts(0.5) })],
    ['what is no number', (usage) => ({ ...usage, ...counts(Number.NaN) })],
  ])('that tells %s stays in doubt with its whole hold, and its caller has the answer [F4]', async (_, change) => {
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    const tenant = observedProcess(world);
    telling(tenant.client, change);
    expect((await readAll(await api.ask(tenant.client))).length).toBeGreaterThan(0);
    await tenant.governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: tenant.reserved[0] });
    expectConsistent(tenant);
  });
});

const counts = (count: number) => ({ inputTokens: count, outputTokens: count, totalTokens: 2 * count });
