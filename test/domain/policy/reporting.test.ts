import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const problems = (changes: Record<string, unknown>) => {
  const reading = readPolicy(policyDocument(changes));
  return reading.kind === 'valid' ? [] : reading.problems.map(({ place, message }) => `${place}: ${message}`);
};

describe('what the policy says of signals and reports', () => {
  it('has defaults: no alarms, decisions kept for 400 days, a digest at seven', () => {
    expect(policyOf()).toMatchObject({ alarms: {}, audit: { retentionDays: 400 }, digest: '07:00' });
  });

  it('may name alarms of single budgets and of templates', () => {
    const alarms = { 'acme: tokens': 'tenant-monthly/acme', chat: 'support-chat', odd: 'tenant-monthly/a/b' };
    expect(policyOf(policyDocument({ alarms })).alarms).toEqual(alarms);
  });

  const UNKNOWN = 'expected the id of a budget of this policy: its name, and "/" with a value where it has "per"';
  const DAYS = 'expected a whole number of days from 1 to 3650';
  const TIME = 'expected "off" or a time of day such as "07:00", in the policy\'s time zone';
  it.each([
    [{ alarms: { x: 'nothing' } }, `alarms.x: ${UNKNOWN}`],
    [{ alarms: { x: 'tenant-monthly' } }, `alarms.x: ${UNKNOWN}`],
    [{ alarms: { x: 'support-chat/acme' } }, `alarms.x: ${UNKNOWN}`],
    [{ alarms: { x: 5 } }, 'alarms.x: expected the id of a budget such as "tenant-monthly/acme"'],
    [{ alarms: [] }, 'alarms: expected alarm names with budget ids, such as { acme-tokens: tenant-monthly/acme }'],
    [{ audit: { retentionDays: 0 } }, `audit.retentionDays: ${DAYS}`],
    [{ audit: { retentionDays: 1.5 } }, `audit.retentionDays: ${DAYS}`],
    [{ audit: { days: 1 } }, 'audit: unknown key "days"; the audit settings has retentionDays'],
    [{ digest: '7:00' }, `digest: ${TIME}`],
    [{ digest: '24:00' }, `digest: ${TIME}`],
    [{ digest: true }, `digest: ${TIME}`],
  ])('refuses %j', (changes, problem) => {
    expect(problems(changes)).toEqual([problem]);
  });
});
