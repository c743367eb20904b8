import type { LedgerKey } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { BudgetAccount, Hold, HoldSource } from './budget-account.ts';

export type Holds = readonly (readonly [BudgetAccount, Hold])[];

/** The holds of one attempt. Ended exactly once. */
export class Reservation {
  readonly #holds: Holds;
  #ended = false;

  constructor(holds: Holds) {
    this.#holds = holds;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  get budgets(): readonly LedgerKey[] {
    return this.#holds.map(([{ key }]) => key);
  }

  /** What let the call pass: the leases of all budgets, or else what stood in for one. */
  get source(): HoldSource {
    const sources = this.#holds.map(([, hold]) => hold.source);
    return (
      sources.find((source) => source === 'outage-extra') ?? sources.find((source) => source === 'shadow') ?? 'lease'
    );
  }

  /** Budgets that would have refused, had they not only watched. */
  get unrefusing(): readonly LedgerKey[] {
    return this.#holds.filter(([, hold]) => hold.source === 'shadow').map(([{ key }]) => key);
  }

  /** The attempt ran and cost this. */
  settle(cost: CallCost): void {
    this.end(cost, 0);
  }

  /** The attempt certainly did not run. */
  release(): void {
    this.end(0, 0);
  }

  /** Nobody knows whether the attempt ran, or what it cost: this at most. */
  abandon(most: CallCost): void {
    this.end(0, most);
  }

  /**
   * @param spent nano-dollars that the attempt is known to have cost
   * @param unconfirmed nano-dollars that it may have cost beyond that
   */
  end(spent: number, unconfirmed: number): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const [account, hold] of this.#holds) account.end(hold, spent, unconfirmed);
  }
}
