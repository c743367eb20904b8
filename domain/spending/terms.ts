import { type EpochMs, epochMs } from '../clock.ts';
import { add, fraction, min, type NanoUsd, subtract, ZERO } from '../money.ts';

/** `throttled` goes on along a pace line; `closed` takes no new commitment. */
export type LedgerStanding = 'open' | 'throttled' | 'closed';

/** A straight line from what was committed when throttling began to the whole budget at `until`. */
export interface Pace {
  readonly from: EpochMs;
  readonly base: NanoUsd;
  readonly until: EpochMs;
}

/** More money for a while, on an operator's word. */
export interface Raise {
  readonly amount: NanoUsd;
  readonly until: EpochMs;
}

/** How far money has tightened a budget in this period, and by which evidence. */
export interface Tightened {
  readonly standing: 'throttled' | 'closed';
  readonly reason: string;
}

/** The conditions of a budget in a period. The governor alone writes them; each change raises `version`. */
export interface Terms {
  /** The budget's limit, for people. */
  readonly limit: NanoUsd;
  /** How far commitments may go while the standing is open. */
  readonly stopAt: NanoUsd;
  readonly standing: LedgerStanding;
  /** Why the standing is not `open`, for people. */
  readonly reason?: string;
  /**
   * On whose word the standing is not `open`: an operator's or a signal's, and it ends with that word. Absent where money
   * speaks, whose word holds until the period turns.
   */
  readonly heldBy?: 'operator' | 'signal';
  /** When the standing ends by itself, where that is not the end of the period. */
  readonly standingUntil?: EpochMs;
  /**
   * The version with which the present standing began, or was prolonged, where it is not the first. Tells one closing of a
   * period from the next.
   */
  readonly standingSince?: number;
  /** What money says beneath another's word, and goes on saying when that has ended. */
  readonly tightened?: Tightened;
  /** Present while throttled, or while money has throttled beneath another's word. */
  readonly pace?: Pace;
  readonly raises?: readonly Raise[];
  /** What each process with a grant in this period may spend beyond its lease while the ledger cannot be reached. */
  readonly outageExtra?: NanoUsd;
  readonly version: number;
}

/** What the raises in force at an instant come to. */
export const raisedBy = ({ raises = [] }: Pick<Terms, 'raises'>, now: EpochMs): NanoUsd =>
  add(ZERO, ...raises.filter((raise) => now < raise.until).map((raise) => raise.amount));

/** How far commitments may go at an instant. The one number that decides: limit, throttle, disable and raises are all in it. */
export function ceiling(terms: Terms, now: EpochMs): NanoUsd {
  if (terms.standing === 'closed') return ZERO;
  const top = add(terms.stopAt, raisedBy(terms, now));
  return terms.standing === 'throttled' && terms.pace !== undefined ? min(top, onPace(terms.pace, top, now)) : top;
}

function onPace(pace: Pace, top: NanoUsd, now: EpochMs): NanoUsd {
  if (now >= pace.until) return top;
  if (now <= pace.from) return pace.base;
  const rest = subtract(top, pace.base);
  if (rest <= 0n) return top;
  return add(pace.base, fraction(rest, BigInt(now - pace.from), BigInt(pace.until - pace.from)));
}

/**
 * When the ceiling will have room for `amount`, if nothing else is committed; undefined when waiting does not help
 * under these terms.
 */
export function roomAt(terms: Terms, committed: NanoUsd, amount: NanoUsd, now: EpochMs): EpochMs | undefined {
  const wanted = add(committed, amount);
  if (ceiling(terms, now) >= wanted) return now;
  if (terms.standing !== 'throttled' || terms.pace === undefined) return undefined;
  const { from, base, until } = terms.pace;
  const top = ceiling({ ...terms, standing: 'open' }, now);
  if (wanted > top || top <= base) return undefined;
  // The first whole millisecond at which the line is high enough: rounded up.
  const span = BigInt(until - from);
  const rest = top - base;
  const at = from + Number(((wanted - base) * span + rest - 1n) / rest);
  // A raise that ends before then lowers the line: from its end on there may be room later, or never.
  const end = Math.min(...(terms.raises ?? []).map((raise) => raise.until).filter((over) => over > now && over <= at));
  if (end <= at) return roomAt(terms, committed, amount, epochMs(end));
  return at <= until ? epochMs(at) : undefined;
}

export const isSameTerms = (a: Terms, b: Terms): boolean => canonical(a) === canonical(b);

/**
 * In one order, whoever wrote the terms and whichever members they left out. What money gives as its reason may change
 * with its figures and changes nothing; another's word is told as it was said.
 */
const canonical = (terms: Terms): string => {
  const { limit, stopAt, standing, pace, raises = [], outageExtra = ZERO, heldBy, standingUntil, tightened } = terms;
  return JSON.stringify(
    [
      [limit, stopAt, standing, outageExtra],
      [heldBy ?? '', standingUntil ?? 0, tightened?.standing ?? '', heldBy === undefined ? '' : (terms.reason ?? '')],
      pace === undefined ? [] : [pace.from, pace.base, pace.until],
      raises.map(({ amount, until }) => [amount, until]),
    ],
    (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
  );
};
