import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Plugin } from 'esbuild';

/** What some tenants' processes load after the governor itself, by `import()`. */
const LATER = [
  'aws/dynamodb/table-source.ts',
  'aws/tagging-profiles.ts',
  'aws/parameter-index.ts',
  'aws/secret-index.ts',
  'aws/lambda-resolver.ts',
  'aws/lease-function.ts',
  'invoke/published-hints.ts',
];

/**
 * Keeps what the governor shares with modules that are loaded later in one file.
 *
 * A bundler makes a file of its own for each combination of entries that share a module: a dozen here, and finding, reading
 * and compiling one takes Node about as long as running it. All of {@link LATER} is loaded when the governor is there, so
 * each of them may say that it needs the governor: then all combinations are the same one.
 */
export const oneFile = (root: string, governor: string): Plugin => ({
  name: 'one-file',
  setup(build) {
    const names = LATER.map((path) => basename(path).replaceAll('.', '\\.')).join('|');
    build.onLoad({ filter: new RegExp(`[\\\\/](?:${names})$`) }, async ({ path }) =>
      LATER.some((later) => path === `${root}/${later}`)
        ? { contents: `import '${root}/${governor}';\n${await readFile(path, 'utf8')}`, loader: 'ts' }
        : undefined,
    );
  },
});
