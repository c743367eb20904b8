import { DeliveryFailure, type Destinations } from '../destinations.ts';
import { type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject, type Operation, type Service, type World } from '../service.ts';
import { alertText } from './alert.ts';
import { type BudgetDefinition, readBudget, spend } from './definition.ts';
import {
  checkSubscribers,
  describeNotification,
  describeSubscriber,
  isCrossed,
  type Notification,
  notificationKey,
  readNotification,
  readSubscriber,
  type Subscriber,
  subscriberKey,
  thresholdAmount,
} from './notification.ts';
import { page } from './page.ts';
import { periodAt } from './period.ts';
import { throttled } from './rate.ts';
import { type Spend, spendOf } from './spend.ts';

export interface BudgetsOptions {
  /** Between two refreshes of all figures. AWS: up to three times a day. Default 8 h. */
  readonly refreshMs?: number;
  /** From a model call until its billing record counts. Default 4 h, so that spend shows after 4 to 12 h. */
  readonly billingDelayMs?: number;
  /** Calls that are taken in one minute of the virtual clock; further ones are throttled. AWS publishes no rate. Default: any. */
  readonly callsPerMinute?: number;
}

const HOUR_MS = 3_600_000;

type Alarm = {
  readonly notification: Notification;
  subscribers: Subscriber[];
  state: 'OK' | 'ALARM';
  /** Start of the period in which the actual threshold was last announced: once each period. */
  announcedFor: number | undefined;
};

type Budget = {
  definition: BudgetDefinition;
  readonly arn: string;
  readonly alarms: Map<string, Alarm>;
  readonly tags: Map<string, string>;
  spend: Spend;
  updatedAt: number;
};

/** Documentation gives five (CreateBudget) and ten (Notification); five is the lower. */
const MAX_NOTIFICATIONS = 5;
const MAX_TAGS = 200;

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/**
 * AWS Budgets for cost budgets, global in the account. Figures change at refreshes only; a new budget shows 0 until
 * the next one. At a refresh every crossed threshold is announced to its SNS topic: an actual one once in each period,
 * a forecast one whenever it is crossed anew. Email is not sent. Budget actions are not embedded.
 */
