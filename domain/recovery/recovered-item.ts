import { type EpochMs, epochMs } from '../clock.ts';
import { add, max, type NanoUsd, subtract, ZERO } from '../money.ts';
import { type CellItem, granted } from '../spending/cell.ts';
import { type HolderId, type LeaseEntry, type LedgerItem, spent, type WriteId } from '../spending/ledger.ts';

/**
 * Sequences of leases from before a recovery end below a multiple of this, and those after it begin there: a holder that
 * has written to another table goes on at a sequence that its entry never comes to. 2^21 recoveries fit into a safe integer.
 */
const SEQUENCES = 2 ** 32;

const firstAfter = (sequence: number): number => (Math.floor(sequence / SEQUENCES) + 1) * SEQUENCES;

/** What an item and those of its cells are to be. */
export interface RecoveredItem {
  readonly root: LedgerItem;
  readonly cells: readonly CellItem[];
}

/**
 * An item of a restored table as it is after the recovery. Nothing is handed back by guess:
 *
 * - all leases end. What they had unreported is unconfirmed, and no holder of them can write any more: neither give back
 *   nor go on;
 * - cells have told everything that they were granted, and lend nothing before they are funded anew;
 * - where the most that can have been spent is more than all this, the rest is unattributed.
 *
 * So `committed` is no less than before, no less than what was spent, and conserved.
 *
 * @param spentAtMost everything that the covered profiles can have spent in the period
 */
export function recoveredItem(
  root: LedgerItem,
  cells: ReadonlyMap<HolderId, CellItem>,
  { spentAtMost, newWriteId }: { readonly spentAtMost: NanoUsd; readonly newWriteId: () => WriteId },
): RecoveredItem {
  let { settled, unconfirmed } = root;
  const holders = new Map<HolderId, LeaseEntry>();
  const recovered: CellItem[] = [];
  const ended = (entry: LeaseEntry): LeaseEntry => ({
    ...entry,
    sequence: firstAfter(entry.sequence),
    writeId: newWriteId(),
    leased: ZERO,
  });
  for (const [holder, entry] of root.holders) {
    const cell = cells.get(holder);
    if (entry.reported === undefined || cell === undefined) {
      unconfirmed = add(unconfirmed, entry.leased);
      // A cell whose item is gone begins anew with the next one: it would take what is in this entry for its own.
      if (entry.reported === undefined) holders.set(holder, ended(entry));
      continue;
    }
    // Root and cell may be of slightly different moments: whichever says more is believed.
    const told = max(entry.reported.settled, cell.settled);
    const untold = max(entry.reported.unconfirmed, subtract(max(granted(entry), cell.committed), told));
    const reported = { ...entry.reported, settled: told, unconfirmed: untold };
    settled = add(settled, subtract(told, entry.reported.settled));
    unconfirmed = add(unconfirmed, subtract(untold, entry.reported.unconfirmed));
    const last = Math.max(entry.sequence, cell.funding.sequence);
    const after = { ...ended(entry), sequence: firstAfter(last), expiresAt: epochMs(0), reported };
    holders.set(holder, after);
    recovered.push(emptied(cell, { settled: told, unconfirmed: untold, sequence: after.sequence, ended }));
  }
  const known = add(settled, unconfirmed, root.unattributed);
  const unattributed = add(root.unattributed, max(ZERO, subtract(spentAtMost, known)));
  const parts = { settled, unconfirmed, unattributed };
  return { root: { ...root, ...parts, leased: ZERO, committed: spent(parts), holders }, cells: recovered };
}

function emptied(
  cell: CellItem,
  to: {
    readonly settled: NanoUsd;
    readonly unconfirmed: NanoUsd;
    readonly sequence: number;
    readonly ended: (entry: LeaseEntry) => LeaseEntry;
  },
): CellItem {
  const { settled, unconfirmed, sequence, ended } = to;
  const never: EpochMs = epochMs(0);
  return {
    ...cell,
    settled,
    unconfirmed,
    leased: ZERO,
    unattributed: ZERO,
    committed: add(settled, unconfirmed),
    holders: new Map([...cell.holders].map(([holder, entry]) => [holder, ended(entry)])),
    funding: { sequence, until: never, at: never, slice: ZERO, room: ZERO },
  };
}
