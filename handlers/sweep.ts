import { publishIndex } from '../domain/profiles/publish-index.ts';
import { sweep } from '../domain/profiles/sweep.ts';
import { sendNotices } from '../domain/standing/send-notices.ts';
import { lambda } from '../infra/lambda.ts';

/** Every few minutes: everything that should be is compared with what is, whatever the event says. */
export const handler = lambda(async (_event: unknown, governor) => {
  const ports = await governor.start();
  // First, because it takes a moment, and a sweep of many profiles may not come to its end.
  await publishIndex(ports);
  const report = await sweep(ports);
  await sendNotices(ports);
  governor.journal.decided('swept', { ...report });
  return report;
});
