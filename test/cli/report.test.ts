import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DeployedGovernor, NOVA_PRO } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';

const HOUR_MS = 3_600_000;
const tags = (tenant: string, app: string) => ({
  tenant,
  dept: 'claims',
  team: 'intake',
  app,
  environment: 'prod',
  costcenter: 'cc-1042',
});
const Amount = z.string().regex(/^-?\d+\.\d{2,9}$/);
const Figures = z.object({
  calls: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadInputTokens: z.int(),
  cacheWrite5mInputTokens: z.int(),
  cacheWrite1hInputTokens: z.int(),
  recordedUsd: Amount,
  unconfirmedUsd: Amount,
  bill: z.nullable(z.strictObject({ billedUsd: Amount, days: z.int(), driftUsd: Amount, driftPercent: z.number() })),
});
const Day = z.iso.date();
const Report = z.strictObject({
  type: z.literal('report'),
  at: z.iso.datetime(),
  table: z.string(),
  by: z.array(z.string()),
  per: z.string(),
  from: Day,
  until: Day,
  rows: z.array(
    Figures.extend({
      period: z.string(),
      from: Day,
      until: Day,
      tags: z.record(z.string(), z.string().nullable()),
    }).strict(),
  ),
  total: Figures.strict(),
  unknownProfiles: z.array(z.string()),
  noBill: z.string().nullable(),
});

