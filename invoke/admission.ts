import { type Clock, type EpochMs, epochMs } from '../domain/clock.ts';
import { periodAt } from '../domain/period.ts';
import type { CoveringBudget } from '../domain/profiles/profile-index.ts';
import { type CellStore, cellAt } from '../domain/spending/cell.ts';
import { CellLedger } from '../domain/spending/cell-ledger.ts';
import type { LeaseLedger, LedgerKey, TermsReader } from '../domain/spending/ledger.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import { orAborted } from './abort.ts';
import { type AccountOptions, type AccountState, BudgetAccount, type Hold } from './budget-account.ts';
import { GovernorRefusal, governorClosed } from './refusals.ts';
import { Reservation } from './reservation.ts';

export type AdmissionOptions = Omit<AccountOptions, 'key' | 'startsAt' | 'endsAt' | 'ledger' | 'isShadow'> & {
  /** One that offers no cells divides the processes of a hot budget itself. */
  readonly ledger: LeaseLedger | (LeaseLedger & CellStore);
  readonly clock: Clock;
  /** How long a call may wait for money that is promised to others rather than spent. */
  readonly maxWaitMs: number;
};

/** How often an admission starts over because another call took what it had asked for. */
const MAX_ROUNDS = 20;

/** How long accounts of periods that are over are kept: a clock that is wrong by more than that is none. */
const KEPT_MS = 24 * 3_600_000;