export function createBudgets(world: World, destinations: Destinations, options: BudgetsOptions = {}): Service {
  const refreshMs = options.refreshMs ?? 8 * HOUR_MS;
  const billingDelayMs = options.billingDelayMs ?? 4 * HOUR_MS;
  const budgets = new Map<string, Budget>();

  const refresh = (at: number): void => {
    for (const budget of budgets.values()) {
      if (budget.definition.timePeriod.end <= at) budgets.delete(budget.definition.name);
      else refreshBudget(budget, at);
    }
    world.clock.at(at + refreshMs, refresh);
  };
  world.clock.at(world.clock.now() + refreshMs, refresh);

  const refreshBudget = (budget: Budget, at: number): void => {
    budget.spend = spendOf(budget.definition, world.billing, at, at - billingDelayMs);
    budget.updatedAt = at;
    const { period, actual, forecast } = budget.spend;
    const limit = budget.definition.limitFor(period.start);
    for (const alarm of budget.alarms.values()) {
      const isActual = alarm.notification.type === 'ACTUAL';
      const amount = isActual ? actual : forecast;
      const crossed = amount !== undefined && isCrossed(alarm.notification, amount, limit);
      const isNew = isActual ? alarm.announcedFor !== period.start : alarm.state === 'OK';
      alarm.state = crossed ? 'ALARM' : 'OK';
      if (!crossed || !isNew) continue;
      alarm.announcedFor = period.start;
      announce(budget, alarm, amount, limit, at);
    }
  };

  const announce = (budget: Budget, alarm: Alarm, spent: bigint, limit: bigint, at: number): void => {
    const { subject, message } = alertText({
      budgetName: budget.definition.name,
      accountId: world.accountId,
      at,
      timeUnit: budget.definition.timeUnit,
      notification: alarm.notification,
      limitNanoUsd: limit,
      thresholdNanoUsd: thresholdAmount(alarm.notification, limit),
      spentNanoUsd: spent,
    });
    for (const { type, address } of alarm.subscribers) {
      if (type !== 'SNS') continue;
      const authority = { service: 'budgets.amazonaws.com', sourceArn: budget.arn };
      const sent = destinations.send(address, { authority, subject, body: message }).catch((failure: unknown) => {
        if (!(failure instanceof DeliveryFailure)) throw failure;
        world.observe({ kind: 'lost', from: budget.arn, to: address, reason: failure.message });
      });
      void world.activity.track(sent);
    }
  };

  const checkAccount = (input: JsonObject): Members => {
    const read = members(input);
    const accountId = read.string('AccountId');
    if (!/^\d{12}$/.test(accountId)) throw invalid('AccountId must be 12 digits.');
    if (accountId !== world.accountId) {
      throw new AwsFault(
        'AccessDeniedException',
        `Account ${world.accountId} may not see the budgets of ${accountId}.`,
      );
    }
    return read;
  };
  const budgetNamed = (name: string): Budget => {
    const budget = budgets.get(name);
    if (budget === undefined) {
      throw new AwsFault('NotFoundException', `Unable to get budget: ${name} - the budget doesn't exist.`);
    }
    return budget;
  };
  const alarmOf = (read: Members, member = 'Notification'): { budget: Budget; alarm: Alarm; key: string } => {
    const budget = budgetNamed(read.string('BudgetName'));
    const key = notificationKey(readNotification(read.object(member)));
    const alarm = budget.alarms.get(key);
    if (alarm === undefined) {
      throw new AwsFault(
        'NotFoundException',
        `Unable to get notification: ${budget.definition.name} has no such notification.`,
      );
    }
    return { budget, alarm, key };
  };
  const newAlarm = (structure: JsonObject, subscribers: readonly JsonObject[]): Alarm => {
    const read = subscribers.map((subscriber) => readSubscriber(subscriber, world.accountId));
    checkSubscribers(read);
    return { notification: readNotification(structure), subscribers: read, state: 'OK', announcedFor: undefined };
  };
  const addAlarm = (alarms: Map<string, Alarm>, alarm: Alarm): void => {
    const key = notificationKey(alarm.notification);
    if (alarms.has(key)) throw new AwsFault('DuplicateRecordException', 'The notification already exists.');
    if (alarms.size >= MAX_NOTIFICATIONS) {
      throw new AwsFault('CreationLimitExceededException', `A budget may have ${MAX_NOTIFICATIONS} notifications.`);
    }
    alarms.set(key, alarm);
  };
  /** The filter expression is told to those who ask for it. [API reference, ShowFilterExpression] */
  const describe = (budget: Budget, read: Members): JsonObject => ({
    ...budget.definition.given,
    ...(read.optionalBoolean('ShowFilterExpression') === true ? {} : { FilterExpression: undefined }),
    CalculatedSpend: {
      ActualSpend: spend(budget.spend.actual),
      ...(budget.spend.forecast !== undefined && { ForecastedSpend: spend(budget.spend.forecast) }),
    },
    LastUpdatedTime: budget.updatedAt / 1000,
    HealthStatus: { Status: 'HEALTHY', LastUpdatedTime: budget.updatedAt / 1000 },
  });
  const budgetOfArn = (input: JsonObject): Budget => {
    const arn = members(input).string('ResourceARN');
    const budget = [...budgets.values()].find((each) => each.arn === arn);
    if (budget === undefined) throw new AwsFault('NotFoundException', `Unable to find ${arn}.`);
    return budget;
  };
  const tag = (budget: Budget, tags: readonly JsonObject[]): void => {
    const read = tags.map((each) => [members(each).string('Key'), members(each).string('Value')] as const);
    if (new Set([...budget.tags.keys(), ...read.map(([key]) => key)]).size > MAX_TAGS) {
      throw new AwsFault('ServiceQuotaExceededException', `A budget may have ${MAX_TAGS} tags.`);
    }
    for (const [key, value] of read) budget.tags.set(key, value);
  };

  const operations: Readonly<Record<string, Operation>> = {
    CreateBudget(input) {
      const read = checkAccount(input);
      const now = world.clock.now();
      const definition = readBudget(read.object('Budget'), now);
      if (budgets.has(definition.name)) {
        throw new AwsFault(
          'DuplicateRecordException',
          `Error creating budget: ${definition.name} - the budget already exists.`,
        );
      }
      const alarms = new Map<string, Alarm>();
      for (const entry of read.objects('NotificationsWithSubscribers')) {
        addAlarm(alarms, newAlarm(members(entry).object('Notification'), members(entry).objects('Subscribers')));
      }
      const budget: Budget = {
        definition,
        arn: `arn:aws:budgets::${world.accountId}:budget/${definition.name}`,
        alarms,
        tags: new Map(),
        spend: { period: periodAt(definition.timeUnit, now, definition.timePeriod), actual: 0n, forecast: undefined },
        updatedAt: now,
      };
      tag(budget, read.objects('ResourceTags'));
      budgets.set(definition.name, budget);
      return {};
    },
    UpdateBudget(input) {
      const newBudget = checkAccount(input).object('NewBudget');
      const budget = budgetNamed(members(newBudget).string('BudgetName'));
      budget.definition = readBudget(newBudget, world.clock.now());
      return {};
    },
    DescribeBudget(input) {
      const read = checkAccount(input);
      return { Budget: describe(budgetNamed(read.string('BudgetName')), read) };
    },
    DescribeBudgets(input) {
      const read = checkAccount(input);
      const { items, more } = page([...budgets.values()], read, 1000);
      return { Budgets: items.map((budget) => describe(budget, read)), ...more };
    },
    DescribeBudgetNotificationsForAccount(input) {
      const { items, more } = page([...budgets.values()], checkAccount(input), 1000, 50);
      return {
        BudgetNotificationsForAccount: items.map(({ definition, alarms }) => ({
          BudgetName: definition.name,
          Notifications: [...alarms.values()].map(({ notification, state }) =>
            describeNotification(notification, state),
          ),
        })),
        ...more,
      };
    },
    DeleteBudget(input) {
      budgets.delete(budgetNamed(checkAccount(input).string('BudgetName')).definition.name);
      return {};
    },
    CreateNotification(input) {
      const read = checkAccount(input);
      const budget = budgetNamed(read.string('BudgetName'));
      addAlarm(budget.alarms, newAlarm(read.object('Notification'), read.objects('Subscribers')));
      return {};
    },
    UpdateNotification(input) {
      const read = checkAccount(input);
      const { budget, alarm, key } = alarmOf(read, 'OldNotification');
      const notification = readNotification(read.object('NewNotification'));
      const newKey = notificationKey(notification);
      if (newKey === key) return {};
      if (budget.alarms.has(newKey)) throw new AwsFault('DuplicateRecordException', 'The notification already exists.');
      budget.alarms.delete(key);
      budget.alarms.set(newKey, { notification, subscribers: alarm.subscribers, state: 'OK', announcedFor: undefined });
      return {};
    },
    DeleteNotification(input) {
      const { budget, key } = alarmOf(checkAccount(input));
      budget.alarms.delete(key);
      return {};
    },
    DescribeNotificationsForBudget(input) {
      const read = checkAccount(input);
      const { items, more } = page([...budgetNamed(read.string('BudgetName')).alarms.values()], read, 100);
      return { Notifications: items.map((alarm) => describeNotification(alarm.notification, alarm.state)), ...more };
    },
    CreateSubscriber(input) {
      const read = checkAccount(input);
      const { alarm } = alarmOf(read);
      const subscribers = [...alarm.subscribers, readSubscriber(read.object('Subscriber'), world.accountId)];
      checkSubscribers(subscribers);
      alarm.subscribers = subscribers;
      return {};
    },
    UpdateSubscriber(input) {
      const read = checkAccount(input);
      const { alarm } = alarmOf(read);
      const rest = without(alarm.subscribers, readSubscriber(read.object('OldSubscriber'), world.accountId));
      const subscribers = [...rest, readSubscriber(read.object('NewSubscriber'), world.accountId)];
      checkSubscribers(subscribers);
      alarm.subscribers = subscribers;
      return {};
    },
    DeleteSubscriber(input) {
      const read = checkAccount(input);
      const { budget, alarm, key } = alarmOf(read);
      alarm.subscribers = without(alarm.subscribers, readSubscriber(read.object('Subscriber'), world.accountId));
      // A notification goes with its last subscriber. [API reference, DeleteSubscriber]
      if (alarm.subscribers.length === 0) budget.alarms.delete(key);
      return {};
    },
    DescribeSubscribersForNotification(input) {
      const read = checkAccount(input);
      const { items, more } = page(alarmOf(read).alarm.subscribers, read, 100);
      return { Subscribers: items.map(describeSubscriber), ...more };
    },
    TagResource(input) {
      tag(budgetOfArn(input), members(input).objects('ResourceTags'));
      return {};
    },
    UntagResource(input) {
      const budget = budgetOfArn(input);
      for (const key of members(input).strings('ResourceTagKeys')) budget.tags.delete(key);
      return {};
    },
    ListTagsForResource: (input) => ({
      ResourceTags: [...budgetOfArn(input).tags].map(([Key, Value]) => ({ Key, Value })),
    }),
  };

  return {
    signingName: 'budgets',
    protocol: { kind: 'json', targetPrefix: 'AWSBudgetServiceGateway', version: '1.1' },
    operations: throttled(operations, world, options.callsPerMinute),
  };
}

function without(subscribers: readonly Subscriber[], subscriber: Subscriber): Subscriber[] {
  const rest = subscribers.filter((each) => subscriberKey(each) !== subscriberKey(subscriber));
  if (rest.length === subscribers.length) {
    throw new AwsFault('NotFoundException', `Unable to find the subscriber ${subscriber.address}.`);
  }
  return rest;
}
