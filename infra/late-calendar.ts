import { dirname, resolve } from 'node:path';
import type { Plugin } from 'esbuild';

/** A module of the project, and all of its functions. The build fails where another name of it is used. */
const MODULE = 'zoned-period.ts';
const FUNCTIONS = ['timeZoneId', 'zonedPeriod'];

/** Of the module that this makes up. */
export const NAMESPACE = 'late-calendar';

/**
 * Runs the code of the calendar with time zones when a period in one is first asked for: it takes some two milliseconds of
 * a process that begins, and one whose budgets are in UTC never needs it. The code stays in the bundle.
 */
export const lateCalendar: Plugin = {
  name: NAMESPACE,
  setup(build) {
    build.onResolve({ filter: /[\\/]zoned-period\.ts$/ }, ({ kind, path, resolveDir }) =>
      kind === 'import-statement'
        ? { path: MODULE, namespace: NAMESPACE, pluginData: dirname(resolve(resolveDir, path)) }
        : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, ({ pluginData: folder }: { pluginData: string }) => ({
      contents: LATER,
      resolveDir: folder,
    }));
  },
};

/** A `require` of what is in the bundle runs it at the first call, and gives the same again. */
const LATER = FUNCTIONS.map(
  (name) => `export const ${name} = (...given) => require('./${MODULE}').${name}(...given);`,
).join('\n');
