import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import type { ProfileArn } from '../../domain/profiles/profile-arn.ts';
import { callCost } from '../../domain/spending/pricing.ts';
import { readRecordedUsage } from '../../domain/spending/recorded-usage.ts';
import { NO_USAGE } from '../../domain/spending/usage.ts';
import {
  type ProcessId,
  type RefusedTotals,
  startOfHour,
  type UsageRecord,
  type UsageRecords,
} from '../../domain/spending/usage-record.ts';
import { UsageRecorder } from '../../invoke/usage-recorder.ts';
import { profileArn } from '../domain/governed-account.ts';
import { MemoryUsage } from '../domain/spending/memory-usage.ts';
import { at, totals, window } from '../domain/spending/usage-fixtures.ts';

const CHAT = profileArn('chat00000001');
const MINUTE = 60_000;
const DAY = window('2026-11-23T00:00:00Z', '2026-11-24T00:00:00Z');

class Table implements UsageRecords {
  readonly memory = new MemoryUsage();
  readonly written: UsageRecord[] = [];
  fate: 'lands' | 'fails' | 'answer is lost' = 'lands';
  /** Nobody takes these totals. */
  foreign: ReadonlySet<ProfileArn> = new Set();
  /** What this record fails with. */
  failureOf: (record: UsageRecord) => Error | undefined = () => undefined;
  asked = 0;

  async write(record: UsageRecord): Promise<RefusedTotals> {
    this.asked++;
    if (this.fate === 'fails') throw new Error('the table is down');
    const failure = this.failureOf(record);
    if (failure !== undefined) throw failure;
    this.written.push(record);
    const told = [...record.totals].filter(([profile]) => !this.foreign.has(profile));
    await this.memory.write({ ...record, totals: new Map(told) });
    if (this.fate === 'answer is lost') throw new Error('no answer');
    return new Set([...record.totals.keys()].filter((profile) => this.foreign.has(profile)));
  }

  read: UsageRecords['read'] = (asked) => this.memory.read(asked);
}

function recording(begin = '2026-11-23T22:00:00Z') {
  const clock = { time: at(begin), now: (): EpochMs => clock.time };
  const table = new Table();
  const recorder = new UsageRecorder({ records: table, clock, process: 'process-1' as ProcessId });
  return {
    table,
    recorder,
    moveTo: (iso: string) => {
      clock.time = at(iso);
    },
    wait: (ms: number) => {
      clock.time = epochMs(clock.time + ms);
    },
    call: (nanoUsd: number, profile = CHAT) =>
      recorder.of(profile).settled({ ...NO_USAGE, inputTokens: nanoUsd }, callCost(nanoUsd)),
    now: (): EpochMs => clock.time,
    recorded: async () => (await readRecordedUsage(table, DAY)).totals,
    watermark: async () => (await readRecordedUsage(table, DAY)).watermarks.get('process-1' as ProcessId),
  };
}

