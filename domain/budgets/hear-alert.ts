import { isoTime } from '../clock.ts';
import { displayUsd } from '../money.ts';
import { periodAt } from '../period.ts';
import type { BudgetWorkPorts } from '../profiles/budget-work.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import { type Heard, readIndex, reviewOnSignal, type SignalReview } from '../signals/review-on-signal.ts';
import type { OutsideFigures } from '../standing/review-budget.ts';
import type { BudgetId } from './budget-id.ts';
import { budgetsInUse } from './budgets-in-use.ts';
import type { Budget } from './definition.ts';
import { type AwsBudgetState, awsBudgetName, describesPeriod, isSameSelector } from './provisioning.ts';

/** What following a signal needs where the figures of AWS Budgets are read besides; nothing is written there. */
export type BudgetFigures = StandingEnforcement & {
  readonly awsBudgets: Pick<BudgetWorkPorts['awsBudgets'], 'figures'>;
  readonly stage: string;
};

export type AlertOutcome =
  /** No budget of ours has this name: another team's, or an earlier policy's. */
  { readonly kind: 'unknown-budget' } | ({ readonly kind: 'reviewed'; readonly budget: BudgetId } & SignalReview);

/**
 * Answers an AWS Budgets alert. The message only says which budget to look at: its figures are read from AWS Budgets,
 * the decision is made on the ledger, and the standing of every profile that the budget covers is enforced. A late, repeated or
 * forged message finds nothing to change.
 */
export async function hearBudgetAlert(ports: BudgetFigures, awsBudgetNameInAlert: string): Promise<AlertOutcome> {
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
  const heard: Heard = { signal: 'budget alert', because };
  return { kind: 'reviewed', budget: budget.id, ...(await reviewOnSignal(ports, budget, entries, heard, outside)) };
}

/** What AWS Budgets says about the current period; undefined where it says nothing that counts. */
export async function readOutsideFigures(
  ports: Pick<BudgetFigures, 'awsBudgets' | 'stage' | 'clock'>,
  budget: Budget,
): Promise<OutsideFigures | undefined> {
  return outsideFigures(ports, budget, await ports.awsBudgets.figures(awsBudgetName(budget, ports.stage)));
}

/** As {@link readOutsideFigures}, of what was read already. */
export function outsideFigures(
  ports: Pick<BudgetFigures, 'clock'>,
  budget: Budget,
  state: AwsBudgetState | undefined,
): OutsideFigures | undefined {
  const period = periodAt(budget.period, budget.timeZone, ports.clock.now());
  if (state?.updatedAt === undefined || !describesPeriod(state, budget, period)) return undefined;
  // The figures of another filter may hold what others have spent.
  if (!isSameSelector(state.selector, budget.selector) || state.countsOtherwise) return undefined;
  return {
    ...(state.actual === undefined ? {} : { actual: state.actual }),
    ...(state.forecast === undefined ? {} : { forecast: state.forecast }),
    source: `AWS Budgets, updated ${isoTime(state.updatedAt)}`,
  };
}
