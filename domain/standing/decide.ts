import { amountAt, type Budget } from '../budgets/definition.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { add, displayUsd, fraction, type NanoUsd } from '../money.ts';
import type { Threshold } from '../policy/policy.ts';
import { type LedgerItem, spent } from '../spending/ledger.ts';
import { type LedgerStanding, raisedBy, type Terms, type Tightened } from '../spending/terms.ts';
import type { OperatorsWord } from './override.ts';
import type { Signal } from './signal.ts';

/** What is known about a budget in its current period when it is reviewed. */
export interface Evidence {
  readonly ledger: Pick<
    LedgerItem,
    'terms' | 'committed' | 'settled' | 'unconfirmed' | 'unattributed' | 'leased' | 'refusing'
  >;
  /** What AWS Budgets expects for the whole period, where it says so. */
  readonly forecast?: NanoUsd;
  /**
   * What operators say of this budget now. Its raises are in force from here on, whatever the terms still say. Absent
   * where it was not read: then the terms' word holds.
   */
  readonly operators?: OperatorsWord;
  /** What AWS's watchers have seen about what the budget covers. One whose end has come is no evidence. Absent likewise. */
  readonly signals?: readonly Signal[];
  readonly now: EpochMs;
}

/** A standing with its reason. */
export type Ruling =
  | {
      readonly standing: 'open';
      /** Open on an operator's word, whatever else is known. */
      readonly heldBy?: 'operator';
      readonly standingUntil?: EpochMs;
    }
  | {
      readonly standing: 'throttled' | 'closed';
      readonly because: string;
      /** Absent where money says so. */
      readonly heldBy?: 'operator' | 'signal';
      /** When it ends by itself; absent where that is the end of the period. */
      readonly standingUntil?: EpochMs;
    };

export type BudgetDecision = {
  /** Thresholds that the evidence has reached, in the policy's order. */
  readonly reached: readonly { readonly threshold: Threshold; readonly figure: NanoUsd }[];
  /** What money alone says, beneath another's word; absent where it says nothing, or has the word. */
  readonly tightened?: Tightened;
  /** Of a budget that only watches: what it would be otherwise. */
  readonly otherwise?: { readonly standing: 'throttled' | 'closed'; readonly because: string };
} & Ruling;

/** Refusals prove that a budget is used up only when at least this share of it is gone: 90 %. */
const USED_UP_FROM = { numerator: 9n, denominator: 10n };
/** And only when no process was granted anything for as long as the longest lease: whoever still pays for calls asks by then. */
const REFUSING_FOR_MS = 120_000;

/**
 * Evidence → standing of one budget in one period. Pure and total. The first line that applies decides.
 *
 * | evidence                                                                        | standing  | until |
 * | ------------------------------------------------------------------------------- | --------- | ----- |
 * | an operator's `disable`, of the budget or its tenant                            | closed    | its end |
 * | an operator's `enable`                                                          | open      | its end |
 * | spent ≥ share of a threshold with `action: disable`                             | closed    | period's end |
 * | ≥ 90 % of the stop spent, what is left does not pay for the call that was refused last, and nothing was granted for a lease term | closed | period's end |
 * | closed by money before in this period, under the same limit, no raise in force  | closed    | period's end |
 * | a signal whose action in the policy is `disable`                                | closed    | the signal's end |
 * | spent ≥ share of a threshold with `action: throttle`                            | throttled | period's end |
 * | throttled by money before in this period, under the same limit, no raise in force | throttled | period's end |
 * | a signal whose action in the policy is `throttle`                               | throttled | the signal's end |
 * | anything else                                                                   | open      |       |
 *
 * *Spent* is settled + unconfirmed + unattributed: leases may still come back and close nobody. A budget without a
 * `disable` threshold is never closed by money; the ledger admits nothing past its limit all the same. A raise in force
 * moves every threshold that restricts by its amount; those that only notify stay where people expect them.
 *
 * No flapping: what money has tightened it never loosens within a period, whatever later figures say. It loosens when
 * the period turns, when the policy gives another limit or stop, while a raise is in force, and after an `enable`. A
 * word of operators or signals leaves with them, and what money had said before holds on (`tightened`).
 *
 * A budget in shadow mode tells its thresholds and stays open; the decision says what it would be otherwise.
 */
export function decide(budget: Budget, evidence: Evidence): BudgetDecision {
  const { reached, money } = byMoney(budget, evidence);
  const ruling = withOperators(evidence, strictestOf(money, bySignals(budget, evidence)));
  if (budget.isShadow) {
    if (ruling.standing === 'open') return { reached, standing: 'open' };
    return { reached, standing: 'open', otherwise: { standing: ruling.standing, because: ruling.because } };
  }
  const isBeneath = money.standing !== 'open' && ruling.heldBy !== undefined;
  return {
    reached,
    ...ruling,
    ...(isBeneath ? { tightened: { standing: money.standing, reason: money.because } } : {}),
  };
}

