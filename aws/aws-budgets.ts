import {
  type Budget,
  type BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  DeleteNotificationCommand,
  DescribeBudgetCommand,
  DuplicateRecordException,
  type Expression,
  NotFoundException,
  type Notification,
  paginateDescribeNotificationsForBudget,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets';
import type { AwsBudget, AwsBudgetState, AwsBudgets, AwsNotification } from '../domain/budgets/provisioning.ts';
import { epochMs } from '../domain/clock.ts';
import { parseUsdRoundedUp } from '../domain/money.ts';
import type { TagSelector } from '../domain/tags.ts';
import { asking } from './asking.ts';

/** AWS Budgets of one account, with our alert topic as the subscriber of every notification. */
export function awsBudgets(
  client: BudgetsClient,
  account: { readonly accountId: string; readonly alertTopicArn: string },
): AwsBudgets {
  const AccountId = account.accountId;
  const Subscribers = [{ SubscriptionType: 'SNS' as const, Address: account.alertTopicArn }];

  const describe = async (name: string): Promise<AwsBudgetState | undefined> =>
    await asking(`reading AWS budget ${name}`, async () => {
      try {
        const { Budget: budget } = await client.send(new DescribeBudgetCommand({ AccountId, BudgetName: name }));
        if (budget === undefined) return undefined;
        const notifications: AwsNotification[] = [];
        for await (const page of paginateDescribeNotificationsForBudget({ client }, { AccountId, BudgetName: name }))
          notifications.push(...(page.Notifications ?? []).flatMap(notificationOf));
        return stateOf(name, budget, notifications);
      } catch (error) {
        if (error instanceof NotFoundException) return undefined;
        throw error;
      }
    });

  return {
    describe,

    async create(budget) {
      return await asking(`creating AWS budget ${budget.name}`, async () => {
        try {
          await client.send(
            new CreateBudgetCommand({
              AccountId,
              Budget: budgetOf(budget),
              NotificationsWithSubscribers: budget.notifications.map((notification) => ({
                Notification: awsNotification(notification),
                Subscribers,
              })),
            }),
          );
          return 'created';
        } catch (error) {
          if (error instanceof DuplicateRecordException) return 'exists';
          throw error;
        }
      });
    },

    async update(budget, from) {
      await asking(`updating AWS budget ${budget.name}`, async () => {
        await client.send(new UpdateBudgetCommand({ AccountId, NewBudget: budgetOf(budget) }));
        const has = (list: readonly AwsNotification[], wanted: AwsNotification) =>
          list.some((other) => other.type === wanted.type && other.threshold === wanted.threshold);
        for (const old of from.notifications.filter((notification) => !has(budget.notifications, notification)))
          await client.send(
            new DeleteNotificationCommand({ AccountId, BudgetName: budget.name, Notification: awsNotification(old) }),
          );
        for (const added of budget.notifications.filter((notification) => !has(from.notifications, notification)))
          await client.send(
            new CreateNotificationCommand({
              AccountId,
              BudgetName: budget.name,
              Notification: awsNotification(added),
              Subscribers,
            }),
          );
      });
    },
  };
}

/** UpdateBudget replaces the whole object, so both calls send all of it. */
const budgetOf = (budget: AwsBudget): Budget => ({
  BudgetName: budget.name,
  BudgetType: 'COST',
  TimeUnit: budget.timeUnit,
  BudgetLimit: { Amount: budget.amount, Unit: 'USD' },
  FilterExpression: filterOf(budget.selector),
  Metrics: ['UnblendedCost'],
});

/** Usage only: credits, refunds and tax would distort what a tenant has spent. Tag keys go without a `user:` prefix (UNVERIFIED for Budgets). */
function filterOf(selector: TagSelector): Expression {
  const tags: Expression[] = Object.entries(selector).map(([Key, values]) => ({
    Tags: { Key, Values: [...values], MatchOptions: ['EQUALS'] },
  }));
  return { And: [...tags, { Dimensions: { Key: 'RECORD_TYPE', Values: ['Usage'], MatchOptions: ['EQUALS'] } }] };
}

function selectorOf(expression: Expression | undefined): TagSelector {
  const parts = expression?.And ?? (expression === undefined ? [] : [expression]);
  return Object.fromEntries(
    parts.flatMap((part) => (part.Tags?.Key === undefined ? [] : [[part.Tags.Key, part.Tags.Values ?? []]])),
  );
}

const awsNotification = (notification: AwsNotification): Notification => ({
  NotificationType: notification.type,
  ComparisonOperator: 'GREATER_THAN',
  Threshold: notification.threshold,
  ThresholdType: 'PERCENTAGE',
});

/** Notifications of another kind were added by hand: they are left alone. */
function notificationOf(notification: Notification): AwsNotification[] {
  const {
    NotificationType: type,
    ComparisonOperator,
    Threshold: threshold,
    ThresholdType = 'PERCENTAGE',
  } = notification;
  const ours = ComparisonOperator === 'GREATER_THAN' && ThresholdType === 'PERCENTAGE' && threshold !== undefined;
  return ours && (type === 'ACTUAL' || type === 'FORECASTED') ? [{ type, threshold }] : [];
}

function stateOf(name: string, budget: Budget, notifications: readonly AwsNotification[]): AwsBudgetState {
  const usd = (spend: { Amount?: string | undefined; Unit?: string | undefined } | undefined) =>
    spend?.Amount !== undefined && spend.Unit === 'USD' ? parseUsdRoundedUp(spend.Amount) : undefined;
  const actual = usd(budget.CalculatedSpend?.ActualSpend);
  const forecast = usd(budget.CalculatedSpend?.ForecastedSpend);
  return {
    name,
    amount: budget.BudgetLimit?.Amount ?? '0',
    timeUnit: budget.TimeUnit as AwsBudget['timeUnit'],
    selector: selectorOf(budget.FilterExpression),
    notifications,
    ...(actual === undefined ? {} : { actual }),
    ...(forecast === undefined ? {} : { forecast }),
    ...(budget.LastUpdatedTime === undefined ? {} : { updatedAt: epochMs(budget.LastUpdatedTime.getTime()) }),
  };
}
