import type { EpochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import { awsAmount, type NanoUsd, parseUsdRoundedUp } from '../money.ts';
import { type Period, type PeriodKind, periodAt } from '../period.ts';
import type { Threshold } from '../policy/policy.ts';
import type { TagSelector } from '../tags.ts';
import type { Budget } from './definition.ts';
import { shortHash } from './short-hash.ts';

/** A budget of AWS Budgets as we want it; see the CreateBudget API. */
export interface AwsBudget {
  readonly name: string;
  /** Decimal US dollars, such as `500.00`. */
  readonly amount: string;
  readonly timeUnit: 'DAILY' | 'MONTHLY' | 'QUARTERLY' | 'ANNUALLY';
  readonly selector: TagSelector;
  readonly notifications: readonly AwsNotification[];
}

export interface AwsNotification {
  readonly type: 'ACTUAL' | 'FORECASTED';
  /** Percent of the amount; the alert comes above it. */
  readonly threshold: number;
}

/** What AWS Budgets answers about one of its budgets. */
export interface AwsBudgetState extends AwsBudget {
  readonly actual?: NanoUsd;
  readonly forecast?: NanoUsd;
  readonly updatedAt?: EpochMs;
  /** Its filter or metric is none that we make: its figures are of something else than the selector says. */
  readonly countsOtherwise?: true;
  /** What it limits, where that is not cost in dollars: such as `USAGE`. Others made it, and it is left alone. */
  readonly limits?: string;
}

/** AWS Budgets. Every call may throw; a budget that could not be read is not a budget that is not there. */
export interface AwsBudgets {
  describe(name: string): Promise<AwsBudgetState | undefined>;
  /** As {@link describe}, but for its notifications, of which the answer to an alert needs none. */
  figures(name: string): Promise<AwsBudgetState | undefined>;
  /** All budgets whose names begin so, by name, read in bulk. It may lag: a single read decides before a write. */
  list(namePrefix: string): Promise<ReadonlyMap<string, AwsBudgetState>>;
  /** Marks what it makes as the governor's, by a tag. */
  create(budget: AwsBudget): Promise<'created' | 'exists'>;
  /**
   * Makes an existing budget equal to `budget`. What others have added to it stays: subscribers, notifications without our
   * topic, its time period. A budget without the governor's tag is marked as adopted first.
   */
  update(budget: AwsBudget, from: AwsBudgetState): Promise<BudgetChange>;
  /** Only what {@link create} has made; a budget that was adopted, or was never marked, is not ours to remove. */
  remove(name: string): Promise<'removed' | 'not-ours' | 'gone'>;
}

/** `alerts-full`: AWS has no room for all our notifications, because others have added theirs. */
export type BudgetChange = 'updated' | 'adopted' | 'unchanged' | 'alerts-full';

/** AWS knows no weekly budgets; the ledger does. */
const TIME_UNIT: Partial<Record<PeriodKind, AwsBudget['timeUnit']>> = {
  day: 'DAILY',
  month: 'MONTHLY',
  quarter: 'QUARTERLY',
  year: 'ANNUALLY',
};

export const isExpressible = (period: PeriodKind): boolean => TIME_UNIT[period] !== undefined;

/** CreateBudget documents five notifications for a budget (another page says ten). */
export const MAX_NOTIFICATIONS = 5;

/** The notifications that AWS is to have, and those for which it has no room. */
export function notificationsFor(thresholds: readonly Threshold[]): {
  readonly kept: readonly AwsNotification[];
  readonly left: readonly AwsNotification[];
} {
  const wanted = new Map<string, AwsNotification>();
  // Disabling thresholds first: where AWS has no room for all, these must be among them.
  const byWeight = [...thresholds].sort(
    (a, b) => Number(b.action === 'disable') - Number(a.action === 'disable') || a.at - b.at,
  );
  for (const { at, on } of byWeight) {
    const notification: AwsNotification = { type: on === 'forecast' ? 'FORECASTED' : 'ACTUAL', threshold: at / 100 };
    wanted.set(`${notification.type} ${notification.threshold}`, notification);
  }
  const all = [...wanted.values()];
  return { kept: all.slice(0, MAX_NOTIFICATIONS), left: all.slice(MAX_NOTIFICATIONS) };
}

/** The budget that AWS is to have for this definition; undefined where AWS cannot express it. */
export function awsBudgetFor(budget: Budget, stage: string): AwsBudget | undefined {
  const timeUnit = TIME_UNIT[budget.period];
  if (timeUnit === undefined) return undefined;
  return {
    name: awsBudgetName(budget, stage),
    amount: awsAmount(budget.limit),
    timeUnit,
    selector: budget.selector,
    notifications: notificationsFor(budget.thresholds).kept,
  };
}

/** What the names of a stage's budgets begin with, and of nobody else's. */
export const awsBudgetNamePrefix = (stage: string): string => `governor/${stage}/`.replace(BANNED, '/%61ction');

const MAX_NAME = 100;

/**
 * `governor/prod/tenant-monthly/acme`: deterministic, so that a budget is found again and never made twice. What AWS does not
 * allow in a name is percent-encoded, so that two values never share a name; past 100 characters the tail gives way to
 * a hash of the whole.
 */
export function awsBudgetName(budget: Pick<Budget, 'name' | 'value'>, stage: string): string {
  const value = budget.value === undefined ? '' : `/${encodeName(budget.value)}`;
  const name = `governor/${stage}/${budget.name}${value}`.replace(BANNED, '/%61ction');
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 14)}+${shortHash(name)}`;
}

/** "/action/" may not be in a name (API model of CreateBudget). A budget or stage may be called so; slashes of values are encoded. */
const BANNED = /\/action(?=\/)/g;

/** `%20`, and `%u2003` past one byte: of fixed lengths, or two values could be encoded alike. */
const encodeName = (value: string): string =>
  value.replace(/[^A-Za-z0-9._=-]/g, (unit) => {
    const hex = unit.charCodeAt(0).toString(16).toUpperCase();
    return hex.length > 2 ? `%u${hex.padStart(4, '0')}` : `%${hex.padStart(2, '0')}`;
  });

type SingleAwsBudgets = Pick<AwsBudgets, 'describe' | 'create' | 'update'>;

export type Provisioning = 'created' | BudgetChange | 'foreign' | 'not-expressible';

/**
 * Makes AWS Budgets have this budget: creates it, adopts it if it is there already, changes what differs.
 *
 * @param seen what a bulk read says of it; a budget that it shows as wanted costs no request
 */
export async function provisionBudget(
  ports: { awsBudgets: SingleAwsBudgets; journal: Journal; stage: string },
  budget: Budget,
  seen?: { readonly state: AwsBudgetState | undefined },
): Promise<Provisioning> {
  const wanted = awsBudgetFor(budget, ports.stage);
  if (wanted === undefined) {
    ports.journal.counted('BudgetNotExpressible', { budget: budget.id, period: budget.period });
    return 'not-expressible';
  }
  if (seen?.state !== undefined && isSame(seen.state, wanted)) return 'unchanged';
  const { outcome, before } = await converge(ports.awsBudgets, wanted, seen);
  if (outcome === 'unchanged') return outcome;
  const decision = outcome === 'foreign' ? 'leave foreign AWS budget' : (`${outcome} AWS budget` as const);
  ports.journal.decided(decision, {
    budget: budget.id,
    name: wanted.name,
    amount: wanted.amount,
    // So that whoever owned it can put it back.
    ...(before === undefined ? {} : { before: describeState(before) }),
  });
  const problem = PROBLEMS[outcome];
  if (problem === undefined) ports.journal.counted('BudgetProvisioned', { budget: budget.id, outcome });
  else ports.journal.counted('BudgetProvisioningFailed', { budget: budget.id, error: problem });
  return outcome;
}

/** Whether {@link provisionBudget} has nothing to ask of AWS for a budget of which this is known. */
export function isProvided(budget: Budget, stage: string, state: AwsBudgetState | undefined): boolean {
  const wanted = awsBudgetFor(budget, stage);
  return wanted === undefined || (state !== undefined && isSame(state, wanted));
}

/** What {@link provisionBudget} would do, for the log; AWS Budgets is only read. */
export async function observeBudget(
  ports: { awsBudgets: Pick<AwsBudgets, 'describe'>; journal: Journal; stage: string },
  budget: Budget,
  seen?: { readonly state: AwsBudgetState | undefined },
): Promise<void> {
  const wanted = awsBudgetFor(budget, ports.stage);
  if (wanted === undefined) return;
  const existing = seen === undefined ? await ports.awsBudgets.describe(wanted.name) : seen.state;
  if (existing?.limits !== undefined || (existing !== undefined && isSame(existing, wanted))) return;
  const decision = existing === undefined ? 'would create AWS budget' : 'would update AWS budget';
  ports.journal.decided(decision, { budget: budget.id, name: wanted.name, amount: wanted.amount });
}

/** What others have done to a budget of ours that is theirs to undo. */
const PROBLEMS: Partial<Record<Provisioning, string>> = {
  foreign: 'an AWS budget of this name limits something else than cost in dollars',
  'alerts-full': 'others have filled the places for notifications',
};

interface Convergence {
  readonly outcome: Exclude<Provisioning, 'not-expressible'>;
  readonly before?: AwsBudgetState;
}

async function converge(
  aws: SingleAwsBudgets,
  wanted: AwsBudget,
  seen: { readonly state: AwsBudgetState | undefined } | undefined,
): Promise<Convergence> {
  const isMissing = seen !== undefined && seen.state === undefined;
  let existing = isMissing ? undefined : await aws.describe(wanted.name);
  if (existing === undefined) {
    if ((await aws.create(wanted)) === 'created') return { outcome: 'created' };
    existing = await aws.describe(wanted.name);
  }
  if (existing === undefined) return { outcome: 'unchanged' };
  if (existing.limits !== undefined) return { outcome: 'foreign', before: existing };
  if (isSame(existing, wanted)) return { outcome: 'unchanged' };
  return { outcome: await aws.update(wanted, existing), before: existing };
}

const describeState = ({ amount, timeUnit, selector }: AwsBudgetState): string =>
  `${amount} USD ${timeUnit} for ${JSON.stringify(selector)}`;

/** Whether figures are of what a budget covers. Whoever may edit budgets in AWS may give one of ours another filter. */
export function isSameSelector(a: TagSelector, b: TagSelector): boolean {
  const canonical = (selector: TagSelector) =>
    Object.entries(selector)
      .map(([key, values]) => JSON.stringify([key, [...values].sort()]))
      .sort()
      .join();
  return canonical(a) === canonical(b);
}

function isSame(state: AwsBudgetState, wanted: AwsBudget): boolean {
  const notifications = (budget: AwsBudget) =>
    budget.notifications
      .map((n) => `${n.type} ${n.threshold}`)
      .sort()
      .join();
  return isSameDefinition(state, wanted) && notifications(state) === notifications(wanted);
}

/** Whether they differ in notifications at most. */
export const isSameDefinition = (state: AwsBudgetState, wanted: AwsBudget): boolean =>
  state.limits === undefined &&
  state.countsOtherwise === undefined &&
  // AWS answers "500.0" for "500.00": compare amounts, not texts.
  parseUsdRoundedUp(state.amount) === parseUsdRoundedUp(wanted.amount) &&
  state.timeUnit === wanted.timeUnit &&
  isSameSelector(state.selector, wanted.selector);

/** Figures of AWS Budgets describe the period only once they were refreshed well after it began: 12 hours, the longest refresh interval. */
const FIGURES_SETTLE_MS = 12 * 3_600_000;

/**
 * Whether what AWS Budgets says is about this period at all. AWS counts in UTC; where our period begins later than
 * AWS's, its figure holds spend of the period before and proves nothing about this one.
 */
export function describesPeriod(state: AwsBudgetState, budget: Budget, period: Period): boolean {
  if (TIME_UNIT[budget.period] !== state.timeUnit || state.updatedAt === undefined) return false;
  const aws = periodAt(budget.period, 'UTC', state.updatedAt);
  return (
    aws.startsAt >= period.startsAt &&
    aws.startsAt < period.endsAt &&
    state.updatedAt >= aws.startsAt + FIGURES_SETTLE_MS &&
    state.updatedAt < period.endsAt
  );
}
