import { watchLedger } from '../domain/signals/ledger-watch.ts';
import { sendNotices } from '../domain/standing/send-notices.ts';
import { governor } from '../infra/composition.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every minute: budgets that have crossed a threshold are reviewed, whether or not anybody said so. */
export const handler = handlerOf(
  () => governor(),
  async (_event: unknown, governor) => {
    const ports = await governor.start();
    const report = await watchLedger(ports);
    await sendNotices(ports);
    return report;
  },
);