describe('governor report', () => {
  let stack: DeployedGovernor;
  const run = (...args: string[]) =>
    governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, 'report', ...args).ended;
  const report = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return Report.parse(JSON.parse(stdout));
  };
  const spend = async (tenant: string, app: string) => {
    const process = stack.tenant(tags(tenant, app));
    await process.call(NOVA_PRO, 'Hello', 100);
    await process.close();
  };
  let bypass: string;

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), tags('alpine-re', 'triage'));
    bypass = await stack.createProfile('lakeside-chat', stack.foundationModel(NOVA_PRO), tags('lakeside', 'chat'));
    await stack.aws.settled();
    await stack.sweep();
    await stack.stopSweeping();
    await spend('alpine-re', 'triage');
    // Billing knows the tags a day later, and the governor activates them.
    await stack.aws.clock.advance(50 * HOUR_MS);
    await stack.aws.settled();
    await spend('alpine-re', 'triage');
    await spend('lakeside', 'chat');
    const { ConverseCommand } = await import('@aws-sdk/client-bedrock-runtime');
    await stack
      .plainRuntime()
      .send(new ConverseCommand({ modelId: bypass, messages: [{ role: 'user', content: [{ text: 'round it' }] }] }));
    await stack.aws.clock.advance(60 * HOUR_MS);
    await stack.aws.settled();
  });
  afterAll(() => stack.close());

  it('tells records, bill and drift by tenant, and agrees with what AWS bills to the nano-dollar', async () => {
    const { rows, total, noBill } = await report('--per', 'day');
    expect(noBill).toBeNull();
    const lakeside = rows.find((row) => row.tags['tenant'] === 'lakeside');
    const alpine = rows.find(
      (row) => row.tags['tenant'] === 'alpine-re' && row.bill !== null && row.period >= '2026-11-12',
    );
    expect(alpine?.bill).toMatchObject({ billedUsd: alpine?.recordedUsd, driftUsd: '0.00', driftPercent: 0 });
    expect(nano(lakeside?.bill?.billedUsd)).toBe(stack.billed(bypass));
    expect(nano(lakeside?.bill?.driftUsd)).toBe(stack.billed(bypass) - nano(lakeside?.recordedUsd));
    expect(total.calls).toBe(3);
    expect(rows.reduce((sum, row) => sum + nano(row.recordedUsd), 0n)).toBe(nano(total.recordedUsd));
  });

  it('writes tables for people, CSV, Markdown, and FOCUS columns, and the same twice', async () => {
    const table = await run();
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(/^2026-11-01 to 2026-11-14, days of UTC/);
    expect(table.stdout).toMatch(
      /\nperiod +tenant +calls +tokens in +tokens out +recorded +billed +billed days +drift +drift %\n/,
    );
    expect(table.stdout).toMatch(/\ntotal /);
    expect((await run()).stdout).toBe(table.stdout);
    const csv = (await run('--by', 'app', '--by', 'tenant', '--format', 'csv')).stdout.trimEnd().split('\r\n');
    expect(csv[0]).toMatch(/^period,from,until,app,tenant,calls,inputTokens,/);
    expect(csv.slice(1).map((line) => line.split(',').slice(0, 6))).toEqual([
      ['2026-11', '2026-11-01', '2026-11-14', 'chat', 'lakeside', '1'],
      ['2026-11', '2026-11-01', '2026-11-14', 'triage', 'alpine-re', '2'],
    ]);
    const markdown = await run('--per', 'week', '--format', 'markdown', '--no-bill');
    expect(markdown.stdout).toMatch(
      /\n\| period \| tenant \| calls \|.*\n\| --- \| --- \| ---: \|.*\n\| 2026-W46 \| alpine-re \| 2 \|/,
    );
    expect(markdown.stdout).toContain('Cost Explorer was not asked (--no-bill)');
    const [head = '', ...focus] = (await run('--format', 'focus', '--tenant', 'alpine-re')).stdout
      .trimEnd()
      .split('\r\n');
    expect(head.split(',').slice(0, 3)).toEqual(['BilledCost', 'EffectiveCost', 'BillingCurrency']);
    expect(focus).toHaveLength(2);
    expect(focus.every((line) => line.includes('""tenant"":""alpine-re""'))).toBe(true);
  });

  it('asks whether a tag that nothing carries is meant', async () => {
    const { code, stdout } = await run('--by', 'Tenant');
    expect(code).toBe(0);
    expect(stdout).toContain('Nothing that was spent carries the tag "Tenant": is it another key, or in another case?');
    expect((await run('--by', 'tenant')).stdout).not.toContain('is it another key');
  });

  it('narrows by tags, and says why there is no bill then', async () => {
    const { rows, noBill } = await report('--tag', 'app=triage', '--per', 'all');
    expect(rows.map((row) => [row.tags['tenant'], row.calls])).toEqual([['alpine-re', 2]]);
    expect(noBill).toMatch(/of a part/);
    const one = await report('--tenant', 'lakeside');
    expect(one.rows.map((row) => row.tags['tenant'])).toEqual(['lakeside']);
    expect(one.noBill).toBeNull();
    expect((await report('--from', '2026-11-01', '--until', '2026-11-02')).rows).toEqual([]);
  });

  it.each<[string, string[], RegExp]>([
    ['a day that is none', ['--from', '2026-02-30'], /^--from: expected a day such as 2026-11-01, not "2026-02-30"/],
    [
      'days in the wrong order',
      ['--from', '2026-11-09', '--until', '2026-11-01'],
      /^--from: expected a day that is not after 2026-11-01/,
    ],
    [
      'a day that is yet to come',
      ['--from', '2027-01-01', '--until', '2027-01-02'],
      /^--from: expected a day that has come/,
    ],
    ['too many days', ['--from', '2020-01-01'], /^--from: expected at most 400 days/],
    ['a period that is none', ['--per', 'hour'], /Allowed choices are day, week, month, all/],
    ['a format that is none', ['--format', 'xls'], /Allowed choices are table, csv/],
    [
      'a tag key that is none',
      ['--by', 'tenant,a*b'],
      /^--by: expected tag keys such as tenant or tenant,environment, not "a\*b"/,
    ],
  ])('refuses %s with exit code 2', async (_, args, problem) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
  });
});

const nano = (text: string | undefined): bigint => {
  const [, sign = '', whole = '0', decimals = ''] = /^(-?)(\d+)\.(\d+)$/.exec(text ?? '') ?? [];
  const value = BigInt(whole) * 1_000_000_000n + BigInt(decimals.padEnd(9, '0'));
  return sign === '-' ? -value : value;
};
