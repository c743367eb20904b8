import { readFile } from 'node:fs/promises';
import { CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { auditTable } from '../../aws/dynamodb/audit-table.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { auditOf } from '../../domain/audit/audit-record.ts';
import { AwsFault } from '../../local/service.ts';
import { DeployedGovernor, FUNCTIONS } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const EXAMPLE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const TODAY = '2026-11-10';
const NOVA_PRO = 'amazon.nova-pro-v1:0';
const HAIKU = 'anthropic.claude-3-haiku-20240307-v1:0';
const BUDGET = 'tenant-monthly/alpine-re';

/** The whole stack as it is deployed, and an operator with a shell. */
describe('npm run governor -- disable, enable, raise, shadow', () => {
  let stack: DeployedGovernor;
  const profiles = new Map<string, string>();
  const run = (...args: string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, ...args).ended;
  const standings = async () =>
    await Promise.all(
      [...profiles].map(async ([region, arn]) => (await stack.inRegion(region).tagsOf(arn))['governor:standing']),
    );

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    const policy = z.record(z.string(), z.unknown()).parse(parse(await readFile(EXAMPLE, 'utf8')));
    await policyTable(stack.dynamodb, stack.table).apply({ ...policy, regions: ['us-east-1', 'eu-central-1'] });
    for (const region of ['us-east-1', 'eu-central-1']) {
      const { bedrock } = stack.inRegion(region);
      const { inferenceProfileArn } = await bedrock.send(
        new CreateInferenceProfileCommand({
          inferenceProfileName: `alpine-${region}`,
          modelSource: {
            copyFrom: `arn:aws:bedrock:${region}::foundation-model/${region === 'us-east-1' ? NOVA_PRO : HAIKU}`,
          },
          tags: Object.entries(ALPINE_RE).map(([key, value]) => ({ key, value })),
        }),
      );
      profiles.set(region, z.string().parse(inferenceProfileArn));
    }
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
  });
  afterAll(() => stack.close());

  it('disables a tenant at once, in the ledger and in every Region, says who did it, and enables it again', async () => {
    const tenant = stack.tenant(ALPINE_RE);
    await tenant.call(NOVA_PRO, 'Hello', 10);
    const disabled = await run('disable', '--tenant', 'alpine-re', '--for', '3d', '--reason', 'an invoice is disputed');
    expect(disabled).toMatchObject({ code: 0, stderr: '' });
    expect(disabled.stdout).toMatch(
      /^disable tenant alpine-re until \S+ \S+ UTC: an invoice is disputed \(arn:aws:[^)]+\)\n/,
    );
    expect(disabled.stdout).toContain(`  ${BUDGET} 2026-11: closed, 0.00 USD left\n`);
    expect(disabled.stdout).toContain('  2 profiles are as they should be\n');
    expect(await standings()).toEqual(['closed', 'closed']);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('closed');
    // A process that comes new gets nothing.
    const late = stack.tenant(ALPINE_RE);
    await expect(late.call(NOVA_PRO, 'Hello', 10)).rejects.toMatchObject({
      code: 'TenantDisabled',
      message: expect.stringContaining('an invoice is disputed'),
    });
    await stack.sweep();
    expect(await stack.newNotices()).toContainEqual(expect.stringContaining(`tenant-closed: Bedrock budget ${BUDGET}`));

    const enabled = await run('enable', '--tenant', 'alpine-re', '--for', '1h', '--reason', 'it is paid', '--json');
    expect(enabled).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(enabled.stdout)).toMatchObject({
      type: 'override',
      outcome: 'applied',
      override: { reason: 'it is paid', change: 'enable' },
      budgets: [{ budget: BUDGET, standing: 'open', leftUsd: expect.stringMatching(/^\d+\.\d{2,9}$/) }],
      failed: [],
      decisions: expect.arrayContaining([
        expect.objectContaining({
          decision: 'override standing',
          facts: expect.objectContaining({ change: 'enable' }),
        }),
      ]),
    });
    expect(await standings()).toEqual([undefined, undefined]);
    // A refusal is checked against an index no older than two seconds.
    await stack.aws.clock.advance(3_000);
    await late.call(NOVA_PRO, 'Hello', 10);
    const audited: unknown[] = [];
    const trail = auditTable(stack.dynamodb, stack.table);
    for await (const { decision, facts, actor } of auditOf(
      trail,
      { tenant: 'alpine-re', from: TODAY, until: TODAY },
      3,
    ))
      if (decision === 'override standing') audited.push([facts['change'], facts['author'] === actor]);
    expect(audited.sort()).toEqual([
      ['disable', true],
      ['enable', true],
    ]);
    for (const process of [tenant, late]) await process.close();
  });

  it('takes the words of a script in the order in which it says them, one right after the other', async () => {
    const { aws } = stack;
    const say = (...args: string[]) =>
      governor({ ...aws.environment(), GOVERNOR_TABLE: stack.table }, ...args, '--budget', BUDGET, '--for', '1h').ended;
    for (const word of ['disable', 'enable', 'disable', 'enable'])
      expect(await say(word, '--reason', 'a script')).toMatchObject({ code: 0, stderr: '' });
    expect(await standings()).toEqual([undefined, undefined]);
    expect((await run('overrides', '--budget', BUDGET)).stdout).toContain('enable');
  });

  it('raises a budget, and tells what is left', async () => {
    const raised = await run(
      'raise',
      '--budget',
      BUDGET,
      '--by',
      '50 USD',
      '--until',
      '2026-11-30T23:00:00Z',
      '--reason',
      'the fair',
    );
    expect(raised).toMatchObject({ code: 0, stderr: '' });
    expect(raised.stdout).toContain(`raise 50.00 USD budget ${BUDGET} until 2026-11-30 23:00 UTC: the fair`);
    expect((await stack.ledger(BUDGET, '2026-11'))?.stored['raises']?.L).toHaveLength(1);
    expect((await stack.ledger(BUDGET, '2026-12'))?.stored['raises']).toBeUndefined();
  });

  it('finishes what AWS did not let it do by the sweep, and says so', async () => {
    const stop = stack.aws.intercept((call) =>
      call.service === 'bedrock' && call.operation === 'TagResource' && call.region === 'eu-central-1'
        ? new AwsFault('AccessDeniedException', 'not in this Region', 403)
        : undefined,
    );
    const disabled = await run('disable', '--budget', BUDGET, '--for', '2h', '--reason', 'a leaked key');
    expect(disabled.code).toBe(1);
    expect(disabled.stdout).toContain('1 could not be read or written; the next sweep does the rest:');
    expect(await standings()).toEqual(['closed', undefined]);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('closed');
    stop();
    await stack.sweep();
    expect(await standings()).toEqual(['closed', 'closed']);
    await stack.aws.clock.advance(2 * 3_600_000 + 60_000);
    await stack.aws.invoke(FUNCTIONS.reopenEnded, {});
    await stack.aws.settled();
    expect(await standings()).toEqual([undefined, undefined]);
    expect((await stack.ledger(BUDGET, '2026-11'))?.standing).toBe('open');
  });

  it('goes on to its end when it is interrupted in the middle, and says so', async () => {
    let answer = (): void => {};
    const answered = new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
    });
    let stop = (): void => {};
    const tagging = new Promise<void>((resolve) => {
      stop = stack.aws.intercept((call) => {
        if (call.operation !== 'TagResource') return undefined;
        resolve();
        return answered;
      });
    });
    const command = governor(
      { ...stack.aws.environment(), GOVERNOR_TABLE: stack.table },
      ...['disable', '--budget', BUDGET, '--for', '2h', '--reason', 'a leaked key'],
    );
    await tagging;
    command.signal('SIGINT');
    stop();
    // The signal is there before the answer: the process reads it first.
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: 'Interrupted: finishing what has begun; Ctrl-C again leaves the rest to the sweep …\n',
    });
    expect(stdout).toContain('2 profiles are as they should be');
    expect(await standings()).toEqual(['closed', 'closed']);
    expect((await run('enable', '--budget', BUDGET, '--for', '1h', '--reason', 'it was none')).code).toBe(0);
    expect(await standings()).toEqual([undefined, undefined]);
  });

  it('tells what budgets in shadow mode would have refused', async () => {
    expect(await run('shadow')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^No budget is in shadow mode, or was in these periods\.\nTo try one out: /),
    });
  });

  it.each<[string, string[], string]>([
    ['no target', ['disable', '--for', '1h', '--reason', 'x'], 'expected one of --budget <id> and --tenant <value>'],
    [
      'no end',
      ['disable', '--tenant', 'alpine-re', '--reason', 'x'],
      'expected one of --until <time> and --for <duration>',
    ],
    [
      'a time without its zone',
      ['disable', '--tenant', 'alpine-re', '--until', '2026-12-01T00:00', '--reason', 'x'],
      '--until: expected a time with its zone',
    ],
    [
      'more days than a duration may have',
      ['disable', '--tenant', 'alpine-re', '--for', '45d', '--reason', 'x'],
      'at most 30 days; not "45d"; for a longer one give its end with --until',
    ],
    [
      'no time at all',
      ['disable', '--tenant', 'alpine-re', '--for', '0h', '--reason', 'x'],
      'expected a number above 0',
    ],
    [
      'no reason',
      ['disable', '--tenant', 'alpine-re', '--for', '1h', '--reason', ' '],
      '--reason: expected <text>, not an empty text (why',
    ],
    [
      'another currency',
      ['raise', '--budget', BUDGET, '--by', '5 EUR', '--for', '1h', '--reason', 'x'],
      '--by: expected an amount in USD',
    ],
    [
      'a tenant that is none',
      ['disable', '--tenant', 'alpine', '--for', '1h', '--reason', 'x'],
      'no profile has the tenant alpine; there are alpine-re',
    ],
    [
      'a missing option',
      ['disable', '--tenant', 'alpine-re', '--for', '1h'],
      "required option '--reason <text>' not specified",
    ],
  ])('refuses %s with exit code 2, and changes nothing', async (_, args, problem) => {
    const before = await stack.ledger(BUDGET, '2026-11');
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect((await stack.ledger(BUDGET, '2026-11'))?.termsVersion).toBe(before?.termsVersion);
  });
});
