import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { packageName, specifiersIn, withSpecifiers } from './imports.ts';

const run = promisify(execFile);

/** The two kinds of importers: what TypeScript takes a declaration for follows from its ending. */
const KINDS = [
  { declaration: '.d.ts', module: '.js' },
  { declaration: '.d.cts', module: '.cjs' },
] as const;

/**
 * Writes the declarations of `entry` and of those modules that it names, as ES modules (`.d.ts`) and as CommonJS
 * (`.d.cts`), to `outDir`. Modules that no public type names are left out.
 *
 * @param entry module of the project, such as `invoke/index.ts`
 * @returns names of the packages whose types are used
 * @throws what the compiler reports
 */
export async function writeDeclarations(root: string, entry: string, outDir: string): Promise<string[]> {
  const emitted = await mkdtemp(join(tmpdir(), 'governor-types-'));
  try {
    await compile(root, emitted);
    const packages = new Set<string>();
    const waiting = [entry];
    const done = new Set<string>();
    for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
      if (done.has(module)) continue;
      done.add(module);
      const stem = module.replace(/\.ts$/, '');
      const declarations = await readFile(join(emitted, `${stem}.d.ts`), 'utf8');
      for (const specifier of specifiersIn(declarations)) {
        if (specifier.startsWith('.')) waiting.push(posix.join(posix.dirname(module), specifier));
        else packages.add(packageName(specifier));
      }
      await writeBoth(declarations, join(outDir, stem));
    }
    return [...packages].sort();
  } finally {
    await rm(emitted, { recursive: true, force: true });
  }
}

async function writeBoth(declarations: string, stem: string): Promise<void> {
  await mkdir(dirname(stem), { recursive: true });
  for (const { declaration, module } of KINDS) {
    const text = withSpecifiers(declarations, (specifier) =>
      specifier.startsWith('.') ? specifier.replace(/\.ts$/, module) : specifier,
    );
    await writeFile(`${stem}${declaration}`, text);
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
