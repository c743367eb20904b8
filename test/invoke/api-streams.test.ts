import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoveringBudget } from '../../domain/profiles/profile-index.ts';
import { modelCallEnd } from '../wire/clients.ts';
import { carriesText, readAll, readFirstText, STREAMS } from './four-apis.ts';
import { figures, GovernedAws, HAIKU, http1 } from './governed-aws.ts';
import { expectConsistent, type ObservedProcess, observedProcess } from './observed-process.ts';
import { recordedTotals } from './recorded-totals.ts';

const HOUR = 3_600_000;
/** What an InvokeModel stream tells at its start is certain: the two tokens that the model has read. */
const INPUT_COST = 2 * 1_100;

let world: GovernedAws;
let budget: CoveringBudget;
beforeEach(async () => {
  world = await GovernedAws.start();
  budget = await world.budget('tenant-monthly/acme', 1_000_000_000);
  await world.profile({ copyFrom: `us.${HAIKU}`, budgets: [budget] });
});
afterEach(async () => {
  vi.useRealTimers();
  await world.close();
});

async function expectBilled(tenant: ObservedProcess): Promise<void> {
  expect(world.billed).toBeGreaterThan(0);
  expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  expectConsistent(tenant);
}

/** What is not certain stays in doubt: together it is what was held, which covers the bill. */
async function expectInDoubt(tenant: ObservedProcess, certain: number): Promise<void> {
  const [hold = 0] = tenant.reserved;
  expect(figures(await world.item(budget))).toEqual({ settled: certain, leased: 0, unconfirmed: hold - certain });
  expect(world.billed).toBeGreaterThan(0);
  expect(hold).toBeGreaterThanOrEqual(world.billed);
  expect(certain).toBeLessThanOrEqual(world.billed);
  const totals = await recordedTotals(world);
  expect([Number(totals.settled), Number(totals.unconfirmed)]).toEqual([certain, hold - certain]);
  expectConsistent(tenant);
}

