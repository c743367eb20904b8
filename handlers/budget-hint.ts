import { answerLedgerHint, readLedgerHint } from '../domain/signals/ledger-hint.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { governor } from '../infra/composition.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** A tenant's process says that a budget has crossed a threshold: the ledger is read, and answers. */
export const handler = handlerOf(governor, async (event: unknown, governor) => {
  const hint = readLedgerHint(event, governor.accountId);
  if (hint.kind === 'unreadable') {
    governor.journal.counted('EventUnreadable', { why: hint.why });
    return hint;
  }
  const ports = await governor.start();
  const { kind } = await answerLedgerHint(ports, hint.budget);
  if (kind === 'unknown-budget') governor.journal.counted('EventIgnored', { why: 'a hint about an unknown budget' });
  if (kind === 'reviewed') await sendEntered(ports);
  return { kind, budget: hint.budget };
});
