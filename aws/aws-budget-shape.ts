/** Between a budget as AWS Budgets writes it and as the domain does. */
import type { Budget, Expression, Notification } from '@aws-sdk/client-budgets';
import type { AwsBudget, AwsBudgetState, AwsNotification } from '../domain/budgets/provisioning.ts';
import { epochMs } from '../domain/clock.ts';
import { parseUsdRoundedUp } from '../domain/money.ts';
import type { TagSelector } from '../domain/tags.ts';

const METRIC = 'UnblendedCost';

/**
 * UpdateBudget replaces the whole object, so all of it is sent.
 *
 * @param before of which its owner's choice of dates and of the billing view is kept; planned and self-adjusting limits are
 * not, because they say another amount than the policy
 */
export const budgetOf = (budget: AwsBudget, before?: Budget): Budget => ({
  BudgetName: budget.name,
  BudgetType: 'COST',
  TimeUnit: budget.timeUnit,
  BudgetLimit: { Amount: budget.amount, Unit: 'USD' },
  FilterExpression: filterOf(budget.selector),
  Metrics: [METRIC],
  ...(before?.TimePeriod === undefined || before.TimeUnit !== budget.timeUnit ? {} : { TimePeriod: before.TimePeriod }),
  ...(before?.BillingViewArn === undefined ? {} : { BillingViewArn: before.BillingViewArn }),
});

/** Usage only: credits, refunds and tax would distort what a tenant has spent. Tag keys go without a `user:` prefix (UNVERIFIED for Budgets). */
function filterOf(selector: TagSelector): Expression {
  const tags: Expression[] = Object.entries(selector).map(([Key, values]) => ({
    Tags: { Key, Values: [...values], MatchOptions: ['EQUALS'] },
  }));
  return { And: [...tags, { Dimensions: { Key: 'RECORD_TYPE', Values: ['Usage'], MatchOptions: ['EQUALS'] } }] };
}

interface ReadFilter {
  readonly selector: TagSelector;
  /** Whether it is what {@link filterOf} makes of the selector, in whatever order. */
  readonly isOurs: boolean;
}

/** AWS may leave out the options that hold anyway (UNVERIFIED). */
const isExact = (options: readonly string[] = []): boolean =>
  options.every((option) => option === 'EQUALS' || option === 'CASE_SENSITIVE');

function readFilter(expression: Expression | undefined): ReadFilter {
  const parts = expression?.And ?? (expression === undefined ? [] : [expression]);
  const selector: Record<string, readonly string[]> = {};
  let records = 0;
  let others = 0;
  for (const { Tags, Dimensions } of parts) {
    if (Tags?.Key !== undefined && !Object.hasOwn(selector, Tags.Key) && isExact(Tags.MatchOptions))
      selector[Tags.Key] = Tags.Values ?? [];
    else if (
      Dimensions?.Key === 'RECORD_TYPE' &&
      Dimensions.Values?.join() === 'Usage' &&
      isExact(Dimensions.MatchOptions)
    )
      records++;
    else others++;
  }
  return { selector, isOurs: records === 1 && others === 0 };
}

export const awsNotification = (notification: AwsNotification): Notification => ({
  NotificationType: notification.type,
  ComparisonOperator: 'GREATER_THAN',
  Threshold: notification.threshold,
  ThresholdType: 'PERCENTAGE',
});

/** Notifications of another kind were added by hand: they are left alone. */
export function notificationOf(notification: Notification): AwsNotification[] {
  const {
    NotificationType: type,
    ComparisonOperator,
    Threshold: threshold,
    ThresholdType = 'PERCENTAGE',
  } = notification;
  const ours = ComparisonOperator === 'GREATER_THAN' && ThresholdType === 'PERCENTAGE' && threshold !== undefined;
  return ours && (type === 'ACTUAL' || type === 'FORECASTED') ? [{ type, threshold }] : [];
}

export function stateOf(name: string, budget: Budget, notifications: readonly AwsNotification[]): AwsBudgetState {
  const usd = (spend: { Amount?: string | undefined; Unit?: string | undefined } | undefined) =>
    spend?.Amount !== undefined && spend.Unit === 'USD' ? parseUsdRoundedUp(spend.Amount) : undefined;
  const actual = usd(budget.CalculatedSpend?.ActualSpend);
  const forecast = usd(budget.CalculatedSpend?.ForecastedSpend);
  const { selector, isOurs } = readFilter(budget.FilterExpression);
  const isPlain = budget.PlannedBudgetLimits === undefined && budget.AutoAdjustData === undefined;
  const limits = limitsOf(budget);
  return {
    name,
    amount: isPlain ? (budget.BudgetLimit?.Amount ?? '0') : 'changing',
    timeUnit: budget.TimeUnit as AwsBudget['timeUnit'],
    selector,
    notifications,
    ...(isOurs && budget.Metrics?.join() === METRIC ? {} : { countsOtherwise: true }),
    ...(limits === undefined ? {} : { limits }),
    ...(actual === undefined ? {} : { actual }),
    ...(forecast === undefined ? {} : { forecast }),
    ...(budget.LastUpdatedTime === undefined ? {} : { updatedAt: epochMs(budget.LastUpdatedTime.getTime()) }),
  };
}

function limitsOf({ BudgetType, BudgetLimit }: Budget): string | undefined {
  if (BudgetType !== undefined && BudgetType !== 'COST') return BudgetType;
  return BudgetLimit?.Unit === undefined || BudgetLimit.Unit === 'USD' ? undefined : `cost in ${BudgetLimit.Unit}`;
}
