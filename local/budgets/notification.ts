import { type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import { parseUsd } from './usd.ts';

const COMPARISONS = ['GREATER_THAN', 'LESS_THAN', 'EQUAL_TO'] as const;

export interface Notification {
  readonly type: 'ACTUAL' | 'FORECASTED';
  readonly comparison: (typeof COMPARISONS)[number];
  readonly threshold: number;
  readonly thresholdType: 'PERCENTAGE' | 'ABSOLUTE_VALUE';
}

export interface Subscriber {
  readonly type: 'SNS' | 'EMAIL';
  readonly address: string;
}

const MAX_THRESHOLD = 15_000_000_000_000;

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterException', message);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/** @throws {AwsFault} InvalidParameterException */
export function readNotification(structure: JsonObject): Notification {
  const read = members(structure);
  const type = read.string('NotificationType');
  if (type !== 'ACTUAL' && type !== 'FORECASTED') throw invalid('NotificationType must be ACTUAL or FORECASTED.');
  const comparison = COMPARISONS.find((each) => each === read.string('ComparisonOperator'));
  if (comparison === undefined) throw invalid(`ComparisonOperator must be one of ${COMPARISONS.join(', ')}.`);
  const threshold = read.optionalNumber('Threshold');
  if (threshold === undefined || threshold < 0 || threshold > MAX_THRESHOLD) {
    throw invalid(`Threshold must be between 0 and ${MAX_THRESHOLD}.`);
  }
  const thresholdType = read.optionalString('ThresholdType') ?? 'PERCENTAGE';
  if (thresholdType !== 'PERCENTAGE' && thresholdType !== 'ABSOLUTE_VALUE') {
    throw invalid('ThresholdType must be PERCENTAGE or ABSOLUTE_VALUE.');
  }
  return { type, comparison, threshold, thresholdType };
}

/** @throws {AwsFault} InvalidParameterException for an address that is malformed or of another account */
export function readSubscriber(structure: JsonObject, accountId: string): Subscriber {
  const read = members(structure);
  const type = read.string('SubscriptionType');
  const address = read.string('Address');
  if (type === 'EMAIL') {
    if (!/^[^\s@]+@[^\s@]+$/.test(address)) throw invalid(`${address} is not an email address.`);
    return { type, address };
  }
  if (type !== 'SNS') throw invalid('SubscriptionType must be SNS or EMAIL.');
  if (!new RegExp(`^arn:aws:sns:[a-z0-9-]+:${accountId}:[\\w-]+$`).test(address)) {
    throw invalid(`${address} is not the ARN of an SNS topic in account ${accountId}.`);
  }
  return { type, address };
}

/** At most one topic and ten email addresses, at least one of either, none twice. @throws {AwsFault} */
export function checkSubscribers(subscribers: readonly Subscriber[]): void {
  if (subscribers.length === 0) throw invalid('A notification needs at least one subscriber.');
  if (new Set(subscribers.map(subscriberKey)).size < subscribers.length) {
    throw new AwsFault('DuplicateRecordException', 'A subscriber is given twice.');
  }
  const topics = subscribers.filter((subscriber) => subscriber.type === 'SNS').length;
  if (topics > 1 || subscribers.length - topics > 10) {
    throw new AwsFault(
      'CreationLimitExceededException',
      'A notification may have one SNS topic and ten email addresses.',
    );
  }
}

/** What makes a notification of a budget the same as another. */
export const notificationKey = (notification: Notification): string =>
  [notification.type, notification.comparison, notification.threshold, notification.thresholdType].join('/');

export const subscriberKey = (subscriber: Subscriber): string => `${subscriber.type}/${subscriber.address}`;

/** The threshold in nano-US-dollars. */
export function thresholdAmount(notification: Notification, limitNanoUsd: bigint): bigint {
  if (notification.thresholdType === 'ABSOLUTE_VALUE') return parseUsd(notification.threshold.toFixed(9)) ?? 0n;
  const millionths = BigInt(Math.round(notification.threshold * 1_000_000));
  return (limitNanoUsd * millionths) / 100_000_000n;
}

export function isCrossed(notification: Notification, spentNanoUsd: bigint, limitNanoUsd: bigint): boolean {
  const threshold = thresholdAmount(notification, limitNanoUsd);
  switch (notification.comparison) {
    case 'GREATER_THAN':
      return spentNanoUsd > threshold;
    case 'LESS_THAN':
      return spentNanoUsd < threshold;
    case 'EQUAL_TO':
      return spentNanoUsd === threshold;
  }
}

export const describeNotification = (notification: Notification, state: 'OK' | 'ALARM'): JsonObject => ({
  NotificationType: notification.type,
  ComparisonOperator: notification.comparison,
  Threshold: notification.threshold,
  ThresholdType: notification.thresholdType,
  NotificationState: state,
});

export const describeSubscriber = (subscriber: Subscriber): JsonObject => ({
  SubscriptionType: subscriber.type,
  Address: subscriber.address,
});
