import type { Budget } from '../budgets/definition.ts';
import type { Period } from '../period.ts';
import type { LedgerItem } from '../spending/ledger.ts';
import type { Exhaustion } from './exhaustion.ts';

/** How one budget stands and where it is going. */
export interface BudgetOutlook {
  readonly budget: Budget;
  readonly period: Period;
  readonly item: LedgerItem;
  readonly exhaustion: Exhaustion;
}
