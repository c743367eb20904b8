import { add, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import { type CellStore, type FundingWrite, fundedBy, isCell, NO_FUNDING, type Withdrawal, withdrawn } from './cell.ts';
import {
  afterWrite,
  type HolderId,
  type ItemsRead,
  judge,
  type LeaseEntry,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  type NewItem,
  NO_OPENING,
  NO_RESOLUTION,
  type Opening,
  type TrueUpWrite,
  trueUpEffect,
  type WriteId,
  type WriteOutcome,
} from './ledger.ts';
import type { Terms } from './terms.ts';

const nameOf = (key: LedgerKey): string => `${key.budget} ${key.period} ${key.cell ?? ''}`;

/** The ledger in memory: {@link judge} and nothing else decides what lands. The reference for every other store. */
export class MemoryLedger implements LedgerStore, CellStore {
  readonly #items = new Map<string, LedgerItem>();
  /** The write ids of holders' writes that took effect, in order. */
  readonly effects: WriteId[] = [];

  get items(): readonly LedgerItem[] {
    return [...this.#items.values()];
  }

  item(key: LedgerKey): LedgerItem | undefined {
    return this.#items.get(nameOf(key));
  }

  put(item: LedgerItem): void {
    this.#items.set(nameOf(item.key), item);
  }

  /** What {@link write} does, at once. */
  apply(write: LeaseWrite): WriteOutcome {
    const item = this.item(write.key);
    const outcome = judge(item, write);
    if (
      outcome.kind === 'landed' &&
      item !== undefined &&
      item.holders.get(write.holder)?.writeId !== write.entry.writeId
    ) {
      this.effects.push(write.entry.writeId);
      this.put(afterWrite(item, write));
    }
    return outcome;
  }

  async read(key: LedgerKey): Promise<LedgerItem | undefined> {
    return this.item(key);
  }

  async readTogether(keys: readonly LedgerKey[]): Promise<ItemsRead> {
    const items = new Map(keys.map((key) => [nameOf(key), this.item(key)]));
    return (key) => items.get(nameOf(key));
  }

  async readTerms(keys: readonly LedgerKey[]) {
    return keys.map((key) => this.item(key)?.terms);
  }

  async write(write: LeaseWrite): Promise<WriteOutcome> {
    return this.apply(write);
  }

  async provide({ opening, ...item }: NewItem) {
    if (this.item(item.key) !== undefined) return 'exists' as const;
    const { settled, unconfirmed } = opening ?? NO_OPENING;
    const amounts = { committed: add(settled, unconfirmed), settled, unconfirmed, leased: ZERO, unattributed: ZERO };
    this.put({
      ...item,
      ...amounts,
      holders: new Map(),
      crossed: [],
      ...(opening === undefined ? {} : { opening }),
      ...(item.key.cell === undefined ? {} : { funding: NO_FUNDING }),
    });
    return 'created' as const;
  }

  async raiseOpening(key: LedgerKey, { from, to }: { readonly from: Opening; readonly to: Opening }) {
    const item = this.item(key);
    const opened = item?.opening ?? NO_OPENING;
    if (item === undefined || opened.settled !== from.settled || opened.unconfirmed !== from.unconfirmed)
      return 'stale' as const;
    const settled = subtract(to.settled, from.settled);
    const unconfirmed = subtract(to.unconfirmed, from.unconfirmed);
    this.put({
      ...item,
      opening: to,
      settled: add(item.settled, settled),
      unconfirmed: add(item.unconfirmed, unconfirmed),
      committed: add(item.committed, settled, unconfirmed),
    });
    return 'changed' as const;
  }

  async trueUp(key: LedgerKey, change: TrueUpWrite) {
    const item = this.item(key);
    const { from, to } = change;
    const more = trueUpEffect(change);
    const decided = item?.resolution ?? NO_RESOLUTION;
    if (
      item === undefined ||
      item.unconfirmed !== from.unconfirmed ||
      item.unattributed !== from.unattributed ||
      decided.confirmed !== from.resolution.confirmed ||
      decided.unspent !== from.resolution.unspent
    )
      return 'stale' as const;
    this.put({
      ...item,
      resolution: to.resolution,
      settled: add(item.settled, more.settled),
      unconfirmed: add(item.unconfirmed, more.unconfirmed),
      unattributed: to.unattributed,
      committed: add(item.committed, more.committed),
    });
    return 'changed' as const;
  }

  async changeTerms(key: LedgerKey, terms: Terms) {
    const item = this.item(key);
    if (item?.terms.version !== terms.version - 1) return 'stale' as const;
    this.put({ ...item, terms });
    return 'changed' as const;
  }

  async fund(key: LedgerKey, funding: FundingWrite): Promise<LedgerItem | undefined> {
    return this.applyFunding(key, funding);
  }

  applyFunding(key: LedgerKey, funding: FundingWrite): LedgerItem | undefined {
    return this.#change(key, (item) => (isCell(item) ? fundedBy(item, funding) : undefined));
  }

  async withdraw(key: LedgerKey, withdrawal: Withdrawal): Promise<LedgerItem | undefined> {
    return this.applyWithdrawal(key, withdrawal);
  }

  applyWithdrawal(key: LedgerKey, withdrawal: Withdrawal): LedgerItem | undefined {
    return this.#change(key, (item) => (isCell(item) ? withdrawn(item, withdrawal) : undefined));
  }

  async followTerms(key: LedgerKey, terms: Terms): Promise<LedgerItem | undefined> {
    return this.applyTerms(key, terms);
  }

  applyTerms(key: LedgerKey, terms: Terms): LedgerItem | undefined {
    return this.#change(key, (item) => (item.terms.version < terms.version ? { ...item, terms } : undefined));
  }

  #change(key: LedgerKey, rule: (item: LedgerItem) => LedgerItem | undefined): LedgerItem | undefined {
    const item = this.item(key);
    const changed = item === undefined ? undefined : rule(item);
    if (changed !== undefined) this.put(changed);
    return changed;
  }

  async raiseUnattributed(key: LedgerKey, { from, to }: { readonly from: NanoUsd; readonly to: NanoUsd }) {
    const item = this.item(key);
    if (item?.unattributed !== from) return 'stale' as const;
    this.put({ ...item, unattributed: to, committed: add(item.committed, subtract(to, from)) });
    return 'changed' as const;
  }

  async reclaim(key: LedgerKey, holder: HolderId, entry: LeaseEntry, writeId: WriteId) {
    const item = this.item(key);
    const now = item?.holders.get(holder);
    if (item === undefined || now?.writeId !== entry.writeId || now.sequence !== entry.sequence)
      return 'stale' as const;
    const ended: LeaseEntry = { ...entry, sequence: entry.sequence + 1, writeId, leased: nanoUsd(0n) };
    this.put({
      ...item,
      leased: subtract(item.leased, entry.leased),
      unconfirmed: add(item.unconfirmed, entry.leased),
      holders: new Map([...item.holders, [holder, ended]]),
    });
    return 'reclaimed' as const;
  }

  async forget(key: LedgerKey, ended: ReadonlyMap<HolderId, LeaseEntry>) {
    const item = this.item(key);
    if (item === undefined) return 'stale' as const;
    for (const [holder, { writeId }] of ended) {
      const now = item.holders.get(holder);
      if (now?.writeId !== writeId || now.leased !== 0n) return 'stale' as const;
    }
    this.put({ ...item, holders: new Map([...item.holders].filter(([holder]) => !ended.has(holder))) });
    return 'forgotten' as const;
  }

  async openHere(): Promise<void> {}

  async recordCrossings(key: LedgerKey, crossed: readonly string[]): Promise<void> {
    const item = this.item(key);
    if (item !== undefined) this.put({ ...item, crossed });
  }
}
