import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import { add, nanoUsd } from '../money.ts';
import {
  type CellItem,
  type CellStore,
  cellKey,
  followed,
  granted,
  isCell,
  isInStep,
  isNews,
  rootKey,
  seenFromCell,
  writeForCell,
} from './cell.ts';
import {
  afterWrite,
  committedBy,
  type HolderId,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  left,
  liveHolders,
  type WriteId,
  type WriteOutcome,
} from './ledger.ts';
import { sliceFor } from './slice.ts';
import { ceiling } from './terms.ts';

export interface CellLedgerOptions {
  readonly ledger: LeaseLedger & CellStore;
  /** Of the budget's own item. */
  readonly key: LedgerKey;
  readonly cell: HolderId;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly newWriteId: () => WriteId;
  /** From 0 to 1. */
  readonly random: () => number;
}

interface Seen {
  readonly root: LedgerItem;
  /** When the root was read or written. */
  readonly at: EpochMs;
  readonly cell: CellItem;
}

/** A root that other agents of the cell, or of other cells, change at the same moment is tried again so many times. */
const MAX_TRIES = 8;
/** A cell in which so many usual reservations are out keeps what comes back from them, up to as many. */
const BUSY = 4;
/** One in so many processes visits the ledger while the same money can be seen: tens of milliseconds in about a second. */
const RIVALS_AMONG = 32;
/** Other agents write the root too: what was seen of it longer ago is read again before it is written. */
const FRESH_MS = 50;

/**
 * The ledger of one budget as a process of one of its cells sees it: its leases are the cell's, and what the cell lacks
 * is fetched from the root on the way. The process is then the cell's agent, one of many; see domain/spending/cell.ts.
 */
export class CellLedger implements LeaseLedger {
  readonly #options: CellLedgerOptions;
  readonly #key: LedgerKey;
  #seen: Seen | undefined;
  #unanswered: WriteId | undefined;
  /** What this process usually asks for at once, in nano-dollars. */
  #usual = 0;

  constructor(options: CellLedgerOptions) {
    this.#options = options;
    this.#key = cellKey(options.key, options.cell);
  }

  async read(): Promise<LedgerItem | undefined> {
    const seen = await this.#look();
    return seen === undefined ? undefined : this.#view(seen);
  }

