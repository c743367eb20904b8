import { describe, expect, it } from 'vitest';
import type { BudgetId } from '../../../domain/budgets/budget-id.ts';
import { epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { describeReason, type Restriction, standingTagValue, strictest } from '../../../domain/standing/standing.ts';

const byBudget = (kind: 'budget-used-up' | 'budget-throttled'): Restriction => ({
  kind,
  budget: 'tenant-monthly/acme' as BudgetId,
  period: '2026-11',
  spent: nanoUsd(20_000_000_000n),
  limit: nanoUsd(20_000_000_000n),
  until: epochMs(Date.UTC(2026, 11, 1)),
});
const USED_UP = byBudget('budget-used-up');
const THROTTLED = byBudget('budget-throttled');
const QUARANTINE: Restriction = {
  kind: 'quarantine',
  violations: [{ key: 'team', problem: 'missing', expected: 'any value but an empty one' }],
};

describe('strictest', () => {
  it.each<[string, readonly Restriction[], string, string | undefined]>([
    ['nothing', [], 'open', undefined],
    ['a throttled budget', [THROTTLED], 'throttled', 'throttled'],
    ['a used up budget', [USED_UP], 'closed', 'closed'],
    ['a used up and a throttled budget', [THROTTLED, USED_UP], 'closed', 'closed'],
    ['a quarantine', [QUARANTINE], 'closed', 'quarantined'],
    ['a quarantine and a throttled budget', [THROTTLED, QUARANTINE], 'closed', 'quarantined'],
    ['a quarantine and a used up budget', [USED_UP, QUARANTINE], 'closed', 'quarantined'],
  ])('of %s', (_, reasons, state, tag) => {
    const standing = strictest(reasons);
    expect(standing.state).toBe(state);
    expect(standingTagValue(standing)).toBe(tag);
    if (standing.state !== 'open') expect(standing.reasons).toEqual(reasons);
  });
});

it('describes each reason by its figures', () => {
  expect(describeReason(USED_UP)).toBe('budget tenant-monthly/acme for 2026-11 is used up: 20.00 USD of 20.00 USD');
  expect(describeReason(THROTTLED)).toBe('budget tenant-monthly/acme for 2026-11 is throttled: 20.00 USD of 20.00 USD');
  expect(describeReason(QUARANTINE)).toBe('quarantined: tag "team" is missing (expected any value but an empty one)');
});
