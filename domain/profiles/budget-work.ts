import type { BudgetId } from '../budgets/budget-id.ts';
import type { Budget } from '../budgets/definition.ts';
import { provisionBudgets, provisionOne, type SeenAwsBudgets } from '../budgets/provision-all.ts';
import { type AwsBudgets, awsBudgetNamePrefix } from '../budgets/provisioning.ts';
import type { EpochMs } from '../clock.ts';
import { periodAt } from '../period.ts';
import type { Override } from '../standing/override.ts';
import {
  type BudgetReview,
  keysOfReview,
  type OutsideFigures,
  type ReadAhead,
  reviewBudget,
} from '../standing/review-budget.ts';
import type { BudgetRestriction } from '../standing/standing.ts';

/** What the standing of a profile follows from, beside its tags. */
export interface Reviews {
  /** @returns what restricts the budget now, or undefined while it is open */
  review(budget: Budget): Promise<BudgetRestriction | undefined>;
  /** What operators say. */
  overrides(): Promise<readonly Override[]>;
  /** Whether these may be words of a while ago: then nothing is loosened on them. */
  readonly areRemembered: boolean;
  /** Whether they are so old that nothing is tightened on them either: who has opened it since would see it closed again. */
  areOld(): boolean;
}

/** What governing a profile asks of each budget that covers it. */
export interface BudgetWork extends Reviews {
  /** Makes AWS Budgets have it, now or soon. That it cannot be reached is told, and stops nothing. */
  provision(budget: Budget): Promise<void>;
}

export interface BudgetWorkPorts extends BudgetReview {
  readonly awsBudgets: AwsBudgets;
  readonly stage: string;
}

/** Each profile asks for itself: right for an event about one profile. */
export const freshReviews = (ports: BudgetReview): Reviews => ({
  review: (budget) => reviewBudget(ports, budget),
  overrides: () => ports.overrides.lasting(ports.clock.now()),
  areRemembered: false,
  areOld: () => false,
});

export const budgetWork = (ports: BudgetWorkPorts): BudgetWork => ({
  ...freshReviews(ports),
  provision: async (budget) => void (await provisionOne(ports, budget)),
});

/** What was read is known from then on. A failure is not: it holds up whoever asked, and nobody after. */
function readOnce<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let known: Promise<Value> | undefined;
  return async () => {
    known ??= read().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return await known;
  };
}

/** Reviews are made for one piece of work: the profiles of one budget take less, but for the largest; a sweep takes minutes. */
const OLD_MS = 10_000;

/**
 * One review for each budget and period, however many profiles ask. A review that failed stays failed: it would for the
 * next profile too. Make one for each piece of work on many profiles.
 */
export class SharedReviews<Ports extends BudgetReview = BudgetReview> implements Reviews {
  readonly areRemembered = true;
  readonly #since: EpochMs;
  protected readonly ports: Ports;
  readonly #reviews = new Map<
    BudgetId,
    { readonly until: EpochMs; readonly outcome: Promise<BudgetRestriction | undefined> }
  >();
  #overrides: () => Promise<readonly Override[]>;

  constructor(ports: Ports) {
    this.#since = ports.clock.now();
    this.#overrides = readOnce(async () => await ports.overrides.lasting(ports.clock.now()));
    this.ports = { ...ports, entries: readOnce(async () => await ports.index.list(() => {})) };
  }

  areOld(): boolean {
    return this.ports.clock.now() - this.#since > OLD_MS;
  }

  /** Undefined where the budget has not been reviewed in its present period. */
  reviewed({ id }: Budget): Promise<BudgetRestriction | undefined> | undefined {
    const known = this.#reviews.get(id);
    return known !== undefined && this.ports.clock.now() < known.until ? known.outcome : undefined;
  }

  async review(budget: Budget): Promise<BudgetRestriction | undefined> {
    return await (this.reviewed(budget) ?? this.reviewAnew(budget));
  }

  /** Reviews it whatever is known, because there are new figures. */
  async reviewAnew(
    budget: Budget,
    outside?: OutsideFigures,
    ahead?: ReadAhead,
  ): Promise<BudgetRestriction | undefined> {
    const { endsAt: until } = periodAt(budget.period, budget.timeZone, this.ports.clock.now());
    const outcome = reviewBudget(this.ports, budget, outside, ahead);
    this.#reviews.set(budget.id, { until, outcome });
    return await outcome;
  }

