import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BilledDay, UtcDay } from '../../../domain/budgets/drift.ts';
import { epochMs } from '../../../domain/clock.ts';
import { type NanoUsd, nanoUsd } from '../../../domain/money.ts';
import { FOCUS_COLUMNS, focusRows } from '../../../domain/reporting/focus.ts';
import { recordedDays } from '../../../domain/reporting/recorded-days.ts';
import { REPORT_PERIODS, type ReportQuestion, spendReport } from '../../../domain/reporting/spend-report.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import { hourAt, type ProcessId } from '../../../domain/spending/usage-record.ts';
import { indexEntry } from '../profiles/index-entry.ts';
import { MemoryTagHistories } from '../profiles/memory-tag-histories.ts';
import { MemoryUsage } from '../spending/memory-usage.ts';

const day = (text: string) => text as UtcDay;
const at = (text: string) => epochMs(Date.parse(text));
const ACME = indexEntry('acme1', { tenant: 'acme', app: 'chat' });
const GLOBEX = indexEntry('globex1', { tenant: 'globex', app: 'chat' });
const NOBODY = indexEntry('nobody1', {});
const QUESTION: ReportQuestion = {
  by: ['tenant'],
  per: 'month',
  first: day('2026-11-01'),
  last: day('2026-11-30'),
  selector: {},
};

async function account(spent: readonly (readonly [typeof ACME, string, bigint, bigint?])[]) {
  const records = new MemoryUsage();
  for (const [index, [entry, instant, settled, unconfirmed = 0n]] of spent.entries())
    await records.write({
      process: `p${index}` as ProcessId,
      hour: hourAt(at(instant)),
      chunk: 0,
      sequence: 1,
      watermark: at(instant),
      totals: new Map([
        [entry.arn, { calls: 1, usage: NO_USAGE, settled: nanoUsd(settled), unconfirmed: nanoUsd(unconfirmed) }],
      ]),
    });
  const histories = new MemoryTagHistories();
  return {
    records,
    histories,
    index: { list: async () => [ACME, GLOBEX, NOBODY] },
    clock: { now: () => at('2026-12-20T00:00:00Z') },
  };
}

const billOf = (...days: readonly (Partial<BilledDay> & { readonly day: UtcDay })[]) => ({
  read: async () =>
    days.map((each) => ({ byTenant: new Map<string, NanoUsd>(), unassigned: nanoUsd(0n), isSilent: false, ...each })),
});
const NO_BILL = { whyNot: 'not asked' };

