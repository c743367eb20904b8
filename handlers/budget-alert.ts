import { readBudgetAlerts } from '../domain/budgets/budget-alert.ts';
import { hearBudgetAlert } from '../domain/budgets/hear-alert.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { alerted } from '../infra/functions/budget-alerts.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** AWS Budgets raised an alert: SNS says for which budget, and the truth about it is read. */
export const handler = handlerOf(alerted, async (event: unknown, governor) => {
  const { alerts, unreadable } = readBudgetAlerts(event, governor.accountId);
  if (unreadable > 0)
    governor.journal.counted('EventUnreadable', {
      why: 'not an alert of AWS Budgets for this account',
      messages: unreadable,
    });
  if (alerts.length === 0) return { reviewed: 0, unreadable };
  const ports = await governor.start();
  for (const alert of alerts) {
    const outcome = await hearBudgetAlert(ports, alert.budgetName);
    if (outcome.kind === 'unknown-budget') ports.journal.counted('EventIgnored', { awsBudget: alert.budgetName });
  }
  await sendEntered(ports);
  return { reviewed: alerts.length, unreadable };
});
