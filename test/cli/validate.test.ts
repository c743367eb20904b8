import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { governor, ROOT } from './command.ts';

describe('governor validate', () => {
  let folder: string;
  let invalid: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-validate-'));
    invalid = join(folder, 'governance.yaml');
    const example = await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8');
    await writeFile(invalid, example.replace('limit: 20 USD', 'limit: 20 EUR').replace('80%', '80'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('accepts a valid policy without any AWS, and says what AWS Budgets only approximates', async () => {
    const { code, stdout, stderr } = await governor({}, 'validate', '--policy', 'examples/insurer/governance.yaml')
      .ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^valid: examples\/insurer\/governance\.yaml, 2 budgets, 0 declared profiles\n/);
    expect(stdout).toContain('What AWS Budgets only approximates:');
  });

  it('takes names that it does not know, and says which are near', async () => {
    const text = await readFile(join(ROOT, 'examples/insurer/governance.yaml'), 'utf8');
    const mistyped = join(folder, 'mistyped.yaml');
    await writeFile(mistyped, text.replace(/us-east-1/, 'us-esat-1'));
    const people = await governor({}, 'validate', '--policy', mistyped).ended;
    expect(people).toMatchObject({ code: 0, stderr: '' });
    expect(people.stdout).toMatch(/\nNames that may be mistyped:\n {2}- regions\[0\]: .* us-esat-1; near: us-east-1\./);
    const programs = await governor({}, 'validate', '--policy', mistyped, '--json').ended;
    expect(JSON.parse(programs.stdout)).toMatchObject({ valid: true, doubts: [{ place: 'regions[0]' }] });
  });

  it('tells each problem on a line, with its place', async () => {
    const { code, stdout, stderr } = await governor({}, 'validate', '--policy', invalid).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/governance\.yaml:24: budgets\[0\]\.limit: expected an amount in USD/);
    expect(stderr).toMatch(/governance\.yaml:29: budgets\[0\]\.thresholds\[0\]\.at: expected a share/);
  });

  it('tells programs the same as one document', async () => {
    const { code, stdout, stderr } = await governor({}, 'validate', '--policy', invalid, '--json').ended;
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      type: 'validation',
      policy: invalid,
      valid: false,
      problems: [
        { line: 24, place: 'budgets[0].limit', message: expect.stringContaining('expected an amount in USD') },
        { line: 29, place: 'budgets[0].thresholds[0].at', message: expect.stringContaining('expected a share') },
      ],
    });
    const valid = await governor({}, 'validate', '--policy', 'examples/insurer/governance.yaml', '--json').ended;
    expect(JSON.parse(valid.stdout)).toMatchObject({ valid: true, problems: [], budgets: 2, declaredProfiles: 0 });
  });
});
