import { describe, expect, it } from 'vitest';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { ACME, busyAccount, HEALED, LAKESIDE, MENDABLE, ROGUE } from '../busy-account.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const observing = policyOf(policyDocument({ mode: 'observe' }));
const good = { tenant: 'acme', environment: 'prod', team: 'sales' };
const awsWrites = (account: GovernedAccount) =>
  account.changes.filter((change) => /^(profiles|awsBudgets)\./.test(change));
const decided = (account: GovernedAccount) => new Set(account.decisions.map(({ decision }) => decision));

describe('a policy that observes', () => {
  it('writes nothing to AWS, whatever there is to do, and says what it would do', async () => {
    const account = await busyAccount();
    account.policy = observing;
    account.awsBudgets.delete('governor/prod/tenant-monthly/lakeside');
    account.decisions.length = 0;
    const tags = [...account.stored].map(([arn, profile]) => [arn, profile.tags]);
    await sweep(account.ports);
    await sweep(account.ports);
    expect(awsWrites(account)).toEqual([]);
    expect([...account.stored].map(([arn, profile]) => [arn, profile.tags])).toEqual(tags);
    for (const decision of [
      'would mend tags',
      'would quarantine profile',
      'would change standing tag',
      'would create AWS budget',
      'would restrict budget',
    ])
      expect(decided(account)).toContain(decision);
    expect(decided(account)).not.toContain('quarantine profile');
    expect(account.noticesOf('profile-quarantined').filter((id) => id.includes(ROGUE))).toEqual([]);
  });

  it('keeps index and ledger, so that the helper finds every profile, open and watched', async () => {
    const account = await busyAccount();
    account.policy = observing;
    await sweep(account.ports);
    for (const arn of [ACME, LAKESIDE, MENDABLE, ROGUE, HEALED]) {
      const { standing, budgets } = account.entryOf(arn);
      expect(standing).toEqual({ state: 'open' });
      expect(budgets).not.toEqual([]);
      for (const { mode } of budgets) expect(mode).toBe('shadow');
    }
    expect(account.entryOf(MENDABLE).tags).toMatchObject({ environment: 'dev' });
    expect(account.ledgerItem('tenant-monthly/lakeside', '2026-11').terms.standing).toBe('open');
  });

  it('opens what was closed, tells nobody that it is released, and enforces again when it is told to', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', { ...good, team: '' });
    await governProfile(account.ports, arn);
    account.policy = observing;
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('open');
    expect(account.tagsOf(arn)?.['governor:standing']).toBe('quarantined');
    expect(account.noticesOf('profile-released')).toEqual([]);
    account.policy = policyOf();
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
    expect(account.noticesOf('profile-quarantined')).toHaveLength(2);
  });

  it('says of an AWS budget that differs what it would make of it', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    account.policy = policyOf(
      policyDocument({ mode: 'observe', budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '7 USD' }] }),
    );
    account.changes = [];
    await governProfile(account.ports, arn);
    expect(account.decisions.find(({ decision }) => decision === 'would update AWS budget')?.facts).toMatchObject({
      amount: '7.00',
    });
    expect(awsWrites(account)).toEqual([]);
  });
});
