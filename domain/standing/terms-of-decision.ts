import type { Budget } from '../budgets/definition.ts';
import type { EpochMs } from '../clock.ts';
import type { Period } from '../period.ts';
import { type LedgerItem, spent } from '../spending/ledger.ts';
import type { Terms } from '../spending/terms.ts';
import type { BudgetDecision } from './decide.ts';
import type { OperatorsWord } from './override.ts';
import type { BudgetRestriction } from './standing.ts';

/** What the policy says of every period. */
export const termsOf = (budget: Budget) => ({
  limit: budget.limit,
  stopAt: budget.stopAt,
  ...(budget.outageExtra === undefined ? {} : { outageExtra: budget.outageExtra }),
});

/** What follows from a decision. Raises are the operators' alone; a pace line that has begun stays where it began. */
export function nextTerms(
  budget: Budget,
  period: Period,
  item: Pick<LedgerItem, 'terms' | 'committed'>,
  decision: BudgetDecision,
  { now, operators }: { readonly now: EpochMs; readonly operators: OperatorsWord },
): Terms {
  const version = item.terms.version + 1;
  const { heldBy, standingUntil, tightened } = decision;
  const isPaced = decision.standing === 'throttled' || tightened?.standing === 'throttled';
  const { standingSince } = goesOn(item.terms, decision, period) ? item.terms : { standingSince: version };
  return {
    ...termsOf(budget),
    standing: decision.standing,
    ...(decision.standing === 'open' ? {} : { reason: decision.because }),
    ...(heldBy === undefined ? {} : { heldBy }),
    ...(standingUntil === undefined ? {} : { standingUntil }),
    ...(standingSince === undefined ? {} : { standingSince }),
    ...(tightened === undefined ? {} : { tightened }),
    ...(isPaced ? { pace: item.terms.pace ?? { from: now, base: item.committed, until: period.endsAt } } : {}),
    ...(operators.raises.length === 0 ? {} : { raises: operators.raises }),
    version,
  };
}

/**
 * Whether it is the restriction that people were told of. One that ends later than they were told is another: they were
 * to come back before. One that ends sooner tells by its end.
 */
function goesOn(before: Terms, decision: BudgetDecision, { endsAt }: Period): boolean {
  if (decision.standing !== before.standing) return false;
  return decision.standing === 'open' || (decision.standingUntil ?? endsAt) <= (before.standingUntil ?? endsAt);
}

export function restrictionOf(budget: Budget, period: Period, item: LedgerItem): BudgetRestriction | undefined {
  const { standing, heldBy, standingUntil } = item.terms;
  if (standing === 'open') return undefined;
  const closed = heldBy === undefined ? 'budget-used-up' : 'budget-disabled';
  return {
    kind: standing === 'closed' ? closed : 'budget-throttled',
    budget: budget.id,
    period: period.id,
    spent: spent(item),
    limit: budget.limit,
    until: standingUntil ?? period.endsAt,
  };
}