describe.each([
  ['HTTP/2', {}],
  ['HTTP/1.1', http1()],
])('over %s', (_, handler) => {
  describe.each(STREAMS)('$operation', (api) => {
    const certain = api.operation === 'ConverseStream' ? 0 : INPUT_COST;

    it('passes on what an ungoverned client reads, in order, and unchanged', async () => {
      world.aws.planModelCalls(() => ({ outputTokens: 90, chunks: 9 }));
      const tenant = observedProcess(world, handler);
      const ungoverned = world.runtime({ applyToStack: () => {} }, handler);
      const governed = await readAll(await api.ask(tenant.client));
      const plain = await readAll(await api.ask(ungoverned, { modelId: String(world.reached.at(-1)?.modelId) }));
      const comparable = (events: unknown[]) =>
        events.map((event) => {
          const bytes = (event as { chunk?: { bytes?: Uint8Array } }).chunk?.bytes;
          const shown = bytes === undefined ? JSON.stringify(event) : new TextDecoder().decode(bytes);
          return shown.replace(/msg_bdrk_[0-9a-f]+/, 'msg');
        });
      expect(governed.length).toBeGreaterThan(9);
      expect(comparable(governed)).toEqual(comparable(plain));
      await tenant.governor.close();
    });

    it('passes each event on before time passes for the next', async () => {
      world.aws.planModelCalls(() => ({ outputTokens: 50, chunks: 5, chunkLatencyMs: HOUR }));
      const tenant = observedProcess(world, handler);
      const startedAt = world.aws.clock.now();
      const delays: number[] = [];
      for await (const event of await api.ask(tenant.client)) {
        if (!carriesText(event)) continue;
        delays.push(Math.round((world.aws.clock.now() - startedAt) / HOUR));
        await world.aws.settled();
        await world.aws.clock.advance(HOUR);
      }
      expect(delays).toEqual([0, 1, 2, 3, 4]);
      await tenant.governor.close();
      await expectBilled(tenant);
    });

    it('that its caller breaks off is read to its end for its usage [F3]', async () => {
      const tenant = observedProcess(world, handler);
      await readFirstText(await api.ask(tenant.client));
      await tenant.governor.close();
      await expectBilled(tenant);
    });

    it('that its caller breaks off and that does not go on is let go after ten seconds, and stays in doubt [F3]', async () => {
      world.aws.planModelCalls(() => ({ outputTokens: 80, chunks: 4, chunkLatencyMs: HOUR }));
      const ended = modelCallEnd(world.aws);
      const tenant = observedProcess(world, handler);
      const events = await api.ask(tenant.client);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      await readFirstText(events);
      const flushed = tenant.governor.flush();
      await vi.advanceTimersByTimeAsync(10_000);
      vi.useRealTimers();
      await flushed;
      expect(await ended).toMatchObject({ end: 'left' });
      await tenant.governor.close();
      await expectInDoubt(tenant, certain);
    });

    it('that is aborted in mid-stream stays in doubt beyond what is certain [F3, F4]', async () => {
      world.aws.planModelCalls(() => ({ outputTokens: 80, chunks: 4, chunkLatencyMs: HOUR }));
      const ended = modelCallEnd(world.aws);
      const tenant = observedProcess(world, handler);
      const abort = new AbortController();
      const events = await api.ask(tenant.client, {}, { abortSignal: abort.signal });
      const reading = async () => {
        for await (const event of events) if (carriesText(event)) abort.abort();
      };
      await Promise.allSettled([reading()]);
      expect(await ended).toMatchObject({ end: 'left' });
      await tenant.governor.close();
      await expectInDoubt(tenant, certain);
    });

    it('whose connection is cut stays in doubt beyond what is certain [F4]', async () => {
      world.aws.planModelCalls(() => ({ outputTokens: 80, chunks: 8, breaks: { afterChunks: 3, by: 'cut' } }));
      const tenant = observedProcess(world, handler);
      await expect(api.ask(tenant.client).then(readAll)).rejects.toThrow();
      await tenant.governor.close();
      expect(world.aws.modelCalls).toHaveLength(1);
      await expectInDoubt(tenant, certain);
    });
  });
});

describe.each(STREAMS)('$operation', (api) => {
  const certain = api.operation === 'ConverseStream' ? 0 : INPUT_COST;

  it.each([
    'ThrottlingException',
    'ModelStreamErrorException',
    'InternalServerException',
    'ServiceUnavailableException',
    'ValidationException',
  ] as const)('that ends in %s stays in doubt beyond what is certain', async (by) => {
    world.aws.planModelCalls(() => ({ outputTokens: 80, chunks: 8, breaks: { afterChunks: 3, by } }));
    const tenant = observedProcess(world);
    await expect(api.ask(tenant.client).then(readAll)).rejects.toMatchObject({ name: by });
    await tenant.governor.close();
    expect(world.aws.modelCalls).toHaveLength(1);
    await expectInDoubt(tenant, certain);
  });

  it('that nobody reads is given up after a quarter of an hour, and stays in doubt', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const tenant = observedProcess(world);
    await api.ask(tenant.client);
    expect(tenant.governor.snapshot().openStreams).toBe(1);
    await world.aws.clock.advance(15 * 60_000);
    vi.advanceTimersByTime(5_000);
    expect(tenant.governor.snapshot().openStreams).toBe(0);
    await tenant.governor.close();
    // Nothing of it was read: not even what the first event tells.
    await expectInDoubt(tenant, 0);
  });

  it('that is dropped by an iterator that was never asked for anything is read for its usage', async () => {
    const tenant = observedProcess(world);
    const events = await api.ask(tenant.client);
    await events[Symbol.asyncIterator]().return?.();
    await tenant.governor.close();
    await expectBilled(tenant);
  });
});
