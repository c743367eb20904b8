import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUT = join(ROOT, 'node_modules/.cache/bundled-governor');

/** Stands in each module for its own place. */
const PLACE = '__placeOfModule';

/** Where the bundle is, in the project, from where it finds its packages. */
export const BUNDLED_GOVERNOR = join(OUT, 'governor.js');

/**
 * Bundles the command once for all tests: a process of it is there in a third of the time that it takes to compile its
 * sources as they are loaded, and the tests start hundreds. What its modules say of their own place stays true.
 */
export async function setup(): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['cli/governor.ts'],
    outdir: OUT,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    define: { 'import.meta.url': PLACE },
    plugins: [
      {
        name: 'place-of-modules',
        setup({ onLoad }) {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
            contents: `const ${PLACE} = ${JSON.stringify(pathToFileURL(path).href)}; ${await readFile(path, 'utf8')}`,
            loader: 'ts',
          }));
        },
      },
    ],
  });
}
