import type { BudgetId } from '../../domain/budgets/budget-id.ts';
import { type EpochMs, epochMs } from '../../domain/clock.ts';
import { type NanoUsd, nanoUsd } from '../../domain/money.ts';
import type { HolderId, LeaseEntry, LeaseWrite, LedgerItem, LedgerKey, WriteId } from '../../domain/spending/ledger.ts';
import type { Terms } from '../../domain/spending/terms.ts';
import { holderOf, type ProcessId } from '../../domain/spending/usage-record.ts';

export const STARTS = epochMs(Date.UTC(2026, 10, 1));
export const ENDS = epochMs(Date.UTC(2026, 11, 1));
export const NOW = epochMs(Date.UTC(2026, 10, 23, 10));
/** Sooner than any lease must end, whoever's clock is a little behind. */
const EXPIRES = epochMs(NOW + 60_000);
export const OPEN: Terms = { limit: nanoUsd(1000n), stopAt: nanoUsd(1000n), standing: 'open', version: 1 };

/** So many budgets the tests of one file may use. */
export const MOST_BUDGETS = 3_000;
export const contractBudget = (number: number): BudgetId => `contract/budget-${number}` as BudgetId;

let made = 0;
let budgets = 0;
/** A budget that no other test knows. */
export const freshKey = (period = '2026-11'): LedgerKey => ({ budget: contractBudget(++budgets), period });
export const writeId = (): WriteId => `write-${String(++made).padStart(8, '0')}` as WriteId;
/** As processes name themselves: see {@link holderOf}. */
export const holderId = (number = ++made): HolderId => holderOf('contracts-process' as ProcessId, number);

interface Change {
  readonly holder: HolderId;
  readonly sequence?: number;
  readonly settled?: number;
  readonly unconfirmed?: number;
  /** What the holder has leased before and after the write. */
  readonly from?: number;
  readonly to: number;
  readonly writeId?: WriteId;
  readonly expiresAt?: EpochMs;
  readonly grant?: Partial<NonNullable<LeaseWrite['grant']>> | 'none';
}

export const amount = (value = 0): NanoUsd => nanoUsd(BigInt(value));

export function writeOf(key: LedgerKey, change: Change): LeaseWrite {
  const { holder, sequence = 1, settled, unconfirmed, from = 0, to, expiresAt = EXPIRES, grant = {} } = change;
  const withGrant = grant === 'none' ? {} : { grant: { termsVersion: 1, ceiling: OPEN.stopAt, at: NOW, ...grant } };
  return {
    key,
    holder,
    settled: amount(settled),
    unconfirmed: amount(unconfirmed),
    leased: amount(to - from),
    entry: { sequence, writeId: change.writeId ?? writeId(), leased: amount(to), expiresAt },
    ...withGrant,
  };
}

export const figures = (item: LedgerItem | undefined) =>
  item === undefined
    ? undefined
    : {
        committed: Number(item.committed),
        settled: Number(item.settled),
        leased: Number(item.leased),
        unconfirmed: Number(item.unconfirmed),
        unattributed: Number(item.unattributed),
      };
export const NOTHING = { committed: 0, settled: 0, leased: 0, unconfirmed: 0, unattributed: 0 };

export function entryOf(item: LedgerItem | undefined, holder: HolderId): LeaseEntry {
  const entry = item?.holders.get(holder);
  if (entry === undefined) throw new Error(`${holder} has no entry`);
  return entry;
}
