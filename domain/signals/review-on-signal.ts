import type { Budget } from '../budgets/definition.ts';
import { periodAt } from '../period.ts';
import { SharedReviews } from '../profiles/budget-work.ts';
import type { GovernedProfile, StandingEnforcement } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import type { LedgerItem } from '../spending/ledger.ts';
import type { LedgerStanding, Terms } from '../spending/terms.ts';
import { type BudgetDecision, decide } from '../standing/decide.ts';
import { enforceProfiles, wholeOrFault } from '../standing/enforce-budgets.ts';
import { thresholdKey } from '../standing/notice.ts';
import { type OperatorsWord, type Override, wordOn } from '../standing/override.ts';
import type { OutsideFigures } from '../standing/review-budget.ts';
import { type BudgetRestriction, strictest } from '../standing/standing.ts';

/** What a signal about money has led to. */
export interface SignalReview {
  /** What restricts the budget now; undefined while it is open. */
  readonly restriction: BudgetRestriction | undefined;
  readonly profiles: readonly GovernedProfile[];
}

/** What was heard, for the log. */
export interface Heard {
  readonly signal: 'budget alert' | 'hint' | 'ledger watch' | 'alarm' | 'anomaly';
  readonly because: string;
}

/**
 * The one answer to every signal about money, whoever sent it: the budget is reviewed on the truth, and the standing of
 * each profile that it covers is enforced. A late, repeated or forged signal finds nothing to change. A profile that
 * fails holds up no other.
 *
 * @throws {Fault} where a profile could not be read or written: whoever repeats finishes, or the sweep
 */
export async function reviewOnSignal(
  ports: StandingEnforcement,
  budget: Budget,
  entries: readonly IndexEntry[],
  heard: Heard,
  outside?: OutsideFigures,
): Promise<SignalReview> {
  const reviews = new SharedReviews(ports);
  const restriction = await reviews.reviewAnew(budget, outside);
  ports.journal.decided(`answer ${heard.signal}`, {
    budget: budget.id,
    standing: strictest(restriction === undefined ? [] : [restriction]).state,
    because: heard.because,
  });
  const covered = entries.filter(
    (entry) => entry.endedAt === undefined && entry.budgets.some((covering) => covering.id === budget.id),
  );
  const enforcement = await enforceProfiles(
    ports,
    covered.map(({ arn }) => arn),
    reviews,
  );
  return { restriction, profiles: wholeOrFault(enforcement, `enforcing the standing of budget ${budget.id}`) };
}

/** The index, without what another version wrote: that is told, and stops nothing. */
export const readIndex = async (
  ports: Pick<StandingEnforcement, 'index' | 'journal'>,
): Promise<readonly IndexEntry[]> =>
  await ports.index.list((arn) =>
    ports.journal.counted('ProfileReadFailed', {
      what: `the index entry of ${arn}`,
      error: 'written by another version',
    }),
  );

const STRICTNESS: Readonly<Record<LedgerStanding, number>> = { open: 0, throttled: 1, closed: 2 };

/**
 * Whether the ledger says something of a budget that has not been acted on: a threshold that nobody was told of, money
 * that calls for a stricter standing, or terms that do not say yet what an operator does. What else would loosen a
 * standing is for the sweep: it asks more than the ledger. What a signal holds is left alone until its end.
 */
export function hasNews(
  { policy, clock }: Pick<StandingEnforcement, 'policy' | 'clock'>,
  budget: Budget,
  item: LedgerItem,
  overrides: readonly Override[],
): boolean {
  const now = clock.now();
  const operators = wordOn(policy, budget, overrides, now);
  const decision = decide(budget, { ledger: item, now, operators });
  return (
    STRICTNESS[decision.standing] > STRICTNESS[item.terms.standing] ||
    decision.reached.some(({ threshold }) => !item.crossed.includes(thresholdKey(threshold))) ||
    isNewWord(decision, operators, item.terms)
  );
}

/** Whether an operator has opened, prolonged or raised and was not heard, as where the command was cut off. */
function isNewWord(decision: BudgetDecision, operators: OperatorsWord, terms: Terms): boolean {
  const isNew =
    decision.heldBy === 'operator' &&
    (terms.heldBy !== 'operator' ||
      terms.standing !== decision.standing ||
      terms.standingUntil !== decision.standingUntil);
  const known = new Set((terms.raises ?? []).map(({ amount, until }) => `${amount} ${until}`));
  return isNew || operators.raises.some(({ amount, until }) => !known.has(`${amount} ${until}`));
}

export const currentKey = ({ clock }: Pick<StandingEnforcement, 'clock'>, budget: Budget) => ({
  budget: budget.id,
  period: periodAt(budget.period, budget.timeZone, clock.now()).id,
});
