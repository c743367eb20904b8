import { runBilling } from '../domain/budgets/run-billing.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { billing } from '../infra/billing.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Once a day: tags that count, anomalies that are watched for, and AWS's bill compared with what was recorded. */
export const handler = handlerOf(billing, async (_event: unknown, equipment, context) => {
  const ports = await equipment.start();
  let report: Awaited<ReturnType<typeof runBilling>>;
  try {
    report = await runBilling(ports, () => context.getRemainingTimeInMillis());
  } finally {
    await sendEntered(ports);
  }
  ports.journal.counted('BillingCompleted');
  return report;
});
