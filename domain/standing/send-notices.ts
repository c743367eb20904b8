import type { Journal } from '../journal.ts';
import type { Delivery } from '../outbox.ts';

/**
 * Sends everything that waits: notices to people, notices to chat, events to programs. Each has an outbox of its own, so
 * that what one of them does not take is repeated there and nowhere else; the first failure is thrown when all were tried.
 */
export async function sendNotices(ports: {
  readonly deliveries: readonly Delivery[];
  readonly journal: Journal;
}): Promise<void> {
  const failures: unknown[] = [];
  for (const delivery of ports.deliveries) {
    try {
      await delivery.send(ports.journal);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
