import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { costExplorerBill } from '../../aws/cost-explorer-bill.ts';
import { COST_EXPLORER_PACE, Pace } from '../../aws/pace.ts';
import { startOfDay, type UtcDay, utcDayAt } from '../../domain/budgets/drift.ts';
import type { EpochMs } from '../../domain/clock.ts';
import { focusRows } from '../../domain/reporting/focus.ts';
import { recordedDays } from '../../domain/reporting/recorded-days.ts';
import { type ReportQuestion, spendReport } from '../../domain/reporting/spend-report.ts';
import { isTagKey, matches, type TagSelector } from '../../domain/tags.ts';
import { callerOf } from '../caller.ts';
import type { StackOptions } from '../connection.ts';
import { print, printAsIs, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { tablePorts } from '../table-ports.ts';
import { readTags } from '../tags-typed.ts';
import { UserError } from '../user-error.ts';
import { focusText, reportDocument, reportText } from './formats.ts';

export type ReportFormat = 'table' | 'csv' | 'json' | 'markdown' | 'focus';

export interface ReportOptions extends StackOptions {
  readonly by?: readonly string[];
  readonly per: ReportQuestion['per'];
  readonly from?: string;
  readonly until?: string;
  readonly tag?: readonly string[];
  readonly tenant?: string;
  /** `false` where `--no-bill` was typed. */
  readonly bill: boolean;
  readonly format: ReportFormat;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runReport(options: ReportOptions): Promise<number> {
  const format = options.json === true ? 'json' : options.format;
  const typed = readTags(options.tag ?? []);
  const by = keysIn(options.by);
  const days = readDays(options);
  const ports = await tablePorts(options);
  const { policy } = ports;
  const span = days(ports.clock.now());
  const selector: TagSelector = Object.fromEntries([
    ...Object.entries(typed).map(([key, value]) => [key, [value]] as const),
    ...(options.tenant === undefined ? [] : [[policy.tenantTag, [options.tenant]] as const]),
  ]);
  const bar = progress({ json: format === 'json' });
  const told = (day: UtcDay) => bar.at(`reading what was recorded on ${day}`);
  if (format === 'focus') {
    const recorded = (await recordedDays(ports, span, told)).filter(
      ({ tags }) => Object.keys(selector).length === 0 || (tags !== undefined && matches(selector, tags)),
    );
    bar.done();
    printAsIs(focusText(focusRows(recorded, policy.tenantTag)));
    return 0;
  }
  const question: ReportQuestion = { by: by ?? [policy.tenantTag], per: options.per, ...span, selector };
  const report = await spendReport({ ...ports, bill: await billPort(options), told }, question);
  bar.done();
  if (format === 'json') printJson(reportDocument(report, ports.clock.now(), ports.table));
  else if (format === 'table') print(reportText(report, format));
  else printAsIs(reportText(report, format));
  return 0;
}

/** Keys may be given apart, or with commas between them, of which no tag key of Bedrock's has one. @throws {UserError} */
function keysIn(typed: readonly string[] | undefined): readonly string[] | undefined {
  const keys = typed?.flatMap((text) => text.split(',').map((key) => key.trim()));
  const problems = (keys ?? [])
    .filter((key) => !isTagKey(key))
    .map((key) => `--by: expected tag keys such as tenant or tenant,environment, not "${key}"`);
  if (problems.length > 0) throw new UserError(problems);
  return keys === undefined ? undefined : [...new Set(keys)];
}

async function billPort({ bill }: ReportOptions) {
  if (!bill) return { whyNot: 'Cost Explorer was not asked (--no-bill)' };
  const { account: accountId } = await callerOf();
  return costExplorerBill(new CostExplorerClient({ region: 'us-east-1' }), new Pace(COST_EXPLORER_PACE), { accountId });
}

/** AWS keeps 13 months of bills; what is older is nobody's chargeback. */
const MOST_DAYS = 400;

/** @throws {UserError} where what was typed is no span of days, whatever the time is */
function readDays({ from, until }: ReportOptions): (now: EpochMs) => { readonly first: UtcDay; readonly last: UtcDay } {
  const problems = [...problemOf('--from', from), ...problemOf('--until', until)];
  if (problems.length > 0) throw new UserError(problems);
  return (now) => {
    const today = utcDayAt(now);
    const last = (until ?? today) as UtcDay;
    const first = (from ?? `${last.slice(0, 7)}-01`) as UtcDay;
    if (first > last) throw new UserError([`--from: expected a day that is not after ${last}, not ${first}`]);
    if (first > today) throw new UserError([`--from: expected a day that has come, not ${first}`]);
    if (startOfDay(last) - startOfDay(first) > MOST_DAYS * 86_400_000)
      throw new UserError([`--from: expected at most ${MOST_DAYS} days until ${last}`]);
    return { first, last: last > today ? today : last };
  };
}

function problemOf(option: string, text: string | undefined): string[] {
  if (text === undefined) return [];
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
    ? []
    : [`${option}: expected a day such as 2026-11-01, not "${text}"`];
}