  async overrides(): Promise<readonly Override[]> {
    return await this.#overrides();
  }

  /** Reads the items of many budgets together, and what operators say once, after them. */
  async readAhead(budgets: readonly Budget[]): Promise<ReadAhead> {
    const { clock, ledger, overrides } = this.ports;
    const at = clock.now();
    const items = await ledger.readTogether(budgets.flatMap((budget) => keysOfReview(budget, at)));
    this.#overrides = readOnce(async () => await overrides.lasting(at));
    return { at, items, overrides: this.#overrides };
  }
}

/**
 * The same, and one look at AWS Budgets. What is to be provisioned waits until {@link provisionAll}, because AWS Budgets
 * takes few requests a minute, and no profile is to wait for that. Make one for each sweep.
 */
export class SharedBudgetWork extends SharedReviews<BudgetWorkPorts> implements BudgetWork {
  readonly #toProvision = new Map<BudgetId, Budget>();
  #seen: Promise<SeenAwsBudgets> | undefined;

  /** All AWS budgets of this stage, read once. @throws {Fault} each time where that failed */
  async seenAwsBudgets(): Promise<SeenAwsBudgets> {
    this.#seen ??= this.ports.awsBudgets.list(awsBudgetNamePrefix(this.ports.stage));
    return await this.#seen;
  }

  /** Only noted: AWS Budgets answers slowly, and no profile waits for it. */
  async provision(budget: Budget): Promise<void> {
    this.#toProvision.set(budget.id, budget);
  }

  /** @returns how many budgets are left to the next sweep */
  async provisionAll(isTimeUp: () => boolean): Promise<number> {
    const budgets = [...this.#toProvision.values()];
    if (budgets.length === 0) return 0;
    return await provisionBudgets(this.ports, budgets, { seen: await this.seenAwsBudgets(), isTimeUp });
  }
}

/**
 * Each profile that is governed has its budgets reviewed and provided for anew; what came of that is known for a while,
 * to tell that nothing is to be done about another.
 */
export class RecentBudgetWork implements BudgetWork {
  readonly #ports: BudgetWorkPorts;
  readonly #forMs: number;
  readonly #known: Map<BudgetId, RecentReview>;
  #said: readonly Override[] | undefined;
  readonly areRemembered = false;
  readonly areOld = (): boolean => false;

  constructor(ports: BudgetWorkPorts, forMs: number, known: Map<BudgetId, RecentReview> = new Map()) {
    this.#ports = ports;
    this.#forMs = forMs;
    this.#known = known;
  }

  /** The same work through other ports, of the same policy. */
  goOn(ports: BudgetWorkPorts): RecentBudgetWork {
    return new RecentBudgetWork(ports, this.#forMs, this.#known);
  }

  /** Undefined where the budget was not both reviewed and provided for, in its present period and lately. */
  reviewed({ id }: Budget): Promise<BudgetRestriction | undefined> | undefined {
    const known = this.#known.get(id);
    const now = this.#ports.clock.now();
    return known?.isProvided === true && now >= known.at && now < known.until
      ? Promise.resolve(known.restriction)
      : undefined;
  }

  async review(budget: Budget): Promise<BudgetRestriction | undefined> {
    const at = this.#ports.clock.now();
    const { endsAt } = periodAt(budget.period, budget.timeZone, at);
    this.#known.delete(budget.id);
    const restriction = await reviewBudget(this.#ports, budget);
    if (this.#known.size >= MAX_RECENT) this.#known.clear();
    this.#known.set(budget.id, { at, until: Math.min(endsAt, at + this.#forMs), restriction, isProvided: false });
    return restriction;
  }

  async overrides(): Promise<readonly Override[]> {
    this.#said = await this.#ports.overrides.lasting(this.#ports.clock.now());
    return this.#said;
  }

  /** What operators said when that was last read; undefined where it was not. */
  get said(): readonly Override[] | undefined {
    return this.#said;
  }

  async provision(budget: Budget): Promise<void> {
    const isProvided = (await provisionOne(this.#ports, budget)) === 'done';
    const known = this.#known.get(budget.id);
    if (isProvided && known !== undefined) this.#known.set(budget.id, { ...known, isProvided: true });
  }
}

interface RecentReview {
  readonly at: EpochMs;
  readonly until: number;
  readonly restriction: BudgetRestriction | undefined;
  readonly isProvided: boolean;
}

/** Budgets that are remembered at a time. */
const MAX_RECENT = 10_000;
