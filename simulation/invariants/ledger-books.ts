import type { Item } from '../world/attributes.ts';
import type { Judge } from './judge.ts';

export interface Books {
  /** Nano-dollars, as the item has them. */
  readonly settled: bigint;
  readonly leased: bigint;
  readonly unconfirmed: bigint;
  readonly unattributed: bigint;
  readonly opening: bigint;
  readonly standing: string;
  readonly heldBy: string | undefined;
  readonly stopAt: bigint;
}

const amount = (item: Item | undefined, name: string): bigint => BigInt(item?.[name]?.N ?? 0);

export const booksOf = (item: Item): Books => ({
  settled: amount(item, 'settled'),
  leased: amount(item, 'leased'),
  unconfirmed: amount(item, 'unconfirmed'),
  unattributed: amount(item, 'unattributed'),
  opening: amount(item, 'openingSettled') + amount(item, 'openingUnconfirmed'),
  standing: item['standing']?.S ?? '',
  heldBy: item['heldBy']?.S,
  stopAt: amount(item, 'stopAt'),
});

/** What is remembered of one item. */
export interface ItemMemory {
  /** Since when it is closed; undefined while it is not. */
  closedAt: number | undefined;
  /** The most to which commitments were ever allowed to go. */
  mostAllowed: bigint;
  /** What leases of processes that are gone have left. */
  reclaimed: bigint;
  /** Whether money has closed it. */
  wasClosedByMoney: boolean;
}

/**
 * Looks at every write of a ledger item as it lands. Reads the item's attributes by itself: it shares nothing with the
 * product's own way of reading them.
 */
export class LedgerBooks {
  readonly #judge: Judge;
  readonly #now: () => number;
  readonly #memory = new Map<string, ItemMemory>();

  constructor(judge: Judge, now: () => number) {
    this.#judge = judge;
    this.#now = now;
  }

  memoryOf(pk: string, sk: string): ItemMemory {
    const name = `${pk} ${sk}`;
    const known = this.#memory.get(name) ?? { closedAt: undefined, mostAllowed: 0n, reclaimed: 0n, wasClosedByMoney: false };
    this.#memory.set(name, known);
    return known;
  }

  /** What leases of processes that are gone have left, in the budget's own item and in those of its cells. */
  reclaimedOf(pk: string, sk: string): bigint {
    let sum = 0n;
    for (const [name, { reclaimed }] of this.#memory)
      if (name === `${pk} ${sk}` || (name.startsWith(`${pk}#cell-`) && name.endsWith(` ${sk}`))) sum += reclaimed;
    return sum;
  }

  saw(pk: string, sk: string, before: Item | undefined, after: Item | undefined): void {
    if (after === undefined) {
      this.#judge.check('conservation', false, () => `the item ${pk} ${sk} was deleted`);
      return;
    }
    const books = booksOf(after);
    const { settled, leased, unconfirmed, unattributed } = books;
    const committed = amount(after, 'committed');
    let held = 0n;
    for (const entry of Object.values(after['holders']?.M ?? {})) held += BigInt(entry.M?.['leased']?.N ?? 0);
    this.#judge.check(
      'conservation',
      committed === settled + leased + unconfirmed + unattributed && held === leased,
      () => `${pk} ${sk}: committed ${committed}, settled ${settled}, leased ${leased} (holders ${held}), unconfirmed ${unconfirmed}, unattributed ${unattributed}`,
    );
    const memory = this.memoryOf(pk, sk);
    let raises = 0n;
    for (const raise of after['raises']?.L ?? []) raises += BigInt(raise.M?.['amount']?.N ?? 0);
    if (books.stopAt + raises > memory.mostAllowed) memory.mostAllowed = books.stopAt + raises;
    if (books.standing !== 'closed') memory.closedAt = undefined;
    else memory.closedAt ??= this.#now();
    if (books.standing === 'closed' && books.heldBy === undefined) memory.wasClosedByMoney = true;
    // Only a reclaim moves money from leased to unconfirmed without a change of what was committed or settled.
    if (before !== undefined && amount(before, 'committed') === committed && amount(before, 'settled') === settled) {
      const moved = unconfirmed - amount(before, 'unconfirmed');
      if (moved > 0n && amount(before, 'leased') - leased === moved) memory.reclaimed += moved;
    }
  }
}
