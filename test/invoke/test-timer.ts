import { type Clock, type EpochMs, epochMs } from '../../domain/clock.ts';
import type { Timer } from '../../invoke/waiting-line.ts';

/** Time that passes when it is told to. */
export class TestTimer implements Clock, Timer {
  #now = Date.UTC(2026, 10, 23, 10);
  readonly #due = new Map<object, { readonly at: number; readonly run: () => void }>();

  now(): EpochMs {
    return epochMs(this.#now);
  }

  after(ms: number, run: () => void): () => void {
    const key = {};
    this.#due.set(key, { at: this.#now + ms, run });
    return () => this.#due.delete(key);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const [key, { at, run }] of [...this.#due]) if (at <= this.#now && this.#due.delete(key)) run();
  }
}
