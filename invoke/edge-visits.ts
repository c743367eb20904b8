import type { Clock } from '../domain/clock.ts';
import { type LedgerItem, writeUnits } from '../domain/spending/ledger.ts';
import type { Timer } from './waiting-line.ts';

/** At the edge of a budget all its holders together keep to this many write units a second: well below what an item takes. */
const EDGE_UNITS_PER_SECOND = 400;
/** While callers wait, the ledger is read about this often. */
const PROBE_MS = 500;

/**
 * When this process may visit a budget's item near the edge of the budget, where every call needs the ledger. The more
 * holders an item has, the more seldom each of them comes, so that all together do not wear it out.
 */
export class EdgeVisits {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #random: () => number;
  #planned: { readonly at: number; readonly cancel: () => void } | undefined;
  #notBefore = 0;

  constructor(options: { readonly clock: Clock; readonly timer: Timer; readonly random: () => number }) {
    this.#clock = options.clock;
    this.#timer = options.timer;
    this.#random = options.random;
  }

  /** Whether this process has just been there, and must leave room for the others. */
  get mustKeepAway(): boolean {
    return this.#clock.now() < this.#notBefore;
  }

  /** How long to wait before the next look for money that others may have given back. */
  get probePause(): number {
    return PROBE_MS * (0.5 + this.#random());
  }

  keepAway(item: LedgerItem): void {
    const fairPauseMs = (item.holders.size * writeUnits(item) * 1_000) / EDGE_UNITS_PER_SECOND;
    this.#notBefore = this.#clock.now() + fairPauseMs * (0.5 + this.#random());
  }

  /** Plans a visit in `ms`, or as soon as it is fair; one that is planned for earlier stays. */
  planIn(ms: number, visit: () => void): void {
    const now = this.#clock.now();
    const at = Math.max(now + ms, this.#notBefore);
    if (this.#planned !== undefined && this.#planned.at <= at) return;
    this.#planned?.cancel();
    const cancel = this.#timer.after(at - now, () => {
      this.#planned = undefined;
      visit();
    });
    this.#planned = { at, cancel };
  }
}