describe('a report of what was spent', () => {
  it('has a row for each value and period, usage without the tag included, and the days of UTC', async () => {
    const ports = await account([
      [ACME, '2026-11-01T00:10:00Z', 5n],
      [ACME, '2026-11-01T23:50:00Z', 7n],
      [GLOBEX, '2026-11-02T00:10:00Z', 11n, 2n],
      [NOBODY, '2026-11-02T00:10:00Z', 13n],
    ]);
    const { rows, total } = await spendReport({ ...ports, bill: NO_BILL }, { ...QUESTION, per: 'day' });
    expect(
      rows.map(({ period, values, recorded }) => [period, values[0], recorded.settled, recorded.unconfirmed]),
    ).toEqual([
      ['2026-11-01', 'acme', 12n, 0n],
      ['2026-11-02', 'globex', 11n, 2n],
      ['2026-11-02', undefined, 13n, 0n],
    ]);
    expect(total.recorded.settled).toBe(36n);
  });

  it('counts a profile that changed its tenant for each with what it used then', async () => {
    const ports = await account([
      [ACME, '2026-11-01T10:00:00Z', 5n],
      [ACME, '2026-11-03T10:00:00Z', 7n],
    ]);
    const moved = at('2026-11-02T00:00:00Z');
    const history = [
      { from: epochMs(0), until: moved, tags: { tenant: 'globex' } },
      { from: moved, tags: { tenant: 'acme' } },
    ];
    await ports.histories.put(ACME.arn, history, 0);
    const { rows } = await spendReport({ ...ports, bill: NO_BILL }, QUESTION);
    expect(rows.map(({ values, recorded }) => [values[0], recorded.settled])).toEqual([
      ['acme', 7n],
      ['globex', 5n],
    ]);
  });

  it('tells drift of billed days alone, within what is unconfirmed none, and what nobody recorded', async () => {
    const ports = await account([
      [ACME, '2026-11-01T10:00:00Z', 100n],
      [ACME, '2026-12-19T10:00:00Z', 1_000n],
      [GLOBEX, '2026-11-01T10:00:00Z', 100n, 50n],
    ]);
    const bill = billOf(
      {
        day: day('2026-11-01'),
        byTenant: new Map([
          ['acme', nanoUsd(110n)],
          ['globex', nanoUsd(140n)],
          ['ghost', nanoUsd(9n)],
        ]),
        unassigned: nanoUsd(4n),
      },
      // Over for less than a day: its figures are not whole yet.
      { day: day('2026-12-19'), byTenant: new Map([['acme', nanoUsd(3n)]]) },
    );
    const question: ReportQuestion = { ...QUESTION, per: 'all', last: day('2026-12-19') };
    const { rows, total } = await spendReport({ ...ports, bill }, question);
    expect(
      rows.map(({ values, recorded, beside }) => [
        values[0],
        recorded.settled,
        beside?.billed,
        beside?.difference,
        beside?.days,
      ]),
    ).toEqual([
      ['acme', 1_100n, 110n, 10n, 1],
      ['ghost', 0n, 9n, 9n, 1],
      ['globex', 100n, 140n, 0n, 1],
      [undefined, 0n, 4n, 4n, 1],
    ]);
    expect(total.beside).toMatchObject({ billed: 263n, difference: 13n });
  });

  it('takes a silent day for zero only when its figures can come no more', async () => {
    const ports = await account([
      [ACME, '2026-12-01T10:00:00Z', 100n],
      [ACME, '2026-12-17T10:00:00Z', 100n],
    ]);
    const bill = billOf({ day: day('2026-12-01'), isSilent: true }, { day: day('2026-12-17'), isSilent: true });
    const { rows } = await spendReport(
      { ...ports, bill },
      { ...QUESTION, per: 'day', first: day('2026-12-01'), last: day('2026-12-19') },
    );
    expect(rows.map(({ beside }) => beside?.difference)).toEqual([-100n, undefined]);
  });

  it.each<[string, Partial<ReportQuestion>, Parameters<typeof spendReport>[0]['bill'], RegExp]>([
    ['several tags', { by: ['tenant', 'app'] }, billOf(), /one tag/],
    ['a part by another tag', { selector: { app: ['chat'] } }, billOf(), /of a part/],
    [
      'a refusal',
      {},
      { read: async () => ({ kind: 'refused', why: 'AccessDenied: no' }) },
      /refuses: AccessDenied: no/,
    ],
    [
      'a tag that is not active',
      {},
      billOf({ day: day('2026-11-01'), unassigned: nanoUsd(5n) }),
      /active as a cost allocation tag/,
    ],
    ['nobody asking', {}, NO_BILL, /not asked/],
  ])('says why there is no bill beside %s', async (_, change, bill, why) => {
    const ports = await account([[ACME, '2026-11-01T10:00:00Z', 100n]]);
    const report = await spendReport({ ...ports, bill }, { ...QUESTION, ...change });
    expect(report.noBill).toMatch(why);
    expect(report.rows.every(({ beside }) => beside === undefined)).toBe(true);
  });

  const entries = fc.constantFrom(ACME, GLOBEX, NOBODY);
  const spending = fc.array(
    fc.tuple(
      entries,
      fc.integer({ min: 0, max: 30 * 24 - 1 }),
      fc.bigInt({ min: 0n, max: 10n ** 15n }),
      fc.bigInt({ min: 0n, max: 10n ** 12n }),
    ),
    { maxLength: 30 },
  );
  it('comes to the same to the nano-dollar, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        spending,
        fc.constantFrom(...REPORT_PERIODS),
        fc.subarray(['tenant', 'app']),
        async (spent, per, by) => {
          const hour = (n: number) => new Date(Date.UTC(2026, 10, 1, n)).toISOString();
          const ports = await account(
            spent.map(([entry, n, settled, unconfirmed]) => [entry, hour(n), settled, unconfirmed]),
          );
          const { rows, total } = await spendReport({ ...ports, bill: NO_BILL }, { ...QUESTION, per, by });
          const expected = spent.reduce((sum, [, , settled, unconfirmed]) => sum + settled + unconfirmed, 0n);
          const worth = ({ recorded }: Pick<(typeof rows)[number], 'recorded'>) =>
            recorded.settled + recorded.unconfirmed;
          expect(rows.reduce((sum, row) => sum + worth(row), 0n)).toBe(expected);
          expect(worth(total)).toBe(expected);
          for (const { first, last } of rows)
            expect(QUESTION.first <= first && first <= last && last <= QUESTION.last).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('rows of FOCUS columns', () => {
  it('have every column, a charge period of a day, exact costs, and the tags of that time', async () => {
    const ports = await account([[ACME, '2026-11-01T10:00:00Z', 1_234_567_891n, 5n]]);
    const days = await recordedDays(ports, QUESTION);
    const [row, ...more] = focusRows(days, 'tenant');
    expect(more).toEqual([]);
    expect(Object.keys(row ?? {}).sort()).toEqual([...FOCUS_COLUMNS].sort());
    expect(row).toMatchObject({
      BilledCost: '1.234567891',
      EffectiveCost: '1.234567891',
      BillingPeriodStart: '2026-11-01T00:00:00.000Z',
      BillingPeriodEnd: '2026-12-01T00:00:00.000Z',
      ChargePeriodStart: '2026-11-01T00:00:00.000Z',
      ChargePeriodEnd: '2026-11-02T00:00:00.000Z',
      ResourceId: ACME.arn,
      Tags: '{"tenant":"acme","app":"chat"}',
      x_UnconfirmedCost: '0.000000005',
    });
  });
});
