interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/**
 * Virtual time: it jumps from event to event. One event is run at a time, and everything that its promises settle must have
 * run before the next: whoever steps lets Node's microtasks run in between.
 */
export class Scheduler {
  #now: number;
  #order = 0;
  readonly #heap: Event[] = [];

  constructor(start: number) {
    this.#now = start;
  }

  /** Milliseconds since the epoch, with fractions. */
  get now(): number {
    return this.#now;
  }

  get isIdle(): boolean {
    return this.#heap.length === 0;
  }

  after(ms: number, run: () => void): () => void {
    return this.at(this.#now + Math.max(0, ms), run);
  }

  at(at: number, run: () => void): () => void {
    const event: Event = { at: Math.max(at, this.#now), order: this.#order++, run, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** Resolves when it is that late. */
  until(at: number): Promise<void> {
    return new Promise((resolve) => void this.at(at, resolve));
  }

  /** Runs the next event. Returns whether there was one. */
  step(): boolean {
    for (;;) {
      const next = this.#pop();
      if (next === undefined) return false;
      if (next.isCancelled) continue;
      this.#now = next.at;
      next.run();
      return true;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let least = heap[child];
      const other = heap[child + 1];
      if (least !== undefined && other !== undefined && isBefore(other, least)) {
        least = other;
        child++;
      }
      if (least === undefined || !isBefore(least, last)) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
