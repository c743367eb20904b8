import { describe, expect, it } from 'vitest';
import { nanoUsd } from '../../../domain/money.ts';
import { periodAt } from '../../../domain/period.ts';
import { bypassesOf, tellBypass } from '../../../domain/standing/tell-bypass.ts';
import { budgetNamed } from '../example-policy.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const usd = (amount: number) => nanoUsd(BigInt(Math.round(amount * 1e9)));
const ACME = profileArn('acme');

describe('spend round the helper', () => {
  const figures = (actual: number) => ({ actual: usd(actual), source: 'AWS Budgets' });
  const report = (known: number, ...outside: number[]) => ({
    known: usd(known),
    outside: outside.map((amount) => ({ profile: ACME, amount: usd(amount) })),
    unreadable: [],
  });
  const amounts = (found: ReturnType<typeof bypassesOf>) =>
    found.map(({ profile, amount, source }) => [profile === undefined ? 'nobody' : 'acme', amount, source]);

  it('is what token metrics show, and what AWS Budgets has seen beyond that', () => {
    expect(amounts(bypassesOf(report(10, 3), figures(15)))).toEqual([
      ['acme', usd(3), 'token metrics'],
      ['nobody', usd(2), 'AWS Budgets'],
    ]);
  });

  it('is no second time what AWS Budgets has seen of what the metrics explain', () => {
    const [, rest] = bypassesOf(report(10, 3), figures(13));
    expect(rest?.amount).toBe(0n);
    expect(bypassesOf(report(10, 3), figures(9))[1]?.amount).toBeLessThan(0n);
  });

  it('is not concluded from AWS Budgets while metrics cannot be read', () => {
    expect(bypassesOf({ ...report(10), unreadable: [ACME] }, figures(15))).toEqual([]);
    expect(bypassesOf({ outside: [], unreadable: [] }, figures(15))).toEqual([]);
  });

  it('is told from a cent on, once for each profile and period', async () => {
    const account = new GovernedAccount();
    const budget = budgetNamed(account.policy, 'tenant-monthly/acme');
    const target = { budget, period: periodAt('month', 'Europe/Zurich', account.now) };
    const tell = (amount: number, isNamed = true) =>
      tellBypass(account.ports, target, [
        { profile: isNamed ? ACME : undefined, amount: usd(amount), source: 'token metrics' },
      ]);
    await tell(0.009);
    await tell(-1);
    expect(account.notices.size).toBe(0);
    await tell(0.01);
    await tell(5);
    await tell(5, false);
    expect([...account.notices.keys()]).toEqual([
      `bypass|tenant-monthly/acme|2026-11|${ACME}`,
      'bypass|tenant-monthly/acme|2026-11|unknown',
    ]);
    expect(account.events.all.map(({ type }) => type)).toEqual(['BypassDetected', 'BypassDetected']);
  });
});
