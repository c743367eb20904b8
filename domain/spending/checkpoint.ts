import type { EpochMs } from '../clock.ts';
import { epochMs } from '../clock.ts';
import { add, type NanoUsd, nanoUsd, subtract, ZERO } from '../money.ts';
import { type LedgerItem, type LedgerKey, NO_RESOLUTION } from './ledger.ts';
import { atLeastNothing } from './true-up.ts';
import { HOUR_MS, hourAt, type UtcHour } from './usage-record.ts';

/**
 * Checkpoints: what a ledger item had been told by an instant. They prove money unspent that has no usage record, which
 * is what reclaimed leases leave.
 *
 * Metered minus recorded does not prove it: a process that crashed may have recorded calls that it had not told the
 * ledger, and those are in its reclaimed lease. So the ledger's own amounts are compared with everything that was
 * spent. Let `closed` be an hour's end up to which everything is metered.
 *
 *     settled told a minute before `closed`  +  unconfirmed told or reclaimed an hour before `closed`
 *       −  the most that all calls up to `closed` can have cost
 *
 * is money that was certainly not spent:
 *
 * - whatever was settled by then was complete by then, so that it is metered before `closed`;
 * - an attempt given up an hour before `closed`, and a call of a lease reclaimed by then, has ended: what it cost is
 *   metered before `closed` as well. So all spending behind the two amounts is in the third;
 * - every other call of this budget is in what was told later, or in leases, and nothing of that is counted here.
 *
 * What was spent round the helper is in the third amount too: it makes the proof weaker, never wrong. So does what was
 * told late: the proof is exact while a budget rests, and misses about a minute of spending while it is busy.
 *
 * UNVERIFIED that the time of a metric's data point is not later than the end of its call as its caller sees it.
 */
export interface Checkpoint {
  readonly at: EpochMs;
  /** Without what the true-up has confirmed. */
  readonly settled: NanoUsd;
  /** All that ever was unconfirmed, whatever was decided since. */
  readonly unconfirmed: NanoUsd;
}

/** Where the governor keeps them. What a checkpoint says only ever rises, so that each stays true for good. */
export interface Checkpoints {
  /** In order of time. */
  list(key: LedgerKey): Promise<readonly Checkpoint[]>;
  /** Replaces those of this budget and period. Others may do so at once: what is lost is a proof, not money. */
  keep(key: LedgerKey, checkpoints: readonly Checkpoint[]): Promise<void>;
}

/** How long an attempt may run on after it was given up, and a call be metered after its end. */
const LONGEST_CALL_MS = HOUR_MS;
const CLOCKS_DIFFER_MS = 60_000;

/** @param at not before the item was read */
export function checkpointOf(
  { settled, unconfirmed, resolution = NO_RESOLUTION }: LedgerItem,
  at: EpochMs,
): Checkpoint {
  const { confirmed, unspent } = resolution;
  return { at, settled: subtract(settled, confirmed), unconfirmed: add(unconfirmed, confirmed, unspent) };
}

/** How much of what ever was unconfirmed is proven unspent, in all. */
export function provenUnspent(
  checkpoints: readonly Checkpoint[],
  closed: EpochMs,
  spentAtMost: NanoUsd | undefined,
): NanoUsd {
  const settled = lastUpTo(checkpoints, closed - CLOCKS_DIFFER_MS)?.settled;
  const unconfirmed = lastUpTo(checkpoints, closed - LONGEST_CALL_MS)?.unconfirmed;
  if (settled === undefined || unconfirmed === undefined || spentAtMost === undefined) return ZERO;
  return atLeastNothing(nanoUsd(settled + unconfirmed) - spentAtMost);
}

const lastUpTo = (checkpoints: readonly Checkpoint[], at: number): Checkpoint | undefined =>
  checkpoints.findLast((checkpoint) => checkpoint.at <= at);

/** More hours than processes leave open as a rule. */
const MAX_HOURS = 8;

/**
 * The checkpoints to keep from now on: for each hour the last that can be used for its end.
 * @returns undefined where nothing new is worth keeping
 */
export function withCheckpoint(known: readonly Checkpoint[], now: Checkpoint): readonly Checkpoint[] | undefined {
  const last = known.at(-1);
  if (last !== undefined && last.settled === now.settled && last.unconfirmed === now.unconfirmed) return undefined;
  if (last !== undefined && now.at <= last.at) return undefined;
  const byHour = new Map<UtcHour, Checkpoint>();
  for (const checkpoint of [...known, now]) byHour.set(hourServed(checkpoint), checkpoint);
  return [...byHour.values()].slice(-MAX_HOURS);
}

/** The hour whose end a checkpoint may serve. */
const hourServed = ({ at }: Checkpoint): UtcHour => hourAt(epochMs(at + CLOCKS_DIFFER_MS));
