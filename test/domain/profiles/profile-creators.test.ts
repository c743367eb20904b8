import { beforeEach, describe, expect, it } from 'vitest';
import { enforceStanding, governProfile } from '../../../domain/profiles/govern-profile.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { entryForHelpers } from '../../../domain/profiles/shared-entry.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const MINUTE_MS = 60_000;
const document = (tags: object, others: Record<string, unknown> = {}) =>
  policyDocument({
    regions: ['us-east-1'],
    tags: {
      required: {
        tenant: { pattern: '^[a-z][a-z0-9-]*$', default: { from: 'creator-tag', key: 'Tenant' } },
        environment: { values: ['prod', 'dev'], default: { from: 'creator-role', map: { 'ci-deploy': 'prod' } } },
        team: null,
        ...tags,
      },
      ...others,
    },
    budgets: [{ name: 'tenant-monthly', per: 'tenant', limit: '20 USD' }],
  });
const CI = { kind: 'known', creator: { role: 'ci-deploy', tags: { Tenant: 'acme', other: 'x' } } } as const;

describe('a default that is derived from who created the profile', () => {
  let account: GovernedAccount;
  let arn: ProfileArn;
  let asked: number;
  beforeEach(() => {
    account = new GovernedAccount(policyOf(document({})));
    arn = account.profile('a', { team: 'sales' });
    asked = 0;
  });
  const ports = () => {
    const { creators, ...others } = account.ports;
    return {
      ...others,
      creators: {
        async find(of: ProfileArn) {
          asked++;
          return await creators.find(of);
        },
      },
    };
  };
  const govern = () => governProfile(ports(), arn);

  it('is the name of the role, mapped, or the value of its tag', async () => {
    account.creators.set(arn, CI);
    expect(await govern()).toMatchObject({ kind: 'governed', compliance: 'remediable' });
    expect(account.tagsOf(arn)).toEqual({ team: 'sales', tenant: 'acme', environment: 'prod' });
    expect(account.entryOf(arn)).toMatchObject({ standing: { state: 'open' }, creation: { creator: CI.creator } });
  });

  it('is not asked for by a sweep that has not the time for it, and by the next one that has', async () => {
    account.creators.set(arn, CI);
    await sweep(ports(), () => 60_000);
    expect(asked).toBe(0);
    expect(account.entryOf(arn)).not.toHaveProperty('creation');
    account.wait(5 * MINUTE_MS);
    await sweep(ports(), () => 270_000);
    expect(asked).toBe(1);
    expect(account.tagsOf(arn)).toMatchObject({ tenant: 'acme' });
  });

  it('is asked for once, and remembered when the tag is taken away', async () => {
    account.creators.set(arn, CI);
    await govern();
    account.creators.clear();
    account.profile('a', { team: 'sales' });
    await govern();
    expect(asked).toBe(1);
    expect(account.tagsOf(arn)).toMatchObject({ tenant: 'acme' });
  });

  it('is not asked for where nothing is missing that needs it', async () => {
    account.profile('a', { team: 'sales', tenant: 'acme', environment: 'dev' });
    await govern();
    account.profile('a', { tenant: 'acme', environment: 'dev' });
    await govern();
    expect(asked).toBe(0);
  });

  it.each([
    ['a role without such a tag', { kind: 'known', creator: { role: 'ci-deploy', tags: {} } } as const],
    [
      'a value that the rule forbids',
      { kind: 'known', creator: { role: 'ci-deploy', tags: { Tenant: 'A!' } } } as const,
    ],
    ['a user', { kind: 'known', creator: 'no-role' } as const],
  ])('is nothing for %s: the tag is missing, and nobody is asked again', async (_, reading) => {
    account.creators.set(arn, reading);
    expect(await govern()).toMatchObject({ compliance: 'violating' });
    account.wait(24 * 60 * MINUTE_MS);
    await govern();
    expect(asked).toBe(1);
    expect(account.tagsOf(arn)).toEqual({ team: 'sales', 'governor:standing': 'quarantined' });
  });

  it('is mended by the sweep as soon as AWS says who it was', async () => {
    await govern();
    expect(account.tagsOf(arn)).toMatchObject({ 'governor:standing': 'quarantined' });
    expect(account.counted).toContain('CreatorUnknown');
    account.creators.set(arn, CI);
    account.wait(5 * MINUTE_MS);
    await sweep(ports());
    expect(account.tagsOf(arn)).toEqual({ team: 'sales', tenant: 'acme', environment: 'prod' });
    expect(account.noticesOf('profile-released')).toHaveLength(1);
  });

  it('is asked for more and more seldom while AWS does not say', async () => {
    await govern();
    for (let minutes = 0; minutes < 24 * 60; minutes += 5) {
      account.wait(5 * MINUTE_MS);
      await sweep(ports());
    }
    expect(asked).toBeLessThanOrEqual(10);
    expect(asked).toBeGreaterThanOrEqual(8);
  });

  it('waits for its turn where too many are asked for, as if it had not been asked', async () => {
    account.creators.set(arn, { kind: 'busy' });
    await govern();
    account.creators.set(arn, CI);
    await govern();
    expect(account.tagsOf(arn)).toEqual({ team: 'sales', tenant: 'acme', environment: 'prod' });
    expect(account.counted).not.toContain('CreatorUnknown');
  });

  it('has the grace of the policy meanwhile, where the tag decides nothing about money', async () => {
    account.policy = policyOf(document({ tenant: {} }, { grace: '1h' }));
    account.profile('a', { team: 'sales', tenant: 'acme' });
    await govern();
    expect(account.entryOf(arn).standing).toEqual({ state: 'open' });
    account.creators.set(arn, CI);
    account.wait(5 * MINUTE_MS);
    await sweep(ports());
    expect(account.tagsOf(arn)).toEqual({ team: 'sales', tenant: 'acme', environment: 'prod' });
    expect(account.entryOf(arn)).not.toHaveProperty('violatingSince');
  });

  it('is not asked for by a signal about money, and told to no helper', async () => {
    account.creators.set(arn, CI);
    await enforceStanding(ports(), arn);
    expect(asked).toBe(0);
    await govern();
    expect(entryForHelpers(account.entryOf(arn))).not.toHaveProperty('creation');
  });

  it('writes nothing a second time', async () => {
    await sweep(ports());
    account.changes = [];
    await sweep(ports());
    await govern();
    expect(account.changes).toEqual([]);
  });
});