  async write(write: LeaseWrite): Promise<WriteOutcome> {
    // But for its key it is the identical write, however often it is repeated.
    const own: LeaseWrite = { ...write, key: this.#key };
    const need = Number(committedBy(write));
    if (need > 0) this.#usual = need;
    else if (write.refusal !== undefined) this.#usual = Number(write.refusal.need);
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      // A write whose answer was lost is asked about first: it may have landed with money that is gone since.
      if (write.grant !== undefined && this.#unanswered !== own.entry.writeId) {
        const funding = await this.#fundUpTo(need);
        if (funding === 'yielded') return this.#yield();
        if (funding === 'lacking') break;
      }
      this.#unanswered = own.entry.writeId;
      const outcome = await this.#options.ledger.write(own);
      this.#unanswered = undefined;
      if (outcome.kind === 'landed') {
        const seen = await this.#after(outcome.item, own);
        return seen === undefined ? { kind: 'landed' } : { kind: 'landed', item: this.#view(seen) };
      }
      if (outcome.why !== 'over-ceiling') return await this.#refused(outcome.why);
      this.#see(outcome.item);
    }
    return await this.#refused('over-ceiling');
  }

  async #refused(why: Extract<WriteOutcome, { kind: 'refused' }>['why']): Promise<WriteOutcome> {
    // Whoever is refused starts over from what is true now.
    const seen = await this.#look();
    return { kind: 'refused', why, item: seen === undefined ? undefined : this.#view(seen) };
  }

  /** What is left is left to others: this process sees none of it until it looks again. */
  #yield(): WriteOutcome {
    const view = this.#seen && this.#view(this.#seen);
    if (view === undefined) return { kind: 'refused', why: 'over-ceiling', item: undefined };
    const others = left(view, this.#options.clock.now());
    const item = { ...view, committed: add(view.committed, others), leased: add(view.leased, others) };
    return { kind: 'refused', why: 'over-ceiling', item };
  }

  /** Reads root and cell, and gives the cell the root's terms where it has older ones. */
  async #look(): Promise<Seen | undefined> {
    const { ledger, key } = this.#options;
    const [root, cell] = await Promise.all([ledger.read(rootKey(key)), ledger.read(this.#key)]);
    this.#seen = undefined;
    if (root === undefined || cell === undefined || !isCell(cell)) return undefined;
    const later = cell.terms.version < root.terms.version ? await ledger.followTerms(this.#key, root.terms) : undefined;
    const at = this.#options.clock.now();
    this.#seen = { root, cell: later !== undefined && isCell(later) ? later : cell, at };
    return this.#seen;
  }

  #see(cell: LedgerItem | undefined): void {
    this.#seen = this.#seen !== undefined && cell !== undefined && isCell(cell) ? { ...this.#seen, cell } : undefined;
  }

  #view({ root, cell }: Seen): LedgerItem {
    return seenFromCell(root, cell, this.#options.cell, this.#siblings(root));
  }

  /** How many cells want money now, this one included. */
  #siblings(root: LedgerItem): number {
    const now = this.#options.clock.now();
    const own = root.holders.get(this.#options.cell);
    return liveHolders(root, now) + (own !== undefined && own.expiresAt > now ? 0 : 1);
  }

  /** What root and cell together can still lend to this cell's processes, in nano-dollars. */
  #left({ root, cell }: Seen): number {
    const mine = granted(root.holders.get(this.#options.cell)) - cell.committed;
    return Number(ceiling(root.terms, this.#options.clock.now()) - root.committed + mine);
  }

  /** Whether so little is left that a cell's share of it is less than what a process asks for: then none may keep any. */
  #isTight(seen: Seen): boolean {
    return this.#left(seen) < 2 * this.#siblings(seen.root) * this.#usual;
  }

  /**
   * Whether so many calls of this cell are in flight that what is left over from them will soon make up whole
   * reservations here. Otherwise fragments must meet those of other cells, in the root.
   */
  #isBusy({ leased, funding }: CellItem): boolean {
    return Number(leased) >= BUSY * this.#usual && Number(funding.room) < BUSY * this.#usual;
  }

  /**
   * Many processes of many cells see the same last money at the same moment, and one of them gets it: of those that
   * would write to the root in vain, most leave it at looking.
   */
  #yields(seen: Seen, need: number): boolean {
    if (!this.#isTight(seen)) return false;
    const siblings = this.#siblings(seen.root);
    const processes = siblings * Math.max(1, liveHolders(seen.cell, this.#options.clock.now()));
    const rivals = processes / RIVALS_AMONG;
    return this.#options.random() * rivals * need > this.#left(seen);
  }

  /** Sees to it that the cell can lend this much now. */
  async #fundUpTo(need: number): Promise<'covered' | 'lacking' | 'yielded'> {
    const { clock } = this.#options;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const seen = this.#seen ?? (await this.#look());
      if (seen === undefined) return 'lacking';
      const { funding } = seen.cell;
      const now = clock.now();
      if (need <= funding.room && now < funding.until) return 'covered';
      if (await this.#catchUp(seen, need)) continue;
      if (now - seen.at > FRESH_MS) this.#seen = undefined;
      else if (need > this.#left(seen)) return 'lacking';
      else if (this.#yields(seen, need)) return 'yielded';
      else await this.#fund(seen, need);
    }
    return 'lacking';
  }

  /**
   * Does the second half of what another agent has begun, where that is enough.
   * @returns whether there was anything to do
   */
  async #catchUp(seen: Seen, need: number): Promise<boolean> {
    const { ledger, cell: id, clock } = this.#options;
    const { root, cell } = seen;
    const entry = root.holders.get(id);
    if (entry === undefined || entry.sequence <= cell.funding.sequence || entry.expiresAt <= clock.now()) return false;
    if (granted(entry) - cell.committed < need) return false;
    const funded = await ledger.fund(this.#key, followed(entry, cell.funding.at, cell.funding.slice));
    this.#seen = funded !== undefined && isCell(funded) ? { ...seen, cell: funded } : undefined;
    return true;
  }

  /** Money comes down: the root first, then the cell follows. */
  async #fund(seen: Seen, need: number): Promise<void> {
    const { ledger, cell: id, clock, leaseMs, newWriteId } = this.#options;
    const { root, cell } = seen;
    const now = clock.now();
    const slice = nanoUsd(BigInt(this.#sliceOf(seen, need)));
    const until = epochMs(Math.max(now, Math.min(now + leaseMs, root.endsAt)));
    const write = writeForCell(root, cell, id, { writeId: newWriteId(), at: now, grant: { room: slice, until } });
    this.#seen = undefined;
    const outcome = await ledger.write(write);
    if (outcome.kind === 'refused') return;
    const funded = await ledger.fund(this.#key, followed(write.entry, now, slice));
    if (funded !== undefined && isCell(funded))
      this.#seen = { root: outcome.item ?? afterWrite(root, write), cell: funded, at: now };
  }

  #sliceOf(seen: Seen, need: number): number {
    const { clock, leaseMs } = this.#options;
    const { funding } = seen.cell;
    const lent = Math.max(0, Number(funding.slice - funding.room));
    const elapsed = Math.max(1_000, clock.now() - funding.at);
    return sliceFor({
      need: Math.max(0, need),
      usual: Math.max(0, need),
      spendPerSecond: funding.sequence === 0 ? 0 : Math.ceil((lent * 1_000) / elapsed),
      termSeconds: leaseMs / 1_000,
      left: this.#left(seen),
      previous: Number(funding.slice),
      holders: this.#siblings(seen.root),
    });
  }

  /**
   * Looks after the cell once a write of this process is in it. What fails here is left to the next agent.
   * @param written the cell as the write left it; where the store does not say, it is read: the root is told only what the
   *   cell certainly holds
   */
  async #after(written: LedgerItem | undefined, write: LeaseWrite): Promise<Seen | undefined> {
    this.#see(written);
    let seen = this.#seen;
    try {
      seen ??= await this.#look();
      if (seen !== undefined) await this.#lookAfter(seen, write);
    } catch {
      this.#seen = undefined;
    }
    return this.#seen ?? seen;
  }

  async #lookAfter(seen: Seen, write: LeaseWrite): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const { funding } = seen.cell;
    const now = clock.now();
    if (funding.room < 0n) return await this.#report(seen);
    if (write.grant === undefined || committedBy(write) < 0n) {
      // Nobody comes after the last one who could tell the root.
      const isLast = liveHolders(seen.cell, now) === 0 || seen.cell.leased === 0n;
      const isMissed = funding.room > 0n && this.#isTight(seen) && !this.#isBusy(seen.cell);
      if (isLast || isMissed) await this.#giveBack(seen);
      return;
    }
    const isLow = funding.room * 2n < funding.slice;
    const isOld = funding.room > 0n && funding.until - now < leaseMs / 2 && funding.until < seen.root.endsAt;
    if ((isLow || isOld) && !this.#isTight(seen)) await this.#fund(seen, 0);
  }

  /** Money goes up: the cell first, then the root. */
  async #giveBack(seen: Seen): Promise<void> {
    const { ledger, cell: id } = this.#options;
    const { root } = seen;
    let { cell } = seen;
    this.#seen = undefined;
    const entry = root.holders.get(id);
    if (entry !== undefined && entry.sequence > cell.funding.sequence) {
      const { at, slice } = cell.funding;
      const caughtUp = await ledger.fund(this.#key, followed(entry, at, slice));
      if (caughtUp === undefined || !isCell(caughtUp)) return;
      cell = caughtUp;
    }
    const { sequence, room } = cell.funding;
    if (room > 0n) {
      const emptied = await ledger.withdraw(this.#key, { sequence, amount: room });
      if (emptied === undefined || !isCell(emptied)) return;
      cell = emptied;
    }
    await this.#report({ ...seen, cell });
  }

  /** Tells the root what the cell has been told, and gives up what the cell does not have any more. */
  async #report({ root: seen, cell }: Seen): Promise<void> {
    const { ledger, cell: id, clock, newWriteId } = this.#options;
    this.#seen = undefined;
    for (let root: LedgerItem | undefined = seen; root !== undefined; ) {
      const at = clock.now();
      const write = writeForCell(root, cell, id, { writeId: newWriteId(), at });
      if (!isNews(write)) return;
      const outcome = await ledger.write(write);
      if (outcome.kind === 'landed') {
        this.#seen = { root: outcome.item ?? afterWrite(root, write), cell, at };
        return;
      }
      // The root as it was last seen may be behind the cell; one that is ahead is another agent's.
      const isBehind: boolean = (root.holders.get(id)?.sequence ?? 0) < cell.funding.sequence;
      root = isBehind && outcome.item !== undefined && isInStep(outcome.item, cell, id) ? outcome.item : undefined;
    }
  }
}
