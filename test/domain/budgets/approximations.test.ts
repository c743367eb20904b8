import { describe, expect, it } from 'vitest';
import { approximations } from '../../../domain/budgets/approximations.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const told = (budgets: readonly Record<string, unknown>[], changes: Record<string, unknown> = {}) =>
  approximations(policyOf(policyDocument({ timeZone: 'UTC', budgets, ...changes }))).map(({ budget, text }) =>
    budget === undefined ? text : `${budget}: ${text}`,
  );
const monthly = { name: 'a', per: 'tenant', limit: '1 USD' };
const LATE = 'AWS learns what was spent 8 to 24 hours later: its alerts come after the ledger has decided.';

describe('what AWS Budgets only approximates', () => {
  it('is how late it is, of a budget that it can express', () => {
    expect(told([monthly])).toEqual([LATE]);
  });

  it('is nothing where there is no budget', () => {
    expect(told([])).toEqual([]);
  });

  it('is all of a week', () => {
    expect(told([{ ...monthly, period: 'week', thresholds: [{ at: '50%', action: 'notify' }] }])).toEqual([
      'a: AWS Budgets knows no weeks: no AWS budget is made, and the ledger alone keeps it.',
    ]);
  });

  it('is a time zone', () => {
    expect(told([{ ...monthly, period: 'quarter' }], { timeZone: 'Europe/Zurich' })).toEqual([
      "a: AWS counts each quarter in UTC, and the policy in Europe/Zurich: figures of AWS count only where its quarter begins within the policy's.",
      LATE,
    ]);
  });

  it('is a day, which AWS judges when it is over', () => {
    expect(told([{ ...monthly, period: 'day' }])).toContain('a: AWS alerts of a day come when the day is over.');
  });

  it('is each threshold beyond five, and never one that disables', () => {
    const thresholds = [
      ...['10%', '20%', '30%', '40%'].map((at) => ({ at, action: 'notify' })),
      { at: '100%', action: 'disable' },
      { at: '90%', action: 'notify' },
      { at: '95.5%', on: 'forecast', action: 'notify' },
      // The same to AWS as one above.
      { at: '90%', action: 'throttle' },
    ];
    expect(told([{ ...monthly, thresholds }])).toContain(
      'a: AWS takes 5 notifications for a budget: it gets none for 90%, 95.5% of the forecast.',
    );
    expect(told([{ ...monthly, thresholds: thresholds.slice(0, 5) }]).join()).not.toContain('notifications for');
  });

  it('is a forecast, an action, and a budget that only watches', () => {
    const thresholds = [
      { at: '80%', on: 'forecast', action: 'notify' },
      { at: '100%', action: 'disable' },
    ];
    expect(told([{ ...monthly, thresholds, mode: 'shadow' }])).toEqual([
      'a: AWS forecasts after about five weeks of spend: until then no threshold on the forecast is reached.',
      'a: An AWS budget only notifies: what is throttled or disabled is so by the governor.',
      'a: It only watches, but AWS alerts of it come all the same.',
      LATE,
    ]);
  });

  it('is what the policy as a whole keeps from AWS', () => {
    const all = told([monthly], {
      costAllocationTags: 'leave',
      ledger: { reservation: 'learned' },
      mode: 'observe',
      prices: [{ model: 'amazon.nova-lite-v1:0', from: '2026-08-01', input: '1 USD', output: '2 USD' }],
    });
    expect(all).toEqual([
      LATE,
      'AWS budgets match nothing until somebody activates the cost allocation tags environment, team, tenant ("costAllocationTags" is "leave").',
      expect.stringContaining('Reservations are learned'),
      expect.stringContaining('Prices of the policy'),
      expect.stringContaining('only observes'),
    ]);
  });
});
