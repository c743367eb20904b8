import * as z from 'zod';

/**
 * The plain text that AWS Budgets sends through SNS. Its figures are not used: they are rounded, late, and anybody who
 * may publish to the topic could write them. Only the name of the budget is, to look the truth up.
 */
export interface BudgetAlertText {
  readonly budgetName: string;
  readonly accountId: string;
  readonly type: 'ACTUAL' | 'FORECASTED';
}

/** Longer than any notification of AWS Budgets; what is longer is not one. */
const MAX_LENGTH = 8_192;

/**
 * Reads a notification; undefined for any other text. Wordings differ by year and period; these three lines are in all
 * captured ones (September 2022, January and March 2026).
 */
export function readBudgetAlert(message: string): BudgetAlertText | undefined {
  if (message.length > MAX_LENGTH) return undefined;
  const line = (pattern: RegExp): string | undefined => pattern.exec(message)?.[1]?.trim();
  const budgetName = line(/^Budget Name:[ \t]*(\S.{0,199})$/im);
  const accountId = line(/^AWS Account[ \t]+(\d{12})[ \t]*$/im);
  const type = line(/^Alert Type:[ \t]*(actual|forecasted)[ \t]*$/im)?.toUpperCase();
  if (budgetName === undefined || accountId === undefined || (type !== 'ACTUAL' && type !== 'FORECASTED'))
    return undefined;
  return { budgetName, accountId, type };
}

const SnsEvent = z.object({
  Records: z.array(
    z
      .object({ Sns: z.object({ Message: z.string() }) })
      .nullable()
      .catch(null),
  ),
});

/**
 * Reads the alerts of an SNS event as Lambda receives it; counts what is no alert. Never throws. Alerts of another
 * account are unreadable here: their budgets are not ours.
 */
export function readBudgetAlerts(
  event: unknown,
  accountId: string,
): { readonly alerts: readonly BudgetAlertText[]; readonly unreadable: number } {
  const parsed = SnsEvent.safeParse(event);
  if (!parsed.success) return { alerts: [], unreadable: 1 };
  const read = parsed.data.Records.map((record) => (record === null ? undefined : readBudgetAlert(record.Sns.Message)));
  const alerts = read.filter((alert): alert is BudgetAlertText => alert !== undefined && alert.accountId === accountId);
  return { alerts, unreadable: read.length - alerts.length };
}
