import { beforeEach, describe, expect, it } from 'vitest';
import { useOf } from '../../../domain/profiles/invocation-counts.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { hourAt, NO_TOTALS, type ProcessId } from '../../../domain/spending/usage-record.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const DAY_MS = 24 * 3_600_000;
const good = { tenant: 'acme', environment: 'prod', team: 'sales' };
const rules = { names: '^profile-good', mismatched: 'delete', allowDelete: true, deleteAfterUnusedDays: 30 };
const policyWith = (changes: object = {}, others: Record<string, unknown> = {}) =>
  policyOf(policyDocument({ regions: ['us-east-1'], profiles: { ...rules, ...changes }, ...others }));

const GOOD = profileArn('good');
const BAD = profileArn('bad');

/** A helper recorded a call of the profile, and CloudWatch counted it. */
function use(account: GovernedAccount, arn: ProfileArn): void {
  record(account, arn);
  account.invocations.set(arn, { kind: 'told', invocations: 1 });
}
const record = (account: GovernedAccount, arn: ProfileArn): void =>
  void account.usage.write({
    process: `p${account.now}` as ProcessId,
    hour: hourAt(account.now),
    chunk: 0,
    sequence: 1,
    watermark: account.now,
    totals: new Map([[arn, { ...NO_TOTALS, calls: 1 }]]),
  });

/** On 23 November, 31 days after people were told that the name of one of two profiles is not allowed. */
async function account31DaysLater(policy = policyWith()): Promise<GovernedAccount> {
  const account = new GovernedAccount(policy, Date.UTC(2026, 9, 23, 9));
  account.profile('good', good);
  account.profile('bad', good);
  await sweep(account.ports);
  account.wait(31 * DAY_MS);
  use(account, GOOD);
  account.wait(60_000);
  account.changes = [];
  return account;
}

