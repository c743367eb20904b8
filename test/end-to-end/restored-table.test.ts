import { readFile } from 'node:fs/promises';
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { GovernorRefusal } from '../../invoke/index.ts';
import { type Backup, backUp, restore, rollBack } from '../aws/dynamodb/restored-table.ts';
import { governor as command } from '../cli/command.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, type Tenant } from './deployed-governor.ts';
import { statementsOfSecurityGuide } from './role-policies.ts';

const EXAMPLE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const MINUTE_MS = 60_000;
const PERIOD = '2026-11';
const LIMIT = 20_000_000n;

/** The stack as it is deployed, tenants' processes, and an operator who restores the table from a backup. */
describe('a table that is restored from a backup while processes spend', () => {
  let stack: DeployedGovernor;
  const arns = new Map<string, string>();
  const tagsOf = (tenant: string) => ({
    ...{ dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', costcenter: 'cc-1042' },
    tenant,
  });
  const create = async (tenant: string): Promise<void> => {
    arns.set(tenant, await stack.createProfile(tenant, stack.foundationModel(NOVA_PRO), tagsOf(tenant)));
    await stack.aws.settled();
    await stack.sweep();
  };
  const billed = (tenant: string): bigint => stack.billed(arns.get(tenant) ?? '');
  const committed = async (tenant: string): Promise<bigint> =>
    (await stack.ledger(`tenant-monthly/${tenant}`, PERIOD))?.committed ?? -1n;
  const process = (tenant: string): Tenant => stack.tenant(tagsOf(tenant), { maxWaitMs: 0 });
  /** @returns why a call was refused, or that it was not */
  const call = async (tenant: Tenant, maxTokens = 100): Promise<string> =>
    await tenant.call(NOVA_PRO, 'Tell me of the claim', maxTokens).then(
      () => 'admitted',
      (error: unknown) => (error instanceof GovernorRefusal ? error.code : String(error)),
    );
  const spendAll = async (tenant: Tenant): Promise<string> => {
    for (;;) {
      const outcome = await call(tenant);
      if (outcome !== 'admitted') return outcome;
    }
  };
  /** With the role that docs/security.md gives who recovers, and nothing more. */
  const recover = async (...args: string[]) =>
    await command(
      { ...stack.aws.environment(), AWS_ACCESS_KEY_ID: 'recovering', GOVERNOR_TABLE: stack.table },
      'recover',
      ...args,
    ).ended;
  const watch = async (): Promise<string | undefined> =>
    (await stack.aws.invoke(FUNCTIONS.ledgerWatch, {})).error?.message;

  beforeAll(async () => {
    stack = await DeployedGovernor.start('2026-11-10T08:01:00Z');
    await stack.stopSweeping();
    const policy = z.record(z.string(), z.unknown()).parse(parse(await readFile(EXAMPLE, 'utf8')));
    await policyTable(stack.dynamodb, stack.table).apply({
      ...policy,
      regions: ['us-east-1'],
      budgets: [
        {
          name: 'tenant-monthly',
          per: 'tenant',
          limit: '0.02 USD',
          thresholds: [{ at: '100%', action: 'disable' }],
        },
      ],
    });
    const { accountId } = stack.aws;
    const tableArn = `arn:aws:dynamodb:us-east-1:${accountId}:table/${stack.table}`;
    stack.aws.registerPrincipal({
      accountId,
      accessKeyId: 'recovering',
      arn: `arn:aws:sts::${accountId}:assumed-role/recovering/ada`,
      userId: 'AROARECOVERING:ada',
      policies: [{ Version: '2012-10-17', Statement: [...statementsOfSecurityGuide('recovery', 'acme', tableArn)] }],
    });
    expect(await watch()).toBeUndefined();
    await create('alpine-re');
  });
  afterAll(() => stack.close());

  it('is not taken for one that was restored before', async () => {
    expect(await recover('--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('was not restored') });
  });

  let backup: Backup;
  let before: Tenant;
  it('lends nothing from the moment on at which it is there, to processes old and new, and the governor stops', async () => {
    before = process('alpine-re');
    expect(await call(before)).toBe('admitted');
    await before.flush();
    backup = await backUp(stack.dynamodb, stack.table);
    // What the backup does not know: most of the budget, and a tenant with a budget of its own.
    const spender = process('alpine-re');
    while (billed('alpine-re') < (LIMIT * 3n) / 4n) expect(await call(spender, 1_000)).toBe('admitted');
    await spender.close();
    await create('lakeside');
    const late = process('lakeside');
    for (let calls = 0; calls < 10; calls++) expect(await call(late)).toBe('admitted');
    await late.close();
    expect(await call(before)).toBe('admitted');

    await restore(stack.dynamodb, stack.table, backup);
    await stack.aws.clock.advance(3 * MINUTE_MS);
    const paid = billed('alpine-re');
    const [old, fresh] = [await call(before), await call(process('alpine-re'))];
    expect([old, fresh]).toEqual(['TableRestored', 'TableRestored']);
    expect(billed('alpine-re')).toBe(paid);
    // One entry that nobody can read keeps nothing open.
    const pk = { S: 'INDEX' };
    const sk = { S: 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/unreadable00' };
    await stack.dynamodb.send(new PutItemCommand({ TableName: stack.table, Item: { pk, sk, entry: { S: '{' } } }));
    expect(await watch()).toMatch(/governor -- recover/);
    expect((await stack.ledger('tenant-monthly/alpine-re', PERIOD))?.stored['openIn']).toEqual({ S: 'closed' });
    // Nor is the table said to be closed: what that entry's budgets lend is not known to have ended.
    const identity = async () =>
      (
        await stack.dynamodb.send(
          new GetItemCommand({ TableName: stack.table, Key: { pk: { S: 'TABLE' }, sk: { S: 'IDENTITY' } } }),
        )
      ).Item;
    expect(await identity()).not.toHaveProperty('closedAt');
    await stack.dynamodb.send(new DeleteItemCommand({ TableName: stack.table, Key: { pk, sk } }));
    expect(await watch()).toMatch(/governor -- recover/);
    expect(await identity()).toHaveProperty('closedAt');
    await expect(stack.sweep()).rejects.toThrow(/TableRestored|restored|recover/);
    expect(
      await command(
        { ...stack.aws.environment(), GOVERNOR_TABLE: stack.table },
        'disable',
        '--tenant',
        'alpine-re',
        '--for',
        '1h',
        '--reason',
        'x',
      ).ended,
    ).toMatchObject({
      stderr: expect.stringContaining('TableRestored'),
    });
  });

  it('waits until calls of before are over and metered', async () => {
    const early = await recover('--yes');
    expect(early).toMatchObject({ code: 1 });
    expect(early.stdout).toMatch(/run this command again at 2026-11-10 \d\d:\d\d UTC/);
    expect(await call(process('alpine-re'))).toBe('TableRestored');
    await stack.aws.clock.advance(40 * MINUTE_MS);
  });

  it('counts everything that was spent, by budgets that the backup has and by those that it has not, and opens', async () => {
    const [alpine, lakeside] = [billed('alpine-re'), billed('lakeside')];
    const done = await recover('--yes', '--json');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(await committed('alpine-re')).toBeGreaterThanOrEqual(alpine);
    expect(await committed('lakeside')).toBeGreaterThanOrEqual(lakeside);
    expect(done.stdout).toContain('"decision":"open recovered table"');
    expect(await recover('--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining('was not restored') });
    expect(await watch()).toBeUndefined();
    await stack.sweep();
  });

  it('is spent from to its bound after it, and not beyond', async () => {
    for (const tenant of ['alpine-re', 'lakeside']) {
      const outcomes = [await spendAll(process(tenant)), tenant === 'lakeside' ? '' : await spendAll(before)];
      expect(outcomes.every((each) => each !== 'TableRestored')).toBe(true);
      expect(billed(tenant)).toBeLessThanOrEqual(LIMIT);
    }
    expect(billed('lakeside')).toBeGreaterThan(LIMIT / 2n);
  });

  it('can be said to be rolled back by an operator, where it is the same table', async () => {
    await rollBack(stack.dynamodb, stack.table, backup);
    expect((await recover('--yes', '--rolled-back')).stdout).toContain('The table is closed');
    expect(await call(process('alpine-re'))).toBe('TableRestored');
    await stack.aws.clock.advance(40 * MINUTE_MS);
    expect(await recover('--yes')).toMatchObject({ code: 0, stderr: '' });
    for (const tenant of ['alpine-re', 'lakeside'])
      expect(await committed(tenant)).toBeGreaterThanOrEqual(billed(tenant));
    await stack.sweep();
    expect(await spendAll(process('alpine-re'))).not.toBe('TableRestored');
    expect(billed('alpine-re')).toBeLessThanOrEqual(LIMIT);
  });
});
