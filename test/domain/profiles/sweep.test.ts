import { describe, expect, it } from 'vitest';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { isConserved } from '../../../domain/spending/ledger.ts';
import { ACME, busyAccount, GONE, HEALED, LAKESIDE, MENDABLE, ROGUE } from '../busy-account.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

describe('sweep', () => {
  it('does everything that events should have done', async () => {
    const account = await busyAccount();
    expect(await sweep(account.ports)).toEqual({ profiles: 5, failed: [], ended: 1 });

    expect(account.tagsOf(MENDABLE)).toMatchObject({ environment: 'dev' });
    expect(account.tagsOf(ROGUE)).toMatchObject({ 'governor:standing': 'quarantined' });
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
    for (const open of [ACME, HEALED]) expect(account.tagsOf(open)).not.toHaveProperty('governor:standing');
    expect(account.entryOf(GONE).endedAt).toBe(account.now);
    expect([...account.notices.keys()].sort()).toEqual(
      [
        'closed|tenant-monthly/acme|2026-10|20.00',
        'closed|tenant-monthly/lakeside|2026-11|5.00',
        `quarantined|${HEALED}|1`,
        `quarantined|${ROGUE}|1`,
        `released|${HEALED}|1`,
        'reopened|tenant-monthly/acme|2026-10|2026-11|20.00',
        'threshold|tenant-monthly/acme|2026-10|8000|actual|notify',
        'threshold|tenant-monthly/acme|2026-11|8000|actual|notify',
        'threshold|tenant-monthly/lakeside|2026-11|8000|actual|notify',
      ].sort(),
    );
    const item = account.ledgerItem('tenant-monthly/acme', '2026-11');
    expect([item.leased, item.unconfirmed, isConserved(item)]).toEqual([0n, 1_000_000_000n, true]);
  });

  it('provides the items of the current and the next period, and resets nothing [F13, F14]', async () => {
    const account = await busyAccount();
    const october = account.ledgerItem('tenant-monthly/acme', '2026-10');
    await sweep(account.ports);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-10')).toEqual(october);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-12')).toMatchObject({
      committed: 0n,
      terms: { standing: 'open', version: 1 },
    });
    expect(account.ledgerItem('tenant-monthly/mendable', '2026-11').committed).toBe(0n);
    expect(account.ledgerItem('support-chat', '2027-Q1').committed).toBe(0n);
  });

  it('writes nothing the second time', async () => {
    const account = await busyAccount();
    await sweep(account.ports);
    account.changes = [];
    const state = account.state;
    await sweep(account.ports);
    expect(account.changes).toEqual([]);
    expect(account.state).toEqual(state);
  });

  it('writes nothing the second time either where budgets have an extra for outages', async () => {
    const [template, ...others] = policyDocument()['budgets'] as Record<string, unknown>[];
    const account = new GovernedAccount(
      policyOf(policyDocument({ budgets: [{ ...template, outage: '1 USD' }, ...others] })),
    );
    account.profile('acme', { tenant: 'acme', environment: 'prod', team: 'sales' });
    await sweep(account.ports);
    // As a store gives the terms back: their members in an order of its own.
    const item = account.ledgerItem('tenant-monthly/acme', '2026-11');
    const { outageExtra, standing, ...rest } = item.terms;
    account.ledger.put({
      ...item,
      terms: { ...rest, standing, ...(outageExtra === undefined ? {} : { outageExtra }) },
    });
    const { version } = item.terms;
    await sweep(account.ports);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11').terms.version).toBe(version);
  });

  it('ends nothing by a list that broke off, and goes on with the other Regions', async () => {
    const account = await busyAccount();
    account.unlistable.add('us-east-1');
    const report = await sweep(account.ports);
    expect(report.ended).toBe(0);
    expect(report.failed).toEqual(['the profiles of us-east-1']);
    expect(account.entryOf(GONE).endedAt).toBeUndefined();
    expect(account.tagsOf(MENDABLE)).toMatchObject({ environment: 'dev' });
    // Its budgets are reviewed all the same: leases come back, and the next period finds its item.
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({ leased: 0n });
    expect(account.ledgerItem('tenant-monthly/lakeside', '2026-11').terms.standing).toBe('closed');
  });

  it('lets one profile that cannot be read hold up no other, and changes nothing about that one', async () => {
    const account = await busyAccount();
    account.unreadable.add(ROGUE);
    const report = await sweep(account.ports);
    expect(report.failed).toEqual([ROGUE]);
    expect(account.tagsOf(ROGUE)).toEqual({ tenant: 'rogue', environment: 'prod' });
    expect(account.indexed.has(ROGUE)).toBe(false);
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
  });

  it('goes on where an index entry was written by another version, and leaves it as it is', async () => {
    const account = await busyAccount();
    const newer = '{"schema":2}';
    account.indexed.set(ROGUE, newer);
    const report = await sweep(account.ports);
    expect(report).toMatchObject({ profiles: 5, failed: [`the index entry of ${ROGUE}`, ROGUE], ended: 1 });
    expect(account.counted).toContain('ProfileReadFailed');
    expect(account.indexed.get(ROGUE)).toBe(newer);
    expect(account.tagsOf(MENDABLE)).toMatchObject({ environment: 'dev' });
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
  });

  it('still takes back leases on a budget whose last profile is gone', async () => {
    const account = await busyAccount();
    account.stored.delete(ACME);
    await sweep(account.ports);
    await sweep(account.ports);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({
      leased: 0n,
      unconfirmed: 1_000_000_000n,
    });
  });

  it('comes to the same end whichever port call fails on the way, and tells each occasion once [F30]', async () => {
    await expectToSurviveEveryCrash(busyAccount, (account) => sweep(account.ports));
  });
});
