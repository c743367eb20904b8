import type { UtcDay } from '../budgets/drift.ts';
import { endOfDay, startOfDay, utcDayAt } from '../budgets/drift.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import type { TagHistories } from '../profiles/tag-history.ts';
import { tagsInHour } from '../spending/attributed-usage.ts';
import { addTotals, NO_TOTALS, startOfHour, type UsageRecords, type UsageTotals } from '../spending/usage-record.ts';
import type { Tags } from '../tags.ts';

export interface RecordPorts {
  readonly records: Pick<UsageRecords, 'read'>;
  readonly histories: Pick<TagHistories, 'list'>;
  readonly index: Pick<ProfileIndex, 'list'>;
}

/** What one profile used on one day of UTC while it carried the same tags. */
export interface RecordedDay {
  readonly day: UtcDay;
  readonly profile: ProfileArn;
  /** Absent where the index does not know the profile any more. */
  readonly entry?: IndexEntry;
  /** Undefined where nobody knows which tags it had. */
  readonly tags: Tags | undefined;
  readonly totals: UsageTotals;
}

/**
 * The usage records of some days, by day, profile and the tags that the profile had then: one that changed its tenant
 * counts for each with what it used then. Days are UTC, as AWS bills them.
 *
 * @param told is told of the day that is being read
 * @throws {Fault} where any record, history or index entry cannot be read: a part is never taken for the whole
 */
export async function recordedDays(
  ports: RecordPorts,
  { first, last }: { readonly first: UtcDay; readonly last: UtcDay },
  told: (day: UtcDay) => void = () => {},
): Promise<readonly RecordedDay[]> {
  const histories = await ports.histories.list();
  const entries = new Map((await ports.index.list()).map((entry) => [entry.arn, entry]));
  const days = new Map<string, RecordedDay>();
  for await (const record of ports.records.read({ from: startOfDay(first), until: endOfDay(last) })) {
    const day = utcDayAt(startOfHour(record.hour));
    told(day);
    for (const [profile, used] of record.totals) {
      const entry = entries.get(profile);
      const tags = tagsInHour(histories.get(profile), entry, record.hour);
      const name = JSON.stringify([day, profile, tags === undefined ? null : sorted(tags)]);
      const before = days.get(name);
      days.set(name, {
        day,
        profile,
        ...(entry === undefined ? {} : { entry }),
        tags,
        totals: addTotals(before?.totals ?? NO_TOTALS, used),
      });
    }
  }
  return [...days].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, day]) => day);
}

const sorted = (tags: Tags): readonly (readonly [string, string])[] =>
  Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
