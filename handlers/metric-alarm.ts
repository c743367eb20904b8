import { answerAlarm, readAlarmEvent } from '../domain/signals/alarm.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { alarmed } from '../infra/functions/metric-alarms.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** An alarm of CloudWatch changed its state: which budget it stands for is looked up, and the truth about it read. */
export const handler = handlerOf(alarmed, async (event: unknown, governor) => {
  const seen = readAlarmEvent(event, governor.origins);
  if (seen.kind === 'unreadable') {
    governor.journal.counted('EventUnreadable', { why: seen.why });
    return seen;
  }
  const ports = await governor.start();
  const outcome = await answerAlarm(ports, seen);
  if (outcome.kind === 'unknown-alarm') ports.journal.counted('EventIgnored', { alarm: seen.label });
  if (outcome.kind === 'unconfirmed') ports.journal.counted('SignalUnconfirmed', { alarm: seen.label });
  if (outcome.kind === 'reviewed') await sendEntered(ports);
  return { kind: outcome.kind, alarm: seen.label };
});
