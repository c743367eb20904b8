import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import type { Metered, MeteredWindow } from '../../../domain/spending/metered-spend.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import { UsageReadings } from '../../../domain/spending/usage-readings.ts';
import { HOUR_MS, type TimeWindow } from '../../../domain/spending/usage-record.ts';
import { profileArn } from '../governed-account.ts';
import { MemoryUsage } from './memory-usage.ts';
import { at, recordOf, totals } from './usage-fixtures.ts';

const CHAT = profileArn('chat00000001');

function readingsAt(iso: string) {
  const clock = { time: at(iso), now: (): EpochMs => clock.time };
  const usage = new MemoryUsage();
  const read: string[] = [];
  const asked: MeteredWindow[] = [];
  const answer: { now: Metered } = { now: { kind: 'told', usage: NO_USAGE } };
  const nameOf = ({ from, until }: TimeWindow) =>
    [from, until].map((instant) => new Date(instant).toISOString().slice(5, 16)).join(' ');
  const readings = new UsageReadings({
    clock,
    records: {
      write: (record) => usage.write(record),
      read(window) {
        read.push(nameOf(window));
        return usage.read(window);
      },
    },
    metered: {
      async read(windows) {
        asked.push(...windows);
        return windows.map(() => answer.now);
      },
    },
  });
  return { clock, usage, read, asked, answer, readings };
}

describe('readings of usage', () => {
  it('read what can still change once in each run, and what cannot once a day', async () => {
    const { clock, readings, read } = readingsAt('2026-11-23T10:20:00Z');
    const month = { from: at('2026-11-01T00:00:00Z'), until: at('2026-11-23T10:00:00Z') };
    for (let run = 0; run < 3; run++) {
      await readings.recorded(month, clock.now());
      await readings.recorded(month, clock.now());
      clock.time = epochMs(clock.time + 5 * 60_000);
    }
    const late = '11-22T00:00 11-23T10:00';
    expect(read).toEqual(['11-01T00:00 11-22T00:00', late, late, late]);
  });

  it('read together what a run asks for in parts, and leave what was asked for before as it was', async () => {
    const { clock, readings, read, usage } = readingsAt('2026-11-23T10:20:00Z');
    const run = clock.now();
    const write = (hour: string, settled: number) =>
      usage.write(recordOf({ process: 'one', hour, totals: [[CHAT, totals(1, settled)]] }));
    const part = (from: string, until: string) => ({ from: at(from), until: at(until) });
    const settledIn = async (window: TimeWindow, of = run) =>
      (await readings.recorded(window, of)).totals.get(CHAT)?.settled;
    await write('2026-11-20T08', 1);
    await write('2026-11-22T03', 10);
    await write('2026-11-23T09', 100);
    const lately = part('2026-11-23T09:00:00Z', '2026-11-23T10:20:00Z');
    expect(await settledIn(lately)).toBe(100n);
    await write('2026-11-23T10', 1_000);
    read.length = 0;
    await readings.readAhead({ from: at('2026-11-01T00:00:00Z'), until: run }, run);
    expect(await settledIn(part('2026-11-22T03:00:00Z', '2026-11-22T04:00:00Z'))).toBe(10n);
    expect(await settledIn(part('2026-11-22T04:00:00Z', '2026-11-23T10:00:00Z'))).toBe(100n);
    expect(await settledIn(part('2026-11-23T10:00:00Z', '2026-11-23T10:20:00Z'))).toBe(1_000n);
    expect(await settledIn(lately)).toBe(100n);
    expect(read).toEqual(['11-22T00:00 11-23T10:20']);
    // What nothing is added to any more is read as ever, and another run reads for itself.
    expect(await settledIn(part('2026-11-01T00:00:00Z', '2026-11-23T10:20:00Z'))).toBe(1_111n);
    await write('2026-11-22T05', 10_000);
    expect(await settledIn(part('2026-11-22T05:00:00Z', '2026-11-22T06:00:00Z'), epochMs(run + 1))).toBe(10_000n);
  });

  it('see a record that comes a day late', async () => {
    const { clock, readings, usage } = readingsAt('2026-11-23T10:20:00Z');
    const month = { from: at('2026-11-01T00:00:00Z'), until: at('2026-11-23T10:00:00Z') };
    await readings.recorded(month, clock.now());
    await usage.write(recordOf({ process: 'late', hour: '2026-11-22T10', totals: [[CHAT, totals(1, 30)]] }));
    clock.time = epochMs(clock.time + 5 * 60_000);
    expect((await readings.recorded(month, clock.now())).totals.get(CHAT)?.settled).toBe(30n);
  });

  it('keep the metrics of closed hours for an hour, and nothing that was not told', async () => {
    const { clock, readings, asked, answer } = readingsAt('2026-11-23T10:20:00Z');
    const window = { profile: CHAT, from: at('2026-11-01T00:00:00Z'), until: at('2026-11-23T10:00:00Z') };
    const readTwice = async (isClosed: boolean) => {
      asked.length = 0;
      for (let run = 0; run < 2; run++)
        await readings.metered([
          { ...window, isClosed },
          { ...window, isClosed },
        ]);
      return asked.length;
    };
    answer.now = { kind: 'unreadable', why: 'throttled' };
    expect(await readTwice(true)).toBe(2);
    answer.now = { kind: 'told', usage: NO_USAGE };
    expect(await readTwice(true)).toBe(1);
    expect(await readTwice(true)).toBe(0);
    expect(await readTwice(false)).toBe(2);
    clock.time = epochMs(clock.time + HOUR_MS);
    expect(await readTwice(true)).toBe(1);
  });
});
