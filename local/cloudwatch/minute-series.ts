const MINUTE_MS = 60_000;

/** What was told of a metric within a minute: a set of statistics, as CloudWatch keeps it, and not each value. */
export interface MinutePoint {
  /** Beginning of the minute. */
  readonly at: number;
  readonly sum: number;
  readonly samples: number;
  readonly minimum: number;
  readonly maximum: number;
}

/** A metric's minutes: so many calls in each take no more room than one. */
export class MinuteSeries {
  #points: MinutePoint[] = [];
  #lastAt = Number.NEGATIVE_INFINITY;

  /** The minutes in which something was told, in order of time. */
  get points(): readonly MinutePoint[] {
    return this.#points;
  }

  /** When something was told last. */
  get lastAt(): number {
    return this.#lastAt;
  }

  add(time: number, value: number): void {
    this.#lastAt = Math.max(this.#lastAt, time);
    const at = Math.floor(time / MINUTE_MS) * MINUTE_MS;
    const told = { at, sum: value, samples: 1, minimum: value, maximum: value };
    // Almost always the last minute.
    const place = this.#points.findLastIndex((point) => point.at <= at);
    const known = this.#points[place];
    if (known?.at === at) this.#points[place] = together([known, told]);
    else this.#points.splice(place + 1, 0, told);
  }

  /** Lets go of what was told before an instant. */
  forget(before: number): void {
    const kept = this.#points.findIndex(({ at }) => at >= before);
    if (kept !== 0) this.#points = kept < 0 ? [] : this.#points.slice(kept);
  }
}

/** All of them as one, which has the time of the first. At least one. */
export function together([first, ...others]: readonly [MinutePoint, ...MinutePoint[]]): MinutePoint {
  return others.reduce(
    (all, { sum, samples, minimum, maximum }) => ({
      at: all.at,
      sum: all.sum + sum,
      samples: all.samples + samples,
      minimum: Math.min(all.minimum, minimum),
      maximum: Math.max(all.maximum, maximum),
    }),
    first,
  );
}
