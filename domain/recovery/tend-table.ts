import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../journal.ts';
import type { LedgerKey } from '../spending/ledger.ts';
import {
  IDENTITY_UNTOLD,
  type KnownTable,
  RECOVER,
  ROLLED_BACK,
  type TableDescription,
  type TableIdentities,
} from './table-identity.ts';

/** The items that somebody may lease from now or soon. */
export interface LeasableItems {
  readonly keys: readonly LedgerKey[];
  /** Whether these are all: not where index entries could not be read. */
  readonly isWhole: boolean;
}

export interface TableTending {
  readonly identities: TableIdentities;
  /** Sees to it that nothing is leased from an item in any table. Items that are not there stay so. */
  readonly close: (key: LedgerKey) => Promise<void>;
  readonly items: () => Promise<LeasableItems>;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** `untold`: no table of this name has ever told an id, so that one that was restored could not be noticed. */
export type TableState = 'open' | 'restored' | 'closed' | 'untold';

export const stateOf = (known: KnownTable | undefined, described: TableDescription): Exclude<TableState, 'untold'> => {
  if (known === undefined) return described.isRestored ? 'restored' : 'open';
  if (known.closed?.in === described.tableId) return 'closed';
  return known.closed === undefined && known.tableId === described.tableId ? 'open' : 'restored';
};

/** Whether the table's items may be believed. */
export async function tableState({ known, describe }: TableIdentities): Promise<TableState> {
  const [before, described] = await Promise.all([known(), describedOrUntold(describe)]);
  if (!(described instanceof Fault)) return stateOf(before, described);
  if (before === undefined) return 'untold';
  throw described;
}

/** @returns the fault where DynamoDB answers without an id: what follows depends on whether it has ever told one */
async function describedOrUntold(describe: TableIdentities['describe']): Promise<TableDescription | Fault> {
  try {
    return await describe();
  } catch (error) {
    if (error instanceof Fault && error.code === IDENTITY_UNTOLD) return error;
    throw error;
  }
}

/**
 * The governor does not stand still while DynamoDB's control plane is ill: then what it has written into the table itself
 * decides. A role that may not look is a mistake, and is told.
 */
async function stateWhereTold({ known, describe }: TableIdentities): Promise<TableState> {
  const described = describe().catch((error: unknown) => {
    if (error instanceof Fault && !/AccessDenied|ResourceNotFound/.test(error.code)) return undefined;
    throw error;
  });
  const [before, now] = await Promise.all([known(), described]);
  if (now !== undefined) return stateOf(before, now);
  return before?.closed === undefined ? 'open' : 'closed';
}

/** @throws {Fault} `TableRestored` where nothing may be decided on what is in the table */
export async function refuseRestored(identities: TableIdentities): Promise<void> {
  const state = await stateWhereTold(identities);
  if (state === 'open') return;
  throw new Fault('TableRestored', {
    doing: 'looking at the table',
    problem:
      state === 'closed'
        ? 'it is closed until it is recovered, because it was restored from a backup or rolled back'
        : 'it was restored from a backup, and has forgotten what was spent and leased since',
    next: RECOVER,
  });
}

/**
 * Looks after the table each minute: a new one is remembered, and one that was restored is closed, so that nothing is
 * leased from it by processes either that may not look which table it is. Of one that is right it gives its word, by which
 * processes go that read the index. Done again it changes nothing else.
 */
export async function tendTable(ports: TableTending): Promise<TableState> {
  const { identities, clock, journal } = ports;
  const known = await identities.known();
  const at = clock.now();
  const described = await describedOrUntold(identities.describe);
  if (described instanceof Fault) {
    if (known === undefined) return 'untold';
    throw described;
  }
  const state = stateOf(known, described);
  if (state === 'open' && known === undefined) await identities.remember({ tableId: described.tableId }, undefined);
  if (state === 'open') await identities.vouch({ tableId: described.tableId, at });
  if (state !== 'restored') return state;
  if (known?.closed?.in === ROLLED_BACK) {
    // The operator's closing is under way, or broke off: that goes on with the command, which finds more than the index knows.
    for (const key of (await ports.items()).keys) await ports.close(key);
    journal.counted('TableRestored', { table: described.tableId, before: known.tableId });
    return state;
  }
  const closing = await closeTable(ports, known, described);
  journal.counted('TableRestored', { table: described.tableId, before: known?.tableId });
  if (closing === 'in-part') return state;
  journal.decided('close restored table', {
    table: described.tableId,
    before: known?.tableId,
    because: 'its items are those of another table: it was restored from a backup',
    at: new Date(clock.now()).toISOString(),
  });
  return 'closed';
}

/**
 * The items first: the time that is remembered is one from which on nothing is leased. Before them, of a table that is
 * right as far as anybody knows, that it is not: broken off half-way, it must not be taken for an open one of which some
 * items were left behind.
 *
 * Where not all items are known, those that are known are closed, and the table is not said to be: an item that is left out
 * lends on, and a recovery reckons from the time that is remembered. The next run tries again.
 */
export async function closeTable(
  ports: Omit<TableTending, 'journal'>,
  known: KnownTable | undefined,
  described: TableDescription,
): Promise<'closed' | 'in-part'> {
  const { identities, close, items, clock } = ports;
  const { tableId } = described;
  let before = known;
  if (stateOf(known, described) === 'open') {
    before = { tableId, closed: { at: clock.now(), in: ROLLED_BACK } };
    if ((await identities.remember(before, known)) === 'stale')
      return await closeTable(ports, await identities.known(), described);
  }
  const { keys, isWhole } = await items();
  for (const key of keys) await close(key);
  if (!isWhole) return 'in-part';
  const closed = { at: clock.now(), in: tableId };
  if ((await identities.remember({ tableId: before?.tableId ?? tableId, closed }, before)) !== 'stale') return 'closed';
  // Another run has just closed it; or something else was remembered meanwhile.
  const now = await identities.known();
  return stateOf(now, described) === 'closed' ? 'closed' : await closeTable(ports, now, described);
}
