import type { Budget } from '../budgets/definition.ts';
import type { Period } from '../period.ts';
import {
  type CellItem,
  type CellStore,
  cellId,
  cellKey,
  cellsOf,
  followed,
  isCell,
  isInStep,
  isNews,
  writeForCell,
} from '../spending/cell.ts';
import type { HolderId, LedgerItem, LedgerKey, LedgerStore } from '../spending/ledger.ts';
import { type LeaseTidying, tidyLeases } from './tidy-leases.ts';

export interface CellCollection extends LeaseTidying {
  readonly ledger: LedgerStore & CellStore;
}

/**
 * The governor's part in a budget's cells: it provides them, gives them the root's terms, and reports to the root what
 * they have been told, so that what is decided on the root is decided on all that is known. What a cell may lend no
 * longer, it takes back. Stopped anywhere and done again, by several at once or beside the cells' processes, it loses
 * and mints nothing.
 *
 * @param known the budget's item as it was just read; it is read here where it is not given
 * @returns the item as it was seen last
 */
export async function collectCells(
  ports: CellCollection,
  budget: Budget,
  period: Period,
  known?: LedgerItem,
): Promise<LedgerItem | undefined> {
  const key: LedgerKey = { budget: budget.id, period: period.id };
  const ids = new Set(namesOf(budget));
  let root = known ?? (await ports.ledger.read(key));
  // A policy that asks for fewer cells than before leaves money in the others.
  for (const id of root === undefined ? [] : cellsOf(root)) ids.add(id);
  for (const id of ids)
    if (root !== undefined) root = (await collect(ports, root, id)) ?? (await ports.ledger.read(key));
  return root;
}

/** Provides the cells of a period ahead of its item, with the terms that the item is to have. */
export async function provideCells(
  { ledger }: Pick<CellCollection, 'ledger'>,
  budget: Budget,
  { key: root, startsAt, endsAt, terms }: Pick<LedgerItem, 'key' | 'startsAt' | 'endsAt' | 'terms'>,
): Promise<void> {
  for (const id of namesOf(budget)) {
    const key = cellKey(root, id);
    if ((await ledger.read(key)) === undefined) await ledger.provide({ key, startsAt, endsAt, terms });
  }
}

/** Tells every cell the root's new terms: from then on none lends under the old ones. */
export async function tellCells(
  { ledger }: Pick<CellCollection, 'ledger'>,
  budget: Budget,
  root: LedgerItem,
): Promise<void> {
  for (const id of new Set([...namesOf(budget), ...cellsOf(root)]))
    await ledger.followTerms(cellKey(root.key, id), root.terms);
}

const namesOf = ({ cells = 0 }: Budget): HolderId[] => Array.from({ length: cells }, (_, index) => cellId(index));

/** @returns the root as it is then, or undefined where somebody else changed it meanwhile */
async function collect(ports: CellCollection, root: LedgerItem, id: HolderId): Promise<LedgerItem | undefined> {
  const { ledger } = ports;
  const key = cellKey(root.key, id);
  const found = await ledger.read(key);
  if (found === undefined) {
    const { startsAt, endsAt, terms } = root;
    await ledger.provide({ key, startsAt, endsAt, terms });
    return root;
  }
  if (found.terms.version < root.terms.version) await ledger.followTerms(key, root.terms);
  const tidied = (await tidyLeases(ports, found)) ? await ledger.read(key) : found;
  if (tidied === undefined || !isCell(tidied)) return root;
  const cell = await takeBack(ports, root, tidied, id);
  const write = writeForCell(root, cell, id, { writeId: ports.newWriteId(), at: ports.clock.now() });
  if (!isNews(write)) return root;
  const outcome = await ledger.write(write);
  return outcome.kind === 'landed' ? outcome.item : undefined;
}

/** Takes back what a cell may not lend any more, because none of its processes has renewed its lease. */
async function takeBack(ports: CellCollection, root: LedgerItem, cell: CellItem, id: HolderId): Promise<CellItem> {
  const entry = root.holders.get(id);
  if (entry === undefined || entry.expiresAt > ports.clock.now()) return cell;
  const { at, slice } = cell.funding;
  const key = cellKey(root.key, id);
  const inStep = isInStep(root, cell, id) ? cell : await ports.ledger.fund(key, followed(entry, at, slice));
  if (inStep === undefined || !isCell(inStep) || inStep.funding.room <= 0n) return cell;
  const { sequence, room } = inStep.funding;
  const emptied = await ports.ledger.withdraw(key, { sequence, amount: room });
  return emptied !== undefined && isCell(emptied) ? emptied : inStep;
}
