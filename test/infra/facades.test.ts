import { mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as z from 'zod';
import { withoutFacades } from '../../infra/publish/facades.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'governor-facades-')));
});
afterEach(() => rm(folder, { recursive: true }));

/** Bundles modules, by their names, of which `index` loads the others; and what that gives. */
async function built(modules: Readonly<Record<string, string>>) {
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const [name, code] of Object.entries(modules)) await writeFile(join(folder, `${name}.js`), code);
  const outdir = join(folder, 'dist');
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: ['index.js'],
    outdir,
    bundle: true,
    splitting: true,
    minifyWhitespace: true,
    format: 'esm',
    metafile: true,
  });
  const before = await readdir(outdir);
  await withoutFacades(outdir, folder, metafile, 'index.js');
  const { load } = z.object({ load: z.function() }).parse(await import(pathToFileURL(join(outdir, 'index.js')).href));
  return { before, after: await readdir(outdir), loaded: await load() };
}

it('loads a shared file by itself, and leaves no file that only passes it on', async () => {
  const { before, after, loaded } = await built({
    index: "export const load = async () => [(await import('./one.js')).one, (await import('./other.js')).other];",
    one: "export const one = 'one';",
    other: "import { one } from './one.js'; export const other = 'other of ' + one;",
  });
  expect(loaded).toEqual(['one', 'other of one']);
  expect(before).toHaveLength(4);
  expect(after).toHaveLength(3);
});

it('keeps one that gives a name to what has another in the shared file', async () => {
  const { loaded } = await built({
    index: "export const load = async () => [(await import('./one.js')).name, (await import('./other.js')).name];",
    one: "import { name as its } from './other.js'; export const name = 'one'; export const both = () => name + its;",
    other: "import { name as its } from './one.js'; export const name = 'other'; export const both = () => name + its;",
  });
  expect(loaded).toEqual(['one', 'other']);
});
