import { type EpochMs, isoTime, shortTime } from '../../domain/clock.ts';
import { Fault } from '../../domain/fault.ts';
import { howMany } from '../../domain/how-many.ts';
import { isEnded } from '../../domain/profiles/profile-index.ts';
import { type TableState, tableState } from '../../domain/recovery/tend-table.ts';
import { type BudgetStatus, budgetStatuses, budgetsOf, shareOf } from '../../domain/status/budget-status.ts';
import { tagValue } from '../../domain/tags.ts';
import { commandLine } from '../command-line.ts';
import type { StackOptions } from '../connection.ts';
import { print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { styleOf } from '../output/style.ts';
import { overrideDocument, overrideLine } from '../override/document.ts';
import { profileDocument } from '../profiles/document.ts';
import { profileTable } from '../profiles/table.ts';
import { type TablePorts, tablePorts } from '../table-ports.ts';
import { UserError } from '../user-error.ts';
import { statusDocument } from './document.ts';
import { firstSteps } from './first-steps.ts';
import { statusLines, statusTable } from './text.ts';

export interface StatusOptions extends StackOptions {
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runStatus(options: StatusOptions, tenant?: string): Promise<number> {
  const ports = await tablePorts(options);
  const { policy } = ports;
  const state = await stateOf(ports);
  const unreadable: string[] = [];
  const entries = await ports.index.list((arn) => unreadable.push(arn));
  const living = entries.filter((entry) => !isEnded(entry));
  const tenants = [...new Set(living.flatMap(({ tags }) => tagValue(tags, policy.tenantTag) ?? []))].sort();
  if (tenant !== undefined && !tenants.includes(tenant))
    throw new UserError([`no profile has the tenant "${tenant}"; ${listOf('there are', tenants)}`]);
  const budgets = budgetsOf(policy, entries, tenant);
  const bar = progress(options);
  const statuses = await budgetStatuses(ports, budgets, (done) => bar.at(`${done} of ${budgets.length} budgets`));
  bar.done();
  const at = ports.clock.now();
  const profiles = living.filter(({ tags }) => tagValue(tags, policy.tenantTag) === tenant);
  const overrides = statuses.flatMap((status) => status.overrides);
  const distinct = [...new Map(overrides.map((each) => [each.id, each])).values()];
  if (options.json === true) {
    printJson({
      type: 'status',
      at: isoTime(at),
      table: ports.table,
      state,
      budgets: statuses.map(statusDocument),
      unreadable,
      ...(tenant === undefined
        ? {}
        : { tenant, profiles: profiles.map(profileDocument), overrides: distinct.map(overrideDocument) }),
    });
    return 0;
  }
  const style = styleOf();
  if (tenant === undefined) tellAll(statuses, at, ports);
  else {
    print(`${style.bold(`tenant ${tenant}`)} at ${shortTime(at)}\n`);
    for (const status of statuses) for (const line of statusLines(status, style)) print(line);
    if (statuses.length === 0) print('No budget covers it: nothing limits what it spends.');
    print(`\n${profileTable(profiles, style, { tenantTag: policy.tenantTag })}`);
    if (distinct.length > 0) print(`\n${style.bold('what operators have said')}`);
    for (const override of distinct) print(`  ${overrideLine(override)}`);
  }
  if (state === 'restored' || state === 'closed')
    print(
      style.red(
        `\nThe table was restored from a backup: nothing is lent from it until ${commandLine('recover')} has opened it.`,
      ),
    );
  for (const arn of unreadable)
    print(style.yellow(`The index entry of ${arn} was written by another version: not shown.`));
  return 0;
}

/** An operator may not be let look which table it is; then everything else is told all the same. */
async function stateOf({ identities }: TablePorts): Promise<TableState | 'unknown'> {
  try {
    return await tableState(identities);
  } catch (error) {
    if (error instanceof Fault) return 'unknown';
    throw error;
  }
}

function tellAll(statuses: readonly BudgetStatus[], at: EpochMs, { table, policy }: TablePorts): void {
  if (statuses.length === 0) {
    print(`No profile is covered by a budget yet (table ${table}, ${shortTime(at)}).`);
    for (const line of firstSteps(policy)) print(line);
    return;
  }
  const style = styleOf();
  const sorted = [...statuses].sort((a, b) => shareOf(b) - shareOf(a) || (a.budget.id < b.budget.id ? -1 : 1));
  print(statusTable(sorted, style));
  const count = (standing: string) => sorted.filter(({ figures }) => figures?.standing === standing).length;
  print(
    `\n${howMany(sorted.length, 'budget')} at ${shortTime(at)}: ${count('closed')} closed, ${count('throttled')} throttled. More of one tenant: ${commandLine('status <tenant>')}`,
  );
}

const MOST_NAMED = 20;

export const listOf = (intro: string, names: readonly string[]): string =>
  names.length === 0
    ? 'there is none yet'
    : `${intro} ${names.slice(0, MOST_NAMED).join(', ')}${names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''}`;
