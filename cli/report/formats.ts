import { type EpochMs, isoTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import { formatUsd } from '../../domain/money.ts';
import { FOCUS_COLUMNS, type FocusRow } from '../../domain/reporting/focus.ts';
import type { BilledBeside, ReportRow, SpendReport } from '../../domain/reporting/spend-report.ts';
import { inputOf } from '../../domain/spending/usage.ts';
import type { UsageTotals } from '../../domain/spending/usage-record.ts';
import { PROGRAM } from '../command-line.ts';
import { csv, markdown } from '../output/delimited.ts';
import { usd } from '../output/print.ts';
import { styleOf } from '../output/style.ts';
import { type Column, tableOf } from '../output/table.ts';

export const focusText = (rows: readonly FocusRow[]): string =>
  csv([FOCUS_COLUMNS, ...rows.map((row) => FOCUS_COLUMNS.map((column) => row[column]))]);

const NO_VALUE = '(none)';

type Line = Pick<ReportRow, 'recorded' | 'beside'> & { readonly period: string; readonly values: readonly string[] };

/** Exact amounts in all formats: what is added up elsewhere must come to the same. */
export function reportText(report: SpendReport, format: 'table' | 'csv' | 'markdown'): string {
  const lines: Line[] = report.rows.map((row) => ({ ...row, values: row.values.map((value) => value ?? NO_VALUE) }));
  if (format === 'csv') return csvOf(report, lines);
  const total: Line = { ...report.total, period: 'total', values: report.question.by.map(() => '') };
  const columns = columnsOf(report);
  const shown = lines.length > 1 ? [...lines, total] : lines;
  const head = `${report.question.first} to ${report.question.last}, days of UTC as AWS bills them. USD.`;
  const notes = notesOf(report);
  const body =
    shown.length === 0
      ? `Nothing was recorded or billed. Another time: --from and --until. A first call: ${PROGRAM} invoke --help`
      : format === 'table'
        ? tableOf(columns, shown, styleOf())
        : markdown(
            columns,
            shown.map((line) => columns.map((column) => column.of(line))),
          );
  return [head, '', body, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

function columnsOf({ question }: SpendReport): readonly Column<Line>[] {
  const money = (title: string, of: (line: Line) => string): Column<Line> => ({ title, right: true, of });
  const beside = (title: string, of: (beside: BilledBeside) => string) =>
    money(title, (line) => (line.beside === undefined ? '' : of(line.beside)));
  return [
    { title: 'period', of: ({ period }) => period },
    ...question.by.map((key, at): Column<Line> => ({ title: key, of: ({ values }) => values[at] ?? '' })),
    money('calls', ({ recorded }) => String(recorded.calls)),
    money('tokens in', ({ recorded }) => String(inputOf(recorded.usage))),
    money('tokens out', ({ recorded }) => String(recorded.usage.outputTokens)),
    money('recorded', ({ recorded }) => formatUsd(recorded.settled)),
    money('unconfirmed', ({ recorded }) => (recorded.unconfirmed === 0n ? '' : formatUsd(recorded.unconfirmed))),
    beside('billed', ({ billed }) => formatUsd(billed)),
    beside('billed days', ({ days }) => String(days)),
    beside('drift', ({ difference }) => formatUsd(difference)),
    beside('drift %', ({ percent }) => String(percent)),
  ];
}

function notesOf({ noBill, unknown, rows, question }: SpendReport): string[] {
  const absent = question.by.filter((_, at) => rows.length > 0 && rows.every(({ values }) => values[at] === undefined));
  return [
    ...absent.map((key) => `Nothing that was spent carries the tag "${key}": is it another key, or in another case?`),
    ...(noBill === undefined ? [] : [noBill]),
    ...(noBill === undefined && rows.some(({ beside }) => beside === undefined)
      ? ['AWS has billed none of the days of some rows yet; its figures come about a day late.']
      : []),
    ...(unknown.length === 0
      ? []
      : [`Of ${howMany(unknown.length, 'profile')} nobody knows the tags any more: ${unknown.slice(0, 3).join(', ')}`]),
  ];
}

const FIGURES = [
  'calls',
  'inputTokens',
  'outputTokens',
  'cacheReadInputTokens',
  'cacheWrite5mInputTokens',
  'cacheWrite1hInputTokens',
] as const;

const figuresOf = ({ calls, usage }: UsageTotals): Record<(typeof FIGURES)[number], number> => ({ calls, ...usage });

/** No total, which whoever adds up the rows would count twice. Amounts without grouping. */
function csvOf({ question, rows }: SpendReport, lines: readonly Line[]): string {
  const head = [
    'period',
    'from',
    'until',
    ...question.by,
    ...FIGURES,
    'recordedUsd',
    'unconfirmedUsd',
    'billedUsd',
    'billedDays',
    'driftUsd',
    'driftPercent',
  ];
  return csv([
    head,
    ...lines.map(({ period, values, recorded, beside }, at) => [
      period,
      rows[at]?.first ?? '',
      rows[at]?.last ?? '',
      ...values.map((value) => (value === NO_VALUE ? '' : value)),
      ...FIGURES.map((name) => String(figuresOf(recorded)[name])),
      usd(recorded.settled),
      usd(recorded.unconfirmed),
      ...(beside === undefined
        ? ['', '', '', '']
        : [usd(beside.billed), String(beside.days), usd(beside.difference), String(beside.percent)]),
    ]),
  ]);
}

export function reportDocument(report: SpendReport, at: EpochMs, table: string): object {
  const { question, rows, total, unknown, noBill } = report;
  return {
    type: 'report',
    at: isoTime(at),
    table,
    by: question.by,
    per: question.per,
    from: question.first,
    until: question.last,
    rows: rows.map(({ period, first, last, values, ...figures }) => ({
      period,
      from: first,
      until: last,
      tags: Object.fromEntries(question.by.map((key, index) => [key, values[index] ?? null])),
      ...figuresDocument(figures),
    })),
    total: figuresDocument(total),
    unknownProfiles: unknown,
    noBill: noBill ?? null,
  };
}

const figuresDocument = ({ recorded, beside }: Pick<ReportRow, 'recorded' | 'beside'>): object => ({
  ...figuresOf(recorded),
  recordedUsd: usd(recorded.settled),
  unconfirmedUsd: usd(recorded.unconfirmed),
  bill:
    beside === undefined
      ? null
      : {
          billedUsd: usd(beside.billed),
          days: beside.days,
          driftUsd: usd(beside.difference),
          driftPercent: beside.percent,
        },
});
