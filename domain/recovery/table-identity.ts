import type { Brand } from '../brand.ts';
import type { EpochMs } from '../clock.ts';

/**
 * Which table this is. A restore makes a new table with the items of the old one, so that its items tell of another table
 * than the one that they are in: see docs/ledger.md, "Restored tables".
 */

/**
 * DynamoDB's own id of a table: another one for each table that is made, also under the same name. UNVERIFIED that a
 * restored table has an id of its own; the API reference calls it a unique identifier of the table.
 */
export type TableId = Brand<string, 'TableId'>;

/** In the place of a table's id, in items of which nothing may be leased in any table. */
export const CLOSED = 'closed';

/**
 * In the place of the table in which nothing may be leased, while an operator's closing of a table is under way that was
 * rolled back in place. Its items tell of the table that they are in, so that only who closes it knows what is closed.
 */
export const ROLLED_BACK = 'rolled-back' as TableId;

/**
 * The code of the fault where DynamoDB answers without an id. AWS gives each table one; the API model does not require it, and servers
 * that stand in for DynamoDB leave it out.
 */
export const IDENTITY_UNTOLD = 'TableIdentityUntold';

/** What a person can do about it. */
export const RECOVER =
  'Nothing is lent from it. An operator runs `npm run governor -- recover`, which counts what was spent and opens it: docs/ledger.md, "Restored tables".';

/** What the governor remembers of its table, in the table. */
export interface KnownTable {
  /** The table that its items are right in. */
  readonly tableId: TableId;
  /** Present while nothing may be leased. */
  readonly closed?: {
    /** Since when nothing was, also by whoever may not look which table this is. */
    readonly at: EpochMs;
    /** Of a table that is restored once more, this tells of the one before. */
    readonly in: TableId;
  };
}

/** What DynamoDB says of the table. */
export interface TableDescription {
  readonly tableId: TableId;
  /** Whether it says that it was made of a backup. */
  readonly isRestored: boolean;
}

/** The governor's word of which table this is, beside the index: whoever reads that need not ask DynamoDB. */
export interface TableVouch {
  readonly tableId: TableId;
  /** When the governor asked DynamoDB. */
  readonly at: EpochMs;
}

export interface TableIdentities {
  /** Strongly consistent; undefined before the governor has first looked after the table. */
  known(): Promise<KnownTable | undefined>;
  describe(): Promise<TableDescription>;
  vouch(word: TableVouch): Promise<void>;
  /** Lands only where what is known still is `before`. */
  remember(table: KnownTable, before: KnownTable | undefined): Promise<'remembered' | 'stale'>;
}

/** For whoever leases: which table this is, not older than a minute, or that it cannot be told. */
export interface TableLook {
  now(): Promise<TableId | undefined>;
}
