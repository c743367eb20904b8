import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import type { Gauges } from '../journal.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import type { LedgerReadings } from '../spending/ledger-readings.ts';
import { measureBudgets } from './ledger-figures.ts';
import { currentKey, type Heard, hasNews, readIndex, reviewOnSignal } from './review-on-signal.ts';

export interface LedgerWatchReport {
  readonly watched: number;
  readonly reviewed: readonly string[];
  readonly failed: readonly string[];
}

/**
 * Looks over the ledger each minute and reviews the budgets whose figures have crossed a threshold that nobody has acted
 * on: the hint of a process may be lost, and the process with it. A budget without news costs one read in a batch.
 */
export async function watchLedger(
  ports: StandingEnforcement & { readonly ledgerReadings: LedgerReadings; readonly gauges: Gauges },
): Promise<LedgerWatchReport> {
  const entries = await readIndex(ports);
  const budgets = budgetsInUse(ports, entries);
  const overrides = await ports.overrides.lasting(ports.clock.now());
  const items = await ports.ledgerReadings.readMany(budgets.map((budget) => currentKey(ports, budget)));
  measureBudgets(ports.gauges, items);
  const reviewed: string[] = [];
  const failed: string[] = [];
  for (const [at, budget] of budgets.entries()) {
    const item = items[at];
    if (item === undefined || !hasNews(ports, budget, item, overrides)) continue;
    try {
      const heard: Heard = { signal: 'ledger watch', because: 'the ledger has crossed what nobody has acted on' };
      await reviewOnSignal(ports, budget, entries, heard);
      reviewed.push(budget.id);
    } catch (error) {
      failed.push(budget.id);
      ports.journal.counted('ProfileReadFailed', {
        what: budget.id,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return { watched: budgets.length, reviewed, failed };
}
