import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { nanoUsd } from '../../../domain/money.ts';
import type { ProfileArn } from '../../../domain/profiles/profile-arn.ts';
import { sweep } from '../../../domain/profiles/sweep.ts';
import { type HolderId, isConserved, type WriteId } from '../../../domain/spending/ledger.ts';
import type { Metered, MeteredWindow } from '../../../domain/spending/metered-spend.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import type { Tags } from '../../../domain/tags.ts';
import { ACME, busyAccount, GONE, HEALED, LAKESIDE, MENDABLE, ROGUE } from '../busy-account.ts';
import { expectToSurviveEveryCrash } from '../crashes.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const USD = 1_000_000_000n;

function retag(account: GovernedAccount, arn: ProfileArn, change: Tags): void {
  const profile = account.stored.get(arn);
  if (profile === undefined) throw new Error(`${arn} is not there`);
  account.stored.set(arn, { ...profile, tags: { ...profile.tags, ...change } });
}

/** Metrics that say how many input tokens a profile used in a window that begins with its period. */
const told =
  (inputTokens: (profile: ProfileArn, window: MeteredWindow) => number) =>
  (window: MeteredWindow): Metered => ({
    kind: 'told',
    usage: {
      ...NO_USAGE,
      inputTokens: isPast(window) ? inputTokens(window.profile, window) : 0,
    },
  });
const isPast = ({ from, until }: MeteredWindow): boolean => until - from > 24 * 3_600_000;

