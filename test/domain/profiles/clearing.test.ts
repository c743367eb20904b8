import { describe, expect, it } from 'vitest';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import type { Tags } from '../../../domain/tags.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount, profileArn } from '../governed-account.ts';

const GOOD = { environment: 'prod', team: 'sales', tenant: 'acme' };
const HOUR_MS = 3_600_000;

/** Profiles that were swept just now, and the calls to Bedrock that each further sweep makes for single ones. */
async function sweptAccount(profiles: number) {
  const account = new GovernedAccount();
  const arns = Array.from({ length: profiles }, (_, i) => account.profile(`p${i}`, GOOD));
  await sweep(account.ports);
  account.changes = [];
  const retag = (arn: ProfileArn, tags: Tags) => {
    const profile = account.stored.get(arn);
    if (profile !== undefined) account.stored.set(arn, { ...profile, tags });
  };
  const at = (position: number): ProfileArn => arns[position] ?? profileArn('none');
  return { account, retag, at };
}

async function callsOf(account: GovernedAccount): Promise<number> {
  account.calls = 0;
  await sweep(account.ports);
  return account.calls;
}

describe('tags that are read in bulk', () => {
  it('clear the profiles of which all is known, at no call for each', async () => {
    const few = await sweptAccount(1);
    const many = await sweptAccount(40);
    expect(await callsOf(many.account)).toBe(await callsOf(few.account));
    expect(await sweep(many.account.ports)).toMatchObject({ profiles: 40, cleared: 40, readSingly: 0, drifted: 0 });
    expect(many.account.changes).toEqual([]);
  });

  it('are not believed when they differ: the profile is read singly, and stays as it is', async () => {
    const { account, at } = await sweptAccount(3);
    account.lagging.set(at(0), { ...GOOD, tenant: 'umbrella' });
    account.lagging.set(at(1), { ...GOOD, tenant: '' });
    account.lagging.set(at(2), undefined);
    expect(await sweep(account.ports)).toMatchObject({ cleared: 0, readSingly: 3, drifted: 0, failed: [] });
    expect(account.changes).toEqual([]);
  });

  it('show no profile that was never tagged, which is found all the same', async () => {
    const { account } = await sweptAccount(2);
    const untagged = account.profile('untagged', {});
    expect(await sweep(account.ports)).toMatchObject({ profiles: 3, cleared: 2, readSingly: 1, drifted: 1 });
    expect(account.tagsOf(untagged)).toMatchObject({ 'governor:standing': 'quarantined' });
    account.changes = [];
    // A quarantined profile is looked at each time: somebody may have mended it.
    expect(await sweep(account.ports)).toMatchObject({ cleared: 2, readSingly: 1, drifted: 0 });
    expect(account.changes).toEqual([]);
  });

  it('cannot hide a retag for more than a day, however long they lag', async () => {
    const { account, retag, at } = await sweptAccount(3);
    retag(at(1), { ...GOOD, tenant: 'lakeside' });
    account.lagging.set(at(1), GOOD);
    await sweep(account.ports);
    expect(account.entryOf(at(1)).tags).toEqual(GOOD);
    for (let minutes = 0; minutes < 24 * 60; minutes += 60) {
      account.wait(HOUR_MS);
      await sweep(account.ports);
    }
    expect(account.entryOf(at(1)).tags).toEqual({ ...GOOD, tenant: 'lakeside' });
  });

  it('clear no profile whose budgets want another standing tag', async () => {
    const { account, retag, at } = await sweptAccount(2);
    account.spend('tenant-monthly/acme', 20);
    expect(await sweep(account.ports)).toMatchObject({ cleared: 0, readSingly: 2, drifted: 2 });
    expect(account.tagsOf(at(0))).toMatchObject({ 'governor:standing': 'closed' });
    account.changes = [];
    expect(await sweep(account.ports)).toMatchObject({ cleared: 2, readSingly: 0 });
    const { 'governor:standing': _, ...stripped } = account.tagsOf(at(1)) ?? {};
    retag(at(1), stripped);
    await sweep(account.ports);
    expect(account.changes).toEqual(['profiles.tag']);
  });

  it('clear no profile under another policy than that of its entry', async () => {
    const { account, at } = await sweptAccount(2);
    const [template] = policyDocument()['budgets'] as Record<string, unknown>[];
    account.policy = policyOf(policyDocument({ budgets: [{ ...template, period: 'week' }] }));
    expect(await sweep(account.ports)).toMatchObject({ cleared: 0, readSingly: 2, drifted: 2 });
    expect(account.entryOf(at(0)).budgets).toMatchObject([{ period: 'week' }]);
  });

  it('that cannot be read leave every profile to be read singly', async () => {
    const { account } = await sweptAccount(3);
    account.calls = 0;
    const smooth = account.ports;
    const ports = { ...smooth, bulkTags: { read: () => Promise.reject(new Error('throttled')) } };
    const report = await sweep(ports);
    expect(report).toMatchObject({ cleared: 0, readSingly: 3, drifted: 0 });
    expect(report.failed).toEqual([
      'the tags of the profiles of us-east-1',
      'the tags of the profiles of eu-central-1',
    ]);
    expect(account.changes).toEqual([]);
  });
});

describe('the audit', () => {
  it('reads all profiles singly within a day, and some with each sweep', async () => {
    const { account } = await sweptAccount(100);
    let most = 0;
    for (let sweeps = 0; sweeps < 24 * 12; sweeps++) {
      account.wait(5 * 60_000);
      const { readSingly, cleared } = await sweep(account.ports);
      expect(readSingly + cleared).toBe(100);
      most = Math.max(most, readSingly);
    }
    expect(most).toBeLessThan(10);
    expect(account.measured.get('IndexAgeSeconds')).toBeLessThanOrEqual(24 * 3_600);
    const oldest = Math.min(...[...account.stored.keys()].map((arn) => account.entryOf(arn).verifiedAt));
    expect(account.now - oldest).toBeLessThanOrEqual(24 * HOUR_MS);
  });
});
