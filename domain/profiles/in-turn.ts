import type { EpochMs } from '../clock.ts';

/** Those that come after `last` in the order of their keys, and then the others: who was not reached last time comes first. */
export function beginningAfter<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  last: string | undefined,
): Item[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const first = last === undefined ? 0 : keyed.findIndex(({ key }) => key > last);
  return [...keyed.slice(Math.max(first, 0)), ...keyed.slice(0, Math.max(first, 0))].map(({ item }) => item);
}

/**
 * Works through a list in order, a few items at a time, until all are done or the time is up. What was begun is ended.
 *
 * @param work must not throw
 * @returns how many were done: they are the first of the list
 */
export async function inTurn<Item>(
  items: readonly Item[],
  limits: { readonly atOnce: number; readonly isTimeUp: () => boolean },
  work: (item: Item) => Promise<void>,
): Promise<number> {
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < items.length && !limits.isTimeUp()) {
      const item = items[begun++];
      if (item !== undefined) await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limits.atOnce, items.length) }, worker));
  return begun;
}

/** Sweeps begin so long after one another (infra/serverless.yml). */
const SWEEP_MS = 5 * 60_000;

/** So many of them, others in each sweep: where some cannot be done for good, the others have their turn. */
export function someInTurn<Item>(items: readonly Item[], most: number, now: EpochMs): readonly Item[] {
  const turns = Math.ceil(items.length / most);
  const first = turns === 0 ? 0 : (Math.floor(now / SWEEP_MS) % turns) * most;
  return items.slice(first, first + most);
}
