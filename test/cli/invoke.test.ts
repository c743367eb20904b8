import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DeployedGovernor, NOVA_PRO } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const BUDGET = 'tenant-monthly/alpine-re';
const CALL = ['invoke', '--model', NOVA_PRO, '--tag', 'tenant=alpine-re'];
const Amount = z.string().regex(/^\d+\.\d{2,9}$/);
const Answered = z.strictObject({
  type: z.literal('invoke'),
  outcome: z.literal('answered'),
  answer: z.string().min(1),
  stopReason: z.string(),
  profile: z.string(),
  model: z.literal(NOVA_PRO),
  inputTokens: z.int().positive(),
  outputTokens: z.int().positive(),
  costUsd: Amount,
  budgets: z.array(z.strictObject({ budget: z.string(), period: z.string(), leftUsd: Amount })),
});

describe('governor invoke', () => {
  let stack: DeployedGovernor;
  let profile: string;
  const command = (...args: string[]) => governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args);
  const run = (...args: string[]) => command(...args).ended;

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    profile = await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), ALPINE_RE);
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
  });
  afterAll(() => stack.close());

  it('calls through the profile of the tags, tells what it cost as AWS bills it, and gives the lease back', async () => {
    const { code, stdout, stderr } = await run(...CALL, 'Hello', '--max-tokens', '20', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answered = Answered.parse(JSON.parse(stdout));
    expect(answered.profile).toBe(profile);
    const ledger = await stack.ledger(BUDGET, '2026-11');
    expect(ledger).toMatchObject({ leased: 0n, unconfirmed: 0n, settled: stack.billed(profile) });
    expect(answered.budgets.map(({ budget }) => budget)).toEqual([BUDGET]);
    const text = await run(...CALL);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toMatch(
      /\nthrough {2}alpine-triage \(arn:.*\)\ncost {5}\S+ USD: \d+ tokens in, \d+ out\nleft {5}\S+ USD of tenant-monthly/,
    );
  });

  it('tells a refusal with its code, and exits with 1', async () => {
    await run('disable', '--tenant', 'alpine-re', '--for', '1h', '--reason', 'an invoice is disputed');
    const { code, stdout } = await run(...CALL, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'invoke', outcome: 'refused', code: 'TenantDisabled' });
    const text = await run(...CALL);
    expect(text).toMatchObject({ code: 1, stdout: '' });
    expect(text.stderr).toMatch(/^refused: TenantDisabled: .* until 2026-11-10 \d\d:\d\d UTC: an invoice is disputed/);
    expect(text.stderr).toContain('\n  Take it back: governor take-back <id> --reason "…"\n');
    await run('enable', '--tenant', 'alpine-re', '--for', '1h', '--reason', 'it is paid');
  });

  it('gives back what it holds when it is interrupted, but what the call may have cost', async () => {
    let called = (): void => {};
    const calling = new Promise<void>((resolve) => {
      called = resolve;
    });
    const before = await stack.ledger(BUDGET, '2026-11');
    const stop = stack.aws.intercept((call) => {
      if (call.operation !== 'Converse') return undefined;
      called();
      return new Promise(() => {});
    });
    const child = command(...CALL);
    await calling;
    child.signal('SIGINT');
    const { code, stdout, stderr } = await child.ended;
    stop();
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(stderr).toContain('Given up.');
    const after = await stack.ledger(BUDGET, '2026-11');
    expect(after).toMatchObject({ leased: 0n, settled: before?.settled });
    expect(after?.unconfirmed).toBeGreaterThan(before?.unconfirmed ?? 0n);
  });

  it.each<[string, string[], number, RegExp]>([
    ['no tag', ['invoke', '--model', NOVA_PRO], 2, /required option '--tag <key=value>'/],
    ['a tag that is none', ['invoke', '--model', NOVA_PRO, '--tag', 'x'], 2, /^--tag: expected a tag such as/],
    ['too many tokens', [...CALL, '--max-tokens', '0'], 2, /whole number from 1 to 100000/],
    [
      'a tenant without a profile',
      ['invoke', '--model', NOVA_PRO, '--tag', 'tenant=nobody'],
      1,
      /^refused: ProfileNotFound: /,
    ],
  ])('refuses %s without a stack trace', async (_, args, expected, problem) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
