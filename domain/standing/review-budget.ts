import { type Budget, tenantOf } from '../budgets/definition.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { displayUsd, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import { nextPeriod, type Period, periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { CellStore } from '../spending/cell.ts';
import {
  type ItemsRead,
  type LedgerItem,
  type LedgerKey,
  type LedgerStore,
  spent,
  type WriteId,
} from '../spending/ledger.ts';
import type { Seeding } from '../spending/seeding.ts';
import { isSameTerms } from '../spending/terms.ts';
import { collectCells, provideCells, tellCells } from './collect-cells.ts';
import { type BudgetDecision, decide, describeEvidence, type Evidence } from './decide.ts';
import { budgetClosed, budgetThrottled, type NoticeOutbox, thresholdCrossed, thresholdKey } from './notice.ts';
import { type OperatorsWord, type Override, type Overrides, wordOn } from './override.ts';
import { FIRST_VERSION, prepareItem, provideItem, type Words } from './provide-item.ts';
import { openSecondLock, type ProfileTags, type SecondLock } from './second-lock.ts';
import type { Signals } from './signal.ts';
import type { BudgetRestriction } from './standing.ts';
import { nextTerms, restrictionOf } from './terms-of-decision.ts';
import { tidyLeases } from './tidy-leases.ts';

export interface BudgetReview extends Seeding {
  readonly policy: Policy;
  readonly ledger: LedgerStore & CellStore;
  readonly overrides: Overrides;
  readonly signals: Signals;
  readonly profiles: ProfileTags;
  readonly index: Seeding['index'] & SecondLock['index'];
  readonly entries?: NonNullable<SecondLock['entries']>;
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
 * What was read for the reviews of many budgets at once. By the time that a budget has its turn it is of a while ago, in which a
 * process may have been granted money and a word have ended that hid a later one. So it shows that nothing is to be done; what
 * is to be done is decided on what is read then.
 */
export interface ReadAhead {
  /** Before it. */
  readonly at: EpochMs;
  /** Of {@link keysOfReview}, at that time. */
  readonly items: ItemsRead;
  /** Read when it is first asked for: after the items. */
  readonly overrides: () => Promise<readonly Override[]>;
}

/** The ledger items that a review looks at: of the current period, of the next, and of the one before while that is unsettled. */
export const keysOfReview = (budget: Budget, now: EpochMs): LedgerKey[] => {
  const unsettled = unsettledPeriods(budget, now);
  const next = nextPeriod(periodAt(budget.period, budget.timeZone, now), budget.timeZone);
  return [...unsettled, next].map(({ id: period }) => ({ budget: budget.id, period }));
};

/**
 * Reads the truth about a budget in its current period, decides its standing, and writes the ledger's terms: the one
 * way in which every signal about money is answered, and the sweep over everything.
 *
 * Items of the current and the next period are provided on the way, so that a period's turn finds its item ready.
 * Spend that the outside has seen and the ledger has not becomes `unattributed`; it is raised, never lowered, because
 * a slow source never loosens what a faster one has tightened.
 *
 * @param ahead what was read for many reviews together, after `outside` was
 * @returns what restricts the budget now, or undefined while it is open
 */
export async function reviewBudget(
  ports: BudgetReview,
  budget: Budget,
  outside?: OutsideFigures,
  ahead?: ReadAhead,
): Promise<BudgetRestriction | undefined> {
  const now = ports.clock.now();
  const period = periodAt(budget.period, budget.timeZone, now);
  const isOfThisPeriod = ahead !== undefined && periodAt(budget.period, budget.timeZone, ahead.at).id === period.id;
  const items = isOfThisPeriod ? ahead.items : await ports.ledger.readTogether(keysOfReview(budget, now));
  const overrides = isOfThisPeriod ? ahead.overrides : () => ports.overrides.lasting(now);
  const restriction = await reviewPeriod(ports, budget, period, { items, overrides, outside, isAhead: isOfThisPeriod });
  // After the standing, for which nothing of the period before matters.
  const at = isOfThisPeriod ? ahead.at : now;
  for (const before of unsettledPeriods(budget, now).slice(1)) await finish(ports, budget, before, { at, items });
  return restriction;
}

interface Looked {
  readonly items: ItemsRead;
  readonly overrides: () => Promise<readonly Override[]>;
  readonly outside: OutsideFigures | undefined;
  /** Whether the items are of a while ago, and the overrides may be. */
  readonly isAhead: boolean;
}

async function reviewPeriod(
  ports: BudgetReview,
  budget: Budget,
  period: Period,
  { items, overrides, outside, isAhead }: Looked,
): Promise<BudgetRestriction | undefined> {
  const key: LedgerKey = { budget: budget.id, period: period.id };
  const following = nextPeriod(period, budget.timeZone);
  const found = items(key);
  const ahead = items({ budget: budget.id, period: following.id });
  let words: Heeded | undefined = await heed(ports, budget, found?.terms.version ?? FIRST_VERSION, overrides);
  const next = ahead ?? (await provideItem(ports, budget, following, words));
  if (ahead !== undefined) await provideCells(ports, budget, ahead);
  if (found !== undefined) await provideCells(ports, budget, found);
  else if ((await provideItem(ports, budget, period, words)) === 'exists') words = undefined;
  let seen = await collectCells(ports, budget, period, found);

  // Each pass but the first reads the item anew; a pass that meets a concurrent change starts over. So many passes outlast
  // any writer that is not itself in a loop; then the next sweep goes on.
  let isUnlocked = false;
  // Whether the words were read after the item, and both for this pass.
  let isFresh = !isAhead && seen === found;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const item = seen ?? (await ports.ledger.read(key));
    seen = undefined;
    if (item === undefined) continue;
    // One of before tables were told apart.
    if (item.openIn === undefined) await ports.ledger.openHere(key);
    const changed = (await tidyLeases(ports, item)) || (await countOutsideSpend(ports, item, outside));
    if (changed) {
      isFresh = false;
      continue;
    }
    if (words?.under !== item.terms.version) {
      words = await heed(ports, budget, item.terms.version);
      isFresh = !isAhead || pass > 0;
    }
    const evidence = evidenceOf(ports, budget, item, words, outside);
    const decision = decide(budget, evidence);
    if (!isFresh && saysMore({ budget, period, item }, evidence, decision)) {
      words = undefined;
      continue;
    }
    // The locks open in the reverse order of closing. What is known may change while tags are written: look again.
    if (item.terms.standing === 'closed' && decision.standing !== 'closed' && !isUnlocked) {
      await openSecondLock(ports, budget);
      isUnlocked = true;
      words = undefined;
      continue;
    }
    const outcome = await settleStanding(ports, { budget, period, item, outside }, evidence, decision);
    if (outcome === 'stale') continue;
    await prepare(ports, budget, following, next, words);
    return outcome.restriction;
  }
  const item = await ports.ledger.read(key);
  return item === undefined ? undefined : restrictionOf(budget, period, item);
}

