import { reopenEnded } from '../domain/standing/reopen-ended.ts';
import { sendEntered } from '../domain/standing/send-notices.ts';
import { governor } from '../infra/composition.ts';
import { handlerOf } from '../infra/handler-of.ts';

/** Every minute: what was closed until now is opened, ahead of the sweep. */
export const handler = handlerOf(governor, async (_event: unknown, governor, context) => {
  const ports = await governor.start();
  const reopening = await reopenEnded(ports, () => context.getRemainingTimeInMillis());
  if (reopening.due > 0) {
    governor.journal.decided('reopened what has ended', { ...reopening });
    await sendEntered(ports);
  }
  governor.journal.counted('ReopenCompleted');
  return reopening;
});
