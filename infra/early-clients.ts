import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const LATE = /^[ \t]*const (\{[\w, ]+\}) = await import\('(@aws-sdk\/client-[\w-]+)'\);\n/gm;

/**
 * Adapters that the helper uses too load SDK clients late, so that a tenant's process starts fast. In a function's bundle
 * nothing is loaded late, and of a module that is imported dynamically esbuild keeps everything: half the size of the sweep's
 * bundle. So their `const { Command } = await import('@aws-sdk/…')` become imports, of which it keeps what is used.
 */
export const earlyClients: Plugin = {
  name: 'early-clients',
  setup(build) {
    build.onLoad({ filter: /[/\\]aws[/\\][\w/\\-]+\.ts$/ }, async ({ path }) => {
      if (path.includes('node_modules')) return undefined;
      const contents = withEarlyClients(await readFile(path, 'utf8'));
      return { contents, loader: 'ts' };
    });
  },
};

/** The source of a module with its late imports of SDK clients at its top. */
export function withEarlyClients(source: string): string {
  const imports = [...source.matchAll(LATE)].map(([, names, client]) => `import ${names} from '${client}';\n`);
  return [...new Set(imports)].join('') + source.replaceAll(LATE, '');
}
