/** Costs that are remembered for one profile; a bound on memory. */
const WINDOW = 256;
/** Below this many known costs nothing is learned yet. */
const ENOUGH = 20;
/** The share of past calls that a hold would have covered. */
const QUANTILE = 0.99;

/**
 * How much to hold for a call, learned from what calls of the same profile have cost: a high quantile of the last ones,
 * instead of the upper bound. What calls in flight may cost beyond their holds is bounded: Σ (upper bound − hold) never
 * passes `maxExposure`; a call that would pass it is held at its upper bound. All amounts in nano-dollars.
 */
export class LearnedHolds {
  readonly #costs = new Map<string, RecentCosts>();
  #exposure = 0;

  /** Chooses the hold of one call and counts its exposure, until {@link ended}. */
  begun(profile: string, upperBound: number, maxExposure: number): number {
    const learned = this.#costs.get(profile)?.quantile();
    if (learned === undefined || learned >= upperBound) return upperBound;
    const exposed = upperBound - learned;
    if (this.#exposure + exposed > maxExposure) return upperBound;
    this.#exposure += exposed;
    return learned;
  }

  ended(hold: number, upperBound: number): void {
    this.#exposure -= upperBound - hold;
  }

  learn(profile: string, cost: number): void {
    let costs = this.#costs.get(profile);
    if (costs === undefined) {
      costs = new RecentCosts();
      this.#costs.set(profile, costs);
    }
    costs.add(cost);
  }

  /** The most that all calls in flight may cost beyond their holds. */
  get exposure(): number {
    return this.#exposure;
  }
}

/** The last costs, in order of arrival and in order of size. */
class RecentCosts {
  readonly #arrived: number[] = [];
  readonly #sorted: number[] = [];
  #next = 0;

  add(cost: number): void {
    const oldest = this.#arrived[this.#next];
    if (oldest !== undefined) this.#sorted.splice(place(this.#sorted, oldest), 1);
    this.#arrived[this.#next] = cost;
    this.#next = (this.#next + 1) % WINDOW;
    this.#sorted.splice(place(this.#sorted, cost), 0, cost);
  }

  quantile(): number | undefined {
    if (this.#sorted.length < ENOUGH) return undefined;
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.ceil(this.#sorted.length * QUANTILE))];
  }
}

/** Where a value stands, or would stand, in a sorted list. */
function place(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
