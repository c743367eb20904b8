import type { EpochMs } from '../clock.ts';
import { add, max, type NanoUsd, subtract, ZERO } from '../money.ts';
import {
  type Funding,
  type HolderId,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  NOTHING_UNREFUSED,
  type Reported,
  type Unrefused,
  type WriteId,
} from './ledger.ts';
import { ceiling, type Terms } from './terms.ts';

/**
 * Cells: how more processes share one budget than one item can serve. A write costs a unit for each begun kilobyte of
 * its item, and every holder's entry makes the item larger; so the processes of a hot budget lease from *cells*, each an
 * item of its own with the same rules, and the cells lease from the budget's item, the root, by the same protocol.
 *
 * A cell has no process of its own: whichever process finds that it has too little acts as its agent, and any number of
 * them may do so at once. What the root has made over to a cell, and what the cell believes it has, are both
 * cumulative:
 *
 *     granted (root)  = leased + reported, both of the cell's entry
 *     funded  (cell)  = committed + room
 *
 * The invariant, at every moment and whoever crashes where:
 *
 *     granted ≥ funded ≥ committed (cell) ≥ reported          (funded ≥ committed but for what is overdrawn)
 *
 * So what the root counts as committed covers whatever the cells can lend, have lent or have been told of, and the sum
 * over all processes stays within what the root's terms allow. It holds because
 *
 * - money comes down root first: a write of the root under the entry's next sequence, then the cell follows to what that
 *   write says, which lands only on a cell that follows an earlier one. Whoever finds a root that is ahead can do the
 *   second half, because the entry says all of it;
 * - money goes up cell first: the room is taken away while the cell follows the root's present sequence, so that no late
 *   copy of an earlier second half can bring it back; then the root is written under the next sequence. Whoever finds a
 *   cell that has less than it was granted can do the second half, or use the money.
 *
 * A write of the root whose answer was lost needs no repeat: the entry tells what became of it, and once the sequence
 * has moved on it cannot land any more.
 */

/** The id of a budget's cell, as a holder of the root. Process ids are random and longer. */
export const cellId = (index: number): HolderId => `cell-${index}` as HolderId;

/** Which of a budget's cells a process belongs to. `place` is from 0 to 1, drawn once for a process. */
export const cellAt = (place: number, cells: number): HolderId =>
  cellId(Math.min(cells - 1, Math.floor(place * cells)));

export const cellKey = ({ budget, period }: LedgerKey, cell: HolderId): LedgerKey => ({ budget, period, cell });
export const rootKey = ({ budget, period }: LedgerKey): LedgerKey => ({ budget, period });

export const NO_FUNDING: Funding = { sequence: 0, until: 0 as EpochMs, at: 0 as EpochMs, slice: ZERO, room: ZERO };

const NOTHING_REPORTED: Reported = { settled: ZERO, unconfirmed: ZERO };

/** The cells that have ever been written to the root. */
export const cellsOf = (root: Pick<LedgerItem, 'holders'>): HolderId[] =>
  [...root.holders].flatMap(([holder, entry]) => (entry.reported === undefined ? [] : [holder]));

/** What the root has made over to a cell in this period, whatever became of it. */
export const granted = (entry: LeaseEntry | undefined): NanoUsd =>
  entry === undefined ? ZERO : add(entry.leased, entry.reported?.settled ?? ZERO, entry.reported?.unconfirmed ?? ZERO);

/** An item that is a cell's. */
export type CellItem = LedgerItem & { readonly funding: Funding };

export const isCell = (item: LedgerItem): item is CellItem => item.funding !== undefined;

export const funded = (cell: CellItem): NanoUsd => add(cell.committed, cell.funding.room);

/** Whether the cell knows of the root's last write of its entry. Only then may its room be taken away. */
export const isInStep = (root: LedgerItem, cell: CellItem, id: HolderId): boolean =>
  (root.holders.get(id)?.sequence ?? 0) === cell.funding.sequence;

/** What the cell follows to after a write of the root: the second half of bringing money down. */
export interface FundingWrite {
  readonly sequence: number;
  readonly funded: NanoUsd;
  readonly until: EpochMs;
  readonly at: EpochMs;
  readonly slice: NanoUsd;
}

export const followed = (entry: LeaseEntry, at: EpochMs, slice: NanoUsd): FundingWrite => ({
  sequence: entry.sequence,
  funded: granted(entry),
  until: entry.expiresAt,
  at,
  slice,
});

/** The rule of {@link CellStore.fund}. */
export const fundedBy = (cell: CellItem, { funded: total, ...rest }: FundingWrite): CellItem | undefined =>
  rest.sequence <= cell.funding.sequence
    ? undefined
    : { ...cell, funding: { ...rest, room: subtract(total, cell.committed) } };

/** The rule of {@link CellStore.withdraw}. */
export const withdrawn = (cell: CellItem, { sequence, amount }: Withdrawal): CellItem | undefined =>
  cell.funding.sequence !== sequence || cell.funding.room < amount
    ? undefined
    : { ...cell, funding: { ...cell.funding, room: subtract(cell.funding.room, amount) } };

