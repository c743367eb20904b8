import { displayUsd } from '../money.ts';
import type { CellStore } from '../spending/cell.ts';
import type { LedgerItem, LedgerKey, LedgerStore } from '../spending/ledger.ts';
import type { LedgerReadings } from '../spending/ledger-readings.ts';
import { MemoryLedger } from '../spending/memory-ledger.ts';
import type { Note } from './intention.ts';

export type DryLedger = LedgerStore & CellStore & LedgerReadings;

/**
 * A ledger that reads what is there and keeps every write to itself, so that what is decided next sees it. Items are read
 * once: what others write meanwhile is not seen.
 */
export function dryLedger(real: Pick<LedgerStore, 'read'>, note: Note): DryLedger {
  const kept = new MemoryLedger();
  const known = new Set<string>();
  const load = async (key: LedgerKey): Promise<LedgerItem | undefined> => {
    const name = nameOf(key);
    if (!known.has(name)) {
      const item = await real.read(key);
      if (item !== undefined && !known.has(name)) kept.put(item);
      known.add(name);
    }
    return kept.item(key);
  };
  /** Notes a write that has changed the item. */
  const noted = async <Outcome>(key: LedgerKey, what: string, write: () => Promise<Outcome>): Promise<Outcome> => {
    const before = await load(key);
    const outcome = await write();
    if (kept.item(key) !== before) note('ledger', `${nameOf(key)}: ${what}`);
    return outcome;
  };
  return {
    read: load,
    readTogether: async (keys) => {
      const items = new Map<string, () => LedgerItem | undefined>();
      const failing = (error: unknown) => () => {
        throw error;
      };
      for (const key of keys) items.set(nameOf(key), await load(key).then((item) => () => item, failing));
      return (key) => items.get(nameOf(key))?.();
    },
    readMany: (keys) => Promise.all(keys.map(load)),
    write: (write) => noted(write.key, 'a write of a cell or lease', () => kept.write(write)),
    provide: (item) => noted(item.key, 'provide the item', () => kept.provide(item)),
    raiseOpening: (key, change) => noted(key, 'count what profiles have brought', () => kept.raiseOpening(key, change)),
    changeTerms: (key, terms) =>
      noted(
        key,
        `${terms.standing}${terms.reason === undefined ? '' : `: ${terms.reason}`} (terms ${terms.version})`,
        () => kept.changeTerms(key, terms),
      ),
    raiseUnattributed: (key, change) =>
      noted(key, `count ${displayUsd(change.to)} as unattributed`, () => kept.raiseUnattributed(key, change)),
    trueUp: (key, change) => noted(key, 'true up with the metrics', () => kept.trueUp(key, change)),
    reclaim: (key, holder, entry, writeId) =>
      noted(key, `take back the lease of ${holder}`, () => kept.reclaim(key, holder, entry, writeId)),
    forget: (key, ended) =>
      noted(key, `forget the ended leases of ${[...ended.keys()].join(', ')}`, () => kept.forget(key, ended)),
    recordCrossings: (key, crossed) =>
      noted(key, 'remember which thresholds were told', () => kept.recordCrossings(key, crossed)),
    openHere: async () => {},
    fund: (key, funding) => noted(key, 'fund a cell', () => kept.fund(key, funding)),
    withdraw: (key, withdrawal) => noted(key, 'take money of a cell back', () => kept.withdraw(key, withdrawal)),
    followTerms: (key, terms) => noted(key, 'give a cell the terms', () => kept.followTerms(key, terms)),
  };
}

const nameOf = ({ budget, period, cell }: LedgerKey): string =>
  `budget ${budget} ${period}${cell === undefined ? '' : ` cell ${cell}`}`;
