import { describe, expect, it } from 'vitest';
import { enforceStanding, governProfile } from '../../../domain/profiles/govern-profile.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const graced = (changes: Record<string, unknown> = {}) =>
  policyOf(
    policyDocument({
      tags: {
        required: {
          tenant: { pattern: '^[a-z]+$' },
          environment: { values: ['prod', 'dev'], case: 'lower' },
          team: {},
          costcenter: { pattern: '^cc-' },
        },
        grace: '24h',
        ...changes,
      },
      budgets: [
        { name: 'monthly', per: 'tenant', limit: '5 USD', thresholds: [{ at: '100%', action: 'disable' }] },
        { name: 'support', selector: { team: 'support' }, limit: '5 USD' },
      ],
    }),
  );
const bad = { tenant: 'acme', environment: 'PROD', team: 'support', costcenter: '7' };
const HOUR = 3_600_000;

describe('a violating profile in its grace', () => {
  it('works, covered by every budget, and is told of once', async () => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', bad);
    for (const _ of [1, 2, 3]) {
      expect(await governProfile(account.ports, arn)).toMatchObject({ compliance: 'violating' });
      account.wait(HOUR);
    }
    expect(account.entryOf(arn)).toMatchObject({
      standing: { state: 'open' },
      // What the case rule makes of the tag, although nothing is written while a violation remains.
      tags: { ...bad, environment: 'prod' },
      budgets: [{ id: 'monthly/acme' }, { id: 'support' }],
    });
    expect(account.tagsOf(arn)).toEqual(bad);
    expect(account.noticesOf('profile-violating')).toEqual([`violating|${arn}|1`]);
    expect(account.noticesOf('profile-quarantined')).toEqual([]);
  });

  it('is closed by its budgets all the same', async () => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', bad);
    await governProfile(account.ports, arn);
    account.spend('monthly/acme', 5);
    await enforceStanding(account.ports, arn);
    expect(account.tagsOf(arn)?.['governor:standing']).toBe('closed');
  });

  it('is quarantined when the grace is over, and not a moment earlier; another violation does not begin it anew', async () => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', bad);
    await governProfile(account.ports, arn);
    account.wait(23 * HOUR);
    account.profile('a', { ...bad, costcenter: '8' });
    await governProfile(account.ports, arn);
    account.wait(HOUR - 1);
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('open');
    account.wait(1);
    await governProfile(account.ports, arn);
    expect(account.tagsOf(arn)?.['governor:standing']).toBe('quarantined');
    expect(account.entryOf(arn)).toMatchObject({ standing: { state: 'closed' }, budgets: [] });
    expect(account.noticesOf('profile-quarantined')).toHaveLength(1);
  });

  it.each([
    ['the tenant tag', { ...bad, tenant: '' }],
    ['the tag that a budget selects by', { ...bad, team: '' }],
  ])('has none where %s is violated: nobody could say whose money it spends', async (_, tags) => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', tags);
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
    // Quarantined once, it is released by compliance and by nothing less.
    account.profile('a', { ...account.tagsOf(arn), ...bad });
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
    account.profile('a', { ...account.tagsOf(arn), costcenter: 'cc-1' });
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('open');
  });

  it('loses it when a violation comes to decide about money', async () => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', bad);
    await governProfile(account.ports, arn);
    account.profile('a', { ...bad, tenant: 'ACME' });
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
  });

  it('gets a new grace, and a new notice, when it has complied meanwhile', async () => {
    const account = new GovernedAccount(graced());
    const arn = account.profile('a', bad);
    for (const costcenter of ['7', 'cc-1', '8']) {
      account.profile('a', { ...bad, costcenter });
      await governProfile(account.ports, arn);
      account.wait(20 * HOUR);
    }
    expect(account.entryOf(arn)).toMatchObject({ standing: { state: 'open' }, timesViolating: 2 });
    expect(account.noticesOf('profile-violating')).toHaveLength(2);
    expect(account.noticesOf('profile-released')).toEqual([]);
  });

  it('has none without one in the policy', async () => {
    const account = new GovernedAccount(graced({ grace: 0 }));
    const arn = account.profile('a', bad);
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
    account.policy = graced();
    await governProfile(account.ports, arn);
    expect(account.entryOf(arn).standing.state).toBe('closed');
  });

  it('comes to the same end whichever port call fails on the way', async () => {
    const build = async () => {
      const account = new GovernedAccount(graced());
      account.profile('a', bad);
      return account;
    };
    await expectToSurviveEveryCrash(build, (account) => governProfile(account.ports, profileArn('a')));
  });
});
