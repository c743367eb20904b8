import { lookAhead } from '../domain/outlook/look-ahead.ts';
import { sendNotices } from '../domain/standing/send-notices.ts';
import { lookingAhead } from '../infra/functions/looking-ahead.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every hour: when will each budget be used up, and once a day how all of them stand. */
export const handler = handlerOf(
  () => lookingAhead(),
  async (_event: unknown, governor) => {
    const ports = await governor.start();
    const report = await lookAhead(ports);
    await sendNotices(ports);
    return report;
  },
);
