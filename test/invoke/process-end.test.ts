import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TABLE } from '../aws/dynamodb/governor-table.ts';
import { createGate } from '../wire/gate.ts';
import { CALL_COST, converse, figures, GovernedAws, refusalOf } from './governed-aws.ts';
import { recordedTotals } from './recorded-totals.ts';

const PROGRAM = fileURLToPath(new URL('./tenant-program.ts', import.meta.url));
const LIMIT = 1_000_000_000_000;

describe('what a process has not used', () => {
  let world: GovernedAws;

  beforeEach(async () => {
    world = await GovernedAws.start();
  });

  afterEach(async () => {
    vi.useRealTimers();
    await world.close();
  });

  async function endOf(ending: 'ends' | 'stays', signal?: 'SIGTERM' | 'SIGINT') {
    const budget = await world.budget('tenant-monthly/acme', LIMIT);
    await world.profile({ budgets: [budget] });
    const env = { ...process.env, ...world.aws.environment() };
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, TABLE, ending], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    if (signal !== undefined) child.kill(signal);
    const [code, killedBy] = await once(child, 'exit');
    return { code, killedBy, figures: figures(await world.item(budget)) };
  }

  it('goes back when the program has nothing left to do, though nobody closed the governor', async () => {
    const ended = await endOf('ends');
    expect(ended).toEqual({ code: 0, killedBy: null, figures: { settled: world.billed, leased: 0, unconfirmed: 0 } });
    expect(world.billed).toBeGreaterThan(0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('goes back on %s, which then ends the program as ever', async (signal) => {
    const ended = await endOf('stays', signal);
    expect(ended).toMatchObject({ killedBy: signal, figures: { settled: world.billed, leased: 0, unconfirmed: 0 } });
  });

  it('goes back when the caller closes the governor, which admits nothing afterwards', async () => {
    const budget = await world.budget('tenant-monthly/acme', LIMIT);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    await client.send(converse());
    await governor.close();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'GovernorClosed' });
    expect(figures(await world.item(budget))).toEqual({ settled: world.billed, leased: 0, unconfirmed: 0 });
  });

  it('goes back of itself when calls end that were under way as the governor was closed, and what they cost is told', async () => {
    const budget = await world.budget('tenant-monthly/acme', LIMIT);
    await world.profile({ budgets: [budget] });
    const { governor, client } = world.process();
    const gate = createGate();
    world.intercept(async ({ operation }) => (operation === 'Converse' ? await gate.passed : undefined));
    const calls = [client.send(converse()), client.send(converse())];
    await vi.waitFor(() => expect(world.reached).toHaveLength(2));
    await governor.close();
    gate.open();
    await Promise.all(calls);
    await vi.waitFor(async () => {
      expect(figures(await world.item(budget))).toEqual({ settled: 2 * CALL_COST, leased: 0, unconfirmed: 0 });
      expect(await recordedTotals(world)).toMatchObject({ calls: 2 });
    });
  });

  it('is nothing where the governor is closed before its first call: that one is refused, and no work goes on', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { governor, client } = world.process();
    const before = vi.getTimerCount();
    await governor.close();
    expect(await refusalOf(client.send(converse()))).toMatchObject({ code: 'GovernorClosed' });
    expect(vi.getTimerCount()).toBe(before);
  });

  it('is nothing where the governor could not begin: it closes all the same', async () => {
    const ledger = { open: () => Promise.reject(new Error('no way to the ledger')) };
    const { governor, client } = world.process({ ledger });
    const call = expect(client.send(converse())).rejects.toThrow('no way to the ledger');
    await Promise.resolve();
    await Promise.all([governor.flush(), governor.close()]);
    await call;
  });
});