/** Prepares the next period's item; one that is just made says everything. */
async function prepare(
  ports: BudgetReview,
  budget: Budget,
  following: Period,
  next: LedgerItem | 'created' | 'exists',
  words: Words,
): Promise<void> {
  if (next === 'created') return;
  if (next !== 'exists') return await prepareItem(ports, budget, following, next, words);
  // Made by another meanwhile, who may not have known what is known here, or have known more.
  const item = await ports.ledger.read({ budget: budget.id, period: following.id });
  if (item === undefined) return;
  await prepareItem(ports, budget, following, item, await heed(ports, budget, item.terms.version));
}

/** One of them may go to the second lock, one each to leases and to spend from outside, and one to what was read ahead. */
const MAX_PASSES = 7;

/** Whether a decision is more than what the item says already. */
const saysMore = (
  { budget, period, item }: Pick<Occasion, 'budget' | 'period' | 'item'>,
  evidence: Known,
  decision: BudgetDecision,
): boolean =>
  !isSameTerms(nextTerms(budget, period, item, decision, evidence), item.terms) ||
  decision.reached.some(({ threshold }) => !item.crossed.includes(thresholdKey(threshold)));

/** How long after a period's end the calls of that period may still be reported, or given up as lost. */
const LATE_REPORTS_MS = 3 * 3_600_000;

const previousPeriod = ({ startsAt }: Period, { period, timeZone }: Budget): Period =>
  periodAt(period, timeZone, epochMs(startsAt - 1));

/** The periods of a budget to which something may still be reported: the current one, and for a while the one before it. */
export function unsettledPeriods(budget: Budget, now: EpochMs): Period[] {
  const period = periodAt(budget.period, budget.timeZone, now);
  return now - period.startsAt < LATE_REPORTS_MS ? [period, previousPeriod(period, budget)] : [period];
}

/** Finishes all periods of a budget to which something may still be reported, though it covers no profile any more. */
export async function finishPeriods(ports: BudgetReview, budget: Budget, ahead?: ReadAhead): Promise<void> {
  const at = ahead?.at ?? ports.clock.now();
  for (const period of unsettledPeriods(budget, at))
    await finish(ports, budget, period, { at, ...(ahead === undefined ? {} : { items: ahead.items }) });
}

