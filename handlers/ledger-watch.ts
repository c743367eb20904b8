import { watchLedger } from '../domain/signals/ledger-watch.ts';
import { measureUnsent, sendNotices } from '../domain/standing/send-notices.ts';
import { watching } from '../infra/functions/watching.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every minute: it is the table that it was, and budgets that have crossed a threshold are reviewed, whether or not anybody said so. */
export const handler = handlerOf(watching, async (_event: unknown, governor) => {
  await governor.tendTable();
  const ports = await governor.start();
  const report = await watchLedger(ports);
  measureUnsent(ports, await sendNotices(ports));
  ports.journal.counted('LedgerWatchCompleted');
  return report;
});
