import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import * as z from 'zod';
import { buildHelperPackage, type HelperPackage } from '../../infra/publish/build.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The helper built, packed and installed in the project of a tenant, which has the AWS SDK besides. */
export class InstalledHelper {
  readonly built: HelperPackage;
  /** The built package. */
  readonly folder: string;
  readonly tarball: string;
  /** The files in the tarball. */
  readonly files: readonly string[];
  readonly #workspace: string;

  private constructor(parts: { workspace: string; built: HelperPackage; tarball: string; files: readonly string[] }) {
    this.#workspace = parts.workspace;
    this.built = parts.built;
    this.folder = join(parts.workspace, 'dist');
    this.tarball = parts.tarball;
    this.files = parts.files;
  }

  static async make(): Promise<InstalledHelper> {
    const workspace = await mkdtemp(join(tmpdir(), 'governor-package-'));
    const folder = join(workspace, 'dist');
    const built = await buildHelperPackage(folder);
    const packed = await run('npm', ['pack', '--json', '--offline', '--pack-destination', workspace], { cwd: folder });
    const [{ filename, files }] = z
      .tuple([z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })])
      .parse(JSON.parse(packed.stdout));
    const tarball = join(workspace, filename);

    const modules = join(workspace, 'tenant/node_modules');
    const installed = join(modules, 'bedrock-cost-governor');
    await mkdir(installed, { recursive: true });
    await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
    for (const scope of ['@aws-sdk', '@smithy', '@types', 'undici-types'])
      await symlink(join(ROOT, 'node_modules', scope), join(modules, scope));
    return new InstalledHelper({ workspace, built, tarball, files: files.map(({ path }) => path) });
  }

  /** Runs a program of the tenant and returns its output. */
  async run(fileName: string, program: string): Promise<string> {
    return await runProgram(join(this.#workspace, 'tenant', fileName), program);
  }

  /** Bundles a program with all that it imports, as a tenant does for a function. */
  async bundle(program: string, format: 'cjs' | 'esm', project = join(this.#workspace, 'tenant')): Promise<string> {
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: project },
      bundle: true,
      platform: 'node',
      target: 'node20',
      format,
      write: false,
      logLevel: 'silent',
      // What CommonJS needs that is bundled into an ES module (esbuild's documentation says so).
      ...(format === 'esm' ? { banner: { js: REQUIRE } } : {}),
    });
    return outputFiles[0]?.text ?? '';
  }

  /** Bundles into files that are loaded when they are needed, and runs the first of them where no packages are found. */
  async runSplit(program: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'governor-split-'));
    try {
      await build({
        stdin: { contents: program, resolveDir: join(this.#workspace, 'tenant') },
        bundle: true,
        splitting: true,
        platform: 'node',
        target: 'node20',
        format: 'esm',
        outdir: folder,
        outExtension: { '.js': '.mjs' },
        logLevel: 'silent',
        banner: { js: REQUIRE },
      });
      return await runFile(join(folder, 'stdin.mjs'));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** The project of a tenant who has installed none of the helper's optional packages. */
  async sparse(): Promise<string> {
    const project = join(this.#workspace, 'sparse');
    const modules = join(project, 'node_modules');
    await mkdir(join(modules, '@aws-sdk'), { recursive: true });
    await cp(this.folder, join(modules, 'bedrock-cost-governor'), { recursive: true });
    for (const name of [
      '@aws-sdk/client-bedrock-runtime',
      '@aws-sdk/client-dynamodb',
      '@smithy',
      '@types',
      'undici-types',
    ])
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    return project;
  }

  /** Runs a program that finds no packages. */
  async runAlone(fileName: string, program: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'governor-bundle-'));
    try {
      return await runProgram(join(folder, fileName), program);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Checks programs of the tenant, by file name, with their declarations, and returns what the compiler reports. */
  async typeCheck(
    programs: Readonly<Record<string, string>>,
    options: Readonly<Record<string, unknown>>,
    tenant = join(this.#workspace, 'tenant'),
  ): Promise<string> {
    const project = await mkdtemp(join(tenant, 'project-'));
    const fileNames = Object.keys(programs);
    for (const [fileName, program] of Object.entries(programs)) await writeFile(join(project, fileName), program);
    const compilerOptions = {
      strict: true,
      target: 'es2022',
      types: ['node'],
      declaration: true,
      outDir: 'out',
      ...options,
    };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: fileNames }));
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    return await run(process.execPath, [compiler, '-p', project]).then(
      ({ stdout }) => stdout.trim(),
      (error: { stdout?: string }) => error.stdout ?? String(error),
    );
  }

  async remove(): Promise<void> {
    await rm(this.#workspace, { recursive: true, force: true });
  }
}

const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

async function runProgram(file: string, program: string): Promise<string> {
  await writeFile(file, program);
  return await runFile(file);
}

async function runFile(file: string): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [file], {
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  if (stderr !== '') throw new Error(stderr);
  return stdout.trim();
}
