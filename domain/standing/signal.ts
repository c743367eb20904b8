import type { Brand } from '../brand.ts';
import type { BudgetId } from '../budgets/budget-id.ts';
import type { EpochMs } from '../clock.ts';

/** Of the anomaly or alarm as AWS names it, with the budget: the same one heard twice is one signal. */
export type SignalId = Brand<string, 'SignalId'>;

/** Who saw something unusual: AWS Cost Anomaly Detection, or an alarm of CloudWatch. */
export const SIGNAL_KINDS = ['anomaly', 'alarm'] as const;
export type SignalKind = (typeof SIGNAL_KINDS)[number];

/**
 * Something unusual about what a budget covers, that is no figure of its spend. What follows from it is the policy's to
 * say (`signals` of the budget), and ends by itself: nobody need take it back.
 */
export interface Signal {
  readonly id: SignalId;
  readonly kind: SignalKind;
  readonly budget: BudgetId;
  /** What was seen, for people: `an anomaly of 41.50 USD since 2026-11-20`. */
  readonly because: string;
  /** When AWS saw it. */
  readonly seenAt: EpochMs;
  /** The first instant at which it is no evidence any more. */
  readonly until: EpochMs;
}

/** Where signals are kept while they are evidence. */
export interface Signals {
  /** Keeps a signal, or what is new about it. Repeating it is safe; what AWS saw before what is kept takes nothing back. */
  keep(signal: Signal): Promise<void>;
  /** Those about a budget that hold at `now` or will hold after it, read consistently. */
  lasting(budget: BudgetId, now: EpochMs): Promise<readonly Signal[]>;
}