describe('a process that records its usage', () => {
  it('writes nothing while nothing is used', async () => {
    const { recorder, table, wait } = recording();
    for (let minute = 0; minute < 120; minute++) {
      wait(MINUTE);
      await recorder.maintain();
    }
    await recorder.flush();
    expect(table.written).toEqual([]);
  });

  it('writes one record a minute, however many calls and profiles', async () => {
    const { recorder, table, wait, call } = recording();
    for (let second = 0; second < 300; second += 5) {
      for (let profile = 0; profile < 100; profile++) call(1, profileArn(`p${profile}`));
      wait(5_000);
      await recorder.maintain();
    }
    expect(table.written).toHaveLength(5);
    expect(table.written.at(-1)?.totals.size).toBe(100);
    expect(table.written.at(-1)?.totals.get(profileArn('p99'))).toEqual(totals(60, 60));
  });

  it('writes what is used, by profile, with attempts of unknown fate apart', async () => {
    const { recorder, call, recorded } = recording();
    const other = profileArn('other0000001');
    call(10);
    call(5);
    recorder.of(CHAT).unconfirmed(callCost(99));
    call(7, other);
    await recorder.flush();
    expect(await recorded()).toEqual(
      new Map([
        [CHAT, totals(2, 15, 99)],
        [other, totals(1, 7)],
      ]),
    );
  });

  it('counts a call in the hour in which it is complete, and finishes an hour after its end', async () => {
    const { recorder, table, moveTo, call } = recording();
    moveTo('2026-11-23T22:59:59Z');
    call(10);
    moveTo('2026-11-23T23:00:01Z');
    call(3);
    await recorder.flush();
    expect(table.written.map(({ hour, totals: used }) => [hour, used.get(CHAT)?.settled])).toEqual([
      ['2026-11-23T22', 10n],
      ['2026-11-23T23', 3n],
    ]);
    await recorder.flush();
    expect(table.written).toHaveLength(2);
  });

  it('knows the hour from the first call that ends, not from a clock that was off until AWS had answered', async () => {
    const { call, recorder, moveTo, recorded, table } = recording('2026-12-08T13:00:00Z');
    moveTo('2026-11-23T22:10:00Z');
    call(5);
    moveTo('2026-11-23T22:11:00Z');
    await recorder.maintain();
    expect(await recorded()).toEqual(new Map([[CHAT, totals(1, 5)]]));
    expect(table.written.map(({ watermark }) => watermark)).toEqual([at('2026-11-23T22:11:00Z')]);
  });

  it('spreads more than a hundred profiles over records, and writes again only those that changed', async () => {
    const { recorder, table, call, recorded } = recording();
    for (let profile = 0; profile < 250; profile++) call(1, profileArn(`p${profile}`));
    await recorder.flush();
    expect(table.written.map(({ chunk, totals: used }) => [chunk, used.size])).toEqual([
      [0, 100],
      [1, 100],
      [2, 50],
    ]);
    call(1, profileArn('p120'));
    await recorder.flush();
    expect(table.written.slice(3).map(({ chunk, sequence }) => [chunk, sequence])).toEqual([[1, 2]]);
    expect((await recorded()).get(profileArn('p120'))).toEqual(totals(2, 2));
    expect((await recorded()).size).toBe(250);
  });

  it('tells a watermark only with the last record of a flush, and none after a failure', async () => {
    const { recorder, table, wait, call } = recording('2026-11-23T22:30:00Z');
    for (let profile = 0; profile < 101; profile++) call(1, profileArn(`p${profile}`));
    wait(MINUTE);
    await recorder.flush();
    expect(table.written.map(({ watermark }) => watermark)).toEqual([
      at('2026-11-23T22:30:00Z'),
      at('2026-11-23T22:31:00Z'),
    ]);
    call(1);
    wait(MINUTE);
    table.fate = 'fails';
    await expect(recorder.flush()).rejects.toThrow('the table is down');
    expect((await readRecordedUsage(table, DAY)).watermarks.get('process-1' as ProcessId)).toBe(
      at('2026-11-23T22:31:00Z'),
    );
  });

  it('tries a failed write again a minute later, with all that came since', async () => {
    const { recorder, table, wait, call, recorded } = recording();
    call(10);
    table.fate = 'fails';
    wait(MINUTE);
    await recorder.maintain();
    call(1);
    table.fate = 'lands';
    wait(5_000);
    await recorder.maintain();
    expect(table.written).toEqual([]);
    wait(MINUTE);
    await recorder.maintain();
    expect((await recorded()).get(CHAT)).toEqual(totals(2, 11));
  });

  it('keeps a day of hours while the table is down, and gives up the oldest after that', async () => {
    const { recorder, table, wait, call } = recording('2026-11-20T00:00:00Z');
    table.fate = 'fails';
    for (let hour = 0; hour < 30; hour++) {
      call(1);
      wait(60 * MINUTE);
      await recorder.maintain();
    }
    table.fate = 'lands';
    await recorder.flush();
    expect(table.written).toHaveLength(24);
    expect(table.written[0]?.hour).toBe('2026-11-20T06');
  });

  const LOST = profileArn('lost00000001');

  it('goes on after totals that are refused for good, and tells them no more', async () => {
    const { recorder, table, wait, call, recorded, watermark } = recording();
    table.foreign = new Set([LOST]);
    call(10);
    call(7, LOST);
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[CHAT, totals(1, 10)]]));
    wait(MINUTE);
    await recorder.flush();
    expect(table.written).toHaveLength(1);
    call(1);
    await recorder.flush();
    expect(table.written.at(-1)?.totals).toEqual(new Map([[CHAT, totals(2, 11)]]));
    expect(await watermark()).toBe(at('2026-11-23T22:01:00Z'));
  });

  it('tells refused totals once more where the profile is used again, with all that was before', async () => {
    const { recorder, table, call, recorded } = recording();
    table.foreign = new Set([LOST]);
    call(7, LOST);
    await recorder.flush();
    table.foreign = new Set();
    recorder.of(LOST).unconfirmed(callCost(2));
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[LOST, totals(1, 7, 2)]]));
  });

  it('takes no totals for refused that came while others were', async () => {
    const { recorder, table, call, recorded } = recording();
    table.foreign = new Set([LOST]);
    call(7, LOST);
    table.failureOf = () => void call(5, LOST);
    await recorder.flush();
    table.failureOf = () => undefined;
    table.foreign = new Set();
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[LOST, totals(2, 12)]]));
  });

  it('writes later records also where an earlier one cannot be written, but tells no watermark until it is', async () => {
    const { recorder, table, moveTo, call, recorded, watermark } = recording('2026-11-23T22:10:00Z');
    call(10);
    table.failureOf = ({ hour }) => (hour === '2026-11-23T22' ? new Error('one history cannot be read') : undefined);
    moveTo('2026-11-23T23:10:00Z');
    call(3);
    await expect(recorder.flush()).rejects.toThrow('one history cannot be read');
    expect(await recorded()).toEqual(new Map([[CHAT, totals(1, 3)]]));
    expect(await watermark()).toBe(at('2026-11-23T22:10:00Z'));
    table.failureOf = () => undefined;
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[CHAT, totals(2, 13)]]));
    expect(await watermark()).toBe(at('2026-11-23T23:10:00Z'));
  });

  it('asks a table that is down twice, however much there is to write', async () => {
    const { recorder, table, wait, call } = recording('2026-11-23T00:00:00Z');
    table.fate = 'fails';
    for (let hour = 0; hour < 5; hour++) {
      call(1);
      wait(60 * MINUTE);
    }
    await expect(recorder.flush()).rejects.toThrow('the table is down');
    expect(table.asked).toBe(2);
    table.fate = 'lands';
    await recorder.flush();
    expect(table.written).toHaveLength(5);
  });

  const outOfReach = (): Fault =>
    new Fault('HourOutOfReach', { doing: 'writing', problem: 'denied', next: 'Nothing.' });

  it('gives up an hour that is refused as too old, as a process finds it that was frozen for a day', async () => {
    const { recorder, table, moveTo, call, recorded, watermark } = recording('2026-11-22T10:10:00Z');
    call(10);
    table.failureOf = ({ hour }) => (hour < '2026-11-22T23' ? outOfReach() : undefined);
    moveTo('2026-11-23T23:10:00Z');
    call(3);
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[CHAT, totals(1, 3)]]));
    expect(await watermark()).toBe(at('2026-11-23T23:10:00Z'));
    await recorder.flush();
    expect(table.asked).toBe(2);
  });

  it('keeps an hour that has not begun for who refuses it', async () => {
    const { recorder, table, moveTo, call, recorded } = recording('2026-11-23T22:59:59Z');
    call(10);
    moveTo('2026-11-23T23:00:01Z');
    call(3);
    table.failureOf = ({ hour }) => (hour === '2026-11-23T23' ? outOfReach() : undefined);
    await expect(recorder.flush()).rejects.toMatchObject({ code: 'HourOutOfReach' });
    table.failureOf = () => undefined;
    await recorder.flush();
    expect(await recorded()).toEqual(new Map([[CHAT, totals(2, 13)]]));
  });

  it('never says that something was told which was not, whatever is refused and whatever fails', async () => {
    const profile = (number: number) => profileArn(`p${number}`);
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('call' as const), which: fc.nat(120) }) },
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40 * MINUTE) }),
      fc.record({
        kind: fc.constant('write' as const),
        foreign: fc.nat(5),
        failing: fc.array(fc.nat(4), { maxLength: 4 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { recorder, table, wait, call, now, recorded, watermark } = recording('2026-11-23T00:00:00Z');
        const calls: { readonly at: EpochMs; readonly arn: ProfileArn }[] = [];
        for (const taken of steps)
          if (taken.kind === 'call') {
            call(1, profile(taken.which));
            calls.push({ at: now(), arn: profile(taken.which) });
          } else if (taken.kind === 'wait' && now() + taken.ms < startOfHour('2026-11-23T23' as UsageRecord['hour']))
            wait(taken.ms);
          else if (taken.kind === 'write') {
            table.foreign = new Set(Array.from({ length: taken.foreign }, (_, number) => profile(number)));
            const before = table.asked;
            table.failureOf = () =>
              taken.failing.includes(table.asked - before - 1) ? new Error('not now') : undefined;
            await recorder.flush().catch(() => {});
            const told = (await watermark()) ?? at('2026-11-23T00:00:00Z');
            const used = await recorded();
            for (let number = 5; number <= 120; number++) {
              const arn = profile(number);
              const due = calls.filter((one) => one.arn === arn && one.at < told).length;
              expect(used.get(arn)?.calls ?? 0).toBeGreaterThanOrEqual(due);
            }
          }
      }),
    );
  });

  it('counts in the earlier hour again where a clock that was ahead is put right, and loses nothing that it had written of it', async () => {
    const { recorder, table, moveTo, call, recorded } = recording('2026-11-23T23:59:00Z');
    call(10);
    moveTo('2026-11-24T00:00:30Z');
    call(1);
    await recorder.flush();
    moveTo('2026-11-23T23:59:10Z');
    call(5);
    await recorder.flush();
    moveTo('2026-11-24T00:00:40Z');
    call(2);
    await recorder.flush();
    expect((await recorded()).get(CHAT)).toEqual(totals(2, 15));
    const nextDay = window('2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z');
    expect((await readRecordedUsage(table, nextDay)).totals.get(CHAT)).toEqual(totals(2, 3));
  });

  it('writes each minute also once a clock that was far ahead is put right', async () => {
    const { recorder, table, moveTo, wait, call } = recording('2026-11-23T22:00:00Z');
    call(1);
    moveTo('2026-11-24T22:00:00Z');
    await recorder.maintain();
    moveTo('2026-11-23T22:00:30Z');
    await recorder.maintain();
    call(5);
    wait(MINUTE);
    await recorder.maintain();
    expect(table.written.at(-1)?.totals.get(CHAT)?.settled).toBe(6n);
  });

  it('takes back that it has told everything up to an hour that has not come, once its clock is put right', async () => {
    const { recorder, moveTo, call, recorded, watermark } = recording('2026-11-23T22:30:00Z');
    call(1);
    moveTo('2026-11-23T23:30:00Z');
    call(2);
    await recorder.flush();
    moveTo('2026-11-23T22:31:00Z');
    call(4);
    await recorder.flush();
    expect(await watermark()).toBe(at('2026-11-23T22:31:00Z'));
    expect((await recorded()).get(CHAT)?.settled).toBe(7n);
  });

  it('writes the earlier hour first, also where its clock was ahead', async () => {
    const { recorder, table, moveTo, call } = recording('2026-11-23T22:59:00Z');
    moveTo('2026-11-23T23:00:30Z');
    call(1);
    moveTo('2026-11-23T22:59:10Z');
    call(5);
    await recorder.flush();
    expect(table.written.map(({ hour }) => hour)).toEqual(['2026-11-23T22', '2026-11-23T23']);
  });

  it('lets flushes that overlap write one after the other', async () => {
    const { recorder, call, recorded } = recording();
    call(1);
    const first = recorder.flush();
    call(2);
    await Promise.all([first, recorder.flush(), recorder.flush()]);
    expect((await recorded()).get(CHAT)).toEqual(totals(2, 3));
  });

  it('loses no token and counts none twice, whatever becomes of its writes', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('call' as const), profile: fc.nat(150), cost: fc.nat(1_000) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40 * MINUTE) }),
      fc.record({ kind: fc.constant('put back' as const), ms: fc.nat(90 * MINUTE) }),
      fc.record({ kind: fc.constant('write' as const), fate: fc.constantFrom('lands', 'fails', 'answer is lost') }),
      fc.record({ kind: fc.constant('duplicate' as const), which: fc.nat() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { recorder, table, wait, call, recorded } = recording('2026-11-23T00:00:00Z');
        let spent = 0n;
        let passed = 0;
        for (const now of steps)
          if (now.kind === 'call') {
            call(now.cost, profileArn(`p${now.profile}`));
            spent += BigInt(now.cost);
          } else if (now.kind === 'wait' && passed + now.ms < 23 * 60 * MINUTE) {
            wait(now.ms);
            passed += now.ms;
          } else if (now.kind === 'put back' && passed >= now.ms) {
            wait(-now.ms);
            passed -= now.ms;
          } else if (now.kind === 'write') {
            table.fate = now.fate;
            await recorder.flush().catch(() => {});
          } else if (now.kind === 'duplicate') {
            // A copy of an earlier request arrives late.
            const copy = table.written[now.which % Math.max(1, table.written.length)];
            if (copy !== undefined) await table.memory.write(copy);
          }
        table.fate = 'lands';
        await recorder.flush();
        const sum = [...(await recorded()).values()].reduce((all, { settled }) => all + settled, 0n);
        expect(sum).toBe(spent);
      }),
    );
  });
});
