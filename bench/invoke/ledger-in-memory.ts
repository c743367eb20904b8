import { epochMs } from '../../domain/clock.ts';
import { nanoUsd, ZERO } from '../../domain/money.ts';
import type { CellStore } from '../../domain/spending/cell.ts';
import {
  afterWrite,
  judge,
  type LeaseLedger,
  type LeaseWrite,
  type LedgerItem,
  type LedgerKey,
  type WriteOutcome,
} from '../../domain/spending/ledger.ts';

const LIMIT = nanoUsd(9_000_000_000_000_000n);
const DAY_MS = 86_400_000;

/** A table that has an item for every budget that is asked for, and answers at once, by the domain's own rules. */
export class LedgerInMemory implements LeaseLedger, CellStore {
  readonly #items = new Map<string, LedgerItem>();

  async read(key: LedgerKey): Promise<LedgerItem> {
    const known = this.#items.get(key.budget);
    if (known !== undefined) return known;
    const now = Date.now();
    const nothing = { committed: ZERO, settled: ZERO, leased: ZERO, unconfirmed: ZERO, unattributed: ZERO };
    const item: LedgerItem = {
      key,
      startsAt: epochMs(now - DAY_MS),
      endsAt: epochMs(now + DAY_MS),
      terms: { limit: LIMIT, stopAt: LIMIT, standing: 'open', version: 1 },
      holders: new Map(),
      crossed: [],
      ...nothing,
    };
    this.#items.set(key.budget, item);
    return item;
  }

  async write(write: LeaseWrite): Promise<WriteOutcome> {
    const item = await this.read(write.key);
    const outcome = judge(item, write);
    if (outcome.kind === 'refused') return outcome;
    const changed = afterWrite(item, write);
    this.#items.set(write.key.budget, changed);
    return { kind: 'landed', item: changed };
  }

  // No budget here has cells.
  async fund(): Promise<undefined> {}
  async withdraw(): Promise<undefined> {}
  async followTerms(): Promise<undefined> {}
}
