import type { Bill } from '../budgets/check-drift.ts';
import type { CostTagKey } from '../budgets/cost-tag-key.ts';
import {
  BILLING_LAG_MS,
  type BilledDay,
  daysFrom,
  driftOf,
  endOfDay,
  isLateFor,
  startOfDay,
  type UtcDay,
  utcDayAt,
} from '../budgets/drift.ts';
import { isRefused } from '../budgets/payer.ts';
import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import { add, type NanoUsd, ZERO } from '../money.ts';
import { periodAt } from '../period.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import { addTotals, NO_TOTALS, type UsageTotals } from '../spending/usage-record.ts';
import { matches, type TagSelector, tagValue } from '../tags.ts';
import { type RecordedDay, type RecordPorts, recordedDays } from './recorded-days.ts';

export const REPORT_PERIODS = ['day', 'week', 'month', 'all'] as const;

export interface ReportQuestion {
  /** Tag keys whose values each get a row. */
  readonly by: readonly CostTagKey[];
  readonly per: (typeof REPORT_PERIODS)[number];
  /** Days of UTC, both included. */
  readonly first: UtcDay;
  readonly last: UtcDay;
  /** Only usage with these tags. */
  readonly selector: TagSelector;
}

/** What AWS bills beside what is recorded, of the days that AWS has billed. */
export interface BilledBeside {
  readonly billed: NanoUsd;
  /** How many of the row's days AWS has figures of. Only of these is drift told. */
  readonly days: number;
  readonly difference: NanoUsd;
  /** For people, never to decide with. */
  readonly percent: number;
}

export interface ReportRow {
  /** `2026-11`, `2026-W48`, `2026-11-23`, or `2026-11-01..2026-11-23` for all days together. */
  readonly period: string;
  readonly first: UtcDay;
  readonly last: UtcDay;
  /** One for each key of the question; undefined is usage without the tag, or of a profile of which nobody knows the tags. */
  readonly values: readonly (string | undefined)[];
  readonly recorded: UsageTotals;
  /** Absent where the bill was not asked, or AWS has none of these days yet. */
  readonly beside?: BilledBeside;
}

export interface SpendReport {
  readonly question: ReportQuestion;
  readonly rows: readonly ReportRow[];
  /** All rows together. */
  readonly total: Pick<ReportRow, 'recorded' | 'beside'>;
  /** Profiles that the index does not know and whose tags nobody knows: their usage has no values. */
  readonly unknown: readonly ProfileArn[];
  /** Why there is no bill; absent where there is one. */
  readonly noBill?: string;
}

type BillPort = { readonly read: Bill['read'] } | { readonly whyNot: string };

/**
 * What was spent, by tag values and periods: the helper's records, what AWS bills, and how far they differ.
 *
 * @throws {Fault} where the records cannot be read whole. A bill that AWS refuses is no fault, and told.
 */
export async function spendReport(
  ports: RecordPorts & { readonly bill: BillPort; readonly clock: Clock; readonly told?: (day: UtcDay) => void },
  question: ReportQuestion,
): Promise<SpendReport> {
  const recorded = await recordedDays(ports, question, ports.told);
  const covered = recorded.filter(({ tags }) =>
    Object.keys(question.selector).length === 0 ? true : tags !== undefined && matches(question.selector, tags),
  );
  const bill = await billFor(ports.bill, question, ports.clock.now());
  const cells = new Map<string, Cell>();
  const cellFor = (day: UtcDay, values: readonly (string | undefined)[]): Cell => {
    const span = spanOf(question, day);
    const name = JSON.stringify([span.period, values.map((value) => value ?? null)]);
    const cell = cells.get(name) ?? { ...span, values, recorded: new Map(), billed: new Map() };
    cells.set(name, cell);
    return cell;
  };
  for (const day of covered) {
    const { recorded: days } = cellFor(day.day, valuesOf(question, day));
    days.set(day.day, addTotals(days.get(day.day) ?? NO_TOTALS, day.totals));
  }
  for (const day of bill.days)
    for (const [value, amount] of billedBy(question, day)) cellFor(day.day, [value]).billed.set(day.day, amount);
  const rows = [...cells]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, cell]) => rowOf(cell, bill.tellsValues ? bill.complete : new Set()));
  return {
    question,
    rows,
    total: totalOf(cells, bill.complete),
    unknown: [...new Set(covered.filter(({ tags }) => tags === undefined).map(({ profile }) => profile))],
    ...(bill.whyNot === undefined ? {} : { noBill: bill.whyNot }),
  };
}

interface Cell {
  readonly period: string;
  readonly first: UtcDay;
  readonly last: UtcDay;
  readonly values: readonly (string | undefined)[];
  readonly recorded: Map<UtcDay, UsageTotals>;
  readonly billed: Map<UtcDay, NanoUsd>;
}

