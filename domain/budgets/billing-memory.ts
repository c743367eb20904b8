import type { UtcDay } from './drift.ts';

/** What the daily look at billing has said and done, from one day to the next. */
export interface BillingMemory {
  /** What was said once and is not said again while it is so: the payer's parts, and drifts by day. */
  readonly said: readonly string[];
  /** The last day that was compared with the bill for good. */
  readonly comparedUntil?: UtcDay;
}

export interface BillingMemories {
  /** One that was never kept is empty. */
  read(): Promise<BillingMemory>;
  keep(memory: BillingMemory): Promise<void>;
  /**
   * Makes this run the only one, so that no two of them create the same monitor: for so many milliseconds, or until it is
   * released. False while another run has it.
   */
  claim(forMs: number): Promise<boolean>;
  release(): Promise<void>;
}
