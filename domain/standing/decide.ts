import { amountAt, type Budget } from '../budgets/definition.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { add, displayUsd, fraction, type NanoUsd } from '../money.ts';
import type { Threshold } from '../policy/policy.ts';
import { type LedgerItem, spent } from '../spending/ledger.ts';
import { raisedBy } from '../spending/terms.ts';

/** What is known about a budget in its current period when it is reviewed. */
export interface Evidence {
  readonly ledger: Pick<
    LedgerItem,
    'terms' | 'committed' | 'settled' | 'unconfirmed' | 'unattributed' | 'leased' | 'refusing'
  >;
  /** What AWS Budgets expects for the whole period, where it says so. */
  readonly forecast?: NanoUsd;
  readonly now: EpochMs;
}

export type BudgetDecision = {
  /** Thresholds that the evidence has reached, in the policy's order. */
  readonly reached: readonly { readonly threshold: Threshold; readonly figure: NanoUsd }[];
} & (
  | {
      readonly standing: 'open';
      /** Of a budget that only watches: what it would be otherwise. */
      readonly otherwise?: { readonly standing: 'throttled' | 'closed'; readonly because: string };
    }
  | { readonly standing: 'throttled' | 'closed'; readonly because: string }
);

/** Refusals prove that a budget is used up only when at least this share of it is gone: 90 %. */
const USED_UP_FROM = { numerator: 9n, denominator: 10n };
/** And only when no process was granted anything for as long as the longest lease: whoever still pays for calls asks by then. */
const REFUSING_FOR_MS = 120_000;

/**
 * Evidence → standing of one budget in one period. Pure and total.
 *
 * | evidence                                                              | standing |
 * | --------------------------------------------------------------------- | -------- |
 * | spent ≥ share of a threshold with `action: disable`                     | closed   |
 * | ≥ 90 % of the stop spent, what is left does not pay for the call that was refused last, and nothing was granted for a lease term | closed |
 * | closed before in this period, under the same limit, and no raise in force | closed   |
 * | spent ≥ share of a threshold with `action: throttle`                    | throttled |
 * | throttled before in this period, under the same limit, and no raise in force | throttled |
 * | anything else                                                          | open     |
 *
 * *Spent* is settled + unconfirmed + unattributed: leases may still come back and close nobody. A budget without a
 * `disable` threshold is never closed; the ledger admits nothing past its limit all the same. A raise in force moves
 * every threshold that restricts by its amount; those that only notify stay where people expect them.
 *
 * A budget in shadow mode tells its thresholds and stays open; the decision says what it would be otherwise.
 */
export function decide(budget: Budget, evidence: Evidence): BudgetDecision {
  const decision = restrict(budget, evidence);
  if (!budget.isShadow || decision.standing === 'open') return decision;
  const { reached, ...otherwise } = decision;
  return { reached, standing: 'open', otherwise };
}

function restrict(budget: Budget, evidence: Evidence): BudgetDecision {
  const { ledger } = evidence;
  const gone = spent(ledger);
  const raised = raisedBy(ledger.terms, evidence.now);
  const stopAt = add(budget.stopAt, raised);
  const mark = (threshold: Threshold): NanoUsd => {
    const share = amountAt(budget.limit, threshold.at);
    return threshold.action === 'notify' ? share : add(share, raised);
  };
  const usedUp = isUsedUp(stopAt, evidence, gone);

  const reached = budget.thresholds.flatMap((threshold) => {
    if (threshold.on === 'forecast')
      return evidence.forecast !== undefined && evidence.forecast >= mark(threshold)
        ? [{ threshold, figure: evidence.forecast }]
        : [];
    return gone >= mark(threshold) || (usedUp && amountAt(budget.limit, threshold.at) === budget.stopAt)
      ? [{ threshold, figure: gone }]
      : [];
  });

  const disabling = reached.find(({ threshold }) => threshold.action === 'disable');
  if (disabling !== undefined) {
    const because =
      usedUp && gone < mark(disabling.threshold)
        ? 'what is left does not pay for the next call'
        : `${disabling.threshold.at / 100}% of the limit is spent`;
    return { reached, standing: 'closed', because };
  }
  // What a period has tightened it does not loosen, unless the policy or an operator now allows another amount.
  const sameLimit = raised === 0n && ledger.terms.limit === budget.limit && ledger.terms.stopAt === budget.stopAt;
  if (ledger.terms.standing === 'closed' && sameLimit)
    return { reached, standing: 'closed', because: ledger.terms.reason ?? 'closed before in this period' };
  const throttling = reached.find(({ threshold }) => threshold.action === 'throttle');
  if (throttling !== undefined)
    return { reached, standing: 'throttled', because: `${throttling.threshold.at / 100}% of the limit is spent` };
  if (ledger.terms.standing === 'throttled' && sameLimit)
    return { reached, standing: 'throttled', because: ledger.terms.reason ?? 'throttled before in this period' };
  return { reached, standing: 'open' };
}

function isUsedUp(stopAt: NanoUsd, { ledger: { refusing }, now }: Evidence, gone: NanoUsd): boolean {
  return (
    refusing !== undefined &&
    now - refusing.since >= REFUSING_FOR_MS &&
    gone >= fraction(stopAt, USED_UP_FROM.numerator, USED_UP_FROM.denominator) &&
    gone + refusing.need > stopAt
  );
}

/** One line for logs: what was known. */
export const describeEvidence = (evidence: Evidence): Record<string, string> => ({
  at: isoTime(evidence.now),
  committed: displayUsd(evidence.ledger.committed),
  settled: displayUsd(evidence.ledger.settled),
  leased: displayUsd(evidence.ledger.leased),
  unconfirmed: displayUsd(evidence.ledger.unconfirmed),
  unattributed: displayUsd(evidence.ledger.unattributed),
  limit: displayUsd(evidence.ledger.terms.limit),
  ...(evidence.forecast === undefined ? {} : { forecast: displayUsd(evidence.forecast) }),
});
