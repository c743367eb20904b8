import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { governor, ROOT, start } from './command.ts';

const BOMB = `a: &a [x, x, x, x, x, x, x, x, x]
${['b', 'c', 'd', 'e', 'f', 'g', 'h']
  .map((name, index) => {
    const before = `*${'abcdefgh'[index]}`;
    return `${name}: &${name} [${Array.from({ length: 9 }, () => before).join(', ')}]`;
  })
  .join('\n')}
version: 1
`;

describe('npm start -- --policy with a file that is no policy', () => {
  let folder: string;
  let example: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-policy-'));
    example = await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8');
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  /** The example policy with one text replaced, which must be there. */
  const changed = (from: string, to: string): string => {
    expect(example).toContain(from);
    return example.replace(from, to);
  };

  const CASES: readonly (readonly [what: string, content: () => string | Buffer, problems: readonly RegExp[]])[] = [
    [
      'a key that no policy has',
      () => changed('timeZone: Europe/Zurich', 'timezone: Europe/Zurich'),
      [/^3: policy: unknown key "timezone"; a policy has version, timeZone, /],
    ],
    [
      'a key that no budget has',
      () => changed('    period: month', '    periode: month'),
      [/^27: budgets\[0\]: unknown key "periode"; a budget has name, per, selector, /],
    ],
    [
      'a value of the wrong type',
      () => changed('limit: 20 USD', 'limit: [20]'),
      [/^24: budgets\[0\]\.limit: expected an amount such as "500 USD"$/],
    ],
    [
      'an amount without its unit',
      () => changed('limit: 20 USD', 'limit: 20'),
      [/^24: budgets\[0\]\.limit: expected an amount such as "500 USD"$/],
    ],
    [
      'a share without its unit',
      () => changed('at: 80%', 'at: 0.8'),
      [/^29: budgets\[0\]\.thresholds\[0\]\.at: expected a share of the limit such as "80%"$/],
    ],
    [
      'another currency',
      () => changed('lakeside: 5 USD', 'lakeside: 5 CHF'),
      [/^26: budgets\[0\]\.limits\.lakeside: expected an amount in USD .* CHF is not supported/],
    ],
    [
      'two budgets of one name',
      () => changed('name: sales-support-chat', 'name: tenant-monthly'),
      [/^34: budgets\[1\]\.name: expected a name of its own: "tenant-monthly" is already the name of budgets\[0\]$/],
    ],
    [
      'a tag in a selector that the policy does not know',
      () => changed('{ dept: sales,', '{ department: sales,'),
      [/^35: budgets\[1\]\.selector\.department: unknown tag; expected a tag key of this policy, one of dept, team, /],
    ],
    [
      'a threshold above 1000 %',
      () => changed('at: 80%', 'at: 1001%'),
      [/^29: budgets\[0\]\.thresholds\[0\]\.at: expected a share above 0% and at most 1000%$/],
    ],
    [
      'several problems at once',
      () => changed('limit: 20 USD', 'limit: lots').replace('limit: 10,000 USD', 'limit: 0 USD'),
      [
        /^24: budgets\[0\]\.limit: expected an amount such as "500 USD"$/,
        /^36: budgets\[1\]\.limit: expected an amount above zero such as "500 USD"$/,
      ],
    ],
    [
      'broken YAML',
      () => changed('regions: [us-east-1]', 'regions: [us-east-1'),
      [/^\d+: .* must be .* and end with a \]$/],
    ],
    ['a key given twice', () => changed('version: 1', 'version: 1\nversion: 1'), [/^3: Map keys must be unique$/]],
    ['two documents', () => `${example}\n---\nversion: 1\n`, [/^\d+: expected one YAML document, and a second one /]],
    ['aliases that multiply each other', () => BOMB, [/^ expected a policy whose aliases \(\*\) do not multiply /]],
    [
      'nothing in it',
      () => '',
      [/^ expected a policy, and there is nothing in this file: .governor init. writes a first one$/],
    ],
    ['a text', () => 'Spend less.\n', [/^1: policy: expected a policy with version, /]],
    [
      'bytes that are no text',
      () => Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 37) % 256)),
      [/^ expected a YAML file, and this is no text$/],
    ],
  ];

  it.concurrent.each(CASES)('refuses %s, line by line, and does nothing else', async (what, content, problems) => {
    const file = join(folder, `${what.replaceAll(/\W+/g, '-')}.yaml`);
    await writeFile(file, content());
    const { code, stdout, stderr } = await start('--policy', file).ended;
    expect(stderr.endsWith('\n')).toBe(true);
    const lines = stderr.trimEnd().split('\n');
    for (const line of lines) expect(line.startsWith(`${file}:`), line).toBe(true);
    expect(lines.map((line) => line.slice(file.length + 1))).toEqual(
      problems.map((problem) => expect.stringMatching(problem)),
    );
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it.concurrent('refuses a file that is not there', async () => {
    const file = join(folder, 'none.yaml');
    expect(await start('--policy', file).ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `${file}: there is no such file (ENOENT)\n`,
    });
  });

  it.concurrent('refuses a name that is empty, as of a variable that is not set', async () => {
    expect(await start('--policy', '').ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: '--policy: expected the name of a file, not an empty text\n',
    });
    expect(await governor({}, 'validate', '--policy', '').ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: '--policy: expected <file>, not an empty text (policy file)\n',
    });
  });

  it.concurrent('refuses a folder', async () => {
    const file = join(folder, 'folder.yaml');
    await mkdir(file);
    expect(await start('--policy', file).ended).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `${file}: this is a folder, and a file was expected (EISDIR)\n`,
    });
  });
});
