import type { GovernorEvent } from '../events/governor-event.ts';
import type { Outbox } from '../outbox.ts';
import type { Notice, NoticeOutbox } from './notice.ts';

/**
 * Enters an occasion wherever it is to be told. The notice itself comes last: once it is on record everything is, and a
 * crash before that enters the rest at the next look.
 */
export const noticeOutbox = (outboxes: {
  readonly notices: Outbox<Notice>;
  readonly chat: Outbox<Notice>;
  readonly events: Outbox<GovernorEvent>;
}): NoticeOutbox => ({
  async enter(notice) {
    const { notices, chat, events } = outboxes;
    if (await notices.has(notice.id)) return;
    if (notice.event !== undefined) await events.enter(notice.event);
    await chat.enter(notice);
    await notices.enter(notice);
  },
  announce: (event) => outboxes.events.enter(event),
});
