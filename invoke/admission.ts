import type { Clock } from '../domain/clock.ts';
import { periodAt } from '../domain/period.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import type { HolderId, LedgerStore, WriteId } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import { BudgetAccount, type Hold } from './budget-account.ts';
import { GovernorRefusal } from './refusals.ts';

export interface AdmissionOptions {
  readonly ledger: LedgerStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly newHolder: () => HolderId;
  readonly newWriteId: () => WriteId;
}

/** How often an admission starts over because another call took what it had waited for. */
const MAX_ROUNDS = 10;

/** Admits calls: a reservation from every budget that covers the profile, or from none. */
export class Admissions {
  readonly #options: AdmissionOptions;
  readonly #accounts = new Map<string, BudgetAccount>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** @throws {GovernorRefusal} when one of the budgets refuses; then none is held */
  async admit(entry: IndexEntry, amount: CallCost): Promise<Reservation> {
    if (entry.budgets.length === 0) return new Reservation([]);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      // Looked up in each round: the period may turn while a call waits.
      const accounts = entry.budgets.map((budget) => this.#account(budget));
      const taken = takeAll(accounts, amount);
      if (taken.kind === 'all') return new Reservation(taken.holds);
      await filled(taken.missing, amount);
    }
    throw new GovernorRefusal(
      'LedgerUnavailable',
      'Other calls of this process took the money as fast as the ledger granted it. Try again.',
    );
  }

  #account(budget: IndexEntry['budgets'][number]): BudgetAccount {
    const period = periodAt(budget.period, budget.timeZone, this.#options.clock.now());
    const name = `${budget.id} ${period.id}`;
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = new BudgetAccount({
      ...this.#options,
      key: { budget: budget.id, period: period.id },
      endsAt: period.endsAt,
    });
    this.#accounts.set(name, account);
    return account;
  }

  /** To be called every few seconds: renews leases in use, returns idle ones, drops accounts of periods that are over. */
  async maintain(): Promise<void> {
    const now = this.#options.clock.now();
    for (const [name, account] of this.#accounts) {
      if (account.endsAt <= now && account.isAtRest) this.#accounts.delete(name);
      // What fails now is tried again the next time; a call that needs the money meanwhile says what is wrong.
      else await account.maintain().catch(() => {});
    }
  }

  /** Reports everything to the ledger and returns what no call holds. */
  async flush(): Promise<void> {
    const outcomes = await Promise.allSettled([...this.#accounts.values()].map((account) => account.flush()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

type Taken =
  | { readonly kind: 'all'; readonly holds: readonly (readonly [BudgetAccount, Hold])[] }
  | { readonly kind: 'missing'; readonly missing: BudgetAccount };

function takeAll(accounts: readonly BudgetAccount[], amount: CallCost): Taken {
  const holds: [BudgetAccount, Hold][] = [];
  for (const account of accounts) {
    const hold = account.reserve(amount);
    if (hold === undefined) {
      for (const [holder, taken] of holds) holder.release(taken);
      return { kind: 'missing', missing: account };
    }
    holds.push([account, hold]);
  }
  return { kind: 'all', holds };
}

async function filled(account: BudgetAccount, amount: CallCost): Promise<void> {
  try {
    await account.fill(amount);
  } catch (error) {
    if (error instanceof GovernorRefusal) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new GovernorRefusal(
      'LedgerUnavailable',
      `The call was not sent, because the ledger of ${account.key.budget} cannot be reached: ${problem}`,
      { budget: account.key.budget },
      error,
    );
  }
}

/** The holds of one attempt. Ended exactly once: settled, released or abandoned. */
export class Reservation {
  readonly #holds: readonly (readonly [BudgetAccount, Hold])[];
  #ended = false;

  constructor(holds: readonly (readonly [BudgetAccount, Hold])[]) {
    this.#holds = holds;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /** The attempt ran and cost this. */
  settle(cost: CallCost): void {
    if (this.#end()) for (const [account, hold] of this.#holds) account.settle(hold, cost);
  }

  /** The attempt certainly did not run. */
  release(): void {
    if (this.#end()) for (const [account, hold] of this.#holds) account.release(hold);
  }

  /** Nobody knows whether the attempt ran, or what it cost. */
  abandon(): void {
    if (this.#end()) for (const [account, hold] of this.#holds) account.abandon(hold);
  }

  #end(): boolean {
    const open = !this.#ended;
    this.#ended = true;
    return open;
  }
}
