import type { Clock, EpochMs } from '../domain/clock.ts';
import type { Timer } from './waiting-line.ts';

/** How long a stream that its caller has dropped is read on for its usage, which comes last. */
const DRAIN_MS = 10_000;
/** A stream that nobody has read from for so long is given up: longer than any pause between two events of a model. */
const UNREAD_MS = 15 * 60_000;

/** Who wants to know what passes, and how it ended. */
export interface StreamMeter<Event> {
  saw(event: Event): void;
  /** Called once: all of it has passed, or it broke off, or was given up. */
  ended(): void;
  /** Ends the connection by which the events come: nobody waits for them any more. */
  disconnect(): void;
}

interface OpenStream {
  /** Since then, as far as the last look at all streams knows: a look at the clock for each event would cost more than passing it on. */
  unreadSince: EpochMs;
  isRead: boolean;
  readonly giveUp: () => void;
}

/**
 * The streamed answers of a process on their way to its callers. Events are passed on as they come, without a copy. What
 * a caller drops is read to its end in the background, under a cap; what a caller forgets is given up in time.
 */
export class MeteredStreams {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #open = new Set<OpenStream>();
  readonly #drains = new Set<Promise<void>>();

  constructor(options: { readonly clock: Clock; readonly timer: Timer }) {
    this.#clock = options.clock;
    this.#timer = options.timer;
  }

  /** What it gives is read once: whoever has left it gets nothing more. */
  meter<Event>(
    source: AsyncIterable<Event>,
    meter: StreamMeter<Event>,
  ): { [Symbol.asyncIterator](): AsyncIterableIterator<Event> } {
    const end = { isOver: false };
    const finish = (): void => {
      if (end.isOver) return;
      end.isOver = true;
      this.#open.delete(stream);
      meter.ended();
    };
    const stream: OpenStream = { unreadSince: this.#clock.now(), isRead: false, giveUp: finish };
    this.#open.add(stream);
    let iterator: AsyncIterableIterator<Event> | undefined;
    let isLeft = false;
    const passOn = (result: IteratorResult<Event>): IteratorResult<Event> => {
      if (result.done === true) finish();
      else meter.saw(result.value);
      return result;
    };
    const fail = (error: unknown): never => {
      finish();
      throw error;
    };
    const drop = (source: AsyncIterator<Event>): void => {
      isLeft = true;
      if (end.isOver) return;
      const drain = this.#drain(source, passOn, meter.disconnect)
        .catch(() => {})
        .then(finish);
      this.#drains.add(drain);
      void drain.finally(() => this.#drains.delete(drain));
    };
    const passing = (source: AsyncIterator<Event>): AsyncIterableIterator<Event> => ({
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => {
        // It is read on in the background, for its usage.
        if (isLeft) return Promise.resolve({ done: true, value: undefined });
        stream.isRead = true;
        return source.next().then(passOn, fail);
      },
      return: async (value?: unknown) => {
        drop(source);
        return { done: true, value };
      },
      throw: async (error: unknown) => {
        drop(source);
        throw error;
      },
    });
    return {
      [Symbol.asyncIterator]: () => {
        iterator ??= passing(source[Symbol.asyncIterator]());
        return iterator;
      },
    };
  }

  /** To be called every few seconds. */
  maintain(): void {
    const now = this.#clock.now();
    for (const stream of this.#open) {
      if (stream.isRead) stream.unreadSince = now;
      stream.isRead = false;
      if (now - stream.unreadSince >= UNREAD_MS) stream.giveUp();
    }
  }

  /** Waits for what is being read to its end. */
  async settled(): Promise<void> {
    await Promise.all(this.#drains);
  }

  /** How many streams have not ended yet, dropped ones included. */
  get size(): number {
    return this.#open.size;
  }

  async #drain<Event>(
    source: AsyncIterator<Event>,
    passOn: (result: IteratorResult<Event>) => IteratorResult<Event>,
    disconnect: () => void,
  ): Promise<void> {
    let cancel = (): void => {};
    const cap = new Promise<'over'>((resolve) => {
      cancel = this.#timer.after(DRAIN_MS, () => resolve('over'));
    });
    try {
      for (;;) {
        const result = await Promise.race([source.next(), cap]);
        if (result === 'over') break;
        if (passOn(result).done === true) return;
      }
    } finally {
      cancel();
    }
    // Not waited for: a generator returns only when it has got what it waits for.
    source.return?.().catch(() => {});
    disconnect();
  }
}
