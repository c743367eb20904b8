import type { Budget } from '../budgets/definition.ts';
import { periodAt } from '../period.ts';
import { enforceStanding, type GovernedProfile, type ProfileGovernance } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import type { LedgerItem } from '../spending/ledger.ts';
import type { LedgerStanding } from '../spending/terms.ts';
import { decide } from '../standing/decide.ts';
import { thresholdKey } from '../standing/notice.ts';
import { type OutsideFigures, reviewBudget } from '../standing/review-budget.ts';
import { type Restriction, strictest } from '../standing/standing.ts';

/** What a signal about money has led to. */
export interface SignalReview {
  /** What restricts the budget now; undefined while it is open. */
  readonly restriction: Restriction | undefined;
  readonly profiles: readonly GovernedProfile[];
}

/** What was heard, for the log: `budget alert`, `hint`, `alarm`. */
export interface Heard {
  readonly signal: string;
  readonly because: string;
}

/**
 * The one answer to every signal about money, whoever sent it: the budget is reviewed on the truth, and the standing of
 * each profile that it covers is enforced. A late, repeated or forged signal finds nothing to change.
 */
export async function reviewOnSignal(
  ports: ProfileGovernance,
  budget: Budget,
  entries: readonly IndexEntry[],
  heard: Heard,
  outside?: OutsideFigures,
): Promise<SignalReview> {
  const restriction = await reviewBudget(ports, budget, outside);
  ports.journal.decided(`answer ${heard.signal}`, {
    budget: budget.id,
    standing: strictest(restriction === undefined ? [] : [restriction]).state,
    because: heard.because,
  });
  const profiles: GovernedProfile[] = [];
  for (const entry of entries)
    if (entry.endedAt === undefined && entry.budgets.some((covering) => covering.id === budget.id))
      profiles.push(await enforceStanding(ports, entry.arn));
  return { restriction, profiles };
}

/** The index, without what another version wrote: that is told, and stops nothing. */
export const readIndex = async (ports: Pick<ProfileGovernance, 'index' | 'journal'>): Promise<readonly IndexEntry[]> =>
  await ports.index.list((arn) =>
    ports.journal.counted('ProfileReadFailed', {
      what: `the index entry of ${arn}`,
      error: 'written by another version',
    }),
  );

const STRICTNESS: Readonly<Record<LedgerStanding, number>> = { open: 0, throttled: 1, closed: 2 };

/**
 * Whether the ledger says something of a budget that has not been acted on: a threshold that nobody was told of, or money
 * that calls for a stricter standing. What would loosen one is for the sweep: it asks more than the ledger.
 */
export function hasNews(ports: Pick<ProfileGovernance, 'clock'>, budget: Budget, item: LedgerItem): boolean {
  const decision = decide(budget, { ledger: item, now: ports.clock.now() });
  return (
    STRICTNESS[decision.standing] > STRICTNESS[item.terms.standing] ||
    decision.reached.some(({ threshold }) => !item.crossed.includes(thresholdKey(threshold)))
  );
}

export const currentKey = ({ clock }: Pick<ProfileGovernance, 'clock'>, budget: Budget) => ({
  budget: budget.id,
  period: periodAt(budget.period, budget.timeZone, clock.now()).id,
});
