import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** What is loaded while a process runs, by `import()`, and what is there by then. */
const AFTER: Readonly<Record<string, string>> = {
  'invoke/table-access.ts': 'invoke/index.ts',
  'invoke/governing.ts': 'invoke/table-access.ts',
  // By some tenants' processes.
  'aws/dynamodb/table-source.ts': 'invoke/governing.ts',
  'aws/tagging-profiles.ts': 'invoke/governing.ts',
  'aws/parameter-index.ts': 'invoke/governing.ts',
  'aws/secret-index.ts': 'invoke/governing.ts',
  'aws/lambda-resolver.ts': 'invoke/governing.ts',
  'aws/lease-function.ts': 'invoke/governing.ts',
  'aws/sdk-packages.ts': 'invoke/governing.ts',
  'invoke/published-hints.ts': 'invoke/governing.ts',
};

/**
 * Keeps in one file what is loaded together.
 *
 * A bundler makes a file of its own for each combination of entries that share a module: a dozen here, and finding, reading
 * and compiling one takes Node about as long as running it. So each module that is loaded later says that it needs what is
 * there by then: all combinations that begin with the same module are the same one.
 */
export const oneFile = (root: string): Plugin => ({
  name: 'one-file',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const before = path.startsWith(`${root}/`) ? AFTER[path.slice(root.length + 1)] : undefined;
      if (before === undefined) return undefined;
      return { contents: `import '${root}/${before}';\n${await readFile(path, 'utf8')}`, loader: 'ts' };
    });
  },
});
