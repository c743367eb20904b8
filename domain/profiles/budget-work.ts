import type { BudgetId } from '../budgets/budget-id.ts';
import type { Budget } from '../budgets/definition.ts';
import { type AwsBudgets, observeBudget, provisionBudget } from '../budgets/provisioning.ts';
import type { EpochMs } from '../clock.ts';
import { periodAt } from '../period.ts';
import type { Override } from '../standing/override.ts';
import { type BudgetReview, type OutsideFigures, reviewBudget } from '../standing/review-budget.ts';
import type { BudgetRestriction } from '../standing/standing.ts';
import type { IndexEntry } from './profile-index.ts';

/** What the standing of a profile follows from, beside its tags. */
export interface Reviews {
  /** @returns what restricts the budget now, or undefined while it is open */
  review(budget: Budget): Promise<BudgetRestriction | undefined>;
  /** What operators say. */
  overrides(): Promise<readonly Override[]>;
  /** Whether these may be words of a while ago: then nothing is loosened on them. */
  readonly areRemembered: boolean;
}

/** What governing a profile asks of each budget that covers it. */
export interface BudgetWork extends Reviews {
  /** Makes AWS Budgets have it. That it cannot be reached is told, and stops nothing. */
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
});

export const budgetWork = (ports: BudgetWorkPorts): BudgetWork => ({
  ...freshReviews(ports),
  provision: (budget) => provision(ports, budget),
});

/**
 * One review for each budget and period, however many profiles ask. A review that failed stays failed: it would for the
 * next profile too. Make one for each piece of work on many profiles.
 */
export class SharedReviews<Ports extends BudgetReview = BudgetReview> implements Reviews {
  readonly areRemembered = true;
  protected readonly ports: Ports;
  readonly #reviews = new Map<
    BudgetId,
    { readonly until: EpochMs; readonly outcome: Promise<BudgetRestriction | undefined> }
  >();
  #overrides: Promise<readonly Override[]> | undefined;
  #entries: Promise<readonly IndexEntry[]> | undefined;

  constructor(ports: Ports) {
    this.ports = { ...ports, entries: () => (this.#entries ??= ports.index.list(() => {})) };
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
  async reviewAnew(budget: Budget, outside?: OutsideFigures): Promise<BudgetRestriction | undefined> {
    const { endsAt: until } = periodAt(budget.period, budget.timeZone, this.ports.clock.now());
    const outcome = reviewBudget(this.ports, budget, outside);
    this.#reviews.set(budget.id, { until, outcome });
    return await outcome;
  }

  async overrides(): Promise<readonly Override[]> {
    this.#overrides ??= this.ports.overrides.lasting(this.ports.clock.now());
    return await this.#overrides;
  }
}

/** The same, and one look at AWS Budgets for each budget. Make one for each sweep. */
export class SharedBudgetWork extends SharedReviews<BudgetWorkPorts> implements BudgetWork {
  readonly #provisions = new Map<BudgetId, Promise<void>>();

  constructor(ports: BudgetWorkPorts) {
    super({ ...ports, awsBudgets: readOnce(ports.awsBudgets) });
  }

  /** AWS Budgets as this sweep has seen it. */
  get awsBudgets(): AwsBudgets {
    return this.ports.awsBudgets;
  }

  async provision(budget: Budget): Promise<void> {
    const provisioned = this.#provisions.get(budget.id) ?? provision(this.ports, budget);
    this.#provisions.set(budget.id, provisioned);
    await provisioned;
  }
}

/** AWS Budgets is the slow second opinion: that it cannot be reached must not keep a profile ungoverned. */
async function provision(ports: BudgetWorkPorts, budget: Budget): Promise<void> {
  try {
    await (ports.policy.mode === 'observe' ? observeBudget : provisionBudget)(ports, budget);
  } catch (error) {
    ports.journal.counted('BudgetProvisioningFailed', {
      budget: budget.id,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Reads each budget once, until it is written. */
function readOnce(aws: AwsBudgets): AwsBudgets {
  const read = new Map<string, ReturnType<AwsBudgets['describe']>>();
  return {
    async describe(name) {
      const state = read.get(name) ?? aws.describe(name);
      read.set(name, state);
      return await state;
    },
    async create(budget) {
      read.delete(budget.name);
      return await aws.create(budget);
    },
    async update(budget, from) {
      read.delete(budget.name);
      await aws.update(budget, from);
    },
  };
}