/** The operator's word beats all. An `enable` also closes the account of what was tightened before: see {@link byMoney}. */
function withOperators(evidence: Evidence, ruling: Ruling): Ruling {
  const { operators } = evidence;
  const said = operators?.standing;
  if (said === undefined) return (operators === undefined ? heldOver(evidence, 'operator') : undefined) ?? ruling;
  const held = { heldBy: 'operator', standingUntil: said.until } as const;
  return said.change.kind === 'enable'
    ? { standing: 'open', ...held }
    : { standing: 'closed', because: `an operator has closed it: ${said.reason}`, ...held };
}

/** The word that the terms carry, of whom was not asked: not asked is not silent. */
function heldOver({ ledger: { terms }, now }: Evidence, by: NonNullable<Terms['heldBy']>): Ruling | undefined {
  const { standing, heldBy, standingUntil, reason = `${standing} until then` } = terms;
  if (heldBy !== by || standingUntil === undefined || standingUntil <= now) return undefined;
  if (standing !== 'open') return { standing, because: reason, heldBy, standingUntil };
  return heldBy === 'operator' ? { standing, heldBy, standingUntil } : undefined;
}

const RANK: Record<LedgerStanding, number> = { open: 0, throttled: 1, closed: 2 };

/** Of two that are equally strict the first: money's word holds longer than a signal's. */
const strictestOf = (a: Ruling, b: Ruling): Ruling => (RANK[b.standing] > RANK[a.standing] ? b : a);

/** The strictest action that a signal in force has in the policy; of equals, the one that lasts longest. */
function bySignals(budget: Budget, evidence: Evidence): Ruling {
  const { signals, now } = evidence;
  let ruling: Ruling = { standing: 'open' };
  if (signals === undefined) return heldOver(evidence, 'signal') ?? ruling;
  let until = now;
  for (const signal of signals) {
    const action = budget.signals[signal.kind];
    if (signal.until <= now || action === 'notify') continue;
    const standing = action === 'disable' ? 'closed' : 'throttled';
    const isStricter = RANK[standing] > RANK[ruling.standing];
    if (!isStricter && (standing !== ruling.standing || signal.until <= until)) continue;
    until = signal.until;
    ruling = { standing, because: signal.because, heldBy: 'signal', standingUntil: until };
  }
  return ruling;
}

type MoneysRuling =
  | { readonly standing: 'open' }
  | { readonly standing: 'throttled' | 'closed'; readonly because: string };

function byMoney(
  budget: Budget,
  evidence: Evidence,
): { readonly reached: BudgetDecision['reached']; readonly money: MoneysRuling } {
  const { ledger, operators } = evidence;
  const gone = spent(ledger);
  const raised = raisedBy(operators === undefined ? ledger.terms : operators, evidence.now);
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
  const ruled = (standing: 'throttled' | 'closed', because: string) => ({ reached, money: { standing, because } });

  const disabling = reached.find(({ threshold }) => threshold.action === 'disable');
  if (disabling !== undefined)
    return ruled(
      'closed',
      usedUp && gone < mark(disabling.threshold)
        ? 'what is left does not pay for the next call'
        : `${disabling.threshold.at / 100}% of the limit is spent`,
    );
  const before = tightenedBefore(budget, evidence, raised);
  if (before?.standing === 'closed') return ruled('closed', before.reason);
  const throttling = reached.find(({ threshold }) => threshold.action === 'throttle');
  if (throttling !== undefined) return ruled('throttled', `${throttling.threshold.at / 100}% of the limit is spent`);
  if (before?.standing === 'throttled') return ruled('throttled', before.reason);
  return { reached, money: { standing: 'open' } };
}

/** What money said before in this period and still says: until the policy or an operator allows another amount, or opens. */
function tightenedBefore(budget: Budget, { ledger, operators }: Evidence, raised: NanoUsd): Tightened | undefined {
  const { terms } = ledger;
  const isSameLimit = raised === 0n && terms.limit === budget.limit && terms.stopAt === budget.stopAt;
  if (!isSameLimit || operators?.standing?.change.kind === 'enable') return undefined;
  if (terms.heldBy !== undefined || terms.standing === 'open') return terms.tightened;
  return { standing: terms.standing, reason: terms.reason ?? `${terms.standing} before in this period` };
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
  ...(evidence.operators?.standing === undefined
    ? {}
    : { operator: `${evidence.operators.standing.change.kind} by ${evidence.operators.standing.author}` }),
  ...(evidence.operators === undefined || evidence.operators.raises.length === 0
    ? {}
    : { raised: displayUsd(raisedBy(evidence.operators, evidence.now)) }),
});
