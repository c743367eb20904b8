import { isoTime } from '../clock.ts';
import { displayUsd } from '../money.ts';
import { periodAt } from '../period.ts';
import { SharedReviews } from '../profiles/budget-work.ts';
import type { GovernedProfile, ProfileGovernance } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { enforceProfiles, wholeOrFault } from '../standing/enforce-budgets.ts';
import { type OutsideFigures, reviewBudget } from '../standing/review-budget.ts';
import { type Restriction, strictest } from '../standing/standing.ts';
import type { BudgetId } from './budget-id.ts';
import { type Budget, budgetOf } from './definition.ts';
import { awsBudgetName, describesPeriod, isSameSelector } from './provisioning.ts';

export type AlertOutcome =
  /** No budget of ours has this name: another team's, or an earlier policy's. */
  | { readonly kind: 'unknown-budget' }
  | {
      readonly kind: 'reviewed';
      readonly budget: BudgetId;
      /** What restricts the budget now; undefined while it is open. */
      readonly restriction: Restriction | undefined;
      readonly profiles: readonly GovernedProfile[];
    };

/**
 * Answers an AWS Budgets alert. The message only says which budget to look at: its figures are read from AWS Budgets,
 * the decision is made on the ledger, and the standing of every profile that the budget covers is enforced. A late, repeated or
 * forged message finds nothing to change.
 */
export async function hearBudgetAlert(ports: ProfileGovernance, awsBudgetNameInAlert: string): Promise<AlertOutcome> {
  const entries = await ports.index.list((arn) =>
    ports.journal.counted('ProfileReadFailed', {
      what: `the index entry of ${arn}`,
      error: 'written by another version',
    }),
  );
  const budget = budgetsInUse(ports, entries).find(
    (candidate) => awsBudgetName(candidate, ports.stage) === awsBudgetNameInAlert,
  );
  if (budget === undefined) return { kind: 'unknown-budget' };
  const outside = await readOutsideFigures(ports, budget);
  const restriction = await reviewBudget(ports, budget, outside);
  ports.journal.decided('answer budget alert', {
    budget: budget.id,
    standing: strictest(restriction === undefined ? [] : [restriction]).state,
    because:
      outside === undefined
        ? 'AWS Budgets has no figures of this period that count'
        : `${outside.source} says ${outside.actual === undefined ? 'nothing' : displayUsd(outside.actual)}`,
  });
  const covered = entries.filter(
    (entry) => entry.endedAt === undefined && entry.budgets.some((covering) => covering.id === budget.id),
  );
  const enforcement = await enforceProfiles(
    ports,
    covered.map(({ arn }) => arn),
    new SharedReviews(ports),
  );
  const profiles = wholeOrFault(enforcement, `enforcing the standing of budget ${budget.id}`);
  return { kind: 'reviewed', budget: budget.id, restriction, profiles };
}

/** Every budget that covers a profile of the index under the policy as it is now, ended profiles included: they may still be billed. */
export function budgetsInUse(ports: Pick<ProfileGovernance, 'policy'>, entries: readonly IndexEntry[]): Budget[] {
  const ids = new Set(entries.flatMap((entry) => entry.budgets.map((covering) => covering.id)));
  return [...ids].flatMap((id) => budgetOf(ports.policy, id) ?? []);
}

/** What AWS Budgets says about the current period; undefined where it says nothing that counts. */
export async function readOutsideFigures(
  ports: ProfileGovernance,
  budget: Budget,
): Promise<OutsideFigures | undefined> {
  const state = await ports.awsBudgets.describe(awsBudgetName(budget, ports.stage));
  const period = periodAt(budget.period, budget.timeZone, ports.clock.now());
  if (state?.updatedAt === undefined || !describesPeriod(state, budget, period)) return undefined;
  // The figures of another filter may hold what others have spent.
  if (!isSameSelector(state.selector, budget.selector)) return undefined;
  return {
    ...(state.actual === undefined ? {} : { actual: state.actual }),
    ...(state.forecast === undefined ? {} : { forecast: state.forecast }),
    source: `AWS Budgets, updated ${isoTime(state.updatedAt)}`,
  };
}
