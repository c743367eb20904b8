import { isoTime } from '../../domain/clock.ts';
import { howMany } from '../../domain/how-many.ts';
import { isEnded } from '../../domain/profiles/profile-index.ts';
import { matches, type TagSelector } from '../../domain/tags.ts';
import { commandLine } from '../command-line.ts';
import type { StackOptions } from '../connection.ts';
import { print, printJson } from '../output/print.ts';
import { styleOf } from '../output/style.ts';
import { firstSteps } from '../status/first-steps.ts';
import { tablePorts } from '../table-ports.ts';
import { readTags } from '../tags-typed.ts';
import { profileDocument } from './document.ts';
import { profileTable, standingOf } from './table.ts';

export interface ProfilesOptions extends StackOptions {
  readonly tenant?: string;
  readonly tag?: readonly string[];
  readonly standing?: string;
  readonly ended?: boolean;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runProfiles(options: ProfilesOptions): Promise<number> {
  const typed = readTags(options.tag ?? []);
  const ports = await tablePorts(options);
  const unreadable: string[] = [];
  const entries = await ports.index.list((arn) => unreadable.push(arn));
  const selector: TagSelector = Object.fromEntries([
    ...Object.entries(typed).map(([key, value]) => [key, [value]] as const),
    ...(options.tenant === undefined ? [] : [[ports.policy.tenantTag, [options.tenant]] as const]),
  ]);
  const found = entries
    .filter((entry) => options.ended === true || !isEnded(entry))
    .filter(({ tags }) => matches(selector, tags))
    .filter((entry) => options.standing === undefined || standingOf(entry) === options.standing)
    .sort((a, b) => (`${a.name} ${a.arn}` < `${b.name} ${b.arn}` ? -1 : 1));
  if (options.json === true) {
    const at = isoTime(ports.clock.now());
    printJson({ type: 'profiles', at, table: ports.table, profiles: found.map(profileDocument), unreadable });
    return 0;
  }
  const style = styleOf();
  if (found.length > 0) print(profileTable(found, style, ports.policy));
  print(
    `${found.length > 0 ? '\n' : ''}${found.length} of ${howMany(entries.length, 'profile')} in table ${ports.table}`,
  );
  if (entries.length === 0) for (const line of firstSteps(ports.policy)) print(line);
  else if (found.length === 0) print(`All of them: ${commandLine('profiles --ended')}`);
  for (const arn of unreadable)
    print(style.yellow(`The index entry of ${arn} was written by another version: not shown.`));
  return 0;
}
