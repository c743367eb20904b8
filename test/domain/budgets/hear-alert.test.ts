import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { budgetsInUse } from '../../../domain/budgets/budgets-in-use.ts';
import { hearBudgetAlert } from '../../../domain/budgets/hear-alert.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { ACME, busyAccount, GONE, LAKESIDE } from '../busy-account.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { GovernedAccount } from '../governed-account.ts';

const NAME = 'governor/prod/tenant-monthly/acme';
const usd = (dollars: number) => nanoUsd(BigInt(dollars) * 1_000_000_000n);

/** AWS Budgets says that this much of acme’s 20 USD is spent. */
function showing(account: GovernedAccount, actual: number, updatedAt = '2026-11-22T08:00:00Z'): GovernedAccount {
  const state = account.awsBudgets.get(NAME);
  if (state === undefined) throw new Error('the sweep provisions the budget');
  const figures = { actual: usd(actual), forecast: usd(2 * actual), updatedAt: epochMs(Date.parse(updatedAt)) };
  account.awsBudgets.set(NAME, { ...state, ...figures });
  account.changes = [];
  return account;
}

async function accountSeeing(actual: number, updatedAt?: string): Promise<GovernedAccount> {
  const account = await busyAccount();
  await sweep(account.ports);
  return showing(account, actual, updatedAt);
}

describe('hearBudgetAlert', () => {
  it('counts what AWS has seen beyond the ledger, closes the budget and enforces it on its profiles', async () => {
    const account = await accountSeeing(25);
    expect(await hearBudgetAlert(account.ports, NAME)).toMatchObject({
      kind: 'reviewed',
      budget: 'tenant-monthly/acme',
      restriction: { kind: 'budget-used-up' },
      profiles: [{ kind: 'governed' }],
    });
    expect(account.tagsOf(ACME)).toMatchObject({ 'governor:standing': 'closed' });
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({
      unattributed: usd(7),
      terms: { standing: 'closed' },
    });
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
  });

  it('goes on where the index entry of another profile was written by another version', async () => {
    const account = await accountSeeing(25);
    account.indexed.set(LAKESIDE, '{"schema":2}');
    expect(await hearBudgetAlert(account.ports, NAME)).toMatchObject({ kind: 'reviewed' });
    expect(account.tagsOf(ACME)).toMatchObject({ 'governor:standing': 'closed' });
    expect(account.counted).toContain('ProfileReadFailed');
  });

  it('finds nothing to change by a message that is late, repeated or forged', async () => {
    const account = await accountSeeing(25);
    await hearBudgetAlert(account.ports, NAME);
    account.changes = [];
    const state = account.state;
    await hearBudgetAlert(account.ports, NAME);
    expect(account.changes).toEqual([]);
    expect(account.state).toEqual(state);
    const calm = await accountSeeing(1);
    expect(await hearBudgetAlert(calm.ports, NAME)).toMatchObject({ restriction: undefined });
    expect(calm.ledgerItem('tenant-monthly/acme', '2026-11').unattributed).toBe(0n);
  });

  it('counts no figures of a budget to which somebody gave another filter in AWS', async () => {
    const account = await accountSeeing(25);
    const state = account.awsBudgets.get(NAME);
    if (state === undefined) throw new Error('the sweep provisions the budget');
    account.awsBudgets.set(NAME, { ...state, selector: {} });
    expect(await hearBudgetAlert(account.ports, NAME)).toMatchObject({ restriction: undefined });
    await sweep(account.ports);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({
      unattributed: 0n,
      terms: { standing: 'open' },
    });
  });

  it('does not close December by figures of November', async () => {
    const account = await accountSeeing(25, '2026-11-30T20:00:00Z');
    account.moveTo('2026-12-01T10:00:00Z');
    expect(await hearBudgetAlert(account.ports, NAME)).toMatchObject({ restriction: undefined });
    expect(account.ledgerItem('tenant-monthly/acme', '2026-12')).toMatchObject({
      unattributed: 0n,
      terms: { standing: 'open' },
    });
  });

  it.each([
    'Test Budget',
    'governor/prod/tenant-monthly/nobody',
    'governor/test/tenant-monthly/acme',
    '',
    'constructor',
  ])('knows no budget of ours by the name %j', async (name) => {
    const account = await accountSeeing(25);
    expect(await hearBudgetAlert(account.ports, name)).toEqual({ kind: 'unknown-budget' });
    expect(account.changes).toEqual([]);
  });

  it('comes to the same end whichever port call fails on the way', async () => {
    const build = async () => {
      const account = new GovernedAccount();
      account.profile('acme', { tenant: 'acme', environment: 'prod', team: 'sales' });
      await sweep(account.ports);
      return showing(account, 25);
    };
    await expectToSurviveEveryCrash(build, (account) => hearBudgetAlert(account.ports, NAME));
  });
});

describe('budgetsInUse', () => {
  it('names each budget once, those of ended profiles included, and none that the policy has dropped', async () => {
    const account = await accountSeeing(1);
    const entries = [...account.indexed.keys()].map((arn) => account.entryOf(arn));
    expect(account.entryOf(GONE).endedAt).toBeDefined();
    const ids = budgetsInUse(account.ports, [...entries, ...entries]).map(({ id }) => id);
    expect(ids.sort()).toEqual(
      ['acme', 'gone', 'healed', 'lakeside', 'mendable']
        .map((value) => `tenant-monthly/${value}` as BudgetId)
        .concat('support-chat' as BudgetId)
        .sort(),
    );
    expect(budgetsInUse({ policy: { ...account.policy, budgets: [] } }, entries)).toEqual([]);
  });
});
