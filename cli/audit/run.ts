import type { AuditRecord } from '../../domain/audit/audit-record.ts';
import { type AuditSearch, searchTrail } from '../../domain/audit/search-trail.ts';
import { type EpochMs, isoTime, shortTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import type { DecisionName, JournalFacts } from '../../domain/journal.ts';
import { commandLine } from '../command-line.ts';
import type { StackOptions } from '../connection.ts';
import { harmless, print, printJson } from '../output/print.ts';
import { type Style, styleOf } from '../output/style.ts';
import { tablePorts } from '../table-ports.ts';
import { readSpan } from '../time-typed.ts';

export interface AuditOptions extends StackOptions {
  readonly tenant?: string;
  readonly budget?: string;
  readonly kind?: DecisionName;
  readonly from?: string;
  readonly until?: string;
  readonly last?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runAudit(options: AuditOptions): Promise<number> {
  const span = readSpan(options);
  const ports = await tablePorts(options);
  const { tenant, budget, kind } = options;
  const search: AuditSearch = {
    ...span(ports.clock.now()),
    ...(tenant === undefined ? {} : { tenant }),
    ...(budget === undefined ? {} : { budget }),
    ...(kind === undefined ? {} : { kind }),
  };
  const style = styleOf();
  let found = 0;
  let unreadable = 0;
  for await (const each of searchTrail(ports.trail, search)) {
    if (each.kind === 'unreadable') unreadable++;
    else found++;
    if (options.json === true)
      printJson(each.kind === 'unreadable' ? { type: 'unreadable', id: each.id } : documentOf(each.record));
    else if (each.kind === 'record') tell(each.record, style);
  }
  if (options.json === true) return 0;
  print(
    `${found === 0 ? '' : '\n'}${howMany(found, 'decision')} from ${shortTime(search.from)} until ${shortTime(search.until)}`,
  );
  if (found === 0) print(nextStep(options));
  if (unreadable > 0) print(style.yellow(`${unreadable} records were written by another version and are not shown.`));
  return 0;
}

const nextStep = ({ tenant, budget, kind }: AuditOptions): string =>
  tenant === undefined && budget === undefined && kind === undefined
    ? `A longer time: ${commandLine('audit --last 30d')}\nWhether the governor runs: ${commandLine('doctor')}`
    : `Without --tenant, --budget and --kind, or of a longer time: ${commandLine('audit --last 30d')}`;

const documentOf = ({ at, ...record }: AuditRecord): object => ({ type: 'decision', at: isoTime(at), ...record });

function tell({ at, actor, decision, facts, tenant }: AuditRecord, style: Style): void {
  print(
    `${style.dim(timeOf(at))}  ${style.bold(decision)}${tenant === undefined ? '' : `  tenant ${tenant}`}  ${style.dim(`by ${actor}`)}`,
  );
  for (const [name, value] of Object.entries(facts))
    if (name !== 'tenant') print(`    ${name}: ${harmless(textOf(value))}`);
}

const timeOf = (at: EpochMs): string => isoTime(at).replace('T', ' ').slice(0, 19);

function textOf(value: JournalFacts[string]): string {
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.join(', ');
  return Object.entries(value)
    .map(([name, text]) => `${name} ${String(text)}`)
    .join(', ');
}
