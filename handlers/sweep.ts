import { publishIndex } from '../domain/profiles/publish-index.ts';
import { sweep } from '../domain/profiles/sweep.ts';
import { assessResources } from '../domain/resources/assess-resources.ts';
import { sendNotices } from '../domain/standing/send-notices.ts';
import { sweeping } from '../infra/functions/sweeping.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** A log line must not grow with what fails; each failure has a line of its own. */
const MAX_NAMED = 50;

/** Every few minutes: everything that should be is compared with what is, whatever the event says. */
export const handler = handlerOf(sweeping, async (_event: unknown, governor, context) => {
  const ports = await governor.start();
  // First, because it takes a moment, and a sweep of many profiles may not come to its end.
  const index = await publishIndex(ports);
  const report = await sweep(ports, () => context.getRemainingTimeInMillis(), index);
  await sendNotices(ports);
  await assessResources(ports);
  const told = { ...report, failures: report.failed.length, failed: report.failed.slice(0, MAX_NAMED) };
  governor.journal.decided('swept', told);
  // Last: the alarm on its absence is to tell of a sweep that ended before its end.
  governor.journal.counted('SweepCompleted');
  return told;
});
