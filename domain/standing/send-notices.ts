import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import type { Gauges, Journal } from '../journal.ts';
import type { Delivery, Remaining } from '../outbox.ts';

/**
 * Sends everything that waits: notices to people, notices to chat, events to programs. Each has an outbox of its own, so
 * that what one of them does not take is repeated there and nowhere else; the first failure is thrown when all were tried.
 *
 * @returns what is still unsent in all of them
 */
export async function sendNotices(ports: Sending): Promise<Remaining> {
  return await send(ports, ports.deliveries);
}

interface Sending {
  readonly deliveries: readonly Delivery[];
  readonly journal: Journal;
}

/**
 * The same for what answers an event: where it has entered nothing, nothing is looked for. What others have left waiting is sent
 * by the ledger watch each minute, and by the sweep.
 */
export async function sendEntered(ports: Sending): Promise<void> {
  await send(
    ports,
    ports.deliveries.filter(({ hasNews }) => hasNews),
  );
}

async function send(ports: Sending, deliveries: readonly Delivery[]): Promise<Remaining> {
  const failures: unknown[] = [];
  const remaining: Remaining[] = [];
  for (const delivery of deliveries) {
    try {
      remaining.push(await delivery.send(ports.journal));
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return together(remaining);
}

function together(remaining: readonly Remaining[]): Remaining {
  const messages = remaining.reduce((sum, each) => sum + each.messages, 0);
  const entered = remaining.flatMap(({ oldestAt }): EpochMs[] => (oldestAt === undefined ? [] : [oldestAt]));
  return entered.length === 0 ? { messages } : { messages, oldestAt: epochMs(Math.min(...entered)) };
}

/** For the alarm on what is not told. Where an outbox cannot be read nothing is measured: unknown is not none. */
export function measureUnsent(
  { gauges, clock }: { readonly gauges: Gauges; readonly clock: Clock },
  { messages, oldestAt }: Remaining,
): void {
  gauges.measured('OutboxWaiting', messages);
  const age = oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt);
  gauges.measured('OutboxOldestSeconds', Math.round(age / 1_000));
}
