import type { Brand } from '../brand.ts';
import type { BudgetId } from '../budgets/budget-id.ts';
import type { EpochMs } from '../clock.ts';
import { add, type NanoUsd, subtract, ZERO } from '../money.ts';
import type { CLOSED, TableId } from '../recovery/table-identity.ts';
import { ceiling, type Terms } from './terms.ts';

/**
 * The ledger: one item for one budget in one period holds all commitments against that budget.
 *
 *     committed = settled + leased + unconfirmed + unattributed
 *
 * `committed` is kept as an attribute of its own, so that the condition of a single write can test it against the
 * ceiling. See docs/ledger.md for the protocol and what it relies on.
 */

/** Random per process start, never reused: whoever holds a lease. */
export type HolderId = Brand<string, 'HolderId'>;
/** Names one write for good; repeated only with the byte-identical write. */
export type WriteId = Brand<string, 'WriteId'>;

export interface LedgerKey {
  readonly budget: BudgetId;
  /** {@link Period.id} */
  readonly period: string;
  /** Names the item of a cell; absent for the budget's own item, the root. See domain/spending/cell.ts. */
  readonly cell?: HolderId;
}

/** What one holder has, as the item records it. An entry without money left is the tombstone of an ended lease. */
export interface LeaseEntry {
  /** Counts the holder's landed writes, from 1. */
  readonly sequence: number;
  /** The last write that landed. */
  readonly writeId: WriteId;
  readonly leased: NanoUsd;
  readonly expiresAt: EpochMs;
  /** All that a cell has reported in this period; absent for a process. Such an entry stays as long as its item. */
  readonly reported?: Reported;
}

/** Cumulative amounts. */
export interface Reported {
  readonly settled: NanoUsd;
  readonly unconfirmed: NanoUsd;
  readonly unrefused?: Unrefused;
}

/** How far a cell may lend, as of the last write of the root that its item knows of. */
export interface Funding {
  /** Sequence of the cell's entry in the root; 0 before the first. */
  readonly sequence: number;
  /** When the cell's lease on the root ends, and with it the right to lend. */
  readonly until: EpochMs;
  /** When the root was written. */
  readonly at: EpochMs;
  /** How much room that write was to leave. */
  readonly slice: NanoUsd;
  /** What the cell may still lend; below zero where its processes have spent more than they were lent. */
  readonly room: NanoUsd;
}

/** What the covered profiles had spent in a period before a budget counted it itself; cumulative, and only ever rises. */
export interface Opening {
  readonly settled: NanoUsd;
  readonly unconfirmed: NanoUsd;
}

export const NO_OPENING: Opening = { settled: ZERO, unconfirmed: ZERO };

/** How much of `unconfirmed` the true-up has decided so far; cumulative, and only ever rises. */
export interface Resolution {
  /** Proven to be spent: moved to `settled`. */
  readonly confirmed: NanoUsd;
  /** Proven not to be spent: taken off. */
  readonly unspent: NanoUsd;
}

export const NO_RESOLUTION: Resolution = { confirmed: ZERO, unspent: ZERO };

/** A reservation that was refused for want of money. A hint for the governor, not a truth. */
export interface Refusal {
  readonly at: EpochMs;
  readonly need: NanoUsd;
}

/** Refusals without a grant since: the ledger has said nothing but no for so long. */
export interface Refusing {
  /** When the first of them came. */
  readonly since: EpochMs;
  /** The last of them. */
  readonly need: NanoUsd;
}

/** Calls that a budget let pass which only watches and would have refused; cumulative within a period. */
export interface Unrefused {
  readonly calls: number;
  /** What was reserved for them. */
  readonly amount: NanoUsd;
}

export const NOTHING_UNREFUSED: Unrefused = { calls: 0, amount: ZERO };

const addUnrefused = (a: Unrefused, b: Unrefused): Unrefused => ({
  calls: a.calls + b.calls,
  amount: add(a.amount, b.amount),
});

