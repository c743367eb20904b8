import { type Budget, tenantOf } from '../budgets/definition.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { displayUsd, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import { nextPeriod, type Period, periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { CellStore } from '../spending/cell.ts';
import { type LedgerItem, type LedgerKey, type LedgerStore, spent, type WriteId } from '../spending/ledger.ts';
import { provideOpened, type Seeding } from '../spending/seeding.ts';
import { isSameTerms, type Terms } from '../spending/terms.ts';
import { collectCells, provideCells, tellCells } from './collect-cells.ts';
import { type BudgetDecision, decide, describeEvidence } from './decide.ts';
import { budgetClosed, budgetThrottled, type NoticeOutbox, thresholdCrossed, thresholdKey } from './notice.ts';
import type { Restriction } from './standing.ts';
import { tidyLeases } from './tidy-leases.ts';

export interface BudgetReview extends Seeding {
  readonly policy: Policy;
  readonly ledger: LedgerStore & CellStore;
  readonly outbox: NoticeOutbox;
  readonly newWriteId: () => WriteId;
}

/** What a slower source than the ledger says about the current period. */
export interface OutsideFigures {
  /** Everything it has seen spent in this period, by whichever way. */
  readonly actual?: NanoUsd;
  readonly forecast?: NanoUsd;
  /** Who says so, as in "AWS Budgets, updated 2026-11-20T08:31:00Z". */
  readonly source: string;
}

/**
 * Reads the truth about a budget in its current period, decides its standing, and writes the ledger's terms: the one
 * way in which every signal about money is answered, and the sweep over everything.
 *
 * Items of the current and the next period are provided on the way, so that a period's turn finds its item ready.
 * Spend that the outside has seen and the ledger has not becomes `unattributed`; it is raised, never lowered, because
 * a slow source never loosens what a faster one has tightened.
 *
 * @returns what restricts the budget now, or undefined while it is open
 */
export async function reviewBudget(
  ports: BudgetReview,
  budget: Budget,
  outside?: OutsideFigures,
): Promise<Restriction | undefined> {
  const period = periodAt(budget.period, budget.timeZone, ports.clock.now());
  await provide(ports, budget, nextPeriod(period, budget.timeZone));
  await provide(ports, budget, period);
  await collectCells(ports, budget, period);
  if (ports.clock.now() - period.startsAt < LATE_REPORTS_MS)
    await finish(ports, budget, previousPeriod(period, budget));
  const key: LedgerKey = { budget: budget.id, period: period.id };

  // Each pass reads the item anew; a pass that meets a concurrent change starts over. Four passes outlast any writer
  // that is not itself in a loop; then the next sweep goes on.
  for (let pass = 0; pass < 4; pass++) {
    const item = await ports.ledger.read(key);
    if (item === undefined) continue;
    const changed = (await tidyLeases(ports, item)) || (await countOutsideSpend(ports, item, outside));
    if (changed) continue;
    const outcome = await settleStanding(ports, budget, period, item, outside);
    if (outcome !== 'stale') return outcome.restriction;
  }
  const item = await ports.ledger.read(key);
  return item === undefined ? undefined : restrictionOf(budget, period, item);
}

/** How long after a period's end the calls of that period may still be reported, or given up as lost. */
const LATE_REPORTS_MS = 3 * 3_600_000;

const previousPeriod = ({ startsAt }: Period, { period, timeZone }: Budget): Period =>
  periodAt(period, timeZone, epochMs(startsAt - 1));

/** The periods of a budget to which something may still be reported: the current one, and for a while the one before it. */
export function unsettledPeriods(budget: Budget, now: EpochMs): Period[] {
  const period = periodAt(budget.period, budget.timeZone, now);
  return now - period.startsAt < LATE_REPORTS_MS ? [period, previousPeriod(period, budget)] : [period];
}

/**
 * What calls of a period that is over leave to be done: leases of processes that are gone are taken back, and thresholds
 * that were reached since the last review are told. No standing is decided any more.
 */
async function finish(ports: BudgetReview, budget: Budget, period: Period): Promise<void> {
  await collectCells(ports, budget, period);
  const key: LedgerKey = { budget: budget.id, period: period.id };
  const found = await ports.ledger.read(key);
  const item = found !== undefined && (await tidyLeases(ports, found)) ? await ports.ledger.read(key) : found;
  // A policy that has changed since then says nothing about that period.
  if (item?.terms.limit === budget.limit)
    await tellThresholds(ports, budget, period, item, decide(budget, { ledger: item, now: ports.clock.now() }));
}

/** An item that is made when its period has begun, as for a new budget, opens with what was spent in it already. */
async function provide(ports: BudgetReview, budget: Budget, period: Period): Promise<void> {
  const item = {
    key: { budget: budget.id, period: period.id },
    startsAt: period.startsAt,
    endsAt: period.endsAt,
    terms: { ...termsOf(budget), standing: 'open', version: 1 },
  } as const;
  // Ahead of the item, so that no process finds the item without the cells.
  await provideCells(ports, budget, item);
  if (ports.clock.now() < period.startsAt) await ports.ledger.provide(item);
  else if ((await ports.ledger.read(item.key)) === undefined) await provideOpened(ports, budget, item);
}

