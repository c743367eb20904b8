import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const problems = (changes: Record<string, unknown>): string[] => {
  const reading = readPolicy(policyDocument(changes));
  return reading.kind === 'invalid' ? reading.problems.map(({ place, message }) => `${place}: ${message}`) : [];
};

describe('the billing part of a policy', () => {
  it('removes nothing, activates tags, watches for anomalies and tells drift where it says nothing', () => {
    expect(policyOf()).toMatchObject({
      awsBudgets: { removeStale: false },
      costAllocationTags: 'activate',
      anomalies: { impact: 100_000_000_000n },
      drift: { alarmPercent: 10, ignoreBelow: 1_000_000_000n },
    });
  });

  it('takes what it says', () => {
    const stated = {
      awsBudgets: { removeStale: true },
      costAllocationTags: 'leave',
      anomalies: { impact: '250 USD' },
      drift: { alarmPercent: 3 },
    };
    expect(policyOf(policyDocument(stated))).toMatchObject({
      awsBudgets: { removeStale: true },
      costAllocationTags: 'leave',
      anomalies: { impact: 250_000_000_000n },
      drift: { alarmPercent: 3, ignoreBelow: 1_000_000_000n },
    });
    expect(policyOf(policyDocument({ anomalies: 'off' })).anomalies).toBe('off');
  });

  it.each<[Record<string, unknown>, string]>([
    [{ awsBudgets: { removeStale: 'yes' } }, 'awsBudgets.removeStale: expected true or false'],
    [{ awsBudgets: { remove: true } }, 'awsBudgets: unknown key "remove"; the rules for AWS budgets has removeStale'],
    [{ costAllocationTags: 'off' }, 'costAllocationTags: expected "activate" or "leave"'],
    [{ anomalies: 'on' }, 'anomalies: expected "off" or anomaly settings with impact, such as { impact: "100 USD" }'],
    [
      { anomalies: { impact: '10,000,000,001 USD' } },
      'anomalies.impact: expected an amount of at most 10,000,000,000 USD',
    ],
    [{ drift: { alarmPercent: 0 } }, 'drift.alarmPercent: expected a whole number of percent from 1 to 100'],
    [{ drift: { alarmPercent: 101 } }, 'drift.alarmPercent: expected a whole number of percent from 1 to 100'],
    [{ drift: { ignoreBelow: '0 USD' } }, 'drift.ignoreBelow: expected an amount above zero such as "500 USD"'],
  ])('refuses %j', (changes, problem) => {
    expect(problems(changes)).toEqual([problem]);
  });
});
