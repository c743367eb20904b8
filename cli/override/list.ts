import { isoTime, shortTime } from '../../domain/clock.ts';
import { describeChange, describeTarget, type Override } from '../../domain/standing/override.ts';
import { commandLine } from '../command-line.ts';
import type { StackOptions } from '../connection.ts';
import { harmless, print, printJson } from '../output/print.ts';
import { styleOf } from '../output/style.ts';
import { tableOf } from '../output/table.ts';
import { tablePorts } from '../table-ports.ts';
import { overrideDocument } from './document.ts';

export interface OverridesOptions extends StackOptions {
  readonly budget?: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

/** @returns the exit code */
export async function runOverrides(options: OverridesOptions): Promise<number> {
  const ports = await tablePorts(options);
  const at = ports.clock.now();
  const isWanted = ({ target }: Override): boolean =>
    (options.budget === undefined || (target.kind === 'budget' && target.budget === options.budget)) &&
    (options.tenant === undefined || (target.kind === 'tenant' && target.tenant === options.tenant));
  const overrides = (await ports.overrides.lasting(at)).filter(isWanted).sort((a, b) => a.until - b.until);
  if (options.json === true) {
    printJson({ type: 'overrides', at: isoTime(at), table: ports.table, overrides: overrides.map(overrideDocument) });
    return 0;
  }
  if (overrides.length === 0) {
    const isNarrowed = options.budget !== undefined || options.tenant !== undefined;
    print(`No override${isNarrowed ? ' of these' : ''} holds at ${shortTime(at)}.`);
    print(
      isNarrowed
        ? `All that hold: ${commandLine('overrides')}`
        : `Overrides are made by disable, enable and raise: ${commandLine('raise --help')}\nWhat was said before: ${commandLine('audit --kind "override standing" --last 30d')}`,
    );
  } else
    print(
      tableOf<Override>(
        [
          { title: 'id', of: ({ id }) => id.slice(0, 8) },
          { title: 'what', of: ({ change }) => describeChange(change) },
          { title: 'of', of: ({ target }) => describeTarget(target) },
          { title: 'until', of: ({ until }) => shortTime(until) },
          { title: 'reason', of: ({ reason }) => harmless(reason) },
          { title: 'by', of: ({ author }) => author },
          { title: 'at', of: ({ madeAt }) => shortTime(madeAt) },
        ],
        overrides,
        styleOf(),
      ),
    );
  return 0;
}
