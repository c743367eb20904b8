import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochMs } from '../../domain/clock.ts';
import { nanoUsd } from '../../domain/money.ts';
import { type GovernorEvent, governanceOf } from '../../invoke/index.ts';
import { clientConfig } from '../aws/client-config.ts';
import { ask, CALL_COST, converse, figures, GovernedAws, HAIKU, http1, NOVA_LITE, refusalOf } from './governed-aws.ts';

let world: GovernedAws;
beforeEach(async () => {
  world = await GovernedAws.start();
});
afterEach(() => world.close());

const SONNET = 'anthropic.claude-sonnet-4-5-20250929-v1:0';
const toSonnet = () => new ConverseCommand({ modelId: SONNET, messages: ask(), inferenceConfig: { maxTokens: 100 } });

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('a profile in another Region than the client, over %s', (_, handler) => {
  it('is called there, and governed once', async () => {
    const budget = await world.budget('tenant/acme', 1_000 * CALL_COST);
    const { arn } = await world.profile({ region: 'eu-west-1', copyFrom: `eu.${NOVA_LITE}`, budgets: [budget] });
    const made: string[] = [];
    const told: GovernorEvent[] = [];
    const governor = world.governor({
      region: 'eu-west-1',
      observe: (event) => told.push(event),
      clients: (region) => {
        made.push(region);
        return new BedrockRuntimeClient({ ...clientConfig(world.aws, region), ...handler });
      },
    });
    const client = world.runtime(governor, handler);
    const output = await client.send(converse());
    await client.send(converse());
    expect(governanceOf(output)).toMatchObject({ profile: arn });
    expect(made).toEqual(['eu-west-1']);
    expect(told.map(({ kind }) => kind)).toEqual(['admitted', 'settled', 'ended', 'admitted', 'settled', 'ended']);
    expect(world.reached.map(({ modelId }) => modelId)).toEqual([arn, arn]);
    await governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('is not called by a client of yet another Region, nor looked for again and again', async () => {
    const budget = await world.budget('tenant/acme', 1_000 * CALL_COST);
    await world.profile({ region: 'eu-west-1', copyFrom: `eu.${NOVA_LITE}`, budgets: [budget] });
    let made = 0;
    const governor = world.governor({
      region: 'eu-west-1',
      clients: () => {
        made++;
        return new BedrockRuntimeClient({ ...clientConfig(world.aws, 'us-west-2'), ...handler });
      },
    });
    await expect(world.runtime(governor, handler).send(converse())).rejects.toThrow('The profile lives in eu-west-1');
    expect([made, world.reached.length]).toEqual([1, 0]);
    await governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });

  it('is asked for no more when the caller gives up', async () => {
    const budget = await world.budget('tenant/acme', 1_000 * CALL_COST);
    await world.profile({ region: 'eu-west-1', copyFrom: `eu.${NOVA_LITE}`, budgets: [budget] });
    const governor = world.governor({
      region: 'eu-west-1',
      clients: (region) => new BedrockRuntimeClient({ ...clientConfig(world.aws, region), ...handler }),
    });
    const client = world.runtime(governor, handler);
    const abortSignal = AbortSignal.abort();
    await expect(client.send(converse(), { abortSignal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(world.reached).toEqual([]);
    await governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: 0, leased: 0, unconfirmed: 0 });
  });
});

describe('while a budget is throttled', () => {
  async function throttled(fallback = true) {
    const now = world.now;
    const limit = 1_000_000 * CALL_COST;
    const budget = await world.budget('tenant/acme', limit, {
      terms: {
        standing: 'throttled',
        pace: { from: epochMs(now - 1), base: nanoUsd(BigInt(limit / 2)), until: epochMs(now + 3_600_000) },
      },
    });
    const sonnet = await world.profile({
      copyFrom: `us.${SONNET}`,
      budgets: [budget],
      entry: fallback ? { fallback: HAIKU } : {},
    });
    return { budget, sonnet };
  }

  it('a call goes to the cheaper profile of the same tags that the policy names, and the answer says so', async () => {
    const { budget } = await throttled();
    const haiku = await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    const told: GovernorEvent[] = [];
    const { governor, client } = world.process({ observe: (event) => told.push(event) });
    // Known only once the ledger has been read.
    await client.send(toSonnet());
    const output = await client.send(toSonnet());
    expect(governanceOf(output)).toEqual({ profile: haiku.arn, model: HAIKU, insteadOf: SONNET });
    expect(world.reached.at(-1)?.modelId).toBe(haiku.arn);
    expect(told.findLast((event) => event.kind === 'admitted')).toMatchObject({ insteadOf: SONNET });
    expect(governor.snapshot().calls.fellBack).toBe(1);
    await governor.close();
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('a call whose tags have no such profile goes where it was meant to', async () => {
    const { sonnet } = await throttled();
    const { client } = world.process();
    await client.send(toSonnet());
    expect(governanceOf(await client.send(toSonnet()))).toEqual({ profile: sonnet.arn, model: SONNET });
  });

  it('a call for which the policy names no other model goes where it was meant to', async () => {
    const { budget, sonnet } = await throttled(false);
    await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
    const { client } = world.process();
    await client.send(toSonnet());
    expect(governanceOf(await client.send(toSonnet()))).toEqual({ profile: sonnet.arn, model: SONNET });
  });
});

describe('a governor', () => {
  it('tells of each decision and settlement, without a word of what was asked or answered', async () => {
    const budget = await world.budget('tenant/acme', 400 * CALL_COST);
    const { arn } = await world.profile({ budgets: [budget] });
    const told: GovernorEvent[] = [];
    const { client } = world.process({ observe: (event) => told.push(event) });
    await client.send(converse({ messages: ask('a secret') }));
    const call = { operation: 'Converse', requestedModel: NOVA_LITE, tags: { tenant: 'acme' } };
    expect(told).toMatchObject([
      { kind: 'admitted', call, profile: { arn }, budgets: [{ budget: 'tenant/acme' }], by: 'lease' },
      { kind: 'settled', call, usage: { outputTokens: 20 }, costNanoUsd: world.billed },
      { kind: 'ended', call },
    ]);
    expect(new Set(told.map((event) => ('call' in event ? event.call : undefined))).size).toBe(1);
    expect(JSON.stringify(told)).not.toContain('secret');
  });

  it('tells of a refusal, and goes on when the observer fails', async () => {
    await world.profile();
    const { governor, client } = world.process({
      observe: () => {
        throw new Error('an observer of its own');
      },
    });
    await client.send(converse());
    expect((await refusalOf(client.send(converse({ modelId: 'meta.unknown' })))).code).toBe('ProfileNotFound');
    expect(governor.snapshot().calls).toMatchObject({ admitted: 1, settled: 1, refused: { ProfileNotFound: 1 } });
  });

  it('goes on when an observer fails that is not waited for', async () => {
    await world.profile();
    const unhandled: unknown[] = [];
    const hear = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', hear);
    try {
      const failing = (): unknown => Promise.reject(new Error('an observer of its own'));
      const { client } = world.process({ observe: failing });
      await client.send(converse());
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', hear);
    }
  });

  it('shows on demand how its budgets stand', async () => {
    const budget = await world.budget('tenant/acme', 400 * CALL_COST);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    await client.send(converse());
    expect(governor.snapshot()).toMatchObject({
      openStreams: 0,
      budgets: [{ key: { budget: 'tenant/acme', period: '2026-11' }, standing: 'open', held: 0, waiting: 0 }],
    });
  });

  it('bound anew on a command spends for that command alone, and is asked once', async () => {
    const mine = await world.budget('tenant/acme', 400 * CALL_COST);
    const theirs = await world.budget('tenant/globex', 400 * CALL_COST);
    await world.profile({ tags: { tenant: 'acme' }, budgets: [mine] });
    const globex = await world.profile({ tags: { tenant: 'globex' }, budgets: [theirs] });
    const told: GovernorEvent[] = [];
    const governor = world.governor({ tags: {}, observe: (event) => told.push(event) });
    const client = world.runtime(governor.for({ tenant: 'acme' }));
    const command = converse();
    command.middlewareStack.use(governor.for({ tenant: 'globex' }));
    expect(governanceOf(await client.send(command))?.profile).toBe(globex.arn);
    expect(told.filter((event) => event.kind === 'admitted')).toHaveLength(1);
    await client.send(converse());
    await governor.close();
    const cost = world.billed / 2;
    expect(figures(await world.item(mine)).settled).toBe(cost);
    expect(figures(await world.item(theirs)).settled).toBe(cost);
  });
});
