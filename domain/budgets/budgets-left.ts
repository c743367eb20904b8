import type { EpochMs } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { TagHistory } from '../profiles/tag-history.ts';
import { unsettledPeriods } from '../standing/review-budget.ts';
import type { BudgetId } from './budget-id.ts';
import { type Budget, budgetsCovering } from './definition.ts';

/**
 * Budgets that cover no profile any more, and did in a period to which something may still be reported: processes may hold
 * their money, and nobody else would take it back.
 */
export function budgetsLeft(
  { policy }: { readonly policy: Policy },
  inUse: readonly Budget[],
  histories: ReadonlyMap<ProfileArn, TagHistory>,
  now: EpochMs,
): Budget[] {
  const known = new Set<BudgetId>(inUse.map(({ id }) => id));
  const left: Budget[] = [];
  for (const history of histories.values())
    for (const { tags, until } of history)
      for (const budget of budgetsCovering(policy, tags)) {
        if (known.has(budget.id) || (until !== undefined && until <= oldestUnsettled(budget, now))) continue;
        known.add(budget.id);
        left.push(budget);
      }
  return left;
}

const oldestUnsettled = (budget: Budget, now: EpochMs): number =>
  Math.min(...unsettledPeriods(budget, now).map(({ startsAt }) => startsAt));
