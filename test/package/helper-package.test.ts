import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildHelperPackage } from '../../infra/publish/build.ts';
import { documents, fencesOf } from '../docs/fences.ts';
import { InstalledHelper } from './installed-helper.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

let helper: InstalledHelper;
beforeAll(async () => {
  helper = await InstalledHelper.make();
});
afterAll(() => helper.remove());

describe('what is published', () => {
  test('is the helper: code, declarations, licences and its guide', () => {
    const kinds = helper.files.map((file) => file.replace(/^.*?((\.d)?\.\w+)$/, '$1'));
    expect(new Set(kinds)).toEqual(new Set(['.js', '.cjs', '.d.ts', '.d.cts', '.json', '.md', '.txt', 'LICENSE']));
    expect(helper.files).toEqual(expect.arrayContaining(['index.js', 'index.cjs', 'README.md', 'LICENSE']));
  });

  test('holds no code of handlers, commands, the stack or the embedded AWS', () => {
    const folders = new Set(helper.built.modules.map((module) => module.split('/')[0]));
    expect(folders).toEqual(new Set(['aws', 'domain', 'invoke']));
  });

  test('is read in four files before the first call: finding and compiling one takes about as long as running it', async () => {
    const read = new Set<string>();
    const follow = async (file: string): Promise<void> => {
      if (read.has(file)) return;
      read.add(file);
      const code = await readFile(join(helper.folder, file), 'utf8');
      for (const [, next = ''] of code.matchAll(/(?:\bfrom|^import|[;}]import)"\.\/([^"]+)"/gm)) await follow(next);
    };
    await follow('index.js');
    for (const late of ['openTable', 'startGoverning']) await follow(await fileWith(late));
    expect([...read]).toHaveLength(4);
  });

  /** The file that exports a name. */
  async function fileWith(name: string): Promise<string> {
    for (const file of helper.files.filter((path) => path.endsWith('.js'))) {
      const [, exported = ''] = /export\{([^}]*)\};\s*$/.exec(await readFile(join(helper.folder, file), 'utf8')) ?? [];
      if (exported.split(/,\s*/).includes(name)) return file;
    }
    throw new Error(`no file exports ${name}`);
  }

  test('is the same, byte for byte, when it is built again', async () => {
    const again = await mkdtemp(join(tmpdir(), 'governor-rebuilt-'));
    try {
      await buildHelperPackage(again);
      expect(await contentsOf(again)).toEqual(await contentsOf(helper.folder));
    } finally {
      await rm(again, { recursive: true });
    }
  });

  test('names no module of the project in its declarations', async () => {
    const declarations = await readFile(join(helper.folder, 'index.d.ts'), 'utf8');
    const named = [...declarations.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)].map(
      ([, from, of]) => from ?? of,
    );
    const { dependencies, peerDependencies } = JSON.parse(await readFile(join(helper.folder, 'package.json'), 'utf8'));
    expect(Object.keys({ ...dependencies, ...peerDependencies })).toEqual(expect.arrayContaining(named));
    expect(named).toContain('@aws-sdk/client-bedrock-runtime');
    expect(await readFile(join(helper.folder, 'index.d.cts'), 'utf8')).toBe(declarations);
  });

  test('satisfies publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: helper.folder, strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('gives every kind of importer its types', async () => {
    const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const { stdout } = await run(process.execPath, [attw, helper.tarball, '--format', 'ascii', '--no-emoji']);
    expect(stdout).toContain('No problems found');
  });
});

