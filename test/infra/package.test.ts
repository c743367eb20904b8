import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { strFromU8, unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { bundleHandlers } from '../../infra/bundle.ts';
import { packageStack } from '../../infra/package.ts';
import { copyProject } from './project-copy.ts';

const FUNCTIONS = [
  'billing',
  'budget-alert',
  'budget-hint',
  'cost-anomaly',
  'lease',
  'ledger-watch',
  'metric-alarm',
  'outlook',
  'profile-changed',
  'reopen-ended',
  'resolve-profile',
  'sweep',
];

let project: Awaited<ReturnType<typeof copyProject>>;
beforeEach(async () => {
  project = await copyProject();
});
afterEach(() => project.remove());

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

/** `npm run package` in a process of its own, with this environment and nothing else. */
const runPackage = (environment: Record<string, string>, ...flags: string[]) =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', join(project.root, 'infra/package.ts'), ...flags], {
    cwd: project.root,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
  });

describe('bundling the handlers', () => {
  it('gives a zip with the one file index.mjs, whose handler runs', async () => {
    const out = join(project.root, 'out');
    const [artifact] = await bundleHandlers(project.root, ['sweep'], out);
    const entries = unzipSync(await readFile(artifact?.path ?? ''));
    expect(Object.keys(entries)).toEqual(['index.mjs']);

    await writeFile(join(out, 'index.mjs'), entries['index.mjs'] ?? '');
    const loaded: unknown = await import(pathToFileURL(join(out, 'index.mjs')).href);
    expect(loaded).toMatchObject({ handler: expect.any(Function) });
    expect(artifact?.bytes).toBe((await stat(artifact?.path ?? '')).size);
  });

  it('gives the same bytes whenever, wherever and in whatever time zone it is done', async () => {
    const [first] = await bundleHandlers(project.root, ['sweep'], join(project.root, 'one'));
    const other = await copyProject();
    const timeZone = process.env['TZ'];
    try {
      process.env['TZ'] = 'Pacific/Kiritimati';
      const [second] = await bundleHandlers(other.root, ['sweep'], join(other.root, 'two/deeper'));
      expect(await sha256(second?.path ?? '')).toBe(await sha256(first?.path ?? ''));
    } finally {
      if (timeZone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = timeZone;
      await other.remove();
    }
  });

  it('bundles dependencies that are written as CommonJS and call require', async () => {
    await writeFile(join(project.root, 'domain/legacy.cjs'), `module.exports = require('node:os').EOL;`);
    await writeFile(
      join(project.root, 'handlers/sweep.ts'),
      `import eol from '../domain/legacy.cjs';\nexport const handler = () => eol;\n`,
    );
    const out = join(project.root, 'out');
    const [artifact] = await bundleHandlers(project.root, ['sweep'], out);
    await writeFile(join(out, 'index.mjs'), unzipSync(await readFile(artifact?.path ?? ''))['index.mjs'] ?? '');
    const loaded: unknown = await import(pathToFileURL(join(out, 'index.mjs')).href);
    expect(
      z
        .object({ handler: z.function({ output: z.string() }) })
        .parse(loaded)
        .handler(),
    ).toBe('\n');
  });

  it('refuses a file that does not export a handler, by name', async () => {
    await writeFile(join(project.root, 'handlers/sweep.ts'), 'export const sweep = () => undefined;\n');
    await expect(bundleHandlers(project.root, ['sweep'], join(project.root, 'out'))).rejects.toThrow(
      'handlers/sweep.ts does not export `handler`',
    );
  });
});

describe('packaging the stack', () => {
  it('leaves the template and an artifact for each of its functions', async () => {
    const { templatePath, artifactsDir, artifacts } = await packageStack({ root: project.root });
    expect(templatePath).toBe(join(project.root, 'infra/.serverless/cloudformation-template-update-stack.json'));
    expect(artifactsDir).toBe(join(project.root, 'infra/.build'));
    expect(artifacts.map(({ fileName }) => fileName)).toEqual(FUNCTIONS.map((name) => `${name}.zip`));
    for (const name of FUNCTIONS) {
      const entries = unzipSync(await readFile(join(artifactsDir, `${name}.zip`)));
      expect(strFromU8(entries['index.mjs'] ?? new Uint8Array())).toContain(name);
    }
    expect((await readdir(artifactsDir)).filter((entry) => entry.startsWith('aside-') || entry === 'lock')).toEqual([]);
  });

  it('does nothing while nothing has changed, and works again when a handler, a flag or an artifact has', async () => {
    const root = project.root;
    const { templatePath, artifactsDir } = await packageStack({ root });
    const sweepZip = join(artifactsDir, 'sweep.zip');
    const packagedAt = async () => (await stat(templatePath)).mtimeMs;

    const first = await packagedAt();
    await utimes(join(root, 'handlers/sweep.ts'), new Date(), new Date());
    await packageStack({ root });
    expect(await packagedAt()).toBe(first);

    const before = await sha256(sweepZip);
    await writeFile(join(root, 'handlers/sweep.ts'), `export const handler = () => 'other';\n`);
    await packageStack({ root });
    const second = await packagedAt();
    expect(second).toBeGreaterThan(first);
    const after = await sha256(sweepZip);
    expect(after).not.toBe(before);

    await packageStack({ root, flags: ['--stage', 'prod', '--param', 'logRetentionInDays=365'] });
    const template = await readFile(templatePath, 'utf8');
    expect(template).toContain('bedrock-cost-governor-prod-sweep');
    expect(template).toContain('"RetentionInDays": 365');

    await writeFile(sweepZip, 'not a zip');
    await packageStack({ root, flags: ['--stage', 'prod', '--param', 'logRetentionInDays=365'] });
    expect(await sha256(sweepZip)).toBe(after);
  });

  it('removes the artifact of a function that is no more, and what a killed process left', async () => {
    const build = join(project.root, 'infra/.build');
    await mkdir(join(build, 'aside-of-a-killed-process'), { recursive: true });
    await writeFile(join(build, 'retired.zip'), '');
    await symlink('999999999', join(build, 'lock'));
    await packageStack({ root: project.root });
    expect((await readdir(build)).sort()).toEqual([...FUNCTIONS.map((name) => `${name}.zip`), 'stamp.json'].sort());
  });

  it('keeps what was packaged before when packaging fails', async () => {
    const { templatePath, artifactsDir } = await packageStack({ root: project.root });
    const before = [await sha256(templatePath), await sha256(join(artifactsDir, 'sweep.zip'))];
    await writeFile(join(project.root, 'handlers/sweep.ts'), 'export const handler = (;\n');
    await expect(packageStack({ root: project.root })).rejects.toThrow('handlers/sweep.ts:1:24: ERROR');
    expect([await sha256(templatePath), await sha256(join(artifactsDir, 'sweep.zip'))]).toEqual(before);
  });

  it('serves processes that package at the same time, without a home, credentials or a terminal', async () => {
    const environment = { CI: 'true', HOME: '/nonexistent', TMPDIR: tmpdir() };
    const runs = await Promise.all([runPackage(environment), runPackage(environment), runPackage({})]);
    const summary = FUNCTIONS.map((name) => `${name}\\.zip  \\d+ KB\n`).join('');
    for (const { stdout, stderr } of runs) {
      expect(stdout).toMatch(
        new RegExp(`^${summary}Of a tenant's tags, the roles may write: costcenter, environment\n`),
      );
      expect(stdout).toContain('These are the tags that examples/insurer/governance.yaml mends.');
      expect(stderr).toBe('');
    }
    const { artifactsDir, artifacts } = await packageStack({ root: project.root });
    for (const { fileName, bytes } of artifacts) expect((await stat(join(artifactsDir, fileName))).size).toBe(bytes);
  });

  it('gives the roles the tag keys that the named policy mends, and says so', async () => {
    const policy = join(project.root, 'governance.yaml');
    const tags =
      'tags: { required: { tenant: {}, Dept: { default: x }, team: { case: lower } }, optional: { owner: {} } }';
    await writeFile(policy, `version: 1\nregions: [us-east-1]\ntenantTag: tenant\n${tags}\nbudgets: []\n`);
    const { stdout } = await runPackage({}, '--policy', 'governance.yaml', '--stage', 'prod');
    expect(stdout).toMatch(/^Of a tenant's tags, the roles may write: Dept, team\n$/m);
    expect(stdout).not.toContain('examples/');
    const path = join(project.root, 'infra/.serverless/cloudformation-template-update-stack.json');
    const text = await readFile(path, 'utf8');
    expect(JSON.stringify(JSON.parse(text))).toContain('"aws:TagKeys":["governor:standing","Dept","team"]');
    expect(text).toContain('/bedrock-cost-governor-prod/mended-tag-keys');
  });

  it("exits with the tool's own message when osls refuses the configuration", async () => {
    const path = join(project.root, 'infra/serverless.yml');
    await writeFile(path, (await readFile(path, 'utf8')).replace('timeout: 270', 'timeout: 27000'));
    await expect(runPackage({})).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining("Configuration error at 'functions.sweep.timeout': must be <= 900"),
    });
    await rm(join(project.root, 'handlers/sweep.ts'));
    await expect(runPackage({})).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Could not resolve "./handlers/sweep.ts"'),
    });
  });

  it('makes a template for each further Region of the policy, and takes away that of one that it no longer names', async () => {
    const root = project.root;
    const policy = join(root, 'governance.yaml');
    const example = await readFile(new URL('../../examples/insurer/governance.yaml', import.meta.url), 'utf8');
    const govern = (regions: string) =>
      writeFile(policy, example.replace('regions: [us-east-1]', `regions: [${regions}]`));
    const made = async () => {
      const template = await readFile(
        join(root, 'infra/.serverless/cloudformation-template-update-stack.json'),
        'utf8',
      );
      const [, governed] = /"GOVERNOR_REGIONS": "([^"]*)"/.exec(template) ?? [];
      const files = await readdir(join(root, 'infra/.build'));
      return [governed, ...files.filter((entry) => entry.endsWith('.template.json')).sort()];
    };
    await govern('us-west-2, us-east-1, eu-west-1');
    const { further } = await packageStack({ root, flags: ['--policy', policy] });
    expect(further.map(({ fileName, where }) => [fileName, where])).toEqual([
      ['region-eu-west-1.template.json', 'in eu-west-1'],
      ['region-us-west-2.template.json', 'in us-west-2'],
    ]);
    expect(await made()).toEqual([
      'eu-west-1,us-east-1,us-west-2',
      'region-eu-west-1.template.json',
      'region-us-west-2.template.json',
    ]);
    await govern('us-east-1, us-west-2');
    const { stdout } = await runPackage({}, '--policy', policy);
    expect(stdout).toContain('region-us-west-2.template.json  to be deployed in us-west-2\n');
    expect(await made()).toEqual(['us-east-1,us-west-2', 'region-us-west-2.template.json']);
  });

  it('exits with 2 and the place of what is wrong, before it builds anything', async () => {
    const refused = (stderr: string) => ({ code: 2, stdout: '', stderr });
    await expect(runPackage({}, '--region', 'Ireland', '--log-retention', '91')).rejects.toMatchObject(
      refused(
        '--region: expected a Region of AWS such as eu-west-1, not "Ireland"\n--log-retention: expected days, one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, not "91"\n',
      ),
    );
    await expect(runPackage({}, '--policy', 'nowhere.yaml')).rejects.toMatchObject(
      refused('nowhere.yaml: there is no such file (ENOENT)\n'),
    );
    const policy = join(project.root, 'governance.yaml');
    await writeFile(policy, 'version: 1\nregions: [Ireland]\n');
    await expect(runPackage({}, '--policy', policy)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`${policy}:2: regions[0]: expected an AWS Region such as "us-east-1"\n`),
    });
    expect(await readdir(join(project.root, 'infra'))).not.toContain('.build');
  });
});
