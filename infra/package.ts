/**
 * Packages the stack: `npm run package -- --policy governance.yaml`. Bundles the handlers that `serverless.yml` names and
 * lets osls turn `serverless.yml` into a CloudFormation template, without network, credentials or a home directory. The roles
 * in it may write the tags that this policy mends.
 */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as yaml from 'yaml';
import * as z from 'zod';
import { mendedKeys } from '../domain/policy/tag-keys.ts';
import { adoptionOf, adoptTable } from './adopt-table.ts';
import { bundleHandlers } from './bundle.ts';
import { type Deployment, packagingHelp, readDeployment } from './deployment.ts';
import { encryptionOf } from './encryption.ts';
import { forwardedRules } from './forwarding/forwarders.ts';
import { type FurtherStack, furtherStacks } from './forwarding/further-stacks.ts';
import { homeResources } from './forwarding/home-resources.ts';
import { showLetters } from './letter-widgets.ts';
import { withLock } from './lock.ts';
import { type PolicyFile, readPolicyFile } from './policy-file.ts';
import { tagKeysFile } from './tag-keys.ts';
import { EXIT_FAILED, EXIT_USER_ERROR, UserError } from './user-error.ts';

export interface PackagedStack {
  /** The CloudFormation template, JSON. Its functions' `Code.S3Key` ends in the file name of their artifact. */
  readonly templatePath: string;
  /** Holds one zip for each function. */
  readonly artifactsDir: string;
  readonly artifacts: readonly { readonly fileName: string; readonly bytes: number }[];
  /** The stacks that belong to it in other Regions, and in the payer's account. */
  readonly mendedTagKeys: readonly string[];
  /** No policy was named, so that the keys are those of the example. */
  readonly keysAreOfExample: boolean;
  readonly further: readonly (Omit<FurtherStack, 'template'> & { readonly templatePath: string })[];
}

export interface PackageOptions {
  /** The project to package: a directory with `handlers/` and `infra/serverless.yml`. Default: this one. */
  readonly root?: string;
  /**
   * Options of `npm run package`, such as `['--stage', 'prod', '--region', 'eu-west-1', '--regions', 'eu-west-1,us-west-2']`;
   * and `--adopt-table`, see {@link adoptionOf}.
   */
  readonly flags?: readonly string[];
  /** Keys of the tags that the roles may write besides the governor's own. Default: those of {@link EXAMPLE_POLICY}. */
  readonly mendedTagKeys?: readonly string[];
  /** Where `.build/` and `.serverless/` are written. Default: `infra/` of the project. */
  readonly outDir?: string;
}

/** Whose tag keys the roles are given where no policy is named: what `npm start` and the tests run. Relative to the root. */
export const EXAMPLE_POLICY = 'examples/insurer/governance.yaml';

/** What the result depends on, relative to the root. */
const INPUTS = ['handlers', 'domain', 'aws', 'infra', 'package.json', 'package-lock.json'];
const OUTPUT_FOLDERS = ['.build', '.serverless', 'node_modules'];

const TEMPLATE = '.serverless/cloudformation-template-update-stack.json';
/** Only the bucket that the functions' zips are uploaded to: the stack begins with it. */
const BUCKET_TEMPLATE = '.serverless/cloudformation-template-create-stack.json';

const OSLS_TIMEOUT_MS = 120_000;
/** Longer than any packaging takes: a lock this old was left behind. */
const LOCK_ABANDONED_MS = 180_000;

/**
 * Packages the stack, unless what is there was packaged from the same inputs with the same flags.
 *
 * Processes may do this at the same time: one works, the others wait for its result. Files are built aside and renamed
 * into place, so nobody ever sees half of one.
 *
 * @throws {UserError} for options that are unknown or malformed, or a policy file that cannot be read
 * @throws an Error with the bundler's or osls's own message.
 */
export async function packageStack(options: PackageOptions = {}): Promise<PackagedStack> {
  const root = options.root ?? fileURLToPath(new URL('..', import.meta.url));
  const { others, table } = adoptionOf(options.flags ?? []);
  const typed = readDeployment(others);
  const policy = typed.policyFile === undefined ? undefined : await readPolicyFile(typed.policyFile);
  const infra = join(root, 'infra');
  const outDir = options.outDir ?? infra;
  const mendedTagKeys =
    options.mendedTagKeys ??
    (policy === undefined
      ? mendedKeys((await readPolicyFile(join(root, EXAMPLE_POLICY))).policy.tags)
      : mendedKeys(policy.policy.tags));
  const deployment = typed.deployment(policy?.policy.regions);
  const plan: Plan = { root, outDir, mendedTagKeys, deployment, policy, adopts: table };
  const inputs = await digestOfInputs(plan);
  const further = furtherStacks(
    plan.deployment,
    forwardedRules(await readFile(join(infra, 'serverless.yml'), 'utf8'), plan.deployment),
    policy?.policy,
  );

  const current = await currentOutputs(outDir, inputs);
  if (current !== undefined) return packagedStack(plan, current, further);

  await mkdir(join(outDir, '.build'), { recursive: true });
  return await withLock(join(outDir, '.build/lock'), LOCK_ABANDONED_MS, async () => {
    const built = (await currentOutputs(outDir, inputs)) ?? (await buildAside(plan, further, inputs));
    return packagedStack(plan, built, further);
  });
}

