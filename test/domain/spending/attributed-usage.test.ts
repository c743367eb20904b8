import { describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { usageAttributedTo } from '../../../domain/spending/attributed-usage.ts';
import { hourAt, NO_TOTALS, type ProcessId } from '../../../domain/spending/usage-record.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const good = { tenant: 'acme', environment: 'prod', team: 'sales' };
const HOUR_MS = 3_600_000;

describe('usage attributed by the tags of its time', () => {
  let records = 0;
  const use = async (account: GovernedAccount, arn: ProfileArn, calls: number): Promise<void> => {
    await account.usage.write({
      process: `p${records++}` as ProcessId,
      hour: hourAt(account.now),
      chunk: 0,
      sequence: 1,
      watermark: account.now,
      totals: new Map([[arn, { ...NO_TOTALS, calls }]]),
    });
  };
  const callsOf = async (account: GovernedAccount, tenant: string) => {
    const { histories, index } = account.ports;
    const window = { from: epochMs(account.now - 48 * HOUR_MS), until: epochMs(account.now + HOUR_MS) };
    const { totals, unknown } = await usageAttributedTo(
      { records: account.usage, histories, index },
      { tenant: [tenant] },
      window,
    );
    return { calls: totals.calls, unknown: [...unknown.keys()] };
  };

  it('counts for each tenant what a profile used while it was that tenant’s, also once it is gone', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    await use(account, arn, 1);
    account.wait(HOUR_MS);
    await use(account, arn, 10);
    account.wait(HOUR_MS / 2);
    account.profile('a', { ...good, tenant: 'globex' });
    await governProfile(account.ports, arn);
    account.wait(HOUR_MS);
    await use(account, arn, 100);
    account.wait(HOUR_MS);
    account.stored.delete(arn);
    await governProfile(account.ports, arn);
    expect(await callsOf(account, 'acme')).toEqual({ calls: 11, unknown: [] });
    expect(await callsOf(account, 'globex')).toEqual({ calls: 100, unknown: [] });
  });

  it('takes the tags of the index where no history was kept, and says whose tags nobody knows', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    await use(account, arn, 1);
    const stranger = profileArn('stranger');
    await use(account, stranger, 5);
    const { index } = account.ports;
    const window = { from: epochMs(account.now - HOUR_MS), until: epochMs(account.now + HOUR_MS) };
    const none = { list: async () => new Map() };
    const { totals, unknown } = await usageAttributedTo(
      { records: account.usage, histories: none, index },
      { tenant: ['acme'] },
      window,
    );
    expect([totals.calls, [...unknown]]).toEqual([1, [[stranger, { ...NO_TOTALS, calls: 5 }]]]);
  });
});