export interface LedgerItem {
  readonly key: LedgerKey;
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
  readonly terms: Terms;
  readonly committed: NanoUsd;
  readonly settled: NanoUsd;
  readonly leased: NanoUsd;
  readonly unconfirmed: NanoUsd;
  readonly unattributed: NanoUsd;
  readonly holders: ReadonlyMap<HolderId, LeaseEntry>;
  /** Present in a cell's item alone. */
  readonly funding?: Funding;
  /** How many items share what is left, each with about as many holders; absent where this is the only one. */
  readonly siblings?: number;
  /** Part of `settled` and `unconfirmed`: absent where the budget has counted everything itself. */
  readonly opening?: Opening;
  /** Absent before the true-up has decided anything. */
  readonly resolution?: Resolution;
  /** Absent while the last word was a grant. */
  readonly refusing?: Refusing;
  /** Absent where the budget has never let pass what it would have refused. */
  readonly unrefused?: Unrefused;
  /** Thresholds whose notice is in the outbox already: see {@link thresholdKey}. */
  readonly crossed: readonly string[];
  /**
   * The table in which money may be leased from this item, or that it may be in none; absent in a cell, which lends what
   * the root has granted it, and where nobody has said. See domain/recovery.
   */
  readonly openIn?: TableId | typeof CLOSED;
}

/** Money that is gone, or must be taken for gone: everything committed but what live leases may still give back. */
export const spent = (item: Pick<LedgerItem, 'settled' | 'unconfirmed' | 'unattributed'>): NanoUsd =>
  add(item.settled, item.unconfirmed, item.unattributed);

/** What new commitments may still take at an instant; never negative. */
export function left(item: Pick<LedgerItem, 'terms' | 'committed'>, now: EpochMs): NanoUsd {
  const rest = subtract(ceiling(item.terms, now), item.committed);
  return rest > 0n ? rest : ZERO;
}

/** Conservation, the invariant of every write. */
export const isConserved = (item: LedgerItem): boolean => item.committed === add(spent(item), item.leased);

/**
 * One conditional write of a holder: it reports what was spent, gives back or takes money, and replaces the holder's
 * entry. It lands only if the holder's entry still has the sequence before this one; so a repeated, delayed or
 * duplicated write lands once at most.
 */
export interface LeaseWrite {
  readonly key: LedgerKey;
  readonly holder: HolderId;
  /** Raises `settled` by this much. */
  readonly settled: NanoUsd;
  /** Raises `unconfirmed` by this much. */
  readonly unconfirmed: NanoUsd;
  /** Changes `leased` by this much; may be negative. */
  readonly leased: NanoUsd;
  readonly entry: LeaseEntry;
  /** Present where the write leaves the holder money to spend: it lands only under these terms and up to the ceiling. */
  readonly grant?: { readonly termsVersion: number; readonly ceiling: NanoUsd; readonly at: EpochMs };
  readonly refusal?: Refusal;
  /** Adds to {@link LedgerItem.unrefused}. */
  readonly unrefused?: Unrefused;
}

export const committedBy = (write: Pick<LeaseWrite, 'settled' | 'unconfirmed' | 'leased'>): NanoUsd =>
  add(write.settled, write.unconfirmed, write.leased);

/** Why a write did not land, read from the item as it is now. */
export type WriteRefusal =
  /** No item: the governor has not provided this budget and period. Helpers never create one. */
  | 'not-provisioned'
  /** The holder's entry is not the one before this write: reclaimed, or somebody else wrote under this holder. */
  | 'lease-lost'
  | 'terms-changed'
  | 'over-ceiling'
  | 'period-not-begun';

export type WriteOutcome =
  /** With the item as the write left it, where the store says. */
  | { readonly kind: 'landed'; readonly item?: LedgerItem }
  | { readonly kind: 'refused'; readonly why: WriteRefusal; readonly item: LedgerItem | undefined };

/**
 * What a write does to an item: the single rule that every store implements, whether as a condition expression or in
 * memory. `item` is the item as it stands when the write arrives.
 */
