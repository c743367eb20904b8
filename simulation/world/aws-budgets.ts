import {
  type Budget,
  DuplicateRecordException,
  NotFoundException,
  type Notification,
  type Subscriber,
} from '@aws-sdk/client-budgets';
import type { Operations } from './clients.ts';

interface Alert {
  readonly notification: Notification;
  subscribers: Subscriber[];
}

interface Entry {
  budget: Budget;
  readonly alerts: Alert[];
  tags: { Key?: string | undefined; Value?: string | undefined }[];
}

interface Named {
  readonly BudgetName?: string;
  readonly Notification?: Notification;
  readonly Subscriber?: Subscriber;
  readonly Subscribers?: Subscriber[];
  readonly Budget?: Budget;
  readonly NewBudget?: Budget;
  readonly NotificationsWithSubscribers?: { Notification?: Notification; Subscribers?: Subscriber[] }[];
  readonly ResourceTags?: { Key?: string; Value?: string }[];
  readonly ResourceARN?: string;
}

/** AWS Budgets of the account. */
export class AwsBudgetsRegister {
  readonly entries = new Map<string, Entry>();
  /** How often a budget of each name was made. */
  readonly made = new Map<string, number>();

  /** Figures as AWS refreshes them, some hours late. */
  refresh(name: string, actual: string, at: number): void {
    const entry = this.entries.get(name);
    if (entry === undefined) return;
    entry.budget = {
      ...entry.budget,
      CalculatedSpend: { ActualSpend: { Amount: actual, Unit: 'USD' } },
      LastUpdatedTime: new Date(at),
    };
  }

  readonly operations: Operations = {
    DescribeBudgetCommand: ({ BudgetName }: Named) => ({ Budget: this.#find(BudgetName).budget }),
    DescribeBudgetsCommand: () => ({ Budgets: [...this.entries.values()].map(({ budget }) => budget) }),
    DescribeNotificationsForBudgetCommand: ({ BudgetName }: Named) => ({
      Notifications: this.#find(BudgetName).alerts.map(({ notification }) => notification),
    }),
    DescribeBudgetNotificationsForAccountCommand: () => ({
      BudgetNotificationsForAccount: [...this.entries].map(([BudgetName, { alerts }]) => ({
        BudgetName,
        Notifications: alerts.map(({ notification }) => notification),
      })),
    }),
    DescribeSubscribersForNotificationCommand: ({ BudgetName, Notification }: Named) => ({
      Subscribers: this.#alert(BudgetName, Notification)?.subscribers ?? [],
    }),
    CreateBudgetCommand: ({ Budget: budget, NotificationsWithSubscribers = [], ResourceTags = [] }: Named) => {
      const name = budget?.BudgetName ?? '';
      if (budget === undefined || this.entries.has(name)) throw duplicate();
      this.made.set(name, (this.made.get(name) ?? 0) + 1);
      const alerts = NotificationsWithSubscribers.flatMap(({ Notification: notification, Subscribers = [] }) =>
        notification === undefined ? [] : [{ notification, subscribers: Subscribers }],
      );
      this.entries.set(name, { budget, alerts, tags: ResourceTags });
      return {};
    },
    UpdateBudgetCommand: ({ NewBudget }: Named) => {
      const entry = this.#find(NewBudget?.BudgetName);
      const { CalculatedSpend, LastUpdatedTime } = entry.budget;
      entry.budget = { ...entry.budget, ...NewBudget, CalculatedSpend, LastUpdatedTime };
      return {};
    },
    DeleteBudgetCommand: ({ BudgetName = '' }: Named) => {
      this.#find(BudgetName);
      this.entries.delete(BudgetName);
      return {};
    },
    ListTagsForResourceCommand: ({ ResourceARN }: Named) => ({ ResourceTags: this.#find(nameIn(ResourceARN)).tags }),
    TagResourceCommand: ({ ResourceARN, ResourceTags = [] }: Named) => {
      const entry = this.#find(nameIn(ResourceARN));
      entry.tags = [...entry.tags.filter(({ Key }) => ResourceTags.every((tag) => tag.Key !== Key)), ...ResourceTags];
      return {};
    },
    CreateNotificationCommand: ({ BudgetName, Notification: notification, Subscribers = [] }: Named) => {
      if (notification === undefined || this.#alert(BudgetName, notification) !== undefined) throw duplicate();
      this.#find(BudgetName).alerts.push({ notification, subscribers: Subscribers });
      return {};
    },
    CreateSubscriberCommand: ({ BudgetName, Notification, Subscriber: subscriber }: Named) => {
      const alert = this.#alert(BudgetName, Notification);
      if (alert === undefined || subscriber === undefined) throw notFound();
      alert.subscribers = [...alert.subscribers, subscriber];
      return {};
    },
    DeleteNotificationCommand: ({ BudgetName, Notification }: Named) => {
      const { alerts } = this.#find(BudgetName);
      const alert = this.#alert(BudgetName, Notification);
      if (alert === undefined) throw notFound();
      alerts.splice(alerts.indexOf(alert), 1);
      return {};
    },
    DeleteSubscriberCommand: ({ BudgetName, Notification, Subscriber: subscriber }: Named) => {
      const alert = this.#alert(BudgetName, Notification);
      if (alert === undefined) throw notFound();
      alert.subscribers = alert.subscribers.filter(({ Address }) => Address !== subscriber?.Address);
      return {};
    },
  };

  #find(name = ''): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw notFound();
    return entry;
  }

  #alert(name: string | undefined, wanted: Notification | undefined): Alert | undefined {
    return this.#find(name).alerts.find(
      ({ notification: { NotificationType, Threshold } }) =>
        NotificationType === wanted?.NotificationType && Threshold === wanted?.Threshold,
    );
  }
}

const nameIn = (arn = ''): string => arn.slice(arn.indexOf(':budget/') + ':budget/'.length);

const notFound = (): NotFoundException =>
  new NotFoundException({ message: 'Unable to get budget', $metadata: { httpStatusCode: 400 } });
const duplicate = (): DuplicateRecordException =>
  new DuplicateRecordException({ message: 'the budget already exists', $metadata: { httpStatusCode: 400 } });
