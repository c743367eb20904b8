import type { Clock } from '../clock.ts';
import type { Journal } from '../journal.ts';
import { displayUsd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import { forgettable, type LedgerItem, type LedgerStore, reclaimable, type WriteId } from '../spending/ledger.ts';

export interface LeaseTidying {
  readonly policy: Policy;
  readonly ledger: LedgerStore;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly newWriteId: () => WriteId;
}

/** So many are named in one request: an expression has 4 KB (DynamoDB Developer Guide, constraints). */
const FORGOTTEN_AT_ONCE = 25;

/**
 * Takes back leases of processes that are gone, and removes entries that nothing can meet any more.
 * @returns whether leases were taken back
 */
export async function tidyLeases(ports: LeaseTidying, item: LedgerItem): Promise<boolean> {
  const now = ports.clock.now();
  const lost = reclaimable(item, now, ports.policy.ledger.graceSeconds * 1000);
  for (const [holder, entry] of lost) {
    const outcome = await ports.ledger.reclaim(item.key, holder, entry, ports.newWriteId());
    if (outcome === 'reclaimed')
      ports.journal.counted('LeaseReclaimed', {
        budget: item.key.budget,
        period: item.key.period,
        holder,
        unconfirmed: displayUsd(entry.leased),
      });
  }
  const ended = forgettable(item, now);
  for (let at = 0; at < ended.length; at += FORGOTTEN_AT_ONCE)
    await ports.ledger.forget(item.key, new Map(ended.slice(at, at + FORGOTTEN_AT_ONCE)));
  return lost.length > 0;
}
