import { lookAhead } from '../domain/outlook/look-ahead.ts';
import { sendNotices } from '../domain/standing/send-notices.ts';
import { lambda } from '../infra/lambda.ts';

/** Every hour: when will each budget be used up, and once a day how all of them stand. */
export const handler = lambda(async (_event: unknown, governor) => {
  const ports = await governor.start();
  const report = await lookAhead(ports);
  await sendNotices(ports);
  ports.journal.counted('OutlookCompleted');
  return report;
});
