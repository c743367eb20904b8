import { sendEntered } from '../domain/standing/send-notices.ts';
import { lookingAhead } from '../infra/functions/looking-ahead.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every hour: when will each budget be used up, and once a day how all of them stand. */
export const handler = handlerOf(lookingAhead, async (_event: unknown, governor) => {
  const ports = await governor.start();
  // Calendars and all: nothing that the first request waits for.
  const { lookAhead } = await import('../domain/outlook/look-ahead.ts');
  const report = await lookAhead(ports);
  await sendEntered(ports);
  ports.journal.counted('OutlookCompleted');
  return report;
});
