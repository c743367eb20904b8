import type { AuditTrail } from '../audit/audit-record.ts';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, tenantOf } from '../budgets/definition.ts';
import type { Clock, EpochMs } from '../clock.ts';
import { add, type NanoUsd, percentOf } from '../money.ts';
import { type Exhaustion, foreseeExhaustion } from '../outlook/exhaustion.ts';
import type { PaceRecords } from '../outlook/pace-samples.ts';
import { type Period, periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import { inTurn } from '../profiles/in-turn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type LedgerItem, type LedgerStore, left, spent } from '../spending/ledger.ts';
import { ceiling, type LedgerStanding, raisedBy } from '../spending/terms.ts';
import { type Override, type Overrides, wordOn } from '../standing/override.ts';
import type { Signal, Signals } from '../standing/signal.ts';
import { tagValue } from '../tags.ts';
import { type Deciding, lastDeciding } from './deciding.ts';

export interface StatusPorts {
  readonly policy: Policy;
  readonly clock: Clock;
  readonly ledger: Pick<LedgerStore, 'read'>;
  readonly paces: Pick<PaceRecords, 'read'>;
  readonly overrides: Pick<Overrides, 'lasting'>;
  readonly signals: Pick<Signals, 'lasting'>;
  readonly trail: Pick<AuditTrail, 'read'>;
}

/** Why a budget is not simply open: the word that holds, whose it is, and since when. */
export interface Reason {
  /** `money`: a threshold or an empty budget. */
  readonly from: 'money' | 'operator' | 'signal';
  readonly text: string;
  /** The operator's ARN, or the function that decided; absent where the audit trail does not have it. */
  readonly who?: string;
  readonly when?: EpochMs;
}

/** A budget without an item in this period has lent nothing yet: its figures are not zero, they are not there. */
export interface BudgetFigures {
  readonly standing: LedgerStanding;
  /** When the standing ends by itself. */
  readonly until: EpochMs;
  readonly reason?: Reason;
  readonly item: LedgerItem;
  readonly spent: NanoUsd;
  /** How far commitments may go now: limit, standing, pace and raises in one. */
  readonly ceiling: NanoUsd;
  readonly raised: NanoUsd;
  readonly left: NanoUsd;
  readonly forecast: Exhaustion;
}

export interface BudgetStatus {
  readonly budget: Budget;
  readonly tenant?: string;
  readonly period: Period;
  /** Raises and words that hold for it now. */
  readonly overrides: readonly Override[];
  readonly figures?: BudgetFigures;
}

const AT_ONCE = 16;

/**
 * How budgets stand in their present periods, and why. Reads alone, and of each budget its item consistently: who has
 * just disabled one sees it closed.
 *
 * @param told is told of each budget that is done
 * @throws {Fault} where any of it cannot be read: what is left is not all there is
 */
export async function budgetStatuses(
  ports: StatusPorts,
  budgets: readonly Budget[],
  told: (done: number) => void = () => {},
): Promise<readonly BudgetStatus[]> {
  const overrides = await ports.overrides.lasting(ports.clock.now());
  const statuses = new Map<Budget, BudgetStatus>();
  const failures: unknown[] = [];
  await inTurn(budgets, { atOnce: AT_ONCE, isTimeUp: () => failures.length > 0 }, async (budget) => {
    try {
      statuses.set(budget, await statusOf(ports, budget, overrides));
      told(statuses.size);
    } catch (error) {
      failures.push(error);
    }
  });
  if (failures.length > 0) throw failures[0];
  return budgets.flatMap((budget) => statuses.get(budget) ?? []);
}

/** The budgets of one tenant, and those it shares with others; or all. By id. */
export function budgetsOf(policy: Policy, entries: readonly IndexEntry[], tenant?: string): Budget[] {
  const covered = new Set(
    entries
      .filter((entry) => entry.endedAt === undefined && tagValue(entry.tags, policy.tenantTag) === tenant)
      .flatMap(({ budgets }) => budgets.map(({ id }) => id)),
  );
  return budgetsInUse({ policy }, entries)
    .filter((budget) => tenant === undefined || tenantOf(policy, budget) === tenant || covered.has(budget.id))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function statusOf(ports: StatusPorts, budget: Budget, overrides: readonly Override[]): Promise<BudgetStatus> {
  const now = ports.clock.now();
  const period = periodAt(budget.period, budget.timeZone, now);
  const tenant = tenantOf(ports.policy, budget);
  const status = {
    budget,
    ...(tenant === undefined ? {} : { tenant }),
    period,
    overrides: overrides.filter(
      ({ target, until }) =>
        now < until && (target.kind === 'budget' ? target.budget === budget.id : target.tenant === tenant),
    ),
  };
  const item = await ports.ledger.read({ budget: budget.id, period: period.id });
  if (item === undefined) return status;
  const { samples } = await ports.paces.read(item.key);
  const { terms } = item;
  const raised = raisedBy(terms, now);
  const reason = await reasonOf(ports, { budget, tenant, period, item, overrides, now });
  return {
    ...status,
    figures: {
      standing: terms.standing,
      until: terms.standingUntil ?? period.endsAt,
      ...(reason === undefined ? {} : { reason }),
      item,
      spent: spent(item),
      ceiling: ceiling(terms, now),
      raised,
      left: left(item, now),
      forecast: foreseeExhaustion({
        samples,
        spent: spent(item),
        stopAt: add(terms.stopAt, raised),
        startsAt: period.startsAt,
        endsAt: period.endsAt,
        now,
      }),
    },
  };
}

async function reasonOf(
  ports: StatusPorts,
  known: {
    readonly budget: Budget;
    readonly tenant: string | undefined;
    readonly period: Period;
    readonly item: LedgerItem;
    readonly overrides: readonly Override[];
    readonly now: EpochMs;
  },
): Promise<Reason | undefined> {
  const { budget, tenant, period, item, overrides, now } = known;
  const { standing, heldBy, reason = `${standing} by the evidence` } = item.terms;
  if (heldBy === 'operator') {
    const word = wordOn(ports.policy, budget, overrides, now).standing;
    if (word !== undefined) return { from: 'operator', text: word.reason, who: word.author, when: word.madeAt };
    return { from: 'operator', text: reason };
  }
  if (standing === 'open') return undefined;
  if (heldBy === 'signal') {
    const signal = longest((await ports.signals.lasting(budget.id, now)).filter(({ because }) => because === reason));
    return { from: 'signal', text: reason, ...(signal === undefined ? {} : { when: signal.seenAt }) };
  }
  const decided: Deciding | undefined = await lastDeciding(ports.trail, {
    budget: budget.id,
    tenant,
    period: period.id,
    since: period.startsAt,
    now,
  });
  return { from: 'money', text: reason, ...(decided === undefined ? {} : { who: decided.actor, when: decided.at }) };
}

const longest = (signals: readonly Signal[]): Signal | undefined => [...signals].sort((a, b) => b.until - a.until)[0];

/** Spent as whole percents of the limit. For people, never to decide with. */
export const shareOf = ({ budget, figures }: BudgetStatus): number =>
  figures === undefined ? 0 : percentOf(figures.spent, budget.limit);