describe('a profile that the policy does not allow and nobody invokes', () => {
  let account: GovernedAccount;
  beforeEach(async () => {
    account = await account31DaysLater();
  });
  const expectKept = async (): Promise<void> => {
    await sweep(account.ports);
    expect(account.stored.has(BAD)).toBe(true);
    expect(account.changes).not.toContain('remover.remove');
    expect(account.entryOf(BAD)).not.toHaveProperty('endedAt');
    expect(account.entryOf(BAD)).not.toHaveProperty('deletingSince');
    expect(account.noticesOf('profile-deleted')).toEqual([]);
  };

  it('is deleted, told of once, and its entry ends and keeps its tags', async () => {
    await sweep(account.ports);
    expect([...account.stored.keys()]).toEqual([GOOD]);
    expect(account.entryOf(BAD)).toMatchObject({ tags: good, endedAt: account.now });
    expect(account.noticesOf('profile-deleted')).toEqual([`deleted|${BAD}`]);
    expect(account.decisions.find(({ decision }) => decision === 'delete profile')?.facts).toMatchObject({
      profile: BAD,
      because: ['name "profile-bad" (expected a name that matches ^profile-good)'],
    });
    expect(account.counted).toContain('ProfileDeleted');
    account.changes = [];
    await sweep(account.ports);
    expect(account.changes).toEqual([]);
  });

  it('comes to the same end whichever port call fails on the way', async () => {
    await expectToSurviveEveryCrash(account31DaysLater, (each) => sweep(each.ports));
  });

  it('is kept for as many days as people have been told of it', async () => {
    account = new GovernedAccount(policyWith(), Date.UTC(2026, 9, 23, 9));
    account.profile('bad', good);
    account.profile('good', good);
    await sweep(account.ports);
    account.wait(29 * DAY_MS);
    use(account, GOOD);
    await expectKept();
  });

  it.each([
    ['a policy that only notifies', { mismatched: 'notify' }],
    ['a policy that has come to allow it', { names: '^profile-' }],
    ['a longer time', { deleteAfterUnusedDays: 60 }],
  ])('is kept under %s', async (_, changes) => {
    account.policy = policyWith(changes);
    await expectKept();
  });

  it('is kept while CloudWatch has counted an invocation by anybody', async () => {
    account.invocations.set(BAD, { kind: 'told', invocations: 1 });
    await expectKept();
  });

  it('is kept while a helper has recorded a call, though CloudWatch is silent', async () => {
    account.wait(-20 * DAY_MS);
    record(account, BAD);
    account.wait(20 * DAY_MS);
    await expectKept();
  });

  it('is kept where CloudWatch cannot be read, or is silent about profiles that were certainly called', async () => {
    account.invocations.set(BAD, { kind: 'unreadable', why: 'InternalError' });
    await expectKept();
    account.invocations.clear();
    await expectKept();
    expect(account.decisions.findLast(({ decision }) => decision === 'keep mismatched profiles')?.facts).toMatchObject({
      because: [expect.stringContaining('silent about every profile')],
    });
  });

  it('is kept when it is invoked between the first look and the deletion', async () => {
    const { ports } = account;
    let looks = 0;
    await sweep({
      ...ports,
      invocations: {
        async read(region, profiles, window) {
          const counts = await ports.invocations.read(region, profiles, window);
          return ++looks === 1 ? counts : new Map([[BAD, { kind: 'told', invocations: 1 }]]);
        },
      },
    });
    expect(looks).toBe(2);
    expect(account.stored.has(BAD)).toBe(true);
  });

  it('is kept where AWS refuses, and tried again', async () => {
    account.undeletable.add(BAD);
    await expectKept();
    account.undeletable.clear();
    await sweep(account.ports);
    expect(account.stored.has(BAD)).toBe(false);
  });

  it('is kept when it has come to be allowed, or to be told of anew, since the sweep has read the policy', async () => {
    const { ports } = account;
    for (const mismatchedSince of [undefined, account.now]) {
      const before = account.entryOf(BAD);
      await sweep({
        ...ports,
        invocations: {
          async read(region, profiles, window) {
            // Meanwhile an event has the profile governed under the policy of now.
            const { mismatchedSince: _, ...others } = account.entryOf(BAD);
            await ports.index.put({ ...others, ...(mismatchedSince === undefined ? {} : { mismatchedSince }) });
            return await ports.invocations.read(region, profiles, window);
          },
        },
      });
      expect(account.stored.has(BAD)).toBe(true);
      await ports.index.put(before);
    }
  });

  it('does not wait for good for others that AWS refuses to delete', async () => {
    account = new GovernedAccount(policyWith(), Date.UTC(2026, 9, 23, 9));
    account.profile('good', good);
    for (let i = 10; i < 40; i++) account.undeletable.add(account.profile(`bad${i}`, good));
    account.profile('bad', good);
    await sweep(account.ports);
    account.wait(31 * DAY_MS);
    use(account, GOOD);
    account.wait(60_000);
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      await sweep(account.ports);
      account.wait(300_000);
    }
    expect(account.stored.has(BAD)).toBe(false);
    expect(account.stored.size).toBe(31);
  });

  it('is only told of by a policy that observes, which writes nothing for it', async () => {
    account.policy = policyWith({}, { mode: 'observe' });
    await sweep(account.ports);
    account.changes = [];
    account.decisions.length = 0;
    await sweep(account.ports);
    expect(account.changes).toEqual([]);
    expect(account.decisions.map(({ decision }) => decision)).toContain('would delete profile');
    expect(account.stored.has(BAD)).toBe(true);
  });

  it('is one of twenty at most in a sweep', async () => {
    account = new GovernedAccount(policyWith(), Date.UTC(2026, 9, 23, 9));
    account.profile('good', good);
    for (let i = 0; i < 25; i++) account.profile(`bad${i}`, good);
    await sweep(account.ports);
    account.wait(31 * DAY_MS);
    use(account, GOOD);
    account.wait(60_000);
    await sweep(account.ports);
    expect(account.stored.size).toBe(6);
    await sweep(account.ports);
    expect(account.stored.size).toBe(1);
  });
});

describe('whether a profile was used', () => {
  const told = { kind: 'told', invocations: 3 } as const;
  const silent = { kind: 'silent' } as const;

  it('is known by its own data points, and by silence only where a profile in use is heard', () => {
    expect(useOf(told, [])).toBe('used');
    expect(useOf(silent, [silent, told])).toBe('unused');
    for (const [count, witnesses] of [
      [silent, []],
      [silent, [silent, undefined]],
      [undefined, [told]],
      [{ kind: 'unreadable', why: 'throttled' } as const, [told]],
    ] as const)
      expect(useOf(count, witnesses)).toHaveProperty('unknown');
  });
});