/** Admits calls: a reservation from every budget that covers the profile, or from none. */
export class Admissions {
  readonly #options: AdmissionOptions;
  /** From 0 to 1: which of a budget's cells this process belongs to. */
  readonly #place: number;
  readonly #accounts = new Map<string, BudgetAccount>();
  /** Accounts by budget, for as long as the period that they were looked up in lasts: the way of almost every call. */
  readonly #current = new Map<string, BudgetAccount>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#place = options.random();
  }

  /**
   * Admits from the leases in hand, without waiting; undefined where they do not cover the call.
   * @param accounts of all budgets that cover the profile, see {@link accountsOf}
   */
  admitAtOnce(accounts: readonly BudgetAccount[], amount: CallCost, now: EpochMs): Reservation | undefined {
    const taken = takeAll(accounts, amount, now);
    return taken instanceof BudgetAccount ? undefined : new Reservation(taken);
  }

  /**
   * Admits a call, asking the ledger and waiting in line where that may help.
   * @throws {GovernorRefusal} when a budget refuses; then none is held
   */
  async admit(budgets: readonly CoveringBudget[], amount: CallCost, signal?: AbortSignal): Promise<Reservation> {
    let until = epochMs(this.#options.clock.now() + this.#options.maxWaitMs);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (this.#isClosed) throw governorClosed();
      // Looked up in each round: the period may turn while a call waits, or the clock be put right.
      const now = this.#options.clock.now();
      const accounts = this.accountsOf(budgets, now);
      const missing = takeAll(accounts, amount, now);
      if (!(missing instanceof BudgetAccount)) return new Reservation(missing);
      const queued = missing.mustQueue && this.#options.maxWaitMs > 0;
      const filling = queued ? undefined : await orAborted(signal, missing.fill(amount));
      if (filling?.kind === 'granted' || !missing.isOf(this.#options.clock.now()) || this.#isClosed) continue;
      if (filling !== undefined) {
        // Other calls ended meanwhile, or the ledger cannot be reached and the policy adds something for that.
        const after = takeAll(accounts, amount, this.#options.clock.now());
        if (!(after instanceof BudgetAccount)) return new Reservation(after);
        // A budget that only watches knows by now that it would refuse, and lets pass.
        if (missing.isShadow) continue;
      }
      // A clock that was ahead when the call began is no reason to wait for longer, here or in the line of another budget.
      until = epochMs(Math.min(until, this.#options.clock.now() + this.#options.maxWaitMs));
      const refusal = filling?.refusal;
      const helpAt = filling === undefined ? this.#options.clock.now() : filling.mayHelpAt;
      if (refusal !== undefined && (helpAt === undefined || helpAt > until || this.#options.maxWaitMs === 0))
        throw refusal;
      const served = await this.#wait(missing, accounts, amount, until, signal);
      if (served === undefined) throw refusal ?? (await refusalOf(missing, amount));
      if (!(served instanceof BudgetAccount)) return new Reservation(served);
    }
    throw new GovernorRefusal(
      'LedgerUnavailable',
      'Other calls of this process took the money as fast as the ledger granted it. Try again.',
    );
  }

  get #isClosed(): boolean {
    return this.#options.isClosed?.() === true;
  }

  async #wait(
    missing: BudgetAccount,
    accounts: readonly BudgetAccount[],
    amount: CallCost,
    until: EpochMs,
    signal: AbortSignal | undefined,
  ): Promise<Taken | undefined> {
    return await missing.wait<Taken>({
      amount,
      until,
      signal,
      attempt: () => {
        const at = this.#options.clock.now();
        // The period has turned meanwhile: its budget is asked anew.
        if (!missing.isOf(at)) return missing;
        const taken = takeAll(accounts, amount, at, missing);
        // Money is missing elsewhere: give up this place, and ask there.
        return taken === missing ? undefined : taken;
      },
    });
  }

  /** Sends away all who wait: nobody would give back what they were granted. */
  dismiss(): void {
    const reason = governorClosed();
    for (const account of this.#accounts.values()) account.dismiss(reason);
  }

  /** The accounts of budgets, in their periods of this instant. */
  accountsOf(budgets: readonly CoveringBudget[], now: EpochMs): readonly BudgetAccount[] {
    return budgets.map((budget) => {
      const current = this.#current.get(budget.id);
      return current?.isOf(now) === true && current.isShadow === (budget.mode === 'shadow')
        ? current
        : this.#account(budget, now);
    });
  }

  #account(budget: CoveringBudget, now: EpochMs): BudgetAccount {
    const period = periodAt(budget.period, budget.timeZone, now);
    const { startsAt, endsAt } = period;
    const key: LedgerKey = { budget: budget.id, period: period.id };
    // A budget whose mode is changed begins a lease of its own.
    const name = `${budget.id} ${period.id} ${budget.mode ?? 'enforce'}`;
    const account =
      this.#accounts.get(name) ??
      new BudgetAccount({
        ...this.#options,
        key,
        startsAt,
        endsAt,
        ledger: this.#ledgerOf(budget, key),
        isShadow: budget.mode === 'shadow',
      });
    this.#accounts.set(name, account);
    this.#current.set(budget.id, account);
    return account;
  }

  #ledgerOf({ cells }: CoveringBudget, key: LedgerKey): LeaseLedger {
    const { ledger } = this.#options;
    return cells !== undefined && offersCells(ledger)
      ? new CellLedger({ ...this.#options, ledger, key, cell: cellAt(this.#place, cells) })
      : ledger;
  }

  /** How each budget stands that this process spends from. */
  get states(): readonly AccountState[] {
    return [...this.#accounts.values()].map(({ state }) => state);
  }

  /** To be called every few seconds: renews leases in use, returns idle ones, drops accounts of periods that are over. */
  async maintain(): Promise<void> {
    const now = this.#options.clock.now();
    await this.#hearTerms();
    for (const [name, account] of this.#accounts) {
      if (this.#isDone(account, now)) this.#accounts.delete(name);
      // What fails now is tried again the next time; a call that needs the money meanwhile says what is wrong.
      else await account.maintain().catch(() => {});
    }
  }

  /** Whether nobody will find it again: also where the clock was wrong when it said that the period is over. */
  #isDone(account: BudgetAccount, now: EpochMs): boolean {
    const isReplaced = this.#current.get(account.key.budget) !== account;
    return isReplaced && account.endsAt + KEPT_MS <= now && account.isAtRest;
  }

  /** One read for all budgets that this process holds money of: so a disable is felt within seconds. */
  async #hearTerms(): Promise<void> {
    const { ledger } = this.#options;
    const spending = [...this.#accounts.values()].filter((account) => account.isSpending);
    if (!offersTerms(ledger) || spending.length === 0) return;
    // What cannot be read is heard at the next renewal, whose condition is what makes it certain.
    const heard = await ledger.readTerms(spending.map(({ key }) => key)).catch(() => []);
    const answers = spending.map(async (account, index) => {
      const terms = heard[index];
      if (terms !== undefined) await account.hear(terms);
    });
    await Promise.all(answers);
  }

  /** Reports everything to the ledger and returns what no call holds. */
  async flush(): Promise<void> {
    const outcomes = await Promise.allSettled([...this.#accounts.values()].map((account) => account.flush()));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

const offersTerms = (ledger: AdmissionOptions['ledger']): ledger is LeaseLedger & TermsReader => 'readTerms' in ledger;

const offersCells = (ledger: AdmissionOptions['ledger']): ledger is LeaseLedger & CellStore => 'fund' in ledger;

/** The holds, one in each account; or the first account in which money is missing, and then none. */
type Taken = readonly Hold[] | BudgetAccount;

/** @param inTurn the account in whose line the caller is first */
function takeAll(accounts: readonly BudgetAccount[], amount: CallCost, now: EpochMs, inTurn?: BudgetAccount): Taken {
  const holds: Hold[] = [];
  for (const account of accounts) {
    const hold = account.reserve(amount, now, account === inTurn);
    if (hold === undefined) {
      for (const taken of holds) taken.account.putBack(taken);
      return account;
    }
    holds.push(hold);
  }
  return holds;
}

async function refusalOf(account: BudgetAccount, amount: CallCost): Promise<GovernorRefusal> {
  const filling = await account.fill(amount);
  return filling.kind === 'refused'
    ? filling.refusal
    : new GovernorRefusal('BudgetInUse', `Others waited longer for budget ${account.key.budget}. Try again.`, {
        budget: account.key.budget,
      });
}
