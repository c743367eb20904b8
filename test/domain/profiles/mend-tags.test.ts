import { describe, expect, it } from 'vitest';
import { enforceStanding, governProfile } from '../../../domain/profiles/govern-profile.ts';
import { MAX_MENDINGS_PER_DAY } from '../../../domain/profiles/mend-tags.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const policyWithMap = (map: Record<string, string>, values = ['prod', 'dev']) =>
  policyOf(
    policyDocument({
      tags: {
        required: { tenant: { case: 'lower' }, environment: { values, map }, team: { default: 'support' } },
      },
      budgets: [{ name: 'monthly', per: 'tenant', limit: '5 USD' }],
    }),
  );
const policy = policyWithMap({ Production: 'prod' });
const wrong = { tenant: 'ACME', environment: 'Production', other: 'Production' };
const right = { tenant: 'acme', environment: 'prod', team: 'support', other: 'Production' };
const writes = (account: GovernedAccount) => account.changes.filter((change) => change === 'profiles.tag').length;

describe('mending', () => {
  it('corrects and adds in one write, and logs each value before and after', async () => {
    const account = new GovernedAccount(policy);
    const arn = account.profile('a', wrong);
    expect(await governProfile(account.ports, arn)).toMatchObject({ compliance: 'remediable' });
    expect(account.tagsOf(arn)).toEqual(right);
    expect(writes(account)).toBe(1);
    expect(account.entryOf(arn)).toMatchObject({ tags: right, budgets: [{ id: 'monthly/acme' }] });
    expect(account.decisions.find(({ decision }) => decision === 'mend tags')?.facts).toMatchObject({
      before: wrong,
      added: { team: 'support' },
      corrected: ['tenant: ACME → acme', 'environment: Production → prod'],
    });
    account.changes = [];
    await governProfile(account.ports, arn);
    expect(account.changes).toEqual([]);
  });

  it('comes to the same end whichever port call fails on the way', async () => {
    const build = async () => {
      const account = new GovernedAccount(policy);
      account.profile('a', wrong);
      return account;
    };
    const [arn] = [...(await build()).stored.keys()];
    if (arn === undefined) throw new Error('no profile');
    await expectToSurviveEveryCrash(build, (account) => governProfile(account.ports, arn));
  });

  it('goes by what is there after the write, where somebody else wrote at the same moment', async () => {
    const account = new GovernedAccount(policy);
    const arn = account.profile('a', wrong);
    const { ports } = account;
    const tag: typeof ports.profiles.tag = async (at, tags) => {
      await ports.profiles.tag(at, tags);
      account.profile('a', { ...right, tenant: '' });
    };
    const { read, readTags, untag, list } = ports.profiles;
    await governProfile({ ...ports, profiles: { read, readTags, untag, list, tag } }, arn);
    expect(account.entryOf(arn)).toMatchObject({ standing: { state: 'closed' }, budgets: [] });
  });

  it('is given up for the day where somebody changes the tags back each time, and told once', async () => {
    const account = new GovernedAccount(policy);
    const arn = account.profile('a', wrong);
    for (let round = 0; round < 2 * MAX_MENDINGS_PER_DAY; round++) {
      account.profile('a', wrong);
      await governProfile(account.ports, arn);
      account.wait(60_000);
    }
    expect(writes(account)).toBe(MAX_MENDINGS_PER_DAY);
    expect(account.noticesOf('tag-conflict')).toEqual([`tag-conflict|${arn}|2026-11-23`]);
    // Governed by what the tags would become: the budgets cover it, and the helper finds it.
    expect(account.tagsOf(arn)).toEqual(wrong);
    expect(account.entryOf(arn)).toMatchObject({
      tags: right,
      standing: { state: 'open' },
      budgets: [{ id: 'monthly/acme' }],
    });
    account.moveTo('2026-11-24T00:00:00Z');
    await governProfile(account.ports, arn);
    expect(account.tagsOf(arn)).toEqual(right);
    expect(account.entryOf(arn).mendings).toEqual({ day: '2026-11-24', writes: 1 });
  });

  it('comes to rest where two governors want different tags', async () => {
    const account = new GovernedAccount(policyWithMap({ production: 'prod' }, ['prod']));
    const other = new GovernedAccount(policyWithMap({ prod: 'production' }, ['production']));
    const arn = account.profile('a', right);
    for (let round = 0; round < 40; round++) {
      const [here, there] = round % 2 === 0 ? [account, other] : [other, account];
      here.profile('a', there.tagsOf(arn) ?? right);
      await governProfile(here.ports, arn);
    }
    expect(writes(account)).toBeLessThanOrEqual(MAX_MENDINGS_PER_DAY);
    expect(writes(other)).toBeLessThanOrEqual(MAX_MENDINGS_PER_DAY);
    expect(account.noticesOf('tag-conflict').length + other.noticesOf('tag-conflict').length).toBeGreaterThan(0);
  });

  it('keeps its count where a signal about money comes between', async () => {
    const account = new GovernedAccount(policy);
    const arn = account.profile('a', wrong);
    await governProfile(account.ports, arn);
    await enforceStanding(account.ports, arn);
    expect(account.entryOf(arn).mendings).toEqual({ day: '2026-11-23', writes: 1 });
  });
});
