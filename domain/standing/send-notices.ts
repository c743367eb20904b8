import type { Journal } from '../journal.ts';
import type { NoticeOutbox, NoticePublisher } from './notice.ts';

/** Publishes what waits in the outbox. One that SNS does not take stays for a later sweep and holds up no other. */
export async function sendNotices(ports: {
  outbox: NoticeOutbox;
  publisher: NoticePublisher;
  journal: Journal;
}): Promise<void> {
  for (const notice of await ports.outbox.unsent()) {
    if (!(await ports.outbox.claim(notice.id))) continue;
    try {
      await ports.publisher.publish(notice);
    } catch (error) {
      ports.journal.counted('NoticeFailed', {
        notice: notice.id,
        error: error instanceof Error ? error.name : String(error),
      });
      continue;
    }
    await ports.outbox.markSent(notice.id);
    ports.journal.counted('NoticeSent', { notice: notice.id, kind: notice.kind });
  }
}
