import type { EpochMs } from '../domain/clock.ts';

export interface Timer {
  /** Runs once after `ms`. Returns a function that cancels. */
  after(ms: number, run: () => void): () => void;
}

export interface Turn<T> {
  /** Tries without waiting; undefined keeps the place in the line. */
  readonly attempt: () => T | undefined;
  /** Smallest amount that would do, in nano-dollars. */
  readonly amount: number;
  readonly until: EpochMs;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly amount: number;
  /** Returns whether the waiter left the line. */
  readonly serve: () => boolean;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Callers that wait for money which others hold but may not spend. Served strictly in the order in which they came, so
 * that small calls do not starve a large one; bounded in number and in time.
 */
export class WaitingLine {
  readonly #waiters: Waiter[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  get isFull(): boolean {
    return this.#waiters.length >= this.#limit;
  }

  /** What those in the line wait for, in order. */
  get wanted(): readonly number[] {
    return this.#waiters.map(({ amount }) => amount);
  }

  /**
   * Waits until an attempt succeeds.
   * @returns undefined when the time is over
   * @throws the signal's reason when it aborts, or what {@link refuseFirst} says
   */
  async join<T>(turn: Turn<T>, now: EpochMs, timer: Timer): Promise<T | undefined> {
    turn.signal?.throwIfAborted();
    return await new Promise<T | undefined>((resolve, reject) => {
      const leave = () => {
        const place = this.#waiters.indexOf(waiter);
        if (place >= 0) this.#waiters.splice(place, 1);
        cancel();
        turn.signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        amount: turn.amount,
        serve: () => {
          const served = turn.attempt();
          if (served === undefined) return false;
          leave();
          resolve(served);
          return true;
        },
        refuse: (reason) => {
          leave();
          reject(reason);
        },
      };
      const abort = () => waiter.refuse(turn.signal?.reason);
      const cancel = timer.after(Math.max(0, turn.until - now), () => {
        leave();
        resolve(undefined);
        // Whoever was behind may be content with less.
        this.advance();
      });
      turn.signal?.addEventListener('abort', abort, { once: true });
      this.#waiters.push(waiter);
    });
  }

  /** Serves from the front for as long as attempts succeed. */
  advance(): void {
    while (this.#waiters[0]?.serve() === true);
  }

  /** Sends the first in the line away. */
  refuseFirst(reason: unknown): void {
    this.#waiters[0]?.refuse(reason);
  }
}
