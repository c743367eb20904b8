import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, type OutputFile, type Plugin } from 'esbuild';
import { zipSync } from 'fflate';
import { bedrockPrices } from './bedrock-prices.ts';
import { earlyClients } from './early-clients.ts';
import { lambdaCredentials } from './lambda-credentials.ts';
import { lateCalendar } from './late-calendar.ts';

/** A function's deployment package. */
export interface Artifact {
  /** The handler's file name without its extension, such as `sweep`. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Dependencies written as CommonJS call `require`, which an ES module does not have. */
const REQUIRE_BANNER =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/** What a function's bundle leaves out, or runs late. */
export const functionPlugins: readonly Plugin[] = [bedrockPrices, earlyClients, lambdaCredentials, lateCalendar];

const MADE_ON_UNIX = 3;
const READABLE_BY_ALL = 0o100644 * 2 ** 16;

/**
 * Bundles `handlers/<name>.ts` of the project at `root`, dependencies and AWS SDK included, and writes
 * `<outDir>/<name>.zip` with the one file `index.mjs`. The same sources give the same bytes, whenever and wherever.
 *
 * The syntax is lowered to Node 20, so that the bundles run on every Node that the project supports, on Lambda and off.
 *
 * @throws what esbuild reports, or an Error naming the file that does not export `handler`.
 */
export async function bundleHandlers(root: string, names: readonly string[], outDir: string): Promise<Artifact[]> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: names.map((name) => ({ in: `./handlers/${name}.ts`, out: name })),
    outdir: outDir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    plugins: [...functionPlugins],
    banner: { js: REQUIRE_BANNER },
    sourcemap: false,
    metafile: true,
    write: false,
    logLevel: 'silent',
  });

  for (const output of Object.values(metafile.outputs)) {
    if (!output.exports.includes('handler')) throw new Error(`${output.entryPoint} does not export \`handler\``);
  }

  await mkdir(outDir, { recursive: true });
  return await Promise.all(names.map((name) => writeArtifact(name, outDir, outputFiles)));
}

async function writeArtifact(name: string, outDir: string, outputFiles: readonly OutputFile[]): Promise<Artifact> {
  const bundled = outputFiles.find((file) => basename(file.path) === `${name}.mjs`);
  if (bundled === undefined) throw new Error(`esbuild wrote no bundle for handlers/${name}.ts`);
  // zip knows local time only and begins in 1980: made of local parts, what is stored is the same in every time zone.
  const mtime = new Date(1980, 0, 1);
  const zip = zipSync({
    'index.mjs': [bundled.contents, { level: 9, mtime, os: MADE_ON_UNIX, attrs: READABLE_BY_ALL }],
  });
  const path = join(outDir, `${name}.zip`);
  await writeFile(path, zip);
  return { name, path, bytes: zip.length };
}
