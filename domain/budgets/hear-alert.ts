import { isoTime } from '../clock.ts';
import { displayUsd } from '../money.ts';
import { periodAt } from '../period.ts';
import type { ProfileGovernance } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { readIndex, reviewOnSignal, type SignalReview } from '../signals/review-on-signal.ts';
import type { OutsideFigures } from '../standing/review-budget.ts';
import type { BudgetId } from './budget-id.ts';
import { type Budget, budgetOf } from './definition.ts';
import { awsBudgetName, describesPeriod, isSameSelector } from './provisioning.ts';

export type AlertOutcome =
  /** No budget of ours has this name: another team's, or an earlier policy's. */
  { readonly kind: 'unknown-budget' } | ({ readonly kind: 'reviewed'; readonly budget: BudgetId } & SignalReview);

/**
 * Answers an AWS Budgets alert. The message only says which budget to look at: its figures are read from AWS Budgets,
 * the decision is made on the ledger, and the standing of every profile that the budget covers is enforced. A late, repeated or
 * forged message finds nothing to change.
 */
export async function hearBudgetAlert(ports: ProfileGovernance, awsBudgetNameInAlert: string): Promise<AlertOutcome> {
  const entries = await readIndex(ports);
  const budget = budgetsInUse(ports, entries).find(
    (candidate) => awsBudgetName(candidate, ports.stage) === awsBudgetNameInAlert,
  );
  if (budget === undefined) return { kind: 'unknown-budget' };
  const outside = await readOutsideFigures(ports, budget);
  const because =
    outside === undefined
      ? 'AWS Budgets has no figures of this period that count'
      : `${outside.source} says ${outside.actual === undefined ? 'nothing' : displayUsd(outside.actual)}`;
  const heard = { signal: 'budget alert', because };
  return { kind: 'reviewed', budget: budget.id, ...(await reviewOnSignal(ports, budget, entries, heard, outside)) };
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
