import type { EpochMs } from './clock.ts';
import type { Journal } from './journal.ts';

/** What waits to be handed to another system: its id names the occasion, so that one occasion is one message. */
export interface OutboxMessage {
  readonly id: string;
}

export interface Waiting<Message> {
  readonly message: Message;
  /** When the occasion was entered. */
  readonly enteredAt: EpochMs;
}

/** What has not been sent yet, oldest first, and the ids of what this version cannot read: that stays, and is told. */
export interface Unsent<Message> {
  readonly waiting: readonly Waiting<Message>[];
  readonly unreadable: readonly string[];
}

/**
 * Where messages wait until the other side has taken them. One occasion enters once, and one sender at a time claims a
 * message. A crash between sending and marking sends it again once the claim is over: told twice is better than not told.
 */
export interface Outbox<Message extends OutboxMessage> {
  /** Whether the occasion is on record, sent or not. */
  has(id: Message['id']): Promise<boolean>;
  /** Once for each occasion. One that may well be on record is looked for first, which costs less. */
  enter(message: Message): Promise<void>;
  /** Whether this process has entered something since it last looked for what is unsent. */
  readonly hasNews: boolean;
  unsent(): Promise<Unsent<Message>>;
  /** Makes this caller the one that sends it, for a minute; false where another one is at it or has sent it. */
  claim(id: Message['id']): Promise<boolean>;
  markSent(id: Message['id']): Promise<void>;
}

/** What is still in an outbox when a sender is through with it: not taken, claimed by another one, or unreadable. */
export interface Remaining {
  readonly messages: number;
  /** When the oldest of those that can be read was entered; absent where there is none. */
  readonly oldestAt?: EpochMs;
}

/** An outbox and where its messages go. */
export interface Delivery {
  /** Such as `notices`: what the log calls it. */
  readonly name: string;
  /** Whether this process has entered something since it last sent. */
  readonly hasNews: boolean;
  /** Sends what waits. What the other side does not take stays for later, and holds up nothing else. */
  send(journal: Journal): Promise<Remaining>;
}

export function deliveryOf<Message extends OutboxMessage>(
  name: string,
  outbox: Outbox<Message>,
  publish: (message: Message, enteredAt: EpochMs) => Promise<void>,
  kindOf: (message: Message) => string,
): Delivery {
  return {
    name,
    get hasNews() {
      return outbox.hasNews;
    },
    async send(journal) {
      const { waiting, unreadable } = await outbox.unsent();
      const remaining: EpochMs[] = [];
      for (const id of unreadable) journal.counted('NoticeUnreadable', { to: name, notice: id });
      for (const { message, enteredAt } of waiting) {
        if (!(await outbox.claim(message.id))) {
          remaining.push(enteredAt);
          continue;
        }
        try {
          await publish(message, enteredAt);
        } catch (error) {
          journal.counted('NoticeFailed', {
            to: name,
            notice: message.id,
            error: error instanceof Error ? error.name : String(error),
          });
          remaining.push(enteredAt);
          continue;
        }
        await outbox.markSent(message.id);
        journal.counted('NoticeSent', { to: name, notice: message.id, kind: kindOf(message) });
      }
      // Oldest first, as they were read.
      const [oldestAt] = remaining;
      return { messages: remaining.length + unreadable.length, ...(oldestAt === undefined ? {} : { oldestAt }) };
    },
  };
}