/** What is packaged for whom. */
interface Plan {
  readonly root: string;
  readonly outDir: string;
  readonly mendedTagKeys: readonly string[];
  readonly deployment: Deployment;
  /** The policy file that was named, if any. */
  readonly policy: PolicyFile | undefined;
  /** The table that the stack is to use, where it makes none: see {@link adoptionOf}. */
  readonly adopts: string | undefined;
}

function packagedStack(
  { outDir, mendedTagKeys, policy }: Plan,
  outputs: Outputs,
  further: readonly FurtherStack[],
): PackagedStack {
  return {
    mendedTagKeys,
    keysAreOfExample: policy === undefined,
    further: further.map(({ template: _, ...stack }) => ({
      ...stack,
      templatePath: join(outDir, '.build', stack.fileName),
    })),
    templatePath: join(outDir, TEMPLATE),
    artifactsDir: join(outDir, '.build'),
    artifacts: Object.entries(outputs)
      .filter(([path]) => extname(path) === '.zip')
      .map(([path, { bytes }]) => ({ fileName: basename(path), bytes })),
  };
}

/** Builds in a directory of its own under `.build`, then publishes: artifacts, template, and last the stamp. */
async function buildAside(plan: Plan, further: readonly FurtherStack[], inputs: string): Promise<Outputs> {
  const { root, deployment, outDir, mendedTagKeys } = plan;
  const infra = join(root, 'infra');
  await removeLeftovers(outDir);
  const aside = join(outDir, '.build', `aside-${randomUUID()}`);
  try {
    await mkdir(aside);
    await cp(join(infra, 'serverless.yml'), join(aside, 'serverless.yml'));
    await cp(join(infra, 'resources'), join(aside, 'resources'), { recursive: true });
    await writeFile(join(aside, 'tag-keys.json'), tagKeysFile(mendedTagKeys));

    const serverlessYml = await readFile(join(aside, 'serverless.yml'), 'utf8');
    const key = deployment.kmsKeys[deployment.homeRegion];
    await writeJson(
      join(aside, 'forwarding.json'),
      homeResources(deployment, forwardedRules(serverlessYml, deployment)),
    );
    await writeJson(join(aside, 'encryption.json'), encryptionOf(key, serverlessYml));

    const names = await handlerNames(infra);
    await bundleHandlers(root, names, join(aside, '.build'));
    for (const { fileName, template } of further) await writeJson(join(aside, '.build', fileName), template);
    await runOsls(aside, join(root, 'node_modules/.cache/osls'), oslsFlags(deployment));
    await showLetters(join(aside, TEMPLATE), deployment);
    if (plan.adopts !== undefined) await adoptTable(join(aside, TEMPLATE), plan.adopts);

    const templates = further.map(({ fileName }) => `.build/${fileName}`);
    const paths = [...names.map((name) => `.build/${name}.zip`).sort(), ...templates, BUCKET_TEMPLATE, TEMPLATE];
    const outputs: Outputs = Object.fromEntries(
      await Promise.all(paths.map(async (path) => [path, await describeFile(join(aside, path))] as const)),
    );
    await writeFile(join(aside, STAMP), JSON.stringify({ inputs, outputs } satisfies Stamp, null, 2));
    await mkdir(join(outDir, '.serverless'), { recursive: true });
    for (const path of [...paths, STAMP]) await rename(join(aside, path), join(outDir, path));
    await removeObsoleteArtifacts(outDir, outputs);
    return outputs;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

const writeJson = async (path: string, document: unknown): Promise<void> =>
  await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);

/** The deployment as `osls package` takes it. */
function oslsFlags({ stage, homeRegion, regions, payerAccountId, ...logging }: Deployment): readonly string[] {
  const parameters = {
    regions: regions.join(','),
    payerAccountId: payerAccountId ?? 'none',
    logRetentionInDays: logging.logRetentionInDays,
    logLevel: logging.logLevel,
  };
  const params = Object.entries(parameters).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
  return ['--stage', stage, '--region', homeRegion, ...params];
}

/** What a killed process left behind. Only the holder of the lock may remove it. */
async function removeLeftovers(outDir: string): Promise<void> {
  await removeFromBuild(outDir, (entry) => entry.startsWith('aside-'));
}

/** The artifacts of functions, and the templates of Regions, that are no more. */
async function removeObsoleteArtifacts(outDir: string, outputs: Outputs): Promise<void> {
  const isMade = (entry: string): boolean => extname(entry) === '.zip' || entry.endsWith('.template.json');
  await removeFromBuild(outDir, (entry) => isMade(entry) && !(`.build/${entry}` in outputs));
}

async function removeFromBuild(outDir: string, condemned: (entry: string) => boolean): Promise<void> {
  const entries = (await readdir(join(outDir, '.build'))).filter(condemned);
  await Promise.all(entries.map((entry) => rm(join(outDir, '.build', entry), { recursive: true, force: true })));
}

const serviceSchema = z.object({
  functions: z.record(z.string(), z.object({ package: z.object({ artifact: z.string() }) })),
});

/** `.build/sweep.zip` in `serverless.yml` stands for `handlers/sweep.ts`. */
async function handlerNames(infra: string): Promise<string[]> {
  // CloudFormation's own tags (`!Ref`) mean nothing to a plain YAML parser, nor to this question.
  const service = yaml.parse(await readFile(join(infra, 'serverless.yml'), 'utf8'), { logLevel: 'silent' });
  return Object.values(serviceSchema.parse(service).functions).map((fn) => basename(fn.package.artifact, '.zip'));
}

const processFailureSchema = z.object({ message: z.string(), stdout: z.string(), stderr: z.string() });

/**
 * Runs `osls package` in a service directory. Its environment is bare: no AWS profile, no user's configuration and no
 * variable of the caller changes what comes out, and its home is the service directory.
 *
 * @param cacheDir where osls keeps its compiled configuration schema, which takes it two seconds to make.
 */
async function runOsls(serviceDir: string, cacheDir: string, flags: readonly string[]): Promise<void> {
  const osls = createRequire(import.meta.url).resolve('osls/bin/serverless.js');
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: serviceDir,
    TMPDIR: tmpdir(),
    CI: 'true',
    NO_COLOR: '1',
    SLS_SCHEMA_CACHE_BASE_DIR: cacheDir,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  try {
    await promisify(execFile)(process.execPath, [osls, 'package', ...flags], {
      cwd: serviceDir,
      env: environment,
      timeout: OSLS_TIMEOUT_MS,
    });
  } catch (error) {
    const { message, stdout, stderr } = processFailureSchema.parse(error);
    throw new Error(`osls could not package infra/serverless.yml\n${`${stderr}${stdout}`.trim() || message}`);
  }
}

type Outputs = Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;

/** What was built from what. `outputs` is by path relative to where they are written. */
type Stamp = { readonly inputs: string; readonly outputs: Outputs };

const STAMP = '.build/stamp.json';
const stampSchema = z.object({
  inputs: z.string(),
  outputs: z.record(z.string(), z.object({ sha256: z.string(), bytes: z.number() })),
});

/** The outputs on disk, if they are what was built from these inputs, to the byte. */
async function currentOutputs(outDir: string, inputs: string): Promise<Outputs | undefined> {
  try {
    const stamp: Stamp = stampSchema.parse(JSON.parse(await readFile(join(outDir, STAMP), 'utf8')));
    if (stamp.inputs !== inputs) return undefined;
    const unchanged = await Promise.all(
      Object.entries(stamp.outputs).map(
        async ([path, { sha256 }]) => (await describeFile(join(outDir, path))).sha256 === sha256,
      ),
    );
    return unchanged.every(Boolean) ? stamp.outputs : undefined;
  } catch {
    // No stamp, an unreadable one or a missing output: all mean that there is nothing to go by.
    return undefined;
  }
}

async function describeFile(path: string): Promise<{ sha256: string; bytes: number }> {
  const content = await readFile(path);
  return { sha256: createHash('sha256').update(content).digest('hex'), bytes: content.length };
}

async function digestOfInputs({ root, mendedTagKeys, deployment, policy, adopts }: Plan): Promise<string> {
  const paths = (await Promise.all(INPUTS.map((input) => filesUnder(root, input)))).flat().sort();
  const contents = await Promise.all(paths.map((path) => readFile(join(root, path))));
  const hash = createHash('sha256').update(JSON.stringify([deployment, policy?.document, mendedTagKeys, adopts]));
  for (const [index, path] of paths.entries()) hash.update(`\0${path}\0`).update(contents[index] ?? '');
  return hash.digest('hex');
}

async function filesUnder(root: string, path: string): Promise<string[]> {
  const status = await lstat(join(root, path)).catch(() => undefined);
  if (status?.isFile()) return [path];
  if (!status?.isDirectory() || OUTPUT_FOLDERS.includes(basename(path))) return [];
  const entries = await readdir(join(root, path));
  return (await Promise.all(entries.map((entry) => filesUnder(root, join(path, entry))))).flat();
}

const script = process.argv[1];
const isRun = script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url);
if (isRun && process.argv.slice(2).some((flag) => flag === '--help' || flag === '-h')) console.log(packagingHelp());
else if (isRun) {
  try {
    const { artifacts, further, mendedTagKeys, keysAreOfExample } = await packageStack({
      flags: process.argv.slice(2),
    });
    for (const { fileName, bytes } of artifacts) console.log(`${fileName}  ${(bytes / 1024).toFixed(0)} KB`);
    for (const { fileName, where } of further) console.log(`${fileName}  to be deployed ${where}`);
    console.log(`Of a tenant's tags, the roles may write: ${mendedTagKeys.join(', ') || 'none'}`);
    if (keysAreOfExample)
      console.log(`These are the tags that ${EXAMPLE_POLICY} mends. For those of your policy: --policy <file>`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof UserError ? EXIT_USER_ERROR : EXIT_FAILED;
  }
}
