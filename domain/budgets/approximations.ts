import type { BudgetPolicy, Policy } from '../policy/policy.ts';
import { costTagKeys } from './cost-tags.ts';
import { isExpressible, MAX_NOTIFICATIONS, notificationsFor } from './provisioning.ts';

/** Something that AWS Budgets can only approximate, or not say at all. */
export interface Approximation {
  /** The budget's name in the policy; absent where it is so for all of them. */
  readonly budget?: string;
  /** A sentence for people. */
  readonly text: string;
}

/**
 * What AWS Budgets will not do as the policy says. The ledger does it all the same: these are the limits of the second
 * opinion, and of alerts that AWS itself sends.
 */
export function approximations(policy: Policy): readonly Approximation[] {
  const own = policy.budgets.flatMap((budget) =>
    sentencesOf(policy, budget).map((text) => ({ budget: budget.name, text })),
  );
  return policy.budgets.some(({ period }) => isExpressible(period)) ? [...own, ...ofAll(policy)] : own;
}

function sentencesOf(policy: Policy, budget: BudgetPolicy): string[] {
  const { period, thresholds } = budget;
  if (!isExpressible(period))
    return [`AWS Budgets knows no ${period}s: no AWS budget is made, and the ledger alone keeps it.`];
  const sentences: string[] = [];
  if (policy.timeZone !== 'UTC')
    sentences.push(
      `AWS counts each ${period} in UTC, and the policy in ${policy.timeZone}: figures of AWS count only where its ${period} begins within the policy's.`,
    );
  if (period === 'day') sentences.push('AWS alerts of a day come when the day is over.');
  const { left } = notificationsFor(thresholds);
  if (left.length > 0)
    sentences.push(
      `AWS takes ${MAX_NOTIFICATIONS} notifications for a budget: it gets none for ${left.map(describeNotification).join(', ')}.`,
    );
  if (thresholds.some(({ on }) => on === 'forecast'))
    sentences.push(
      'AWS forecasts after about five weeks of spend: until then no threshold on the forecast is reached.',
    );
  if (thresholds.some(({ action }) => action !== 'notify'))
    sentences.push('An AWS budget only notifies: what is throttled or disabled is so by the governor.');
  if (budget.mode === 'shadow') sentences.push('It only watches, but AWS alerts of it come all the same.');
  return sentences;
}

const describeNotification = ({ type, threshold }: { readonly type: string; readonly threshold: number }): string =>
  `${threshold}%${type === 'FORECASTED' ? ' of the forecast' : ''}`;

function ofAll(policy: Policy): Approximation[] {
  const texts = ['AWS learns what was spent 8 to 24 hours later: its alerts come after the ledger has decided.'];
  if (policy.costAllocationTags === 'leave')
    texts.push(
      `AWS budgets match nothing until somebody activates the cost allocation tags ${costTagKeys(policy).join(', ')} ("costAllocationTags" is "leave").`,
    );
  if (policy.ledger.reservation === 'learned')
    texts.push(
      'Reservations are learned: what calls in flight cost beyond their holds is in no figure of AWS until it is billed.',
    );
  if (policy.prices.length > 0)
    texts.push('Prices of the policy hold for the ledger alone: AWS bills its own, and a difference shows as drift.');
  if (policy.mode === 'observe') texts.push('The policy only observes: no AWS budget is made or changed.');
  return texts.map((text) => ({ text }));
}