describe('sweep', () => {
  it('does everything that events should have done', async () => {
    const account = await busyAccount();
    expect(await sweep(account.ports)).toEqual({
      profiles: 5,
      // All were verified a month ago.
      cleared: 0,
      readSingly: 6,
      mended: 1,
      drifted: 6,
      ended: 1,
      failed: [],
      carriedOver: 0,
      missing: 0,
      oldestVerifiedAt: account.now,
    });

    expect(account.tagsOf(MENDABLE)).toMatchObject({ environment: 'dev' });
    expect(account.tagsOf(ROGUE)).toMatchObject({ 'governor:standing': 'quarantined' });
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
    for (const open of [ACME, HEALED]) expect(account.tagsOf(open)).not.toHaveProperty('governor:standing');
    expect(account.entryOf(GONE).endedAt).toBe(account.now);
    expect([...account.notices.keys()].sort()).toEqual(
      [
        'closed|tenant-monthly/acme|2026-10|2',
        'closed|tenant-monthly/lakeside|2026-11|2',
        `quarantined|${HEALED}|1`,
        `quarantined|${ROGUE}|1`,
        `released|${HEALED}|1`,
        'reopened|tenant-monthly/acme|2026-10|turned',
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
    expect(report).toMatchObject({ profiles: 5, ended: 1 });
    // What all profiles together have spent proves nothing while one is unknown: no budget is trued up.
    expect(report.failed.filter((failed) => !failed.startsWith('the true-up of '))).toEqual([
      `the index entry of ${ROGUE}`,
      ROGUE,
    ]);
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

  it.each([
    ['is in quarantine', { environment: 'nowhere' }],
    ['is tagged as another tenant’s', { tenant: 'umbrella' }],
  ])('still takes back leases on a budget whose last profile %s', async (_, change) => {
    const account = await busyAccount();
    retag(account, ACME, change);
    await sweep(account.ports);
    expect(account.entryOf(ACME).budgets.map(({ id }) => id)).not.toContain('tenant-monthly/acme');
    // A process that held money then, and crashed.
    const key = account.ledgerItem('tenant-monthly/acme', '2026-11');
    const lease = { sequence: 1, writeId: 'w2' as WriteId, leased: nanoUsd(USD), expiresAt: account.now };
    account.ledger.put({
      ...key,
      leased: nanoUsd(USD),
      committed: nanoUsd(key.committed + USD),
      holders: new Map([...key.holders, ['process-2' as HolderId, lease]]),
    });
    account.wait(account.policy.ledger.graceSeconds * 1_000 + 1);
    await sweep(account.ports);
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({ leased: 0n, unconfirmed: 2n * USD });
  });

  it('leaves a budget alone that no profile has been covered by since the periods that are still open began', async () => {
    const account = await busyAccount();
    retag(account, ACME, { tenant: 'umbrella' });
    await sweep(account.ports);
    account.moveTo('2027-01-10T10:00:00Z');
    await sweep(account.ports);
    expect(account.ledger.item({ budget: 'tenant-monthly/acme' as BudgetId, period: '2027-01' })).toBeUndefined();
    expect(account.ledger.item({ budget: 'tenant-monthly/umbrella' as BudgetId, period: '2027-01' })).toBeDefined();
  });

  it('counts spend that went round the helper, and closes the budget in the same run', async () => {
    const account = await busyAccount();
    account.meter = told((profile) => (profile === ACME ? 100_000_000 : 0));
    const report = await sweep(account.ports);
    expect(report.failed).toEqual([]);
    const item = account.ledgerItem('tenant-monthly/acme', '2026-11');
    // 100 million tokens at 0.06 USD per million, beyond the dollar that is unconfirmed.
    expect(item).toMatchObject({ unattributed: 5_000_000_000n, terms: { standing: 'closed' } });
    expect(isConserved(item)).toBe(true);
    expect(account.tagsOf(ACME)).toMatchObject({ 'governor:standing': 'closed' });
    expect(account.counted).toContain('UnattributedSpendFound');
    const bypass = `bypass|tenant-monthly/acme|2026-11|${ACME}`;
    expect(account.noticesOf('bypass-detected')).toEqual([bypass]);
    expect(account.events.all.find(({ id }) => id === (bypass as string))?.detail).toMatchObject({
      tenant: 'acme',
      profile: ACME,
      amountUsd: '5.00',
    });
    // It grows, and is on record.
    account.meter = told((profile) => (profile === ACME ? 200_000_000 : 0));
    await sweep(account.ports);
    expect(account.noticesOf('bypass-detected')).toEqual([bypass]);
  });

  it('names no profile as a bypass of which everything is recorded, or may yet be', async () => {
    const account = await busyAccount();
    account.meter = told((profile) => (profile === ACME ? 1_000_000 : 0));
    await sweep(account.ports);
    expect(account.noticesOf('bypass-detected')).toEqual([]);
  });

  it('announces what it has mended without being told, and each change of AWS Budgets, once', async () => {
    const account = await busyAccount();
    await sweep(account.ports);
    const kinds = () =>
      account.events.all.flatMap((event) =>
        event.type === 'DriftDetected' && event.detail.source === 'index'
          ? [`${event.detail.difference} ${event.detail.profile}`]
          : event.type === 'BudgetProvisioned'
            ? [`${event.detail.outcome} ${event.detail.budget}`]
            : [],
      );
    const first = kinds();
    expect(first.some((kind) => kind.startsWith('index-entry-missing'))).toBe(true);
    expect(first.some((kind) => kind.startsWith('profile-gone'))).toBe(true);
    expect(first).toContain('created tenant-monthly/acme');
    await sweep(account.ports);
    expect(kinds()).toEqual(first);
    account.wait(60_000);
    await sweep(account.ports);
    expect(kinds()).toEqual(first);
  });

  it('changes nothing while metrics cannot be read, says so, and does the rest of its work', async () => {
    const account = await busyAccount();
    account.meter = () => ({ kind: 'unreadable', why: 'ThrottlingException' });
    const report = await sweep(account.ports);
    expect(report).toMatchObject({ profiles: 5, ended: 1 });
    expect(report.failed).toContain('the token metrics of tenant-monthly/acme in 2026-11');
    expect(account.counted).toContain('MetricsUnreadable');
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11')).toMatchObject({ unattributed: 0n, unconfirmed: USD });
    expect(account.tagsOf(LAKESIDE)).toMatchObject({ 'governor:standing': 'closed' });
  });

  it('trues up the period before for three hours after its end', async () => {
    const trueUpAt = async (iso: string) => {
      const account = await busyAccount();
      account.meter = told((profile, { until }) =>
        profile === ACME && until <= Date.parse('2026-12-01T00:00:00Z') ? 100_000_000 : 0,
      );
      await sweep(account.ports);
      account.meter = told((profile, { until }) =>
        profile === ACME && until <= Date.parse('2026-12-01T00:00:00Z') ? 200_000_000 : 0,
      );
      account.moveTo(iso);
      await sweep(account.ports);
      return account.ledgerItem('tenant-monthly/acme', '2026-11').unattributed;
    };
    // In the time zone of the policy, Europe/Zurich.
    expect(await trueUpAt('2026-12-01T01:00:00Z')).toBeGreaterThan(5n * USD);
    expect(await trueUpAt('2026-12-01T02:01:00Z')).toBe(5n * USD);
  });

  it('charges what was spent in a period that is over to whoever had the profile then', async () => {
    const account = await busyAccount();
    await sweep(account.ports);
    account.moveTo('2026-12-01T00:30:00Z');
    retag(account, ACME, { tenant: 'lakeside' });
    await sweep(account.ports);
    account.meter = told((profile, { until }) =>
      profile === ACME && until <= Date.parse('2026-12-01T00:00:00Z') ? 100_000_000 : 0,
    );
    account.moveTo('2026-12-01T01:45:00Z');
    await sweep(account.ports);
    // 100 million tokens at 0.06 USD per million, beyond the dollar that is unconfirmed.
    expect(account.ledgerItem('tenant-monthly/acme', '2026-11').unattributed).toBe(5n * USD);
    expect(account.ledgerItem('tenant-monthly/lakeside', '2026-11').unattributed).toBe(0n);
  });

  it('comes to the same end whichever port call fails on the way, and tells each occasion once [F30]', async () => {
    await expectToSurviveEveryCrash(busyAccount, (account) => sweep(account.ports));
  });

  it('comes to the same end likewise where spend went round the helper', async () => {
    const build = async () => {
      const account = await busyAccount();
      await sweep(account.ports);
      account.meter = told((profile) => (profile === ACME ? 100_000_000 : 0));
      return account;
    };
    await expectToSurviveEveryCrash(build, (account) => sweep(account.ports));
  });
});
