/** A figure of a benchmark: one line that a program can read, after whatever a person wants to read. */
export const figure = (name: string, value: number): void => {
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
