import type { LedgerKey } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { Hold, HoldSource } from './budget-account.ts';

/** The holds of one attempt. Ended exactly once. */
export class Reservation {
  readonly #holds: readonly Hold[];
  #ended = false;

  constructor(holds: readonly Hold[]) {
    this.#holds = holds;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  get budgets(): readonly LedgerKey[] {
    return this.#holds.map(({ account }) => account.key);
  }

  /** What let the call pass: the leases of all budgets, or else what stood in for one. */
  get source(): HoldSource {
    if (this.#holds.some(({ source }) => source === 'outage-extra')) return 'outage-extra';
    return this.isUnrefused ? 'shadow' : 'lease';
  }

  /** Whether a budget let it pass only because it watches and no more. */
  get isUnrefused(): boolean {
    for (const { source } of this.#holds) if (source === 'shadow') return true;
    return false;
  }

  /** Budgets that would have refused, had they not only watched. */
  get unrefusing(): readonly LedgerKey[] {
    return this.#holds.filter(({ source }) => source === 'shadow').map(({ account }) => account.key);
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
    for (const hold of this.#holds) hold.account.end(hold, spent, unconfirmed);
  }
}
