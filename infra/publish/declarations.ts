import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { PROVISIONS } from './manifest.ts';
import { rollUp } from './roll-up.ts';

const run = promisify(execFile);

/**
 * Writes the declarations of what `entry` exports: one file for ES modules and the same for CommonJS, because TypeScript
 * takes from its ending what a file is.
 *
 * @param entry module of the project, without its ending, such as `invoke/index`
 * @returns names of the packages whose types are used
 * @throws an Error with what the compiler reports, or naming what cannot be published
 */
export async function writeDeclarations(root: string, entry: string, outDir: string): Promise<readonly string[]> {
  const emitted = await mkdtemp(join(tmpdir(), 'governor-types-'));
  try {
    await compile(root, emitted);
    const { text, packages } = await rollUp(emitted, entry, (name) => PROVISIONS[name] === 'optional peer');
    for (const name of ['index.d.ts', 'index.d.cts']) await writeFile(join(outDir, name), text);
    return packages;
  } finally {
    await rm(emitted, { recursive: true, force: true });
  }
}

async function compile(root: string, outDir: string): Promise<void> {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const project = join(root, 'tsconfig.package.json');
  try {
    await run(process.execPath, [compiler, '--project', project, '--outDir', outDir], { cwd: root });
  } catch (error) {
    const report = error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : '';
    throw new Error(`The declarations cannot be made:\n${report}`, { cause: error });
  }
}
