import { watchLedger } from '../domain/signals/ledger-watch.ts';
import { measureUnsent, sendNotices } from '../domain/standing/send-notices.ts';
import { watching } from '../infra/functions/watching.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every minute: it is the table that it was, and budgets that have crossed a threshold are reviewed, whether or not anybody said so. */
export const handler = handlerOf(watching, async (_event: unknown, governor) => {
  // Budgets do not wait for DynamoDB's control plane. What may not be decided on is refused by the start.
  const tended = await governor.tendTable().catch((error: unknown) => ({ error }));
  const ports = await governor.start(tended === 'open');
  // What others have left unsent waits for this function, whatever becomes of its own work.
  const watched = await watchLedger(ports).catch((error: unknown) => ({ error }));
  measureUnsent(ports, await sendNotices(ports));
  if (typeof tended === 'object') throw tended.error;
  if ('error' in watched) throw watched.error;
  ports.journal.counted('LedgerWatchCompleted');
  return watched;
});