const valuesOf = ({ by }: ReportQuestion, { tags }: RecordedDay): (string | undefined)[] =>
  by.map((key) => {
    const value = tags && tagValue(tags, key);
    return value === '' ? undefined : value;
  });

function spanOf({ per, first, last }: ReportQuestion, day: UtcDay): Pick<Cell, 'period' | 'first' | 'last'> {
  if (per === 'all') return { period: `${first}..${last}`, first, last };
  const period = periodAt(per, 'UTC', startOfDay(day));
  const [begins, ends] = [utcDayAt(period.startsAt), utcDayAt(epochMs(period.endsAt - 1))];
  return { period: period.id, first: begins < first ? first : begins, last: ends > last ? last : ends };
}

interface KnownBill {
  readonly days: readonly BilledDay[];
  /** Days of which AWS has told everything. Nothing is not the same as zero: it may not have come yet. */
  readonly complete: ReadonlySet<UtcDay>;
  /** Whether AWS tells values of the tag: where its key is not active, it knows what was spent and not by whom. */
  readonly tellsValues: boolean;
  readonly whyNot?: string;
}

async function billFor(port: BillPort, question: ReportQuestion, now: EpochMs): Promise<KnownBill> {
  const none = (whyNot: string): KnownBill => ({ days: [], complete: new Set(), tellsValues: false, whyNot });
  if ('whyNot' in port) return none(port.whyNot);
  const [key, ...more] = question.by;
  if (key === undefined || more.length > 0)
    return none('Cost Explorer is asked for one tag, and the report is by several');
  if (Object.keys(question.selector).some((selected) => selected !== key))
    return none('Cost Explorer is asked for all that was spent, and the report is of a part');
  const answer = await port.read(key, { first: question.first, last: question.last });
  if (isRefused(answer)) return none(`Cost Explorer refuses: ${answer.why}`);
  const shown = answer.filter(
    ({ day, isSilent }) => now - endOfDay(day) >= BILLING_LAG_MS && (!isSilent || isLateFor(day, now)),
  );
  const tellsValues = shown.every(({ isSilent }) => isSilent) || shown.some(({ byTenant }) => byTenant.size > 0);
  return {
    days: shown,
    complete: new Set(shown.map(({ day }) => day)),
    tellsValues,
    ...(tellsValues
      ? {}
      : {
          whyNot: `AWS tells no values of the tag ${key}: is it active as a cost allocation tag? Only the total is compared.`,
        }),
  };
}

function billedBy({ by: [key = ''], selector }: ReportQuestion, day: BilledDay): [string | undefined, NanoUsd][] {
  const wanted = Object.hasOwn(selector, key) ? selector[key] : undefined;
  const valued = [...day.byTenant].filter(([value]) => wanted === undefined || wanted.includes(value));
  return wanted === undefined && day.unassigned !== 0n ? [...valued, [undefined, day.unassigned]] : valued;
}

function rowOf({ recorded, billed, ...cell }: Cell, complete: ReadonlySet<UtcDay>): ReportRow {
  const beside = besideOf(cell, recorded, billed, complete);
  return { ...cell, recorded: sum(recorded.values()), ...(beside === undefined ? {} : { beside }) };
}

function besideOf(
  { first, last }: Pick<Cell, 'first' | 'last'>,
  recorded: ReadonlyMap<UtcDay, UsageTotals>,
  billed: ReadonlyMap<UtcDay, NanoUsd>,
  complete: ReadonlySet<UtcDay>,
): BilledBeside | undefined {
  const days = daysFrom(first, last).filter((day) => complete.has(day));
  if (days.length === 0) return undefined;
  const { settled, unconfirmed } = sum(days.map((day) => recorded.get(day) ?? NO_TOTALS));
  const amount = add(...days.map((day) => billed.get(day) ?? ZERO));
  const { difference, percent } = driftOf({ day: first, billed: amount, settled, unconfirmed });
  return { billed: amount, days: days.length, difference, percent };
}

function totalOf(cells: ReadonlyMap<string, Cell>, complete: ReadonlySet<UtcDay>): SpendReport['total'] {
  const recorded = new Map<UtcDay, UsageTotals>();
  const billed = new Map<UtcDay, NanoUsd>();
  for (const cell of cells.values()) {
    for (const [day, totals] of cell.recorded) recorded.set(day, addTotals(recorded.get(day) ?? NO_TOTALS, totals));
    for (const [day, amount] of cell.billed) billed.set(day, add(billed.get(day) ?? ZERO, amount));
  }
  const all = [...cells.values()];
  const first = all.map((cell) => cell.first).sort()[0];
  const last = all
    .map((cell) => cell.last)
    .sort()
    .at(-1);
  const beside =
    first === undefined || last === undefined ? undefined : besideOf({ first, last }, recorded, billed, complete);
  return { recorded: sum(recorded.values()), ...(beside === undefined ? {} : { beside }) };
}

const sum = (all: Iterable<UsageTotals>): UsageTotals => [...all].reduce(addTotals, NO_TOTALS);
