import { exponential, lognormal, seeded } from '../../bench/simulation/random.ts';

/**
 * Seeded chance. Each part of a seed's world draws from a stream of its own, so that what is taken out of one part, as
 * shrinking does, leaves the others as they were.
 */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number, stream: string) {
    this.#random = seeded(hash(`${seed} ${stream}`));
  }

  /** From 0 to 1. */
  readonly next = (): number => this.#random();

  happens(share: number): boolean {
    return share > 0 && this.#random() < share;
  }

  between(least: number, most: number): number {
    return least + this.#random() * (most - least);
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T {
    const value = values[Math.floor(this.#random() * values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  exponential(mean: number): number {
    return exponential(this.#random, mean);
  }

  lognormal(median: number, sigma: number): number {
    return lognormal(this.#random, median, sigma);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  return state >>> 0;
}
