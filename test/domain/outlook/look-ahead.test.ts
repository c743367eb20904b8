import { beforeEach, describe, expect, it } from 'vitest';
import { epochMs } from '../../../domain/clock.ts';
import { digestDue } from '../../../domain/outlook/digest.ts';
import { lookAhead } from '../../../domain/outlook/look-ahead.ts';
import { NO_PACE, type PaceRecord, type PaceRecords } from '../../../domain/outlook/pace-samples.ts';
import { governProfile } from '../../../domain/profiles/govern-profile.ts';
import { policyDocument, policyOf } from '../example-policy.ts';
import { GovernedAccount } from '../governed-account.ts';

const HOUR_MS = 3_600_000;
const ACME = 'tenant-monthly/acme';
const FORECAST = `forecast|${ACME}|2026-11`;

describe('the look ahead', () => {
  let account: GovernedAccount;
  let paces: Map<string, PaceRecord>;
  let broken: string | undefined;
  beforeEach(async () => {
    account = new GovernedAccount(policyOf(policyDocument({ digest: '07:00' })), Date.UTC(2026, 10, 4, 0, 30));
    paces = new Map();
    broken = undefined;
    for (const tenant of ['acme', 'lakeside'])
      await governProfile(account.ports, account.profile(tenant, { tenant, environment: 'prod', team: 'x' }));
  });

  const records: PaceRecords = {
    read: async ({ budget, period }) => {
      if (budget === broken) throw new Error('no pace');
      return paces.get(`${budget} ${period}`) ?? NO_PACE;
    },
    keep: async ({ budget, period }, record) => void paces.set(`${budget} ${period}`, record),
  };
  const look = () =>
    lookAhead({
      ...account.ports,
      ledgerReadings: { readMany: async (keys) => keys.map((key) => account.ledger.item(key)) },
      paces: records,
    });
  const hours = async (count: number, usd: (hour: number) => number): Promise<void> => {
    for (let hour = 0; hour < count; hour++) {
      account.spend(ACME, usd(hour));
      account.wait(HOUR_MS);
      await look();
    }
  };

  it('tells once that a budget will be used up before its period ends, with when and how certain', async () => {
    await hours(30, () => 0.1);
    expect(account.noticesOf('exhaustion-forecast')).toEqual([FORECAST]);
    const notice = account.notices.all.find(({ id }) => id === FORECAST);
    expect(notice).toMatchObject({ tenant: 'acme', budget: ACME, severity: 'warning' });
    expect(notice?.text).toMatch(
      /^Tenant acme spends 0\.10 USD an hour\. At this pace budget .* is used up at 2026-11-12/,
    );
    await hours(30, () => 0.1);
    expect(account.noticesOf('exhaustion-forecast')).toEqual([FORECAST]);
  });

  it('tells nothing of a pace that lasts, and nothing of one that only just does not', async () => {
    // 26 days and a half are left: 0.031 USD an hour leaves some, 0.0315 ends within the last hours.
    await hours(48, () => 0.031);
    expect(account.noticesOf('exhaustion-forecast')).toEqual([]);
  });

  it('does not believe a single hour: a burst that is over is no forecast', async () => {
    await hours(24, () => 0.001);
    account.spend(ACME, 5);
    account.wait(HOUR_MS);
    await look();
    // The very same evidence again, as a repeated event brings it, is no second look.
    await look();
    await look();
    expect(account.noticesOf('exhaustion-forecast')).toEqual([]);
  });

  it('begins anew with a new period', async () => {
    await hours(30, () => 0.1);
    account.moveTo('2026-12-03T00:30:00Z');
    for (const arn of account.stored.keys()) await governProfile(account.ports, arn);
    await hours(30, () => 0.1);
    expect(account.noticesOf('exhaustion-forecast')).toEqual([FORECAST, `forecast|${ACME}|2026-12`]);
  });

  it('says nothing of a budget that is closed already', async () => {
    const item = account.ledgerItem(ACME, '2026-11');
    account.ledger.put({ ...item, terms: { ...item.terms, standing: 'closed' } });
    await hours(30, () => 0.1);
    expect(account.noticesOf('exhaustion-forecast')).toEqual([]);
  });

  it('tells once a day how all budgets stand, those first of which most is spent', async () => {
    account.spend(ACME, 17);
    account.spend('tenant-monthly/lakeside', 1);
    account.moveTo('2026-11-04T05:59:00Z');
    expect((await look()).digest).toBe(false);
    account.moveTo('2026-11-04T06:00:00Z');
    expect((await look()).digest).toBe(true);
    await look();
    expect(account.noticesOf('daily-digest')).toEqual(['digest|2026-11-04']);
    const digest = account.notices.all.find(({ kind }) => kind === 'daily-digest');
    expect(digest?.text).toBe(
      [
        '2 budgets: 0 closed, 0 throttled.',
        'tenant-monthly/acme 2026-11: open, 17.00 USD of 20.00 USD (85%), no forecast yet',
        'tenant-monthly/lakeside 2026-11: open, 1.00 USD of 5.00 USD (20%), no forecast yet',
      ].join('\n'),
    );
    account.moveTo('2026-11-05T06:00:00Z');
    await look();
    expect(account.noticesOf('daily-digest')).toEqual(['digest|2026-11-04', 'digest|2026-11-05']);
  });

  it('sends no digest that lacks a budget which could not be read, and goes on with the others', async () => {
    account.moveTo('2026-11-04T09:00:00Z');
    broken = ACME;
    expect(await look()).toMatchObject({ budgets: 1, failed: [ACME], digest: false });
    expect(account.counted).toContain('ForecastFailed');
    broken = undefined;
    expect(await look()).toMatchObject({ budgets: 2, failed: [], digest: true });
  });

  it.each([
    ['07:00', '2026-11-04T05:59:59Z', undefined],
    ['07:00', '2026-11-04T06:00:00Z', '2026-11-04'],
    ['00:00', '2026-11-03T23:00:00Z', '2026-11-04'],
    ['23:59', '2026-11-04T22:58:00Z', undefined],
    ['off', '2026-11-04T12:00:00Z', undefined],
  ])('with the digest at %s in Zurich, at %s it is due for %s', (digest, now, day) => {
    expect(digestDue({ digest, timeZone: 'Europe/Zurich' }, epochMs(Date.parse(now)))).toBe(day);
  });
});
