import type { LedgerItem, LedgerKey } from './ledger.ts';

/** Many items at once, perhaps seconds old: enough to see where a look is worth it. */
export interface LedgerReadings {
  /** In the order of the keys; undefined where there is no such item. Throws where one cannot be read. */
  readMany(keys: readonly LedgerKey[]): Promise<readonly (LedgerItem | undefined)[]>;
}
