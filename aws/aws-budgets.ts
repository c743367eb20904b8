import {
  type Budget,
  type BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  CreateSubscriberCommand,
  CreationLimitExceededException,
  DeleteBudgetCommand,
  DeleteNotificationCommand,
  DeleteSubscriberCommand,
  DescribeBudgetCommand,
  DescribeBudgetNotificationsForAccountCommand,
  DescribeBudgetsCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
  DuplicateRecordException,
  ListTagsForResourceCommand,
  NotFoundException,
  type Notification,
  type Subscriber,
  TagResourceCommand,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets';
import {
  type AwsBudgetState,
  type AwsBudgets,
  type AwsNotification,
  isSameDefinition,
} from '../domain/budgets/provisioning.ts';
import { asking } from './asking.ts';
import { awsNotification, budgetOf, notificationOf, stateOf } from './aws-budget-shape.ts';
import type { Pace } from './pace.ts';
import { allPages } from './pages.ts';

/** What tells a budget that the governor made from one that it found: only the former may be removed. */
const MANAGED_TAG = 'governor:managed';

/**
 * AWS Budgets of one account, with our alert topic as the subscriber of every notification of ours.
 *
 * @param pace kept by what is written, and by what is read on the way. Bulk reads are one or two for a thousand budgets, and
 *   a single one is what an event or an alert waits for: they go out at once
 */
export function awsBudgets(
  client: BudgetsClient,
  account: { readonly accountId: string; readonly alertTopicArn: string },
  pace: Pick<Pace, 'keep'>,
): AwsBudgets {
  const AccountId = account.accountId;
  const ours: Subscriber = { SubscriptionType: 'SNS', Address: account.alertTopicArn };
  const isOurs = ({ SubscriptionType, Address }: Subscriber) =>
    SubscriptionType === 'SNS' && Address === account.alertTopicArn;
  const partition = account.alertTopicArn.split(':')[1] ?? 'aws';
  // The name stands in it as it is, percent signs included (UNVERIFIED).
  const arnOf = (name: string) => `arn:${partition}:budgets::${AccountId}:budget/${name}`;
  const send = paced(client, pace);

  const read = async (BudgetName: string): Promise<Budget | undefined> =>
    (await client.send(new DescribeBudgetCommand({ AccountId, BudgetName, ShowFilterExpression: true }))).Budget;

  const managedAs = async (name: string): Promise<string | undefined> => {
    const { ResourceTags = [] } = await send(new ListTagsForResourceCommand({ ResourceARN: arnOf(name) }));
    return ResourceTags.find(({ Key }) => Key === MANAGED_TAG)?.Value;
  };

  const subscribersOf = async (key: NotificationKey): Promise<Subscriber[]> => {
    const found: Subscriber[] = [];
    const pages = allPages(async (NextToken) =>
      send(new DescribeSubscribersForNotificationCommand({ ...key, NextToken })),
    );
    for await (const page of pages) found.push(...(page.Subscribers ?? []));
    return found;
  };

  /** A notification that has our topic loses it, and goes where nobody else is told by it. @returns whether it was written */
  const leave = async (key: NotificationKey): Promise<boolean> => {
    const subscribers = await subscribersOf(key);
    if (!subscribers.some(isOurs)) return false;
    if (subscribers.length === 1) await send(new DeleteNotificationCommand(key));
    else await send(new DeleteSubscriberCommand({ ...key, Subscriber: ours }));
    return true;
  };

  /** @returns whether it was written; a notification takes one topic, and one that others have given it stays */
  const join = async (key: NotificationKey): Promise<boolean> => {
    if ((await subscribersOf(key)).some(({ SubscriptionType }) => SubscriptionType === 'SNS')) return false;
    await send(new CreateSubscriberCommand({ ...key, Subscriber: ours }));
    return true;
  };

  /** @returns false where AWS has no room for it */
  const addNotification = async (key: NotificationKey): Promise<boolean> => {
    try {
      await send(new CreateNotificationCommand({ ...key, Subscribers: [ours] }));
      return true;
    } catch (error) {
      if (error instanceof CreationLimitExceededException) return false;
      if (error instanceof DuplicateRecordException) return true;
      throw error;
    }
  };

  return {
    async figures(name) {
      return await asking(`reading AWS budget ${name}`, () =>
        orMissing(async () => {
          const budget = await read(name);
          return budget && stateOf(name, budget, []);
        }),
      );
    },

    async describe(name) {
      return await asking(`reading AWS budget ${name}`, () =>
        orMissing(async () => {
          const budget = await read(name);
          if (budget === undefined) return undefined;
          const notifications: AwsNotification[] = [];
          const pages = allPages(async (NextToken) =>
            client.send(new DescribeNotificationsForBudgetCommand({ AccountId, BudgetName: name, NextToken })),
          );
          for await (const page of pages) notifications.push(...(page.Notifications ?? []).flatMap(notificationOf));
          return stateOf(name, budget, notifications);
        }),
      );
    },

    async list(namePrefix) {
      return await asking('reading all AWS budgets', async () => {
        const notifications = new Map<string, AwsNotification[]>();
        const told = allPages(async (NextToken) =>
          client.send(new DescribeBudgetNotificationsForAccountCommand({ AccountId, MaxResults: 1000, NextToken })),
        );
        for await (const page of told)
          for (const { BudgetName = '', Notifications = [] } of page.BudgetNotificationsForAccount ?? [])
            notifications.set(BudgetName, Notifications.flatMap(notificationOf));
        const states = new Map<string, AwsBudgetState>();
        const pages = allPages(async (NextToken) =>
          client.send(
            new DescribeBudgetsCommand({ AccountId, MaxResults: 1000, ShowFilterExpression: true, NextToken }),
          ),
        );
        for await (const page of pages)
          for (const budget of page.Budgets ?? []) {
            const { BudgetName: name } = budget;
            if (name?.startsWith(namePrefix)) states.set(name, stateOf(name, budget, notifications.get(name) ?? []));
          }
        return states;
      });
    },

    async create(budget) {
      return await asking(`creating AWS budget ${budget.name}`, async () => {
        try {
          await send(
            new CreateBudgetCommand({
              AccountId,
              Budget: budgetOf(budget),
              NotificationsWithSubscribers: budget.notifications.map((notification) => ({
                Notification: awsNotification(notification),
                Subscribers: [ours],
              })),
              ResourceTags: [{ Key: MANAGED_TAG, Value: 'created' }],
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
      return await asking(`updating AWS budget ${budget.name}`, async () => {
        const managed = await managedAs(budget.name);
        if (managed === undefined)
          await send(
            new TagResourceCommand({
              ResourceARN: arnOf(budget.name),
              ResourceTags: [{ Key: MANAGED_TAG, Value: 'adopted' }],
            }),
          );
        const key = (notification: AwsNotification): NotificationKey => ({
          AccountId,
          BudgetName: budget.name,
          Notification: awsNotification(notification),
        });
        const has = (list: readonly AwsNotification[], wanted: AwsNotification) =>
          list.some((other) => other.type === wanted.type && other.threshold === wanted.threshold);
        let isWritten = false;
        let isFull = false;
        for (const old of from.notifications)
          if (!has(budget.notifications, old)) isWritten = (await leave(key(old))) || isWritten;
          else if (managed !== 'created') isWritten = (await join(key(old))) || isWritten;
        for (const added of budget.notifications) {
          if (has(from.notifications, added)) continue;
          if (await addNotification(key(added))) isWritten = true;
          else isFull = true;
        }
        // Last: until it has landed, the budget differs, and the next sweep begins here again.
        if (!isSameDefinition(from, budget)) {
          const before = await pace.keep(() => read(budget.name));
          await send(new UpdateBudgetCommand({ AccountId, NewBudget: budgetOf(budget, before) }));
          isWritten = true;
        }
        if (managed === undefined) return 'adopted';
        return isFull ? 'alerts-full' : isWritten ? 'updated' : 'unchanged';
      });
    },

    async remove(name) {
      return await asking(`removing AWS budget ${name}`, async () => {
        try {
          if ((await managedAs(name)) !== 'created') return 'not-ours';
          await send(new DeleteBudgetCommand({ AccountId, BudgetName: name }));
          return 'removed';
        } catch (error) {
          if (error instanceof NotFoundException) return 'gone';
          throw error;
        }
      });
    },
  };
}

/** Undefined where AWS says that there is no such budget. */
async function orMissing<T>(reading: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading();
  } catch (error) {
    if (error instanceof NotFoundException) return undefined;
    throw error;
  }
}

const paced = (client: BudgetsClient, pace: Pick<Pace, 'keep'>): BudgetsClient['send'] =>
  ((command: Parameters<BudgetsClient['send']>[0]) => pace.keep(() => client.send(command))) as BudgetsClient['send'];

interface NotificationKey {
  readonly AccountId: string;
  readonly BudgetName: string;
  readonly Notification: Notification;
}
