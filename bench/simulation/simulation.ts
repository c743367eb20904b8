import { type Clock, type EpochMs, epochMs } from '../../domain/clock.ts';
import type { Timer } from '../../invoke/waiting-line.ts';

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A discrete-event simulation: virtual time jumps from event to event, each followed by all the promises it settles. */
export class Simulation implements Clock, Timer {
  #now: number;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  now(): EpochMs {
    return epochMs(Math.floor(this.#now));
  }

  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, run, cancelled: false };
    this.#push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** Runs everything that is due up to `until`, and leaves the clock there. */
  async runUntil(until: number): Promise<void> {
    await settledPromises();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#now = next.at;
      next.run();
      await settledPromises();
    }
    this.#now = until;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (!before(event, heap[parent])) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Event, heap[child])) child++;
      if (!before(heap[child] as Event, last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

const before = (a: Event, b: Event | undefined): boolean =>
  b === undefined || a.at < b.at || (a.at === b.at && a.order < b.order);

/** All promise reactions run before the next turn of Node's event loop. */
const settledPromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
