import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DeployedGovernor, NOVA_PRO } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const Decision = z.strictObject({
  type: z.literal('decision'),
  id: z.string(),
  at: z.iso.datetime(),
  actor: z.string(),
  invocation: z.string(),
  tenant: z.string().optional(),
  decision: z.string(),
  facts: z.record(z.string(), z.unknown()),
});

describe('governor audit', () => {
  let stack: DeployedGovernor;
  const run = (...args: string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args).ended;
  const audit = async (...args: string[]) => {
    const { code, stdout, stderr } = await run('audit', ...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Decision.parse(JSON.parse(line)));
  };

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
    await run('disable', '--tenant', 'alpine-re', '--for', '3d', '--reason', 'an invoice is disputed');
  });
  afterAll(() => stack.close());

  it('tells who did what, when and why, in order of time, and the same twice', async () => {
    const all = await audit();
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort());
    expect(all).toContainEqual(
      expect.objectContaining({
        decision: 'override standing',
        tenant: 'alpine-re',
        actor: expect.stringMatching(/^arn:aws:/),
        facts: expect.objectContaining({ because: 'an invoice is disputed' }),
      }),
    );
    expect(await audit()).toEqual(all);
    const { stdout } = await run('audit');
    expect(stdout).toMatch(/\n2026-11-10 09:\d\d:\d\d {2}override standing {2}tenant alpine-re {2}by arn:aws:/);
    expect(stdout).toContain('    because: an invoice is disputed\n');
    expect(stdout).toMatch(new RegExp(`\\n${all.length} decisions from 2026-11-09 09:`));
  });

  it('narrows by tenant, budget, kind and time', async () => {
    const all = await audit();
    const closings = await audit('--kind', 'CLOSE budget');
    expect(closings.map(({ decision }) => decision)).toEqual(['close budget']);
    const ofTenant = await audit('--tenant', 'alpine-re');
    expect(ofTenant.length).toBeGreaterThan(0);
    expect(ofTenant).toEqual(all.filter(({ tenant }) => tenant === 'alpine-re'));
    expect(
      (await audit('--budget', 'tenant-monthly/alpine-re')).every(
        ({ facts }) => facts['budget'] === 'tenant-monthly/alpine-re',
      ),
    ).toBe(true);
    expect(await audit('--tenant', 'lakeside')).toEqual([]);
    expect(await audit('--from', '2026-11-01', '--until', '2026-11-09')).toEqual([]);
    expect(await audit('--from', '2026-11-10', '--until', '2026-11-10')).toEqual(all);
    const [first] = all;
    const until = first?.at ?? '';
    expect(await audit('--from', '2026-11-10T00:00:00Z', '--until', until)).toEqual([]);
  });

  it.each<[string, string[], RegExp]>([
    ['a time without its zone', ['--from', '2026-11-10T09:00'], /^--from: expected a day or a time with its zone/],
    [
      'a duration that is none',
      ['--last', 'ever'],
      /^--last: expected a number above 0 with its unit, such as 45m, 24h or 7d, .*; not "ever"\n$/,
    ],
    ['a duration without its unit', ['--last', '1'], /^--last: expected a number above 0 with its unit.*; not "1"\n$/],
    ['two beginnings', ['--from', '2026-11-10', '--last', '2h'], /^expected one of --from/],
    ['a time that is yet to come', ['--from', '2026-12-01'], /^--from: expected a time that has come/],
    ['too long a time', ['--from', '2020-01-01'], /^--from: expected at most 400 days/],
  ])('refuses %s with exit code 2', async (_, args, problem) => {
    const { code, stdout, stderr } = await run('audit', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
  });
});
