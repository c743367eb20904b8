import type { EpochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import { awsAmount, type NanoUsd, parseUsdRoundedUp } from '../money.ts';
import { type Period, type PeriodKind, periodAt } from '../period.ts';
import type { TagSelector } from '../tags.ts';
import type { Budget } from './definition.ts';

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
}

/** AWS Budgets. Every call may throw; a budget that could not be read is not a budget that is not there. */
export interface AwsBudgets {
  describe(name: string): Promise<AwsBudgetState | undefined>;
  create(budget: AwsBudget): Promise<'created' | 'exists'>;
  /** Makes an existing budget and its notifications equal to `budget`. */
  update(budget: AwsBudget, from: AwsBudgetState): Promise<void>;
}

/** AWS knows no weekly budgets; the ledger does. */
const TIME_UNIT: Partial<Record<PeriodKind, AwsBudget['timeUnit']>> = {
  day: 'DAILY',
  month: 'MONTHLY',
  quarter: 'QUARTERLY',
  year: 'ANNUALLY',
};

/** CreateBudget documents five notifications for a budget (another page says ten). */
const MAX_NOTIFICATIONS = 5;

/** The budget that AWS is to have for this definition; undefined where AWS cannot express it. */
export function awsBudgetFor(budget: Budget, stage: string): AwsBudget | undefined {
  const timeUnit = TIME_UNIT[budget.period];
  if (timeUnit === undefined) return undefined;
  const wanted = new Map<string, AwsNotification>();
  // Disabling thresholds first: where AWS has no room for all, these must be among them.
  const byWeight = [...budget.thresholds].sort(
    (a, b) => Number(b.action === 'disable') - Number(a.action === 'disable') || a.at - b.at,
  );
  for (const { at, on } of byWeight) {
    const notification: AwsNotification = { type: on === 'forecast' ? 'FORECASTED' : 'ACTUAL', threshold: at / 100 };
    wanted.set(`${notification.type} ${notification.threshold}`, notification);
  }
  return {
    name: awsBudgetName(budget, stage),
    amount: awsAmount(budget.limit),
    timeUnit,
    selector: budget.selector,
    notifications: [...wanted.values()].slice(0, MAX_NOTIFICATIONS),
  };
}

const NAME_PREFIX = 'governor';
const MAX_NAME = 100;

/**
 * `governor/prod/tenant-monthly/acme`: deterministic, so that a budget is found again and never made twice. What AWS does not
 * allow in a name is percent-encoded, so that two values never share a name; past 100 characters the tail gives way to
 * a hash of the whole.
 */
export function awsBudgetName(budget: Pick<Budget, 'name' | 'value'>, stage: string): string {
  const value = budget.value === undefined ? '' : `/${encodeName(budget.value)}`;
  const name = `${NAME_PREFIX}/${stage}/${budget.name}${value}`.replace(BANNED, '/%61ction');
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 14)}+${hash(name)}`;
}

/** "/action/" may not be in a name (API model of CreateBudget). A budget or stage may be called so; slashes of values are encoded. */
const BANNED = /\/action(?=\/)/g;

/** `%20`, and `%u2003` past one byte: of fixed lengths, or two values could be encoded alike. */
const encodeName = (value: string): string =>
  value.replace(/[^A-Za-z0-9._=-]/g, (unit) => {
    const hex = unit.charCodeAt(0).toString(16).toUpperCase();
    return hex.length > 2 ? `%u${hex.padStart(4, '0')}` : `%${hex.padStart(2, '0')}`;
  });

/** FNV-1a with 64 bits, in 13 characters of base 36. Names are few; this is no protection against an attacker, and needs none. */
function hash(text: string): string {
  let state = 0xcbf29ce484222325n;
  for (const character of text)
    state = BigInt.asUintN(64, (state ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n);
  return state.toString(36).padStart(13, '0').slice(-13);
}

export type Provisioning = 'created' | 'updated' | 'unchanged' | 'not-expressible';

/** Makes AWS Budgets have this budget: creates it, adopts it if it is there already, changes what differs. */
export async function provisionBudget(
  ports: { awsBudgets: AwsBudgets; journal: Journal; stage: string },
  budget: Budget,
): Promise<Provisioning> {
  const wanted = awsBudgetFor(budget, ports.stage);
  if (wanted === undefined) {
    ports.journal.counted('BudgetNotExpressible', { budget: budget.id, period: budget.period });
    return 'not-expressible';
  }
  const outcome = await converge(ports.awsBudgets, wanted);
  if (outcome !== 'unchanged') {
    ports.journal.decided(`${outcome} AWS budget`, { budget: budget.id, name: wanted.name, amount: wanted.amount });
    ports.journal.counted('BudgetProvisioned', { budget: budget.id, outcome });
  }
  return outcome;
}

/** What {@link provisionBudget} would do, for the log; AWS Budgets is only read. */
export async function observeBudget(
  ports: { awsBudgets: Pick<AwsBudgets, 'describe'>; journal: Journal; stage: string },
  budget: Budget,
): Promise<void> {
  const wanted = awsBudgetFor(budget, ports.stage);
  if (wanted === undefined) return;
  const existing = await ports.awsBudgets.describe(wanted.name);
  if (existing !== undefined && isSame(existing, wanted)) return;
  const decision = existing === undefined ? 'would create AWS budget' : 'would update AWS budget';
  ports.journal.decided(decision, { budget: budget.id, name: wanted.name, amount: wanted.amount });
}

async function converge(aws: AwsBudgets, wanted: AwsBudget): Promise<'created' | 'updated' | 'unchanged'> {
  let existing = await aws.describe(wanted.name);
  if (existing === undefined) {
    if ((await aws.create(wanted)) === 'created') return 'created';
    existing = await aws.describe(wanted.name);
  }
  if (existing === undefined || isSame(existing, wanted)) return 'unchanged';
  await aws.update(wanted, existing);
  return 'updated';
}

/** Whether figures are of what a budget covers. Whoever may edit budgets in AWS may give one of ours another filter. */
export function isSameSelector(a: TagSelector, b: TagSelector): boolean {
  const canonical = (selector: TagSelector) =>
    Object.entries(selector)
      .map(([key, values]) => JSON.stringify([key, [...values].sort()]))
      .sort()
      .join();
  return canonical(a) === canonical(b);
}

function isSame(a: AwsBudget, b: AwsBudget): boolean {
  const notifications = (budget: AwsBudget) =>
    budget.notifications
      .map((n) => `${n.type} ${n.threshold}`)
      .sort()
      .join();
  // AWS answers "500.0" for "500.00": compare amounts, not texts.
  return (
    parseUsdRoundedUp(a.amount) === parseUsdRoundedUp(b.amount) &&
    a.timeUnit === b.timeUnit &&
    notifications(a) === notifications(b) &&
    isSameSelector(a.selector, b.selector)
  );
}

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
