/** What a tenant's process tells on the governor's bus. Apart from what reads it, so that the helper loads nothing else. */

/** Its own source, so that a tenant's role can be limited to it (`events:source`). */
export const HINT_SOURCE = 'governor.helper';
export const HINT_TYPE = 'BudgetThresholdHint';

/** Only the budget is read; the rest is for people who look at the bus. */
export interface ThresholdHint {
  readonly version: 1;
  readonly budget: string;
  readonly period: string;
  /** Share of the limit that was crossed, in percent. */
  readonly percent: number;
}
