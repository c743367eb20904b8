/** What a figure must reach. */
export interface Bound {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/**
 * A figure of a benchmark: one line that a program can read, after whatever a person wants to read. One that misses its
 * bound says so in the line before, and the program ends with 1.
 */
export const figure = (name: string, value: number, bound: Bound = {}): void => {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = bound;
  // Also where the value is not a number.
  if (!(value >= atLeast && value <= atMost)) {
    note(`MISSED: ${name} must be ${value < atLeast ? `at least ${atLeast}` : `at most ${atMost}`}`);
    process.exitCode = 1;
  }
  process.stdout.write(`figure ${name} ${Number.isInteger(value) ? value : Number(value.toPrecision(6))}\n`);
};

export const note = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * The middle of all values and of the means of any two of them (Hodges and Lehmann): as little moved as the median by a few
 * that went astray, and nearly as exact as the mean where none did.
 */
export const pseudoMedian = (values: readonly number[]): number =>
  median(values.flatMap((value, index) => values.slice(index).map((other) => (value + other) / 2)));