/**
 * What calls of a period that is over leave to be done: leases of processes that are gone are taken back, and thresholds
 * that were reached since the last review are told. No standing is decided any more.
 *
 * @param at when the items were read, or before: since then a process may have been granted money
 */
async function finish(
  ports: BudgetReview,
  budget: Budget,
  period: Period,
  { at, items }: { readonly at: EpochMs; readonly items?: ItemsRead },
): Promise<void> {
  const known = items?.({ budget: budget.id, period: period.id });
  if (items !== undefined && known === undefined) return;
  const found = await collectCells(ports, budget, period, known);
  const item = found !== undefined && (await tidyLeases(ports, found)) ? await ports.ledger.read(found.key) : found;
  // A policy that has changed since then says nothing about that period.
  if (item?.terms.limit === budget.limit)
    await tellThresholds(ports, budget, period, item, decide(budget, { ledger: item, now: at }));
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

interface Heeded extends Words {
  /** The version that the item's terms had before the words were read. */
  readonly under: number;
}

/**
 * What others than the ledger say: to be read after the item. A word that comes later comes with a review of its own, which
 * changes the terms after that item, so that what is decided here lands before it or not at all. One that changes no terms,
 * because they say as much by another that ends sooner, keeps nobody from deciding without it when that has ended. So words that
 * were read before the item show, while its terms are the same, that nothing is to be changed, and no more.
 */
async function heed(
  ports: BudgetReview,
  budget: Budget,
  under: number,
  readOverrides: () => Promise<readonly Override[]> = () => ports.overrides.lasting(ports.clock.now()),
): Promise<Heeded> {
  const [overrides, signals] = await Promise.all([
    readOverrides(),
    ports.signals.lasting(budget.id, ports.clock.now()),
  ]);
  return { overrides, signals, under };
}

function evidenceOf(
  ports: BudgetReview,
  budget: Budget,
  ledger: LedgerItem,
  { overrides, signals }: Words,
  outside: OutsideFigures | undefined,
): Known {
  const now = ports.clock.now();
  return {
    ledger,
    now,
    operators: wordOn(ports.policy, budget, overrides, now),
    signals,
    ...(outside?.forecast === undefined ? {} : { forecast: outside.forecast }),
  };
}

type Known = Evidence & { readonly operators: OperatorsWord };

interface Occasion {
  readonly budget: Budget;
  readonly period: Period;
  readonly item: LedgerItem;
  readonly outside: OutsideFigures | undefined;
}

async function settleStanding(
  ports: BudgetReview,
  { budget, period, item, outside }: Occasion,
  evidence: Known,
  decision: BudgetDecision,
): Promise<'stale' | { readonly restriction: BudgetRestriction | undefined }> {
  const tenant = tenantOf(ports.policy, budget);
  const terms = nextTerms(budget, period, item, decision, evidence);
  const isChanged = !isSameTerms(terms, item.terms);
  if (isChanged) {
    if ((await ports.ledger.changeTerms(item.key, terms)) === 'stale') return 'stale';
    await tellCells(ports, budget, { ...item, terms });
    ports.journal.decided(DECISION[decision.standing], {
      budget: budget.id,
      period: period.id,
      standing: decision.standing,
      before: item.terms.standing,
      after: decision.standing,
      because: becauseOf(decision),
      // What the ledger knew by itself is not on the word of another.
      source: decision.heldBy ?? (outside !== undefined && item.unattributed > 0n ? outside.source : 'ledger'),
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
  const now = isChanged ? terms : item.terms;
  const restriction = restrictionOf(budget, period, { ...item, terms: now });
  const occasion = {
    budget,
    period,
    tenant,
    spent: spent(item),
    because: decision.because,
    since: now.standingSince ?? 1,
    until: restriction?.until ?? period.endsAt,
    ...(decision.heldBy === undefined ? {} : { heldBy: decision.heldBy }),
  };
  await ports.outbox.enter(decision.standing === 'closed' ? budgetClosed(occasion) : budgetThrottled(occasion));
  return { restriction };
}

function becauseOf(decision: BudgetDecision): string {
  if (decision.standing !== 'open') return decision.because;
  return decision.heldBy === 'operator' ? 'an operator says so' : 'evidence within the policy';
}

/** What a budget that only watches would have done in this period so far. */
function tellShadow(ports: BudgetReview, { key, unrefused }: LedgerItem, decision: BudgetDecision): void {
  const { otherwise } = decision;
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
