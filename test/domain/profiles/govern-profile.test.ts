import { describe, expect, it } from 'vitest';
import { enforceStanding, governProfile } from '../../../domain/profiles/govern-profile.ts';
import { ACME, busyAccount, GONE, HEALED, LAKESIDE, MENDABLE, ROGUE } from '../busy-account.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, PortFailure, profileArn } from '../governed-account.ts';

const good = { tenant: 'acme', environment: 'prod', team: 'sales' };

describe('governProfile', () => {
  it.each([
    ['that is fine', ACME],
    ['to be closed', LAKESIDE],
    ['to be mended', MENDABLE],
    ['to be quarantined', ROGUE],
    ['to be released', HEALED],
    ['that is gone', GONE],
  ])('comes to the same end with a profile %s, whichever port call fails on the way', async (_, arn) => {
    await expectToSurviveEveryCrash(busyAccount, (account) => governProfile(account.ports, arn));
  });

  it('mends what defaults can mend, indexes the profile and provisions its budgets', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', { tenant: 'acme', team: 'support' });
    expect(await governProfile(account.ports, arn)).toMatchObject({ kind: 'governed', compliance: 'remediable' });
    expect(account.tagsOf(arn)).toEqual({ tenant: 'acme', team: 'support', environment: 'dev' });
    expect(account.entryOf(arn)).toMatchObject({
      tags: { environment: 'dev' },
      standing: { state: 'open' },
      budgets: [{ id: 'tenant-monthly/acme' }],
    });
    expect([...account.awsBudgets.keys()]).toEqual(['governor/prod/tenant-monthly/acme']);
  });

  it('changes nothing by tags that could not be read: unread is not empty', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    const before = account.state;
    account.changes = [];
    account.unreadable.add(arn);
    await expect(governProfile(account.ports, arn)).rejects.toThrow(PortFailure);
    expect(account.changes).toEqual([]);
    expect(account.state).toEqual(before);
  });

  it('finds nothing to do in the event of its own tagging', async () => {
    const account = await busyAccount();
    for (const arn of [MENDABLE, ROGUE, LAKESIDE]) {
      await governProfile(account.ports, arn);
      account.changes = [];
      await governProfile(account.ports, arn);
      expect(account.changes).toEqual([]);
    }
  });

  it('indexes what the policy says of prices before what the list says, and the change to come', async () => {
    const stated = { model: 'amazon.nova-lite-v1:0', from: '2026-12-01', input: '1 USD', output: '2 USD' };
    const account = new GovernedAccount(policyOf(policyDocument({ prices: [stated] })));
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    const { rates, rateChanges } = account.entryOf(arn);
    expect(rates).toEqual(account.listed?.rates);
    expect(rateChanges).toMatchObject([
      { from: Date.UTC(2026, 11, 1), rates: { input: 1_000_000, output: 2_000_000 } },
    ]);
    account.moveTo('2026-12-01T00:00:00Z');
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn)).toMatchObject({ rates: { input: 1_000_000 } });
    expect(account.entryOf(arn).rateChanges).toBeUndefined();
    expect(account.counted).not.toContain('ModelUnpriced');
  });

  it('indexes no price that nobody knows, and says so; the policy may state one [F8]', async () => {
    const account = new GovernedAccount();
    account.listed = undefined;
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).rates).toBeUndefined();
    account.policy = policyOf(policyDocument({ unpricedModels: { input: '75 USD', output: '375 USD' } }));
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).rates).toMatchObject({ input: 75_000_000, output: 375_000_000 });
    expect(account.counted.filter((metric) => metric === 'ModelUnpriced')).toHaveLength(2);
  });

  it('leaves alone what it does not know: never indexed and gone', async () => {
    const account = new GovernedAccount();
    expect(await governProfile(account.ports, profileArn('nobody'))).toEqual({ kind: 'gone' });
    expect(account.changes).toEqual([]);
  });

  it('puts back a standing tag that somebody took away, and takes away one that somebody forged', async () => {
    const account = await busyAccount();
    await governProfile(account.ports, LAKESIDE);
    account.profile('lakeside', { ...good, tenant: 'lakeside', 'governor:standing': 'open' });
    await governProfile(account.ports, LAKESIDE);
    expect(account.tagsOf(LAKESIDE)?.['governor:standing']).toBe('closed');
    const free = account.profile('free', { ...good, tenant: 'free', 'governor:standing': 'closed' });
    await governProfile(account.ports, free);
    expect(account.tagsOf(free)).toEqual({ ...good, tenant: 'free' });
  });

  it('keeps an ended profile that AWS shows again', async () => {
    const account = await busyAccount();
    await governProfile(account.ports, GONE);
    account.profile('gone', { ...good, tenant: 'gone' });
    await governProfile(account.ports, GONE);
    expect(account.entryOf(GONE).endedAt).toBeUndefined();
  });

  it('tells of a second quarantine anew, and of each release once [F30]', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    for (const team of ['', 'sales', '', 'sales', 'sales']) {
      account.wait(60_000);
      account.profile('a', { ...account.tagsOf(arn), team });
      await governProfile(account.ports, arn);
    }
    expect(account.noticesOf('profile-quarantined')).toHaveLength(2);
    expect(account.noticesOf('profile-released')).toHaveLength(2);
  });

  it('tells of a quarantine also where the profile cannot be tagged', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('rogue', { tenant: 'rogue', environment: 'prod' });
    const { ports } = account;
    const tag = async () => {
      throw new PortFailure('TooManyTagsException');
    };
    const profiles = { ...ports.profiles, read: ports.profiles.read, readTags: ports.profiles.readTags, tag };
    await expect(governProfile({ ...ports, profiles }, arn)).rejects.toBeInstanceOf(PortFailure);
    expect(account.noticesOf('profile-quarantined')).toHaveLength(1);
  });

  it('looks again at a profile whose last check is old, so that its age stays visible', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    account.wait(6 * 3_600_000 + 1);
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).verifiedAt).toBe(account.now);
  });

  it('governs a profile although AWS Budgets cannot be reached', async () => {
    const account = new GovernedAccount();
    const arn = account.profile('a', { ...good, team: '' });
    const ports = {
      ...account.ports,
      awsBudgets: { ...account.ports.awsBudgets, describe: () => Promise.reject(new PortFailure('down')) },
    };
    await governProfile(ports, arn);
    account.profile('a', good);
    await governProfile(ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('open');
    expect(account.counted).toContain('BudgetProvisioningFailed');
  });

  it('writes an index entry once for a profile that carries a tag of any name', async () => {
    const account = new GovernedAccount();
    const tags = Object.fromEntries([...Object.entries(good), ['__proto__', 'x'], ['constructor', 'y']]);
    const arn = account.profile('a', tags);
    await governProfile(account.ports, arn);
    account.changes = [];
    await governProfile(account.ports, arn);
    expect(account.changes).toEqual([]);
    expect(Object.entries(account.entryOf(arn).tags)).toEqual(Object.entries(tags));
  });

  it('writes an index entry once under a policy that learns what calls cost', async () => {
    const account = new GovernedAccount(
      policyOf(policyDocument({ ledger: { reservation: 'learned', maxExposure: '2 USD' } })),
    );
    const arn = account.profile('a', { ...good, environment: 'test' });
    for (const environment of ['test', 'prod']) {
      account.profile('a', { ...account.tagsOf(arn), environment });
      await governProfile(account.ports, arn);
      account.changes = [];
      await governProfile(account.ports, arn);
      expect(account.changes).toEqual([]);
    }
  });

  it('reopens a budget in the same period when the policy allows more, and tells when it is used up again', async () => {
    const limited = (usd: number) =>
      policyOf(
        policyDocument({
          budgets: [{ name: 'a', per: 'tenant', limit: `${usd} USD`, thresholds: [{ at: '100%', action: 'disable' }] }],
        }),
      );
    const account = new GovernedAccount(limited(10));
    const arn = account.profile('a', good);
    await governProfile(account.ports, arn);
    for (const limit of [10, 20, 30]) {
      account.policy = limited(limit);
      await governProfile(account.ports, arn);
      account.spend('a/acme', 10);
      await governProfile(account.ports, arn);
      expect(account.entryOf(arn).standing.state).toBe('closed');
    }
    expect(account.noticesOf('tenant-closed')).toHaveLength(3);
    expect(account.noticesOf('tenant-reopened')).toHaveLength(2);
  });
});

describe('enforceStanding', () => {
  it.each([ACME, LAKESIDE, MENDABLE, ROGUE, HEALED, GONE])(
    'comes to the same end with %s, whichever port call fails on the way',
    async (arn) => {
      await expectToSurviveEveryCrash(busyAccount, (account) => enforceStanding(account.ports, arn));
    },
  );

  it('writes neither the tags that the profile lacks nor AWS Budgets', async () => {
    const account = await busyAccount();
    account.awsBudgets.clear();
    await enforceStanding(account.ports, MENDABLE);
    expect(account.tagsOf(MENDABLE)).toEqual({ tenant: 'mendable', team: 'support' });
    expect(account.awsBudgets.size).toBe(0);
  });
});
