import { answerAnomaly, readAnomalies } from '../domain/signals/anomaly.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { anomalous } from '../infra/functions/cost-anomalies.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Cost Anomaly Detection raised an alert, by EventBridge or by SNS: the anomaly is looked up, and its budgets reviewed. */
export const handler = handlerOf(anomalous, async (event: unknown, governor) => {
  const { hints, unreadable } = readAnomalies(event, governor.origins);
  if (unreadable > 0)
    governor.journal.counted('EventUnreadable', {
      why: 'not an alert of Cost Anomaly Detection',
      messages: unreadable,
    });
  if (hints.length === 0) return { answered: 0, unreadable };
  const ports = await governor.start();
  for (const hint of hints) {
    const { kind } = await answerAnomaly(ports, hint);
    if (kind === 'unconfirmed') ports.journal.counted('SignalUnconfirmed', { anomaly: hint.anomalyId });
  }
  await sendEntered(ports);
  return { answered: hints.length, unreadable };
});
