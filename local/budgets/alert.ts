import type { Notification } from './notification.ts';
import type { TimeUnit } from './period.ts';
import { dollars } from './usd.ts';

export interface Alert {
  readonly budgetName: string;
  readonly accountId: string;
  readonly at: number;
  readonly timeUnit: TimeUnit;
  readonly notification: Notification;
  readonly limitNanoUsd: bigint;
  readonly thresholdNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
}

const COMPARISON = {
  GREATER_THAN: { words: 'greater than', sign: '>' },
  LESS_THAN: { words: 'less than', sign: '<' },
  EQUAL_TO: { words: 'equal to', sign: '=' },
} as const;

/** Monthly and daily wordings are those of recorded messages; quarter, year and custom follow suit, UNVERIFIED. */
const SPAN: Readonly<Record<TimeUnit, string>> = {
  DAILY: 'per day',
  MONTHLY: 'for the current month',
  QUARTERLY: 'for the current quarter',
  ANNUALLY: 'for the current year',
  CUSTOM: 'for the current period',
};

/** Recorded messages of the two types end in different links. */
const DASHBOARD = {
  ACTUAL: 'https://console.aws.amazon.com/billing/home#/budgets',
  FORECASTED: 'https://console.aws.amazon.com/costmanagement/home#/budgets',
} as const;

/** Subject and plain text that AWS Budgets publishes to SNS: thresholds in dollars even where they are percentages. */
export function alertText(alert: Alert): { readonly subject: string; readonly message: string } {
  const { budgetName, notification } = alert;
  const { words, sign } = COMPARISON[notification.comparison];
  const date = new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(alert.at);
  const subjectOfSpend = `${alert.timeUnit === 'DAILY' ? 'Yesterday, the' : 'The'} ${notification.type} Cost associated with this budget`;
  const message = `AWS Budget Notification ${date}
AWS Account ${alert.accountId}

Dear AWS Customer,

You requested that we alert you when the ${notification.type} Cost associated with your ${budgetName} budget is ${words} ${dollars(alert.thresholdNanoUsd)} ${SPAN[alert.timeUnit]}. ${subjectOfSpend} is ${dollars(alert.spentNanoUsd)}. You can find additional details below and by accessing the AWS Budgets dashboard [1].

Budget Name: ${budgetName}
Budget Type: Cost
Budgeted Amount: ${dollars(alert.limitNanoUsd)}
Alert Type: ${notification.type}
Alert Threshold: ${sign} ${dollars(alert.thresholdNanoUsd)}
${notification.type} Amount: ${dollars(alert.spentNanoUsd)}

[1] ${DASHBOARD[notification.type]}
`;
  return { subject: `AWS Budgets: ${budgetName} has exceeded your alert threshold`, message };
}