async function contentsOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests = files.map(async (file) => {
    const digest = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    return [relative(folder, file), digest] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

describe('a tenant’s program', () => {
  const REPORT = `
    const governor = costGovernor({ table: 'governor', tags: { tenant: 'acme' }, region: 'eu-central-1' });
    const client = new BedrockRuntimeClient({ region: 'eu-central-1' });
    client.middlewareStack.use(governor);
    const names = client.middlewareStack.identify().filter((name) => name.includes('costGovernor'));
    const refusal = new GovernorRefusal('BudgetClosed', 'closed');
    governor.close().then(() => console.log(names.length, refusal instanceof Error, refusal.code));`;

  test('imports it as an ES module', async () => {
    const output = await helper.run(
      'program.mjs',
      `import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
       import { costGovernor, GovernorRefusal } from 'bedrock-cost-governor';${REPORT}`,
    );
    expect(output).toBe('1 true BudgetClosed');
  });

  test('requires it from CommonJS', async () => {
    const output = await helper.run(
      'program.cjs',
      `const { BedrockRuntimeClient } = require('@aws-sdk/client-bedrock-runtime');
       const { costGovernor, GovernorRefusal } = require('bedrock-cost-governor');${REPORT}`,
    );
    expect(output).toBe('1 true BudgetClosed');
  });

  /** Asks for a call that needs the table, which cannot be reached: whoever loads its client in vain says something else. */
  const CALL = `
    const config = { region: 'eu-central-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' } };
    const client = new BedrockRuntimeClient(config);
    const dynamodb = new DynamoDBClient({ ...config, endpoint: 'http://127.0.0.1:9', maxAttempts: 1 });
    client.middlewareStack.use(costGovernor({ table: 'governor', tags: { tenant: 'acme' }, region: 'eu-central-1', dynamodb }));
    const call = new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages: [] });
    client.send(call).catch((error) => console.log(error.code, error.message.includes('ECONNREFUSED')));`;
  const IMPORTS = `
    import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
    import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
    import { costGovernor } from 'bedrock-cost-governor';`;

  test.each([
    ['an ES module', 'call.mjs', IMPORTS],
    [
      'CommonJS',
      'call.cjs',
      `const { BedrockRuntimeClient, ConverseCommand } = require('@aws-sdk/client-bedrock-runtime');
       const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
       const { costGovernor } = require('bedrock-cost-governor');`,
    ],
  ])('reaches for the table with its first call as %s', async (_, file, imports) => {
    expect(await helper.run(file, `${imports}${CALL}`)).toBe('IndexUnavailable true');
  });

  test('is not kept waiting by an import of the table’s client, whose text Node would search for names', async () => {
    const program = `
      import Module from 'node:module';
      import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
      import { costGovernor } from 'bedrock-cost-governor';
      const required = new Set();
      const load = Module._load;
      Module._load = (request, ...rest) => {
        required.add(request);
        return load.call(Module, request, ...rest);
      };
      const config = { region: 'eu-central-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' } };
      Object.assign(process.env, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9', AWS_MAX_ATTEMPTS: '1', AWS_EC2_METADATA_DISABLED: 'true' });
      const client = new BedrockRuntimeClient(config);
      client.middlewareStack.use(costGovernor({ table: 'governor', tags: { tenant: 'acme' }, region: 'eu-central-1' }));
      const call = new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages: [] });
      client.send(call).catch((error) => console.log(error.code, required.has('@aws-sdk/client-dynamodb')));`;
    expect(await helper.run('required.mjs', program)).toBe('IndexUnavailable true');
  });

  test.each([
    ['an ES module', 'esm', 'mjs'],
    ['CommonJS', 'cjs', 'cjs'],
  ] as const)('reaches for the table also where it is bundled into one file, as %s', async (_, format, extension) => {
    const program = await helper.bundle(`${IMPORTS}${CALL}`, format);
    expect(await helper.runAlone(`bundle.${extension}`, program)).toBe('IndexUnavailable true');
  });

  test('reaches for the table also where it is bundled into files that are loaded when they are needed', async () => {
    expect(await helper.runSplit(`${IMPORTS}${CALL}`)).toBe('IndexUnavailable true');
  });

  describe('without its optional packages', () => {
    let project: string;
    beforeAll(async () => {
      project = await helper.sparse();
    });

    test.each([
      ['an ES module', 'esm', 'mjs'],
      ['CommonJS', 'cjs', 'cjs'],
    ] as const)('can be bundled, as %s', async (_, format, extension) => {
      const program = await helper.bundle(`${IMPORTS}${CALL}`, format, project);
      expect(await helper.runAlone(`sparse.${extension}`, program)).toBe('IndexUnavailable true');
    });

    test('says which one is missing where it is needed', async () => {
      const index = "dynamodb, index: parameterIndex({ name: '/governor' }) }));";
      const call = CALL.replace('dynamodb }));', index).replace("'ECONNREFUSED'", "'npm install @aws-sdk/client-ssm'");
      const imports = `import { parameterIndex } from 'bedrock-cost-governor';${IMPORTS}`;
      const program = await helper.bundle(`${imports}${call}`, 'esm', project);
      expect(await helper.runAlone('missing.mjs', program)).toBe('IndexUnavailable true');
    });

    test('has types: what is of a missing package is any', async () => {
      const report = await helper.typeCheck({ 'sparse.mts': PROGRAM }, { module: 'nodenext' }, project);
      expect(report).toBe('');
    });
  });

  test('has one copy of it, however it is imported', async () => {
    const output = await helper.run(
      'both.cjs',
      `const required = require('bedrock-cost-governor');
       import('bedrock-cost-governor').then((imported) => console.log(imported.GovernorRefusal === required.GovernorRefusal));`,
    );
    expect(output).toBe('true');
  });

  test('loads no package when it is imported: what it needs comes with the first call', async () => {
    const output = await helper.run(
      'loaded.cjs',
      `require('bedrock-cost-governor');
       const clients = Object.keys(require.cache).flatMap((file) => /@aws-sdk\\/client-[\\w-]+/.exec(file) ?? []);
       console.log(JSON.stringify([...new Set(clients)]));`,
    );
    expect(JSON.parse(output)).toEqual([]);
    const entry = await readFile(join(helper.folder, 'index.js'));
    expect(entry.length).toBeLessThan(20_000);
  });

  // What is exported here takes its type from the helper: declarations of it must be able to name that type.
  const PROGRAM = `
    import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
    import { type CostGovernorConfig, costGovernor, type GovernorPlugin, GovernorRefusal } from 'bedrock-cost-governor';
    const config: CostGovernorConfig = { table: 'governor', tags: { tenant: 'acme' } };
    export const governor = costGovernor(config);
    export const forTenant = (tenant: string): GovernorPlugin => governor.for({ tenant });
    export const client = new BedrockRuntimeClient({});
    client.middlewareStack.use(governor);
    new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages: [] }).middlewareStack.use(forTenant('acme'));
    const plugin: GovernorPlugin = forTenant('acme');
    client.middlewareStack.use(plugin);
    export const retryAfter = (error: unknown) => error instanceof GovernorRefusal ? error.details.retryAfter : undefined;
    // @ts-expect-error: the types are known, so what is wrong is found.
    costGovernor({ table: 1 });`;

  test.each([
    [['nodenext.mts', 'nodenext.cts'], { module: 'nodenext' }],
    [['node16.mts', 'node16.cts'], { module: 'node16' }],
    [['bundler.ts'], { module: 'esnext', moduleResolution: 'bundler' }],
  ])('has its types: %s', async (fileNames, options) => {
    const programs = Object.fromEntries(fileNames.map((fileName) => [fileName, PROGRAM]));
    expect(await helper.typeCheck(programs, options)).toBe('');
  });
});

test('the programs in the documents are right', async () => {
  const programs = (await Promise.all((await documents()).map(fencesOf)))
    .flat()
    .filter(({ language }) => language === 'ts');
  const files = new Set(programs.map(({ file }) => file));
  for (const file of ['README.md', 'docs/helper.md', 'docs/getting-started.md', 'docs/index-sources.md'])
    expect(files).toContain(file);
  const named = Object.fromEntries(
    programs.map(({ file, line, text }) => [`${file.replace(/\W/g, '-')}-${line}.mts`, text]),
  );
  expect(await helper.typeCheck(named, { module: 'nodenext' })).toBe('');
});