export function judge(item: LedgerItem | undefined, write: LeaseWrite): WriteOutcome {
  const refused = (why: WriteRefusal): WriteOutcome => ({ kind: 'refused', why, item });
  if (item === undefined) return refused('not-provisioned');
  const entry = item.holders.get(write.holder);
  if (entry?.writeId === write.entry.writeId) return { kind: 'landed' };
  if ((entry?.sequence ?? 0) !== write.entry.sequence - 1) return refused('lease-lost');
  if (write.grant !== undefined) {
    if (item.startsAt > write.grant.at) return refused('period-not-begun');
    if (item.terms.version !== write.grant.termsVersion) return refused('terms-changed');
    if (!hasRoom(item, write, write.grant)) return refused('over-ceiling');
  }
  return { kind: 'landed' };
}

/** A cell lends what it was funded with, while its lease lasts; the root up to the ceiling. */
function hasRoom(
  { funding, committed }: LedgerItem,
  write: LeaseWrite,
  grant: NonNullable<LeaseWrite['grant']>,
): boolean {
  const more = committedBy(write);
  if (funding !== undefined) return grant.at < funding.until && more <= funding.room;
  return add(committed, more) <= grant.ceiling;
}

/** The item after a write that landed. */
export function afterWrite(item: LedgerItem, write: LeaseWrite): LedgerItem {
  const more = committedBy(write);
  const { refusing, ...rest } = item;
  return {
    ...rest,
    settled: add(item.settled, write.settled),
    unconfirmed: add(item.unconfirmed, write.unconfirmed),
    leased: add(item.leased, write.leased),
    committed: add(item.committed, more),
    holders: new Map(item.holders).set(write.holder, write.entry),
    ...(item.funding === undefined ? {} : { funding: { ...item.funding, room: subtract(item.funding.room, more) } }),
    ...refusingAfter(refusing, write),
    ...(write.unrefused === undefined
      ? {}
      : { unrefused: addUnrefused(item.unrefused ?? NOTHING_UNREFUSED, write.unrefused) }),
  };
}

function refusingAfter(before: Refusing | undefined, { grant, refusal }: LeaseWrite): { readonly refusing?: Refusing } {
  if (refusal !== undefined) return { refusing: { since: before?.since ?? refusal.at, need: refusal.need } };
  return before === undefined || grant !== undefined ? {} : { refusing: before };
}

/** How long an ended lease's entry stays: longer than a signed request can live (15 minutes), so that no late copy of a write lands. */
export const TOMBSTONE_MS = 20 * 60_000;

/** How long after its lease would have ended a first write may still be repeated: it arrives while its tombstone stands. */
export const REPEATABLE_MS = TOMBSTONE_MS - 15 * 60_000;

/** Items that were read together. What is wrong with one is thrown where that one is asked for, and nowhere else. */
export type ItemsRead = (key: LedgerKey) => LedgerItem | undefined;

/** The ledger's store. Reads are strongly consistent; each write is one atomic conditional write. */
export interface LedgerStore {
  read(key: LedgerKey): Promise<LedgerItem | undefined>;
  /** Each as by `read`, with few requests: they need not be of one instant. Of each key once. */
  readTogether(keys: readonly LedgerKey[]): Promise<ItemsRead>;
  /**
   * Applies a holder's write, or says why not. Repeating the identical write is safe, whatever became of it.
   * @throws {Fault} `LedgerUnavailable` when its fate is unknown: only the identical write may follow.
   */
  write(write: LeaseWrite): Promise<WriteOutcome>;
  /**
   * Creates the item of a budget and period unless it exists, with what was spent before it. The governor's alone, where a
   * look has not found it: a refused write costs more than a read.
   */
  provide(item: NewItem): Promise<'created' | 'exists'>;
  /** Raises the opening to an amount, and `settled` and `unconfirmed` with it; lands only if it still is `from`. */
  raiseOpening(key: LedgerKey, change: { readonly from: Opening; readonly to: Opening }): Promise<'changed' | 'stale'>;
  /** Replaces the terms if they still have the version before. The governor's alone. */
  changeTerms(key: LedgerKey, terms: Terms): Promise<'changed' | 'stale'>;
  /** Raises `unattributed` to an amount, never lowers it; lands only if it still is `from`. */
  raiseUnattributed(
    key: LedgerKey,
    change: { readonly from: NanoUsd; readonly to: NanoUsd },
  ): Promise<'changed' | 'stale'>;
  /** Applies what the true-up has found; lands only if the item still has the amounts of `from`. */
  trueUp(key: LedgerKey, change: TrueUpWrite): Promise<'changed' | 'stale'>;
  /** Ends an expired lease: what it had unreported becomes unconfirmed. Lands only if the entry still is `entry`. */
  reclaim(key: LedgerKey, holder: HolderId, entry: LeaseEntry, writeId: WriteId): Promise<'reclaimed' | 'stale'>;
  /** Removes the tombstones of long ended leases together; lands only if each entry still is as it is given here. */
  forget(key: LedgerKey, ended: ReadonlyMap<HolderId, LeaseEntry>): Promise<'forgotten' | 'stale'>;
  /** Says of an item that does not say it that it is right in this table. */
  openHere(key: LedgerKey): Promise<void>;
  /** Remembers that the notices of these thresholds are in the outbox. */
  recordCrossings(key: LedgerKey, crossed: readonly string[]): Promise<void>;
}

