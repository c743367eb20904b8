import { describe, expect, it } from 'vitest';
import { firstSweep } from '../../../bench/profiles/first-sweep.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { GovernedAccount } from '../governed-account.ts';

const TIME_MS = 270_000;

/** An account in which each port call takes 100 ms, one after the other, and the time that a sweep of it has. */
function slowAccount(profiles: number, tenants: number) {
  const account = new GovernedAccount();
  for (let i = 0; i < profiles; i++)
    account.profile(`p${i}`, { environment: 'prod', team: 'sales', tenant: `t${i % tenants}` });
  const timeLeft = () => TIME_MS - account.calls * 100;
  const run = async () => {
    account.calls = 0;
    return await sweep(account.ports, timeLeft);
  };
  return { account, run, timeLeft };
}

describe('the first sweep of ten thousand profiles', () => {
  it('governs them all in its time, at the pace of one Region', async () => {
    const { report, peak } = await firstSweep(10_000, { tenants: 100, toMend: 0 });
    expect(report).toMatchObject({ readSingly: 10_000, carriedOver: 0, failed: [] });
    // 50 a second, and once a burst of 25.
    expect(peak).toBeLessThanOrEqual(75);
  });

  it('leaves to the next one what it had no time to mend', async () => {
    const { report } = await firstSweep(10_000, { tenants: 100, toMend: 0.5 });
    expect(report.carriedOver).toBeGreaterThan(0);
    expect(report.readSingly + report.carriedOver).toBe(10_000);
    expect(report.failed).toEqual([]);
  });
});

describe('a sweep whose time is short', () => {
  it('stops in order, and the next ones go on until all profiles are governed', async () => {
    const { account, run, timeLeft } = slowAccount(1_000, 3);
    const first = await run();
    expect(first.carriedOver).toBeGreaterThan(0);
    expect(first.readSingly + first.carriedOver).toBe(1_000);
    expect(first.failed).toEqual([]);
    expect(timeLeft()).toBeGreaterThan(5_000);
    expect(account.cursor.profile).toBeDefined();
    for (let sweeps = 1; (await run()).carriedOver > 0; sweeps++) expect(sweeps).toBeLessThan(10);
    expect(account.indexed.size).toBe(1_000);
    expect(account.cursor).toEqual({});
    // Profiles come before AWS Budgets, for which there may have been no time.
    await run();
    expect(account.awsBudgets.size).toBe(3);
    account.changes = [];
    expect(await run()).toMatchObject({ cleared: 1_000, readSingly: 0, carriedOver: 0 });
    expect(account.changes).toEqual([]);
  });

  it('begins with those that the one before did not reach, though the first are in doubt again', async () => {
    const { account, run } = slowAccount(1_000, 3);
    const governed = new Set<string>();
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      await run();
      for (const arn of account.indexed.keys()) governed.add(arn);
      account.indexed.clear();
    }
    expect(governed.size).toBe(1_000);
  });

  it('reviews budgets in turn too, and leaves profiles their share of the time', async () => {
    const { account, run } = slowAccount(150, 150);
    for (let sweeps = 0; sweeps < 6; sweeps++) await run();
    expect(account.indexed.size).toBe(150);
    for (let i = 0; i < 150; i++) account.spend(`tenant-monthly/t${i}`, 20);
    // Profiles of budgets that the time does not suffice for wait for their turn.
    expect((await run()).carriedOver).toBeGreaterThan(0);
    expect(account.cursor.budget).toBeDefined();
    for (let sweeps = 0; sweeps < 6; sweeps++) await run();
    for (const arn of account.stored.keys())
      expect(account.tagsOf(arn)).toMatchObject({ 'governor:standing': 'closed' });
  });
});
