import type { GovernorEvent } from '../../invoke/observation.ts';
import type { Configuration } from '../run/configuration.ts';
import type { SimulatedProfiles } from '../world/profiles.ts';
import type { Judge } from './judge.ts';
import type { LedgerBooks } from './ledger-books.ts';

/** How far two clocks that go by AWS's answers may differ: the header has whole seconds, and answers take their time. */
export const SKEW_MS = 3_000;

const MONEYS_WORDS: ReadonlySet<string> = new Set(['BudgetExhausted', 'BudgetInUse', 'Throttled', 'BudgetClosed']);

/** The day of the month in the policy's time zone: a budget's period id ends with it. */
export type PeriodName = 'before' | 'after';

/** What the observer of each process tells, held against the world. */
export class AdmissionWatch {
  readonly #judge: Judge;
  readonly #books: LedgerBooks;
  readonly #profiles: SimulatedProfiles;
  readonly #configuration: Configuration;
  readonly #periods: readonly [string, string];
  readonly #now: () => number;
  admitted = 0;
  refused = 0;
  /** What was told as unconfirmed, by tenant and period. */
  readonly unconfirmed = new Map<string, bigint>();

  constructor(parts: {
    judge: Judge;
    books: LedgerBooks;
    profiles: SimulatedProfiles;
    configuration: Configuration;
    periods: readonly [string, string];
    now: () => number;
  }) {
    this.#judge = parts.judge;
    this.#books = parts.books;
    this.#profiles = parts.profiles;
    this.#configuration = parts.configuration;
    this.#periods = parts.periods;
    this.#now = parts.now;
  }

  heard(event: GovernorEvent): void {
    if (event.kind === 'admitted') this.#admitted(event);
    else if (event.kind === 'refused') this.#refused(event);
    else if (event.kind === 'unconfirmed') {
      const tenant = event.call.tags['tenant'] ?? '';
      this.unconfirmed.set(tenant, (this.unconfirmed.get(tenant) ?? 0n) + BigInt(event.costNanoUsd));
    }
  }

  #refused({ refusal: { code, details } }: Extract<GovernorEvent, { kind: 'refused' }>): void {
    this.refused++;
    const { budget = '' } = details;
    // Whoever cannot say how a budget stands does not know that it only watches.
    if (this.#configuration.isWatched && MONEYS_WORDS.has(code))
      this.#judge.check('shadow', !budget.startsWith('watch-'), () => `${budget} refused a call: ${code}`);
  }

  #admitted({ profile, budgets, by, call }: Extract<GovernorEvent, { kind: 'admitted' }>): void {
    this.admitted++;
    const now = this.#now();
    const tenant = call.tags['tenant'] ?? '';
    const carried = this.#profiles.historyOf(profile.arn).some(({ tags }) => tags?.['tenant'] === tenant);
    const others = budgets.filter(
      ({ budget }) => /^(?:tenant|watch)-/.test(budget) && !budget.endsWith(`-daily/${tenant}`),
    );
    this.#judge.check(
      'own-money',
      carried && others.length === 0,
      () => `${tenant} was admitted through ${profile.arn}, paid by ${budgets.map(({ budget }) => budget).join(', ')}`,
    );
    for (const { budget, period, cell } of budgets) {
      if (budget.startsWith('tenant-daily/')) this.#inPeriod(now, budget, period);
      // What the policy grants for an outage goes by what the process knew.
      if (by !== 'lease' || cell !== undefined) continue;
      const { closedAt } = this.#books.memoryOf(`LEDGER#${budget}`, period);
      if (closedAt === undefined) continue;
      const { leaseSeconds, processesStated } = this.#configuration;
      // A cell has a lease of its own on the budget.
      const terms = budget.startsWith('tenant-daily/') && processesStated > 100 ? 2 : 1;
      const limit = closedAt + terms * (terms === 1 ? leaseSeconds : 120) * 1_000 + SKEW_MS;
      this.#judge.check(
        'disable',
        now <= limit,
        () => `${budget} ${period} was closed ${Math.round((now - closedAt) / 1_000)} s before a call was admitted`,
      );
    }
  }

  #inPeriod(now: number, budget: string, period: string): void {
    const { turnAt } = this.#configuration;
    const [before, after] = this.#periods;
    const expected = now < turnAt - SKEW_MS ? [before] : now > turnAt + SKEW_MS ? [after] : [before, after];
    this.#judge.check(
      'period',
      expected.includes(period),
      () => `a call ${Math.round((now - turnAt) / 1_000)} s after the turn was admitted in ${budget} ${period}`,
    );
  }
}
