import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import {
  coveredProfiles,
  readRecordedUsage,
  UsageSince,
  usageOfSelector,
} from '../../../domain/spending/recorded-usage.ts';
import {
  addTotals,
  endOfHour,
  holderOf,
  hourAt,
  hoursOf,
  NO_TOTALS,
  type ProcessId,
  processOf,
  startOfHour,
  type UtcHour,
} from '../../../domain/spending/usage-record.ts';
import { profileArn } from '../governed-account.ts';
import { MemoryUsage } from './memory-usage.ts';
import { at, entryOf, recordOf, totals, window } from './usage-fixtures.ts';

const CHAT = profileArn('chat00000001');
const TRIAGE = profileArn('triage000001');

describe('hours of usage', () => {
  it('are named by the UTC hour and know their bounds', () => {
    const hour = hourAt(at('2026-11-23T22:59:59.999Z'));
    expect(hour).toBe('2026-11-23T22');
    expect(startOfHour(hour)).toBe(at('2026-11-23T22:00:00Z'));
    expect(endOfHour(hour)).toBe(at('2026-11-23T23:00:00Z'));
  });

  it('are those that have a part in the window: its end belongs to none', () => {
    expect(hoursOf(window('2026-11-23T22:00:00Z', '2026-11-24T00:00:00Z'))).toEqual(['2026-11-23T22', '2026-11-23T23']);
    expect(hoursOf(window('2026-11-23T22:00:00Z', '2026-11-23T22:00:00Z'))).toEqual([]);
    expect(hoursOf(window('2026-11-24T00:00:00Z', '2026-11-23T22:00:00Z'))).toEqual([]);
  });

  it('count whole where a period of a half-hour time zone begins in one', () => {
    expect(hoursOf(window('2026-10-31T18:30:00Z', '2026-10-31T20:00:00Z'))).toEqual(['2026-10-31T18', '2026-10-31T19']);
  });
});

describe('a holder', () => {
  it('tells the process that holds it', () => {
    const process = 'a_Z-09' as ProcessId;
    expect(processOf(holderOf(process, 12))).toBe(process);
  });
});

describe('recorded usage', () => {
  it('adds up processes, hours and chunks by profile, and nothing from outside the window', async () => {
    const usage = new MemoryUsage();
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T21', totals: [[CHAT, totals(1, 100)]] }));
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T22', totals: [[CHAT, totals(2, 200, 7)]] }));
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T22', chunk: 1, totals: [[TRIAGE, totals(1, 50)]] }));
    await usage.write(recordOf({ process: 'b', hour: '2026-11-23T23', totals: [[CHAT, totals(3, 300)]] }));
    const sum = await readRecordedUsage(usage, window('2026-11-23T22:00:00Z', '2026-11-24T00:00:00Z'));
    expect(sum.totals.get(CHAT)).toEqual(totals(5, 500, 7));
    expect(sum.totals.get(TRIAGE)).toEqual(totals(1, 50));
  });

  it('knows how far each process has told everything', async () => {
    const usage = new MemoryUsage();
    const watermark = at('2026-11-23T23:00:10Z');
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T22', watermark, totals: [] }));
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T21', totals: [] }));
    const sum = await readRecordedUsage(usage, window('2026-11-23T20:00:00Z', '2026-11-24T00:00:00Z'));
    expect([...sum.watermarks]).toEqual([['a', watermark]]);
  });

  it('is summed by a tag selector over living and ended profiles, by the tags of the index', () => {
    const entries = [
      entryOf(CHAT, { team: 'support' }),
      { ...entryOf(TRIAGE, { team: 'support' }), endedAt: epochMs(0) },
      entryOf(profileArn('other0000001'), { team: 'lab' }),
    ];
    const used = new Map(entries.map(({ arn }, index) => [arn, totals(1, 10 ** index)]));
    expect(coveredProfiles({ team: ['support'] }, entries).map(({ arn }) => arn)).toEqual([CHAT, TRIAGE]);
    expect(usageOfSelector({ team: ['support'] }, entries, used)).toEqual(totals(2, 11));
    expect(usageOfSelector({ team: ['nobody'] }, entries, used)).toEqual(NO_TOTALS);
  });

  it('is money that adds up exactly beyond what a float holds', () => {
    const huge = { ...NO_TOTALS, settled: nanoUsd(2n ** 53n) };
    expect(addTotals(huge, { ...NO_TOTALS, settled: nanoUsd(1n) }).settled).toBe(2n ** 53n + 1n);
  });
});

describe('usage since the beginning of a period', () => {
  it('reads hours that are long over once, and the latest ones each time', async () => {
    const usage = new MemoryUsage();
    const read: UtcHour[] = [];
    const listening = {
      write: usage.write.bind(usage),
      read: (asked: Parameters<MemoryUsage['read']>[0]) => {
        read.push(...hoursOf(asked));
        return usage.read(asked);
      },
    };
    const now = { now: () => at('2026-11-23T22:30:00Z') };
    const since = new UsageSince(listening, now);
    const midnight = at('2026-11-23T18:00:00Z');
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T18', totals: [[CHAT, totals(1, 100)]] }));
    expect((await since.read(midnight)).totals.get(CHAT)).toEqual(totals(1, 100));
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T22', totals: [[CHAT, totals(1, 5)]] }));
    read.length = 0;
    expect((await since.read(midnight)).totals.get(CHAT)).toEqual(totals(2, 105));
    expect(read).toEqual(['2026-11-23T21', '2026-11-23T22']);
  });

  it('fails where a record cannot be read, and is read anew the next time', async () => {
    const usage = new MemoryUsage();
    let isDown = true;
    const flaky = {
      write: usage.write.bind(usage),
      async *read(asked: Parameters<MemoryUsage['read']>[0]) {
        if (isDown) throw new Error('down');
        yield* usage.read(asked);
      },
    };
    const since = new UsageSince(flaky, { now: () => at('2026-11-23T22:30:00Z') });
    await usage.write(recordOf({ process: 'a', hour: '2026-11-23T18', totals: [[CHAT, totals(1, 100)]] }));
    await expect(since.read(at('2026-11-23T00:00:00Z'))).rejects.toThrow('down');
    isDown = false;
    expect((await since.read(at('2026-11-23T00:00:00Z'))).totals.get(CHAT)).toEqual(totals(1, 100));
  });
});