async function countOutsideSpend(
  ports: BudgetReview,
  item: LedgerItem,
  outside: OutsideFigures | undefined,
): Promise<boolean> {
  if (outside?.actual === undefined) return false;
  // Unconfirmed money may be part of what the outside has seen, and so may leases in use: only what exceeds all of it
  // is certainly unknown to the ledger.
  const unknown = subtract(outside.actual, subtract(item.committed, item.unattributed));
  if (unknown - item.unattributed < FIGURE_RESOLUTION) return false;
  const outcome = await ports.ledger.raiseUnattributed(item.key, { from: item.unattributed, to: unknown });
  if (outcome === 'changed')
    ports.journal.counted('UnattributedSpendFound', {
      budget: item.key.budget,
      period: item.key.period,
      source: outside.source,
      seen: displayUsd(outside.actual),
      unattributed: displayUsd(unknown),
    });
  return true;
}

/** AWS Budgets gives figures in cents or tenths of a cent (UNVERIFIED which): less than a cent more is their rounding. */
const FIGURE_RESOLUTION = nanoUsd(10_000_000n);

async function settleStanding(
  ports: BudgetReview,
  budget: Budget,
  period: Period,
  item: LedgerItem,
  outside: OutsideFigures | undefined,
): Promise<'stale' | { readonly restriction: Restriction | undefined }> {
  const now = ports.clock.now();
  const evidence = { ledger: item, now, ...(outside?.forecast === undefined ? {} : { forecast: outside.forecast }) };
  const decision = decide(budget, evidence);
  const tenant = tenantOf(ports.policy, budget);

  const terms = nextTerms(budget, period, item, decision, now);
  if (!isSameTerms(terms, item.terms)) {
    if ((await ports.ledger.changeTerms(item.key, terms)) === 'stale') return 'stale';
    await tellCells(ports, budget, { ...item, terms });
    ports.journal.decided(DECISION[decision.standing], {
      budget: budget.id,
      period: period.id,
      standing: decision.standing,
      before: item.terms.standing,
      after: decision.standing,
      because: decision.standing === 'open' ? 'evidence within the policy' : decision.because,
      // What the ledger knew by itself is not on the word of another.
      source: outside !== undefined && item.unattributed > 0n ? outside.source : 'ledger',
      known: describeEvidence(evidence),
    });
    if (decision.standing === 'closed' && item.terms.standing !== 'closed')
      ports.journal.counted('TenantClosed', { budget: budget.id, period: period.id });
    if (decision.standing === 'throttled' && item.terms.standing === 'open')
      ports.journal.counted('TenantThrottled', { budget: budget.id, period: period.id });
  }

  await tellThresholds(ports, budget, period, item, decision);
  if (budget.isShadow) tellShadow(ports, item, decision);
  if (decision.standing === 'open') return { restriction: undefined };
  const occasion = { budget, period, tenant, spent: spent(item), because: decision.because };
  await ports.outbox.enter(decision.standing === 'closed' ? budgetClosed(occasion) : budgetThrottled(occasion));
  return { restriction: restrictionOf(budget, period, { ...item, terms }) };
}

/** What a budget that only watches would have done in this period so far. */
function tellShadow(ports: BudgetReview, { key, unrefused }: LedgerItem, decision: BudgetDecision): void {
  const otherwise = decision.standing === 'open' ? decision.otherwise : undefined;
  if (otherwise === undefined && unrefused === undefined) return;
  ports.journal.decided('would restrict budget', {
    budget: key.budget,
    period: key.period,
    standing: otherwise?.standing ?? 'open',
    because: otherwise?.because ?? 'calls asked for more than was left',
    wouldHaveRefused: unrefused?.calls ?? 0,
    worth: displayUsd(unrefused?.amount ?? ZERO),
  });
}

async function tellThresholds(
  ports: BudgetReview,
  budget: Budget,
  period: Period,
  item: LedgerItem,
  { reached }: BudgetDecision,
): Promise<void> {
  const tenant = tenantOf(ports.policy, budget);
  const crossed = reached.filter(({ threshold }) => !item.crossed.includes(thresholdKey(threshold)));
  for (const { threshold, figure } of crossed)
    if (threshold.action === 'notify')
      await ports.outbox.enter(thresholdCrossed({ budget, period, threshold, tenant, figure }));
  if (crossed.length > 0)
    await ports.ledger.recordCrossings(item.key, [
      ...item.crossed,
      ...crossed.map(({ threshold }) => thresholdKey(threshold)),
    ]);
}

const DECISION = { open: 'change terms', throttled: 'throttle budget', closed: 'close budget' } as const;

const termsOf = (budget: Budget) => ({
  limit: budget.limit,
  stopAt: budget.stopAt,
  ...(budget.outageExtra === undefined ? {} : { outageExtra: budget.outageExtra }),
});

/** Raises are an operator's, and stay; a pace line that has begun stays where it began. */
function nextTerms(budget: Budget, period: Period, item: LedgerItem, decision: BudgetDecision, now: EpochMs): Terms {
  const { raises } = item.terms;
  return {
    ...termsOf(budget),
    standing: decision.standing,
    ...(decision.standing === 'open' ? {} : { reason: decision.because }),
    ...(decision.standing === 'throttled'
      ? { pace: item.terms.pace ?? { from: now, base: item.committed, until: period.endsAt } }
      : {}),
    ...(raises === undefined ? {} : { raises }),
    version: item.terms.version + 1,
  };
}

function restrictionOf(budget: Budget, period: Period, item: LedgerItem): Restriction | undefined {
  if (item.terms.standing === 'open') return undefined;
  const kind = item.terms.standing === 'closed' ? 'budget-used-up' : 'budget-throttled';
  return { kind, budget: budget.id, period: period.id, spent: spent(item), limit: budget.limit, until: period.endsAt };
}