export interface Withdrawal {
  /** The root's sequence that the cell must follow. */
  readonly sequence: number;
  readonly amount: NanoUsd;
}

/** What a store offers for cells beyond {@link LedgerStore}. Each write is one atomic conditional write of the cell's item. */
export interface CellStore {
  /** Makes the cell follow a later write of the root. @returns the cell as it is then, or undefined where it was no later one */
  fund(key: LedgerKey, funding: FundingWrite): Promise<LedgerItem | undefined>;
  /** Takes room away. @returns the cell as it is then, or undefined where it follows another write or has less */
  withdraw(key: LedgerKey, withdrawal: Withdrawal): Promise<LedgerItem | undefined>;
  /** Gives the cell later terms of the root. @returns the cell as it is then, or undefined where they were no later ones */
  followTerms(key: LedgerKey, terms: Terms): Promise<LedgerItem | undefined>;
}

/**
 * The next write of the root for a cell: it reports what the cell has been told. With `grant` it leaves the cell at least
 * that much room until then, and lands only under the root's terms and up to its ceiling. Without, it gives up what the
 * cell does not have any more, and neither adds nor prolongs anything; only what the cell's processes have spent beyond
 * their leases is committed on top.
 */
export function writeForCell(
  root: LedgerItem,
  cell: CellItem,
  id: HolderId,
  request: {
    readonly writeId: WriteId;
    readonly at: EpochMs;
    readonly grant?: { readonly room: NanoUsd; readonly until: EpochMs };
  },
): LeaseWrite {
  const { writeId, at, grant } = request;
  const entry = root.holders.get(id);
  const before = entry?.reported ?? NOTHING_REPORTED;
  // Another agent may have told the root more than this one has seen of the cell.
  const reported: Reported = {
    settled: max(before.settled, cell.settled),
    unconfirmed: max(before.unconfirmed, cell.unconfirmed),
    ...laterOf(before.unrefused, cell.unrefused),
  };
  const unrefused = unrefusedSince(before.unrefused, reported.unrefused);
  const told = add(reported.settled, reported.unconfirmed);
  const least = isInStep(root, cell, id) ? funded(cell) : granted(entry);
  const wanted = add(cell.committed, grant?.room ?? ZERO);
  const leased = subtract(max(max(least, wanted), told), told);
  return {
    key: rootKey(root.key),
    holder: id,
    settled: subtract(reported.settled, before.settled),
    unconfirmed: subtract(reported.unconfirmed, before.unconfirmed),
    leased: subtract(leased, entry?.leased ?? ZERO),
    entry: {
      sequence: (entry?.sequence ?? 0) + 1,
      writeId,
      leased,
      expiresAt: grant?.until ?? entry?.expiresAt ?? at,
      reported,
    },
    ...(grant === undefined
      ? {}
      : { grant: { termsVersion: root.terms.version, ceiling: ceiling(root.terms, at), at } }),
    // From when the root hears of it: it may have granted other cells something since the cell was refused.
    ...(cell.refusing === undefined || root.refusing !== undefined || grant !== undefined
      ? {}
      : { refusal: { at, need: cell.refusing.need } }),
    ...(unrefused.calls === 0 ? {} : { unrefused }),
  };
}

/** Both are cumulative: the one that counts more calls is the later one. */
const laterOf = (a: Unrefused | undefined, b: Unrefused | undefined): { readonly unrefused?: Unrefused } => {
  const later = (b?.calls ?? 0) > (a?.calls ?? 0) ? b : a;
  return later === undefined ? {} : { unrefused: later };
};

const unrefusedSince = (before = NOTHING_UNREFUSED, now = NOTHING_UNREFUSED): Unrefused => ({
  calls: now.calls - before.calls,
  amount: subtract(now.amount, before.amount),
});

/** Whether a write tells the root anything. */
export const isNews = (write: LeaseWrite): boolean =>
  write.settled !== 0n ||
  write.unconfirmed !== 0n ||
  write.leased !== 0n ||
  write.refusal !== undefined ||
  write.unrefused !== undefined;

/**
 * The budget as a process of the cell sees it: what is left is what the root has left and the cell can still lend; the
 * holders are those of the cell.
 */
export function seenFromCell(root: LedgerItem, cell: CellItem, id: HolderId, siblings: number): LedgerItem {
  const entry = root.holders.get(id);
  const mine = subtract(granted(entry), cell.committed);
  const { settled, unconfirmed } = entry?.reported ?? NOTHING_REPORTED;
  const untold = { settled: subtract(cell.settled, settled), unconfirmed: subtract(cell.unconfirmed, unconfirmed) };
  return {
    ...root,
    committed: subtract(root.committed, mine),
    settled: add(root.settled, untold.settled),
    unconfirmed: add(root.unconfirmed, untold.unconfirmed),
    leased: subtract(root.leased, add(mine, untold.settled, untold.unconfirmed)),
    holders: cell.holders,
    siblings,
  };
}
