import type { EpochMs } from '../../domain/clock.ts';
import type { Outbox, OutboxMessage, Unsent } from '../../domain/outbox.ts';

const CLAIM_MS = 60_000;

/** An outbox in memory, by the rules of the table. */
export class MemoryOutbox<Message extends OutboxMessage> implements Outbox<Message> {
  readonly #entries = new Map<string, { message: Message; enteredAt: EpochMs; claimedAt?: EpochMs; isSent: boolean }>();
  readonly #now: () => EpochMs;
  hasNews = false;
  onEntered: () => void = () => {};

  constructor(now: () => EpochMs) {
    this.#now = now;
  }

  get all(): Message[] {
    return [...this.#entries.values()].map(({ message }) => message);
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  async has(id: Message['id']): Promise<boolean> {
    return this.#entries.has(id);
  }

  async enter(message: Message): Promise<void> {
    this.hasNews = true;
    if (this.#entries.has(message.id)) return;
    this.#entries.set(message.id, { message, enteredAt: this.#now(), isSent: false });
    this.onEntered();
  }

  async unsent(): Promise<Unsent<Message>> {
    this.hasNews = false;
    const waiting = [...this.#entries.values()].flatMap(({ message, enteredAt, isSent }) =>
      isSent ? [] : [{ message, enteredAt }],
    );
    return { waiting, unreadable: [] };
  }

  async claim(id: Message['id']): Promise<boolean> {
    const entry = this.#entries.get(id);
    const now = this.#now();
    if (entry === undefined || entry.isSent) return false;
    if (entry.claimedAt !== undefined && now < entry.claimedAt + CLAIM_MS) return false;
    entry.claimedAt = now;
    return true;
  }

  async markSent(id: Message['id']): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.isSent = true;
  }
}
