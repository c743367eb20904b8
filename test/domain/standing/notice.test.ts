import { describe, expect, it } from 'vitest';
import { epochMs, isoTime } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { nextPeriod, periodAt } from '../../../domain/period.ts';
import {
  budgetClosed,
  budgetReopened,
  budgetThrottled,
  profileDeleted,
  profileMismatched,
  profileQuarantined,
  profileReleased,
  profileViolating,
  tagConflict,
  thresholdCrossed,
} from '../../../domain/standing/notice.ts';
import { budgetNamed, policyOf } from '../example-policy.ts';
import { profileArn } from '../governed-account.ts';

const policy = policyOf();
const budget = budgetNamed(policy, 'tenant-monthly/acme');
const november = periodAt('month', policy.timeZone, epochMs(Date.UTC(2026, 10, 23)));
const december = nextPeriod(november, policy.timeZone);
const spent = nanoUsd(17_000_000_000n);
const profile = {
  arn: profileArn('a'),
  name: 'acme-chat',
  tags: { team: 'x' },
  tenant: 'acme',
  quarantine: 1,
};
const changes = ['team: x → y'];
const violations = [{ key: 'team', problem: 'not-allowed', value: 'x', expected: 'one of y' }] as const;
const because = '100% of the limit is spent';
const first = { since: 2, until: november.endsAt };

/** One notice for each occasion that there can be, by what it is about. */
const occasions = () => {
  const [one, second, third] = budget.thresholds;
  if (one === undefined || second === undefined || third === undefined)
    throw new Error('the example has three thresholds');
  const crossed = (threshold: typeof one, period = november) =>
    thresholdCrossed({ budget, period, threshold, tenant: 'acme', figure: spent });
  const other = budgetNamed(policy, 'tenant-monthly/lakeside');
  return [
    crossed(one),
    crossed(second),
    crossed(third),
    crossed(one, december),
    thresholdCrossed({ budget: other, period: november, threshold: one, tenant: 'lakeside', figure: spent }),
    budgetClosed({ budget, period: november, tenant: 'acme', spent, because, ...first }),
    budgetClosed({ budget, period: december, tenant: 'acme', spent, because, ...first, until: december.endsAt }),
    budgetClosed({ budget: other, period: november, tenant: 'lakeside', spent, because, ...first }),
    budgetClosed({ budget, period: november, tenant: 'acme', spent, because, ...first, since: 4 }),
    budgetThrottled({ budget, period: november, tenant: 'acme', spent, because, ...first }),
    budgetReopened({ budget, closedIn: november.id, period: december, tenant: 'acme', since: 1 }),
    budgetReopened({ budget, closedIn: november.id, period: november, tenant: 'acme', since: 3 }),
    budgetReopened({ budget, closedIn: november.id, period: november, tenant: 'acme', since: 5 }),
    profileQuarantined({ ...profile, violations }),
    profileQuarantined({ ...profile, violations, quarantine: 2 }),
    profileQuarantined({ ...profile, violations, arn: profileArn('b') }),
    profileReleased(profile),
    profileViolating({ ...profile, violations, until: november.endsAt, times: 1 }),
    profileViolating({ ...profile, violations, until: november.endsAt, times: 2 }),
    tagConflict({ ...profile, day: '2026-11-23', changes, writes: 5 }),
    tagConflict({ ...profile, day: '2026-11-24', changes, writes: 5 }),
    profileMismatched({
      ...profile,
      since: epochMs(0),
      mismatch: { what: 'model', value: 'a.b', expected: 'one of c.*' },
    }),
    profileMismatched({
      ...profile,
      since: epochMs(0),
      mismatch: { what: 'name', value: 'x', expected: 'a name that matches ^y' },
    }),
    profileDeleted({ ...profile, mismatches: [{ what: 'name', value: 'x', expected: 'a name that matches ^y' }] }),
  ];
};

describe('notices', () => {
  it('have one id for each occasion, and the same id for the same occasion', () => {
    const ids = occasions().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(occasions().map(({ id }) => id)).toEqual(ids);
  });

  it('keep their id whatever the figures and reasons have become meanwhile', () => {
    const id = (amount: bigint, why: string) =>
      budgetClosed({ budget, period: november, tenant: 'acme', spent: nanoUsd(amount), because: why, ...first }).id;
    expect(id(1n, 'a')).toBe(id(2n, 'b'));
  });

  it('name the tenant, the budget, the figures and the end [F30]', () => {
    const closed = budgetClosed({ budget, period: november, tenant: 'acme', spent, because, ...first });
    expect(closed).toMatchObject({
      kind: 'tenant-closed',
      severity: 'critical',
      tenant: 'acme',
      budget: 'tenant-monthly/acme',
    });
    expect(closed.subject).toBe('Bedrock budget tenant-monthly/acme is closed until 2026-11-30T23:00:00.000Z');
    expect(closed.text).toContain(
      'Tenant acme may not call Amazon Bedrock any more in 2026-11: 100% of the limit is spent. Spent 17.00 USD of 20.00 USD.',
    );
    const [crossed] = occasions();
    expect(crossed?.text).toBe(
      'Budget tenant-monthly/acme has reached 80% of its limit in 2026-11: 17.00 USD of 20.00 USD (85%).',
    );
  });

  it('say what a budget covers where it belongs to no single tenant', () => {
    const shared = budgetNamed(policy, 'support-chat');
    const notice = budgetClosed({ budget: shared, period: november, tenant: undefined, spent, because, ...first });
    expect(notice).not.toHaveProperty('tenant');
    expect(notice.text).toMatch(/^What budget support-chat covers may not call/);
  });

  it('say what is wrong with a quarantined profile and what to do', () => {
    const { text, subject } = profileQuarantined({ ...profile, violations });
    expect(subject).toBe('Bedrock profile acme-chat is quarantined');
    expect(text).toContain('tag "team" is "x" (expected one of y). Its tags are: team=x. Correct the tags');
    expect(profileQuarantined({ ...profile, tags: {}, violations }).text).toContain('Its tags are: none.');
  });
  it('say when a violating profile will be quarantined, and for what', () => {
    const { text } = profileViolating({ ...profile, violations, until: november.endsAt, times: 1 });
    expect(text).toContain(
      `is quarantined at ${isoTime(november.endsAt)} unless its tags are corrected: tag "team" is "x"`,
    );
  });

  it('say what the policy wants of tags that somebody changes back, and when it is tried again', () => {
    const { text } = tagConflict({ ...profile, day: '2026-11-23', changes, writes: 5 });
    expect(text).toMatch(/were mended 5 times on 2026-11-23, .* until the day is over \(UTC\): team: x → y is what/);
  });
});
