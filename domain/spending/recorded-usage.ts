import type { Clock, EpochMs } from '../clock.ts';
import { epochMs } from '../clock.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { matches, type TagSelector } from '../tags.ts';
import {
  addTotals,
  endOfHour,
  HOUR_MS,
  hourAt,
  NO_TOTALS,
  type ProcessId,
  startOfHour,
  type TimeWindow,
  type UsageByProfile,
  type UsageRecords,
  type UsageTotals,
  type UtcHour,
} from './usage-record.ts';

/** Usage records added up over processes and hours. */
export interface RecordedUsage {
  readonly totals: UsageByProfile;
  /** How far each process has told everything; see `UsageRecord.watermark`. */
  readonly watermarks: ReadonlyMap<ProcessId, EpochMs>;
}

export const NO_RECORDED_USAGE: RecordedUsage = { totals: new Map(), watermarks: new Map() };

/**
 * Adds up the records of every UTC hour that has a part in the window. Holds the sum only, not the records.
 * @throws {Fault} where any record cannot be read
 */
export async function readRecordedUsage(
  records: Pick<UsageRecords, 'read'>,
  window: TimeWindow,
): Promise<RecordedUsage> {
  const totals = new Map<ProfileArn, UsageTotals>();
  const watermarks = new Map<ProcessId, EpochMs>();
  if (window.from >= window.until) return { totals, watermarks };
  for await (const record of records.read(window)) {
    addAll(totals, record.totals);
    raise(watermarks, record.process, record.watermark);
  }
  return { totals, watermarks };
}

/** The same, each hour by itself. Hours without records are left out. */
export async function readRecordedHours(
  records: Pick<UsageRecords, 'read'>,
  window: TimeWindow,
): Promise<ReadonlyMap<UtcHour, RecordedUsage>> {
  const hours = new Map<UtcHour, { totals: Map<ProfileArn, UsageTotals>; watermarks: Map<ProcessId, EpochMs> }>();
  if (window.from >= window.until) return hours;
  for await (const record of records.read(window)) {
    const hour = hours.get(record.hour) ?? { totals: new Map(), watermarks: new Map() };
    hours.set(record.hour, hour);
    addAll(hour.totals, record.totals);
    raise(hour.watermarks, record.process, record.watermark);
  }
  return hours;
}

export function mergeUsage(...parts: readonly RecordedUsage[]): RecordedUsage {
  const totals = new Map<ProfileArn, UsageTotals>();
  const watermarks = new Map<ProcessId, EpochMs>();
  for (const part of parts) {
    addAll(totals, part.totals);
    for (const [process, watermark] of part.watermarks) raise(watermarks, process, watermark);
  }
  return { totals, watermarks };
}

function addAll(into: Map<ProfileArn, UsageTotals>, totals: UsageByProfile): void {
  for (const [profile, more] of totals) into.set(profile, addTotals(into.get(profile) ?? NO_TOTALS, more));
}

function raise(watermarks: Map<ProcessId, EpochMs>, process: ProcessId, to: EpochMs): void {
  const before = watermarks.get(process);
  if (before === undefined || before < to) watermarks.set(process, to);
}

export const sumTotals = (all: Iterable<UsageTotals>): UsageTotals => {
  let sum = NO_TOTALS;
  for (const totals of all) sum = addTotals(sum, totals);
  return sum;
};

/**
 * The profiles that a selector covers, by the tags that the index has now, ended profiles included: they may still be
 * billed. A profile counts wholly where it belongs now; attributed-usage.ts goes by the history of its tags.
 */
export const coveredProfiles = (selector: TagSelector, entries: Iterable<IndexEntry>): IndexEntry[] =>
  [...entries].filter((entry) => matches(selector, entry.tags));

/** What the profiles that a selector covers have used together; attribution as in {@link coveredProfiles}. */
export const usageOfSelector = (
  selector: TagSelector,
  entries: Iterable<IndexEntry>,
  totals: UsageByProfile,
): UsageTotals => sumTotals(coveredProfiles(selector, entries).map(({ arn }) => totals.get(arn) ?? NO_TOTALS));

/** After an hour, records of it may still arrive for this long; it is read anew until then. */
const LATE_MS = HOUR_MS;
/** Budgets have five kinds of period, so that few beginnings are asked for at one time. */
const MAX_KEPT = 8;

/**
 * Reads usage since the beginning of a period. The sum of the hours that are over for {@link LATE_MS} is kept, so that
 * many budgets of one run cost their hours once: make one for each run.
 */
export class UsageSince {
  readonly #records: UsageRecords;
  readonly #clock: Clock;
  readonly #kept = new Map<UtcHour, { readonly until: EpochMs; readonly sum: RecordedUsage }>();

  constructor(records: UsageRecords, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  /** Usage of the hours from the one that `from` lies in up to now. @throws {Fault} where any record cannot be read */
  async read(from: EpochMs): Promise<RecordedUsage> {
    const now = this.#clock.now();
    const first = hourAt(from);
    const kept = this.#kept.get(first) ?? { until: startOfHour(first), sum: NO_RECORDED_USAGE };
    const settledUntil = epochMs(Math.max(kept.until, startOfHour(hourAt(epochMs(now - LATE_MS)))));
    const older = mergeUsage(
      kept.sum,
      await readRecordedUsage(this.#records, { from: kept.until, until: settledUntil }),
    );
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(first, { until: settledUntil, sum: older });
    return mergeUsage(
      older,
      await readRecordedUsage(this.#records, { from: settledUntil, until: endOfHour(hourAt(now)) }),
    );
  }
}
