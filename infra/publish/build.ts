/**
 * Builds the package that tenants install, the helper alone: `npm run build [-- <folder>]`, by default into `dist/`.
 * The same sources give the same files.
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as z from 'zod';
import { NAMESPACE as LATE_CALENDAR, lateCalendar } from '../late-calendar.ts';
import { writeDeclarations } from './declarations.ts';
import { withoutFacades } from './facades.ts';
import { importsOfBundle, inlinedPackages, type PackageUse, packageName } from './imports.ts';
import { INLINED, PROVISIONS, type ProjectManifest, publishedManifest } from './manifest.ts';
import { oneFile } from './one-file.ts';
import { NAMESPACE, tableSdkByRequire } from './table-sdk.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = 'invoke/index';

/** `require` of an ES module: one copy of the helper in a process, however it is imported. See ADR 9. */
const COMMONJS_ENTRY = "'use strict';\nmodule.exports = require('./index.js');\n";

export interface HelperPackage {
  /** Modules of the project whose code is in the bundle. */
  readonly modules: readonly string[];
  /** Packages that it uses but does not bring. */
  readonly uses: readonly PackageUse[];
}

/** @throws an Error with the compiler's or bundler's report, or naming an import that is not declared */
export async function buildHelperPackage(outDir: string): Promise<HelperPackage> {
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const [{ modules, imports, inlined }, typePackages] = await Promise.all([
    bundle(outDir),
    writeDeclarations(ROOT, ENTRY, outDir),
  ]);
  const uses = [
    ...imports,
    ...typePackages.map((specifier) => ({ name: packageName(specifier), kind: 'types' as const })),
  ];
  const manifest = publishedManifest(await projectManifest(), uses);
  await Promise.all([
    writeFile(join(outDir, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`),
    writeFile(join(outDir, 'index.cjs'), COMMONJS_ENTRY),
    writeFile(join(outDir, 'THIRD-PARTY-LICENSES.txt'), await licencesOf(inlined)),
    copyFile(join(ROOT, 'LICENSE'), join(outDir, 'LICENSE')),
    copyFile(join(ROOT, 'docs/helper.md'), join(outDir, 'README.md')),
  ]);
  return { modules, uses };
}

async function bundle(outDir: string) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { index: `${ENTRY}.ts` },
    outdir: outDir,
    bundle: true,
    splitting: true,
    // A process reads these files before its first call. Names and short lines stay, for stack traces that tell something.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 120,
    chunkNames: '[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: Object.keys(PROVISIONS),
    plugins: [lateCalendar, tableSdkByRequire, oneFile(ROOT.replace(/\/$/, ''))],
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });
  await withoutFacades(outDir, ROOT, metafile, 'index.js');
  const inlined = inlinedPackages(metafile);
  const unforeseen = inlined.filter((name) => !INLINED.includes(name));
  if (unforeseen.length > 0)
    throw new Error(`The helper uses ${unforeseen.join(', ')}: declare it in infra/publish/manifest.ts.`);
  const modules = Object.keys(metafile.inputs).filter(
    (file) =>
      !file.includes('node_modules/') && !file.startsWith(`${NAMESPACE}:`) && !file.startsWith(`${LATE_CALENDAR}:`),
  );
  return { modules: modules.sort(), imports: importsOfBundle(metafile), inlined };
}

async function licencesOf(packages: readonly string[]): Promise<string> {
  const texts = packages.map(async (name) => {
    const folder = join(ROOT, 'node_modules', name);
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
    if (file === undefined) throw new Error(`${name} comes without a licence: it cannot be copied into the helper.`);
    const text = await readFile(join(folder, file), 'utf8');
    return `${name}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}

const versions = z.record(z.string(), z.string());
const projectSchema = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  license: z.string(),
  engines: versions,
  dependencies: versions,
  devDependencies: versions,
});

const projectManifest = async (): Promise<ProjectManifest> =>
  projectSchema.parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildHelperPackage(resolve(process.argv[2] ?? 'dist'));
