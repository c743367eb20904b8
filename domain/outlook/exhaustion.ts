import { type EpochMs, epochMs } from '../clock.ts';
import { type NanoUsd, nanoUsd, subtract } from '../money.ts';
import type { PaceSample } from './pace-samples.ts';

/**
 * When a budget will be used up if spending goes on as it has lately.
 *
 * Method. The window behind now, at most seven days and within the period, is cut into {@link BLOCKS} parts of equal
 * length. What was spent in each part is known from samples of the ledger, straight lines between them. The pace is the
 * mean of the parts. Its uncertainty is twice the standard error of that mean, `2·s/√n`, from the parts' own spread: even
 * spending gives a narrow span, bursts a wide one. What is left divided by the pace, and by pace ± uncertainty, gives the
 * expected, the earliest and the latest time. A window of whole days evens out the hours of a day; before there is one,
 * the time of day shows in the spread.
 *
 * Amounts and times are integers throughout; times are rounded down, so that nothing is foretold too late.
 */
export interface ExhaustionForecast {
  /** Spent per hour, mean of the window. */
  readonly perHour: NanoUsd;
  /** Twice the standard error of the mean. */
  readonly uncertaintyPerHour: NanoUsd;
  /** From when on spending was looked at. */
  readonly since: EpochMs;
  readonly expectedAt: EpochMs;
  readonly earliestAt: EpochMs;
  /** Undefined where the slowest pace within the uncertainty never uses it up. */
  readonly latestAt: EpochMs | undefined;
  /** What will have been spent at the end of the period at this pace. */
  readonly atEnd: NanoUsd;
}

export type Exhaustion =
  | ({ readonly kind: 'foreseen' } & ExhaustionForecast)
  /** Nothing was spent in the window. */
  | { readonly kind: 'standing-still' }
  | { readonly kind: 'used-up' }
  /** Too little is known: the window is shorter than {@link LEAST_WINDOW_MS}, or has too few samples. */
  | { readonly kind: 'unknown' };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WINDOW_MS = 7 * DAY_MS;
/** Enough parts for a spread, and few enough that each holds an hour at least in the shortest window. */
const BLOCKS = 6;
const LEAST_WINDOW_MS = BLOCKS * HOUR_MS;
/** Farther than any period ends: what is later is told as this. */
const FAR_MS = 400n * BigInt(DAY_MS);

export interface ExhaustionQuestion {
  readonly samples: readonly PaceSample[];
  readonly spent: NanoUsd;
  /** How far commitments may go: what "used up" is. */
  readonly stopAt: NanoUsd;
  readonly startsAt: EpochMs;
  readonly endsAt: EpochMs;
  readonly now: EpochMs;
}

export function foreseeExhaustion(question: ExhaustionQuestion): Exhaustion {
  const { spent, stopAt, startsAt, endsAt, now } = question;
  const left = subtract(stopAt, spent);
  if (left <= 0n) return { kind: 'used-up' };
  const points = pointsOf(question);
  const first = points[0];
  if (first === undefined) return { kind: 'unknown' };
  const behind = now - Math.max(first.at, startsAt, now - WINDOW_MS);
  // Whole days where there is one: else the forecast would rise each morning and fall each night.
  const windowMs = behind >= DAY_MS ? Math.floor(behind / DAY_MS) * DAY_MS : behind;
  const blockMs = Math.floor(windowMs / BLOCKS);
  if (windowMs < LEAST_WINDOW_MS || points.length < BLOCKS) return { kind: 'unknown' };
  const marks = Array.from({ length: BLOCKS + 1 }, (_, block) => spentAt(points, now - (BLOCKS - block) * blockMs));
  // The ledger may take unconfirmed money off again: a part in which it fell is one without spending.
  const blocks = marks.slice(1).map((mark, at) => atLeastNothing(mark - (marks[at] ?? 0n)));
  const total = blocks.reduce((sum, block) => sum + block, 0n);
  if (total === 0n) return { kind: 'standing-still' };

  const n = BigInt(BLOCKS);
  // n·Σx² − (Σx)² = n²·variance; so twice the standard error of a part's mean is 2·√(that / (n²·(n−1))).
  const spread = n * blocks.reduce((sum, block) => sum + block * block, 0n) - total * total;
  const uncertainty = 2n * rootUp(ceilDiv(spread, n * n * (n - 1n)));
  // In n-th parts of a part, so that the mean is an integer.
  const pace = { amount: total, ms: n * BigInt(blockMs) };
  const faster = { amount: total + n * uncertainty, ms: pace.ms };
  const slower = { amount: total - n * uncertainty, ms: pace.ms };
  const after = ({ amount, ms }: { amount: bigint; ms: bigint }): EpochMs => {
    const wait = (left * ms) / amount;
    return epochMs(now + Number(wait > FAR_MS ? FAR_MS : wait));
  };
  return {
    kind: 'foreseen',
    perHour: perHour(pace),
    uncertaintyPerHour: perHour({ amount: n * uncertainty, ms: pace.ms }),
    since: epochMs(now - BLOCKS * blockMs),
    expectedAt: after(pace),
    earliestAt: after(faster),
    latestAt: slower.amount > 0n ? after(slower) : undefined,
    atEnd: nanoUsd(spent + (total * BigInt(Math.max(0, endsAt - now))) / pace.ms),
  };
}

const perHour = ({ amount, ms }: { amount: bigint; ms: bigint }): NanoUsd => nanoUsd((amount * BigInt(HOUR_MS)) / ms);

/** Samples of the period in order of time, and what is known of its beginning and of now. */
function pointsOf({ samples, spent, startsAt, now }: ExhaustionQuestion): PaceSample[] {
  const within = samples.filter(({ at }) => at >= startsAt && at < now);
  return [...within.sort((a, b) => a.at - b.at), { at: now, spent }];
}

/** On a straight line between the samples around; flat before the first. */
function spentAt(points: readonly PaceSample[], at: number): bigint {
  let before: PaceSample | undefined;
  for (const point of points) {
    if (point.at === at) return point.spent;
    if (point.at > at) {
      if (before === undefined) return point.spent;
      const share = BigInt(at - before.at);
      return before.spent + ((point.spent - before.spent) * share) / BigInt(point.at - before.at);
    }
    before = point;
  }
  return before?.spent ?? 0n;
}

const atLeastNothing = (amount: bigint): bigint => (amount > 0n ? amount : 0n);

const ceilDiv = (value: bigint, by: bigint): bigint => (value + by - 1n) / by;

/** The least integer whose square is at least `value` (Newton's method on integers). */
function rootUp(value: bigint): bigint {
  if (value <= 1n) return value < 0n ? 0n : value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) break;
    root = next;
  }
  return root * root === value ? root : root + 1n;
}
