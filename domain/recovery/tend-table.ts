import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../journal.ts';
import type { LedgerKey } from '../spending/ledger.ts';
import { type KnownTable, RECOVER, type TableDescription, type TableIdentities } from './table-identity.ts';

export interface TableTending {
  readonly identities: TableIdentities;
  /** Sees to it that nothing is leased from an item in any table. Items that are not there stay so. */
  readonly close: (key: LedgerKey) => Promise<void>;
  /** The items that somebody may lease from now or soon. */
  readonly items: () => Promise<readonly LedgerKey[]>;
  readonly clock: Clock;
  readonly journal: Journal;
}

export type TableState = 'open' | 'restored' | 'closed';

export const stateOf = (known: KnownTable | undefined, described: TableDescription): TableState => {
  if (known === undefined) return described.isRestored ? 'restored' : 'open';
  if (known.closed?.in === described.tableId) return 'closed';
  return known.closed === undefined && known.tableId === described.tableId ? 'open' : 'restored';
};

/** Whether the table's items may be believed. */
export async function tableState({ known, describe }: TableIdentities): Promise<TableState> {
  const [before, described] = await Promise.all([known(), describe()]);
  return stateOf(before, described);
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
  const described = await identities.describe();
  const state = stateOf(known, described);
  if (state === 'open' && known === undefined) await identities.remember({ tableId: described.tableId }, undefined);
  if (state === 'open') await identities.vouch({ tableId: described.tableId, at });
  if (state !== 'restored') return state;
  await closeTable(ports, known, described);
  journal.counted('TableRestored', { table: described.tableId, before: known?.tableId });
  journal.decided('close restored table', {
    table: described.tableId,
    before: known?.tableId,
    because: 'its items are those of another table: it was restored from a backup',
    at: new Date(clock.now()).toISOString(),
  });
  return 'closed';
}

/** The items first: the time that is remembered is one from which on nothing is leased. */
export async function closeTable(
  { identities, close, items, clock }: Omit<TableTending, 'journal'>,
  known: KnownTable | undefined,
  { tableId }: TableDescription,
): Promise<void> {
  for (const key of await items()) await close(key);
  // Stale where another run has just closed it.
  const closed = { at: clock.now(), in: tableId };
  await identities.remember({ tableId: known?.tableId ?? tableId, closed }, known);
}
