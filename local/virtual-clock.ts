/** Milliseconds since the Unix epoch. */
export type EpochMs = number;

type Alarm = { readonly at: EpochMs; readonly ring: (at: EpochMs) => void };

/**
 * The time of the embedded AWS. It runs at the pace of real time from where it was put, and can be moved forward.
 * Work due at a virtual time (schedules, billing refreshes) is registered with {@link VirtualClock.at}.
 *
 * A move rings every alarm that falls due on the way, in order, each seeing its own due time as `now()`; alarms that
 * an alarm registers for the same move ring as well. Alarms also ring by themselves as real time passes.
 */
export class VirtualClock {
  #base: EpochMs;
  #anchor: number;
  #held: EpochMs | undefined;
  #target: EpochMs | undefined;
  #alarms: Alarm[] = [];
  #timer: NodeJS.Timeout | undefined;
  #lastMove: Promise<unknown> = Promise.resolve();
  readonly #afterEach: () => Promise<void>;

  /** @param afterEach awaited after each alarm of a move, so that what it set off has ended before the next rings. */
  constructor(start: EpochMs, afterEach: () => Promise<void> = async () => {}) {
    this.#base = start;
    this.#anchor = performance.now();
    this.#afterEach = afterEach;
  }

  now(): EpochMs {
    return this.#held ?? Math.floor(this.#base + (performance.now() - this.#anchor));
  }

  /** Where the move under way will end; `now()` when there is none. What recurs may look here to skip to its last due time. */
  horizon(): EpochMs {
    return Math.max(this.#target ?? 0, this.now());
  }

  /** Rings once when the clock reaches `at`; at once if it has passed. Returns a function that cancels. */
  at(at: EpochMs, ring: (at: EpochMs) => void): () => void {
    const alarm: Alarm = { at, ring };
    this.#alarms.push(alarm);
    this.#alarms.sort((a, b) => a.at - b.at);
    if (this.#held === undefined) this.#arm();
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  /** Moves forward by `ms` and resolves when everything due on the way has been done. */
  async advance(ms: number): Promise<void> {
    await this.#queue(() => this.now() + ms);
  }

  /**
   * Moves forward to `target`. The clock never moves back. Moves that are asked for at the same time happen one after
   * the other, so what an alarm sets off must not itself wait for a move.
   */
  async moveTo(target: EpochMs): Promise<void> {
    await this.#queue(() => target);
  }

  #queue(target: () => EpochMs): Promise<void> {
    const move = this.#lastMove.then(() => this.#move(target));
    this.#lastMove = move.catch(() => {});
    return move;
  }

  async #move(targetOf: () => EpochMs): Promise<void> {
    const start = this.now();
    this.#held = start;
    clearTimeout(this.#timer);
    let reached = start;
    try {
      const target = targetOf();
      if (target < start) throw new RangeError(`the clock cannot move back to ${new Date(target).toISOString()}`);
      this.#target = target;
      for (;;) {
        const next = this.#alarms[0];
        if (next === undefined || next.at > target) break;
        this.#alarms.shift();
        reached = Math.max(next.at, reached);
        this.#held = reached;
        next.ring(next.at);
        await this.#afterEach();
      }
      reached = target;
    } finally {
      this.#held = undefined;
      this.#target = undefined;
      this.#base = reached;
      this.#anchor = performance.now();
      this.#arm();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#alarms = [];
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#alarms[0];
    if (next === undefined) return;
    const wait = Math.min(Math.max(0, next.at - this.now()), 2 ** 31 - 1);
    this.#timer = setTimeout(() => {
      const due = this.now();
      while (this.#alarms[0] !== undefined && this.#alarms[0].at <= due) this.#alarms.shift()?.ring(due);
      this.#arm();
    }, wait);
    this.#timer.unref();
  }
}
