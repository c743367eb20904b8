import type { Gauges } from '../journal.ts';
import type { NanoUsd } from '../money.ts';
import { type LedgerItem, spent } from '../spending/ledger.ts';

const NANO = 1e9;
/** Figures for a graph: what a floating-point number loses of them does not matter there, and nothing is decided by it. */
const usd = (amount: NanoUsd): number => Number(amount) / NANO;

/**
 * Tells how the budgets in use stand in their current periods. Each budget is one data point, so that sums, the worst and
 * quantiles can be had of one metric, whose price does not grow with the tenants. A call counts in each budget that covers it.
 */
export function measureBudgets(gauges: Gauges, items: readonly (LedgerItem | undefined)[]): void {
  const known = items.filter((item) => item !== undefined);
  for (const item of known) {
    gauges.measured('BudgetSettledUsd', usd(item.settled));
    gauges.measured('BudgetHeldUsd', usd(item.leased) + usd(item.unconfirmed));
    gauges.measured('BudgetUsedPercent', usedPercent(item));
  }
  gauges.measured('BudgetsThrottled', known.filter(({ terms }) => terms.standing === 'throttled').length);
  gauges.measured('BudgetsClosed', known.filter(({ terms }) => terms.standing === 'closed').length);
  gauges.measured('BudgetsRefusing', known.filter(({ refusing }) => refusing !== undefined).length);
}

/** Of the limit, to a tenth of a percent. A limit of nothing is used up. */
const usedPercent = (item: LedgerItem): number =>
  item.terms.limit === 0n ? 100 : Number((spent(item) * 1_000n) / item.terms.limit) / 10;
