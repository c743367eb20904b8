import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';
import { governor } from './command.ts';

const POLICY = 'examples/insurer/governance.yaml';
const ACCOUNT = ['--account', '123456789012'];
const FILES = [
  'scp-model-calls.json',
  'scp-profile-tags.json',
  'tenant-identity-policy.json',
  'tenant-permissions-boundary.json',
];

describe('npm run governor -- guard', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-guard-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const run = (out: string, ...more: string[]) =>
    governor({}, 'guard', '--policy', POLICY, '--out', join(folder, out), ...more).ended;
  const written = async (out: string): Promise<string> =>
    (await Promise.all(FILES.map((name) => readFile(join(folder, out, name), 'utf8')))).join();

  it('writes the documents without asking AWS, over what is there, the same each time', async () => {
    const first = await run('a/b', ...ACCOUNT);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('scp-profile-tags.json: ');
    expect(first.stdout).toContain('bedrock-cost-governor-dev-us-east-1-sweep');
    expect((await readdir(join(folder, 'a/b'))).sort()).toEqual(FILES);
    const before = await written('a/b');
    expect(await run('a/b', ...ACCOUNT)).toEqual(first);
    expect(await written('a/b')).toBe(before);
  });

  it('excepts the roles of the stack that was named, and operators', async () => {
    const { code } = await run(
      'prod',
      ...ACCOUNT,
      ...['--stage', 'prod', '--home-region', 'eu-west-1', '--operator-role', 'ops', '--operator-role', 'sso/finops'],
    );
    expect(code).toBe(0);
    const text = await written('prod');
    for (const role of ['bedrock-cost-governor-prod-eu-west-1-sweep', 'ops', 'sso/finops'])
      expect(text).toContain(`"arn:aws:iam::123456789012:role/${role}"`);
    expect(text).not.toContain('-dev-');
  });

  it('takes the account from the credentials where none is named', async () => {
    const aws = await startEmbeddedAws();
    try {
      const out = join(folder, 'asked');
      const ended = await governor(aws.environment(), 'guard', '--policy', POLICY, '--out', out).ended;
      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain(`For account ${aws.accountId}.`);
    } finally {
      await aws.close();
    }
  });

  it('refuses mistakes with exit code 2, all at once, and writes nothing', async () => {
    const ended = await run(
      'never',
      ...['--account', '42', '--stage', '*', '--home-region', 'here', '--operator-role', '*'],
    );
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr.split('\n')).toEqual([
      '--account: expected an AWS account id of 12 digits such as 123456789012, not "42"',
      '--stage: expected the stage of the stack such as prod, not "*"',
      '--home-region: expected the Region of the stack such as us-east-1, not "here"',
      '--operator-role: expected the name of a role, with its path where it has one, not "*"',
      '',
    ]);
    expect(await readdir(folder)).not.toContain('never');
  });

  it('refuses a policy that cannot be read, one that does not fit, and a folder that is a file', async () => {
    const long = join(folder, 'long.yaml');
    const keys = Array.from({ length: 40 }, (_, index) => `    key${index}: {}\n`).join('');
    await writeFile(long, `version: 1\nregions: [us-east-1]\ntenantTag: key0\ntags:\n  required:\n${keys}`);
    const guard = (policy: string, out: string) =>
      governor({}, 'guard', '--policy', policy, '--out', out, ...ACCOUNT).ended;
    expect(await guard('missing.yaml', join(folder, 'x'))).toMatchObject({
      code: 2,
      stderr: 'missing.yaml: there is no such file (ENOENT)\n',
    });
    expect(await guard(long, join(folder, 'x'))).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/long\.yaml: scp-profile-tags\.json: expected at most 5120 characters/),
    });
    expect(await readdir(folder)).not.toContain('x');
    // Node's own mkdir never ends here.
    expect(await guard(POLICY, '/proc/none/guard')).toMatchObject({
      code: 2,
      stderr: '--out: /proc/none/guard: expected a folder to write to; there is no such folder (ENOENT)\n',
    });
    expect(await guard(POLICY, long)).toMatchObject({
      code: 2,
      stderr: `--out: ${long}: expected a folder to write to; there is a file of this name, where a folder was expected (EEXIST)\n`,
    });
  });
});
