import type { Brand } from '../brand.ts';
import { type EpochMs, epochMs } from '../clock.ts';
import { add, type NanoUsd, ZERO } from '../money.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { HolderId } from './ledger.ts';
import { addUsage, NO_USAGE, type Usage } from './usage.ts';

/**
 * Usage records: what each process has used, by profile and hour. The ledger knows budgets and money; these know
 * profiles and tokens. Reports, the opening of a budget in mid-period and the true-up are read from them.
 */

/** Random per process start, never reused; has no dot in it. */
export type ProcessId = Brand<string, 'ProcessId'>;

/** The name by which a process holds its n-th lease, so that a lease tells whose usage records to wait for. */
export const holderOf = (process: ProcessId, n: number): HolderId => `${process}.${n}` as HolderId;

export const processOf = (holder: HolderId): ProcessId => (holder.split('.', 1)[0] ?? '') as ProcessId;

/** An hour of UTC by its first 13 characters in ISO 8601: `2026-11-23T22`. Sorts by time. */
export type UtcHour = Brand<string, 'UtcHour'>;

export const HOUR_MS = 3_600_000;

export const hourAt = (at: EpochMs): UtcHour => new Date(at).toISOString().slice(0, 13) as UtcHour;

export const startOfHour = (hour: UtcHour): EpochMs => epochMs(Date.parse(`${hour}:00:00Z`));

/** The first instant after the hour. */
export const endOfHour = (hour: UtcHour): EpochMs => epochMs(startOfHour(hour) + HOUR_MS);

/** A stretch of time; `until` is the first instant after it. */
export interface TimeWindow {
  readonly from: EpochMs;
  readonly until: EpochMs;
}

/** Every UTC hour that has a part in the window, in order; none where the window is empty. */
export function hoursOf({ from, until }: TimeWindow): UtcHour[] {
  const hours: UtcHour[] = [];
  if (from >= until) return hours;
  for (let at = startOfHour(hourAt(from)); at < until; at = epochMs(at + HOUR_MS)) hours.push(hourAt(at));
  return hours;
}

/** What was used through one profile; all of it only ever grows. */
export interface UsageTotals {
  /** Calls whose usage is known. */
  readonly calls: number;
  /** Tokens of those calls. */
  readonly usage: Usage;
  /** What those calls cost. */
  readonly settled: NanoUsd;
  /** Holds of attempts of which nobody knows whether they ran, or what they cost. Not in `calls`, `usage`, `settled`. */
  readonly unconfirmed: NanoUsd;
}

export const NO_TOTALS: UsageTotals = { calls: 0, usage: NO_USAGE, settled: ZERO, unconfirmed: ZERO };

export const addTotals = (a: UsageTotals, b: UsageTotals): UsageTotals => ({
  calls: a.calls + b.calls,
  usage: addUsage(a.usage, b.usage),
  settled: add(a.settled, b.settled),
  unconfirmed: add(a.unconfirmed, b.unconfirmed),
});

export type UsageByProfile = ReadonlyMap<ProfileArn, UsageTotals>;

/**
 * Cumulative totals of one process in one hour, by the time when a call was complete. Because they are cumulative and
 * ordered by `sequence`, a record may be written again, twice, or late without a token being counted twice or lost.
 */
export interface UsageRecord {
  readonly process: ProcessId;
  readonly hour: UtcHour;
  /**
   * From 0; further ones hold further profiles, at most {@link MAX_PROFILES_IN_RECORD} each. A profile stays in its chunk, but
   * where an hour comes again because a clock that was ahead was put right: then further chunks hold what is used from then on.
   */
  readonly chunk: number;
  /** Counts the versions of this chunk, from 1. */
  readonly sequence: number;
  /** Everything that this process had completed before this instant is in this record or in one written before it. */
  readonly watermark: EpochMs;
  readonly totals: UsageByProfile;
}

/** Keeps a stored record at some 30 KB, far from the 400 KB that an item may have (DynamoDB quotas: item size). */
export const MAX_PROFILES_IN_RECORD = 100;

/** Profiles whose totals are not the process's to tell: nobody will ever take them from it. */
export type RefusedTotals = ReadonlySet<ProfileArn>;

export const NONE_REFUSED: RefusedTotals = new Set();

/** Where processes leave their usage records, and the governor reads them. */
export interface UsageRecords {
  /**
   * Replaces the record of this process, hour and chunk unless a version as new is there: then this one, or a newer,
   * has landed before and nothing is to be done.
   * @returns whose totals were refused for good: those of all others are there
   * @throws {Fault} when its fate is unknown; the same or a newer version may be written again
   */
  write(record: UsageRecord): Promise<RefusedTotals>;
  /**
   * Every record of each UTC hour that has a part in the window, strongly consistent, oldest hours first. Where a
   * window begins or ends within an hour (the months of `Asia/Kolkata` do), that hour counts whole.
   * @throws {Fault} while it is read: `UsageUnreadable` where a record cannot be read whole, never taken for no usage
   */
  read(window: TimeWindow): AsyncIterable<UsageRecord>;
}
