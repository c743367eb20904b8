import { beforeEach, describe, expect, it } from 'vitest';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { REVERIFY_MS } from '../../../domain/profiles/governed-entry.ts';
import { ProfileEars, RECENT_MS } from '../../../domain/profiles/hear-profile.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { busyAccount, GONE, LAKESIDE, MENDABLE, ROGUE } from '../busy-account.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, PortFailure } from '../governed-account.ts';

const good = { tenant: 'acme', environment: 'prod', team: 'sales' };

describe('a process that hears of profiles', () => {
  let account: GovernedAccount;
  let policiesRead: number;
  const earsOf = (of: GovernedAccount) =>
    new ProfileEars(
      async () => {
        policiesRead++;
        return of.ports;
      },
      { now: () => of.now },
    );
  let ears: ProfileEars;

  beforeEach(() => {
    account = new GovernedAccount();
    policiesRead = 0;
    ears = earsOf(account);
  });

  it('reads the tags of a profile that it has governed just now, and nothing else', async () => {
    const arn = account.profile('a', good);
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed' });
    const before = account.state;
    account.changes = [];
    account.calls = 0;
    policiesRead = 0;
    for (let i = 0; i < 3; i++) expect(await ears.hear(arn)).toEqual({ kind: 'settled' });
    expect([account.calls, policiesRead, account.changes]).toEqual([3, 0, []]);
    expect(account.state).toEqual(before);
  });

  it('reads the index entry as well where it has not seen it lately', async () => {
    const arn = account.profile('a', good);
    await ears.hear(arn);
    account.wait(RECENT_MS - 1);
    await ears.hear(account.profile('b', good));
    account.wait(1);
    account.calls = 0;
    for (let i = 0; i < 3; i++) expect(await ears.hear(arn)).toEqual({ kind: 'settled' });
    expect(account.calls).toBe(4);
    account.indexed.delete(arn);
    account.wait(RECENT_MS - 2);
    expect(await ears.hear(arn)).toEqual({ kind: 'settled' });
    await ears.hear(account.profile('c', good));
    account.wait(2);
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed' });
    expect(account.indexed.has(arn)).toBe(true);
  });

  it('finds the echo of its own mending settled', async () => {
    const arn = account.profile('a', { tenant: 'acme', team: 'sales' });
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed', compliance: 'remediable' });
    expect(await ears.hear(arn)).toEqual({ kind: 'settled' });
  });

  it.each<[string, (arn: ProfileArn) => void]>([
    ['it was retagged', () => account.profile('a', { ...good, tenant: 'b' })],
    ['a required tag is gone', () => account.profile('a', { tenant: 'acme', environment: 'prod' })],
    ['somebody set a standing on it', () => account.profile('a', { ...good, 'governor:standing': 'closed' })],
    ['it is gone', (arn) => account.stored.delete(arn)],
    ['its entry is old', () => account.wait(REVERIFY_MS + 1)],
  ])('governs a profile anew when %s, and leaves nothing to do', async (_, change) => {
    const arn = account.profile('a', good);
    await ears.hear(arn);
    change(arn);
    const outcome = await ears.hear(arn);
    expect(outcome.kind).not.toBe('settled');
    account.changes = [];
    expect(await governProfile(account.ports, arn)).toMatchObject({ kind: outcome.kind });
    expect(account.changes).toEqual([]);
  });

  it('acts by the policy in force, though it remembers an earlier one', async () => {
    const arn = account.profile('a', good);
    await ears.hear(arn);
    account.profile('a', { tenant: 'Not Allowed', environment: 'prod', team: 'sales' });
    const [template] = policyDocument()['budgets'] as unknown[];
    account.policy = policyOf(
      policyDocument({ tags: { required: { tenant: {}, environment: {}, team: {} } }, budgets: [template] }),
    );
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed', compliance: 'compliant' });
    expect(account.tagsOf(arn)).not.toHaveProperty('governor:standing');
  });

  it('reviews the budgets again when what it knows of them is some seconds old', async () => {
    const arn = account.profile('a', good);
    await ears.hear(arn);
    account.spend('tenant-monthly/acme', 25);
    account.wait(RECENT_MS - 1);
    expect(await ears.hear(arn)).toEqual({ kind: 'settled' });
    account.wait(1);
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed', entry: { standing: { state: 'closed' } } });
    expect(account.tagsOf(arn)).toMatchObject({ 'governor:standing': 'closed' });
    expect(account.noticesOf('tenant-closed')).toHaveLength(1);
  });

  it('remembers no review across the turn of a period', async () => {
    account.moveTo('2026-11-30T22:59:55Z');
    const arn = account.profile('a', good);
    await ears.hear(arn);
    account.wait(6_000);
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed' });
  });

  it.each([
    ['quarantined', { tenant: 'acme', environment: 'prod' }],
    ['of a name that the policy does not allow', good],
  ])('never finds a profile settled that is %s: its notice may be what a crash has left out', async (_, tags) => {
    account.policy = policyOf(policyDocument({ profiles: { names: '^allowed-' } }));
    const arn = account.profile('a', tags);
    await ears.hear(arn);
    expect(await ears.hear(arn)).toMatchObject({ kind: 'governed' });
  });

  it.each([LAKESIDE, MENDABLE, ROGUE, GONE])(
    'comes to the same end with %s, whichever port call fails on the way, by the event that comes again',
    async (arn) => {
      const ofAccount = new WeakMap<GovernedAccount, ProfileEars>();
      await expectToSurviveEveryCrash(busyAccount, (busy) => {
        const its = ofAccount.get(busy) ?? earsOf(busy);
        ofAccount.set(busy, its);
        return its.hear(arn);
      });
    },
  );

  it('is told by nobody that a profile is settled whose tags cannot be read', async () => {
    const arn = account.profile('a', good);
    await ears.hear(arn);
    account.unreadable.add(arn);
    await expect(ears.hear(arn)).rejects.toThrow(PortFailure);
  });
});
