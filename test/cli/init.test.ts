import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ask } from '../../cli/init/questions.ts';
import { readPolicyFile } from '../../cli/policy-file.ts';
import { policyJsonSchema } from '../../domain/policy/policy-schema.ts';
import { governor } from './command.ts';

describe('governor init', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-init-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('writes a policy that is valid, with its schema beside it, and not a second time', async () => {
    const file = join(folder, 'first.yaml');
    const typed = [
      '--out',
      file,
      '--yes',
      '--limit',
      '200 USD',
      '--tenant-tag',
      'customer',
      '--regions',
      'eu-west-1, us-east-1',
    ];
    const first = await governor({}, 'init', ...typed).ended;
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(folder)).sort()).toEqual(['first.schema.json', 'first.yaml']);
    const { policy } = await readPolicyFile(file);
    expect(policy).toMatchObject({
      mode: 'observe',
      tenantTag: 'customer',
      regions: ['eu-west-1', 'us-east-1'],
      budgets: [{ per: 'customer', limit: 200_000_000_000n }],
    });
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/first\.schema\.json\n/);
    expect(JSON.parse(await readFile(join(folder, 'first.schema.json'), 'utf8'))).toEqual(policyJsonSchema());
    const again = await governor({}, 'init', ...typed).ended;
    expect(again).toEqual({
      code: 2,
      signal: null,
      stdout: '',
      stderr: `${file}: is there already; --force writes over it, --out <file> names another\n`,
    });
    expect(await readFile(file, 'utf8')).toBe(text);
    expect(await governor({}, 'init', ...typed, '--force', '--json').ended).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify({ type: 'init', policy: file, schema: join(folder, 'first.schema.json') })}\n`,
    });
  });

  it.each<[string, string[], RegExp]>([
    ['nobody to ask', [], /^expected --yes: nobody can be asked here/],
    ['another currency', ['--yes', '--limit', '5 EUR'], /^--limit: expected an amount in USD/],
    ['a Region that is none', ['--yes', '--regions', 'Frankfurt'], /^--regions: expected an AWS Region/],
    ['no Region', ['--yes', '--regions', ','], /^--regions: expected at least one Region/],
    ['a time zone that is none', ['--yes', '--time-zone', 'Mars'], /^--time-zone: expected an IANA time zone/],
    ['a tag that is the governor’s', ['--yes', '--tenant-tag', 'governor:x'], /^--tenant-tag: /],
    [
      'a folder that is not there',
      ['--yes', '--out', '/nonexistent/x.yaml'],
      /^--out: \/nonexistent\/x\.yaml: there is no such folder \(ENOENT\)/,
    ],
  ])('refuses %s and writes nothing', async (_, args, problem) => {
    const before = await readdir(folder);
    const { code, stdout, stderr } = await governor({}, 'init', '--out', join(folder, 'other.yaml'), ...args).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
    expect(await readdir(folder)).toEqual(before);
  });

  const PROPOSED = { tenantTag: 'tenant', limit: '500 USD', regions: ['us-east-1'], timeZone: 'UTC' };
  const asked = async (...lines: string[]) => {
    const input = new PassThrough();
    const output = new PassThrough();
    let seen = '';
    const problemOf = (policy: typeof PROPOSED | Parameters<Parameters<typeof ask>[1]>[0]) =>
      policy.limit.endsWith('USD') ? undefined : 'not in dollars';
    // Each answer is typed when its question is there.
    output.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (!/\] $/.test(seen)) return;
      seen += '\n';
      const line = lines.shift();
      if (line === undefined) input.end();
      else input.write(`${line}\n`);
    });
    return { answers: await ask(PROPOSED, problemOf, input, output), seen };
  };

  it('asks, takes what it proposes for an empty answer, and asks again where an answer cannot be used', async () => {
    const { answers, seen } = await asked('customer', '5 EUR', '7 USD', 'eu-west-1, eu-north-1', '');
    expect(answers).toEqual({
      kind: 'answered',
      policy: { tenantTag: 'customer', limit: '7 USD', regions: ['eu-west-1', 'eu-north-1'], timeZone: 'UTC' },
    });
    expect(seen).toContain('not in dollars');
  });

  it('takes the end of the input for an interruption', async () => {
    expect((await asked('customer')).answers).toEqual({ kind: 'interrupted' });
  });
});

describe('the JSON Schema of a policy', () => {
  it('says what each place expects, knows every key, and lets a tag have no rule', async () => {
    const schema = JSON.stringify(policyJsonSchema());
    expect(schema).toContain('an amount such as \\"500 USD\\"');
    const example = parse(await readFile('examples/insurer/governance.yaml', 'utf8')) as object;
    const { properties, additionalProperties } = policyJsonSchema() as {
      properties: object;
      additionalProperties: boolean;
    };
    expect(additionalProperties).toBe(false);
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(example)));
    expect(policyJsonSchema()).toMatchObject({
      required: ['version', 'regions', 'tenantTag', 'tags'],
      properties: {
        tags: { properties: { required: { additionalProperties: { anyOf: [{ type: 'object' }, { type: 'null' }] } } } },
      },
    });
  });
});