/** What a process that leases needs of a ledger: the table itself, or whatever stands before it. */
export type LeaseLedger = Pick<LedgerStore, 'read' | 'write'>;

/** What a ledger may offer beside: one look at the terms of many budgets, for processes that want to hear of changes early. */
export interface TermsReader {
  /** The present terms of each item, in the order of the keys; undefined where they could not be told now. */
  readTerms(keys: readonly LedgerKey[]): Promise<readonly (Terms | undefined)[]>;
}

export type NewItem = Pick<LedgerItem, 'key' | 'startsAt' | 'endsAt' | 'terms' | 'opening'>;

/** All amounts are cumulative, so that the write says what is to be and landing twice is landing once. */
export interface TrueUpWrite {
  readonly from: Pick<LedgerItem, 'unconfirmed' | 'unattributed'> & { readonly resolution: Resolution };
  readonly to: { readonly unattributed: NanoUsd; readonly resolution: Resolution };
}

/** What a true-up changes: each amount is added to the item's. */
export function trueUpEffect({
  from,
  to,
}: TrueUpWrite): Pick<LedgerItem, 'settled' | 'unconfirmed' | 'unattributed' | 'committed'> {
  const confirmed = subtract(to.resolution.confirmed, from.resolution.confirmed);
  const unspent = subtract(to.resolution.unspent, from.resolution.unspent);
  const unattributed = subtract(to.unattributed, from.unattributed);
  if (confirmed < 0n || unspent < 0n || unattributed < 0n || confirmed + unspent > from.unconfirmed)
    throw new RangeError('a true-up takes back what it decided before, or decides more than is unconfirmed');
  return {
    settled: confirmed,
    unconfirmed: subtract(ZERO, add(confirmed, unspent)),
    unattributed,
    committed: subtract(unattributed, unspent),
  };
}

/** Bytes of an item without holders, and of one holder's entry, names and overhead included: rounded up from the attributes stored. */
const ITEM_BYTES = 400;
const ENTRY_BYTES = 64;

/** Write units that one write to this item costs: one for each begun kilobyte (DynamoDB Developer Guide, capacity units). */
export const writeUnits = (item: Pick<LedgerItem, 'holders'>): number =>
  Math.ceil((ITEM_BYTES + item.holders.size * ENTRY_BYTES) / 1_024);

/** How many holders want money now: those with a lease, and those that gave theirs back when it did not cover a call. */
export function liveHolders(item: Pick<LedgerItem, 'holders'>, now: EpochMs): number {
  let live = 0;
  for (const entry of item.holders.values()) if (entry.expiresAt > now) live++;
  return live;
}

/** The entries of processes whose lease has been over for longer than the grace, and still hold money. */
export const reclaimable = (item: LedgerItem, now: EpochMs, graceMs: number): [HolderId, LeaseEntry][] =>
  [...item.holders].filter(
    ([, entry]) => entry.reported === undefined && entry.leased > 0n && entry.expiresAt + graceMs < now,
  );

/** The entries of processes that no late write can meet any more. */
export const forgettable = (item: LedgerItem, now: EpochMs): [HolderId, LeaseEntry][] =>
  [...item.holders].filter(
    ([, entry]) => entry.reported === undefined && entry.leased === 0n && entry.expiresAt + TOMBSTONE_MS < now,
  );
