import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type TagHistories, type TagHistory, tagsAt } from '../profiles/tag-history.ts';
import { matches, type TagSelector, type Tags } from '../tags.ts';
import {
  addTotals,
  endOfHour,
  NO_TOTALS,
  startOfHour,
  type TimeWindow,
  type UsageRecords,
  type UsageTotals,
  type UtcHour,
} from './usage-record.ts';

/**
 * The tags by which a profile's usage of an hour is attributed: those that it had when the hour began, else those that it
 * had when it ended, for one that was new in it. Usage records do not tell hours apart any further. A profile without a
 * history has had the tags that the index has, as far as is known.
 */
export function tagsInHour(
  history: TagHistory | undefined,
  entry: Pick<IndexEntry, 'tags'> | undefined,
  hour: UtcHour,
): Tags | undefined {
  if (history === undefined || history.length === 0) return entry?.tags;
  const end = endOfHour(hour);
  return (
    tagsAt(history, startOfHour(hour)) ??
    history.find(({ from, until }) => from < end && (until === undefined || until > startOfHour(hour)))?.tags
  );
}

/** What was used in a window by profiles while a selector covered them, and by profiles of which nobody knows the tags. */
export interface AttributedUsage {
  readonly totals: UsageTotals;
  /** Used, and not attributable: the tags of these profiles at that time are not known. */
  readonly unknown: ReadonlyMap<ProfileArn, UsageTotals>;
}

/**
 * What the profiles that a selector covered have used together, each hour by the tags of that hour: a profile that changed
 * its tenant in the window counts for each with what it used then.
 *
 * @throws {Fault} where records, histories or the index cannot be read
 */
export async function usageAttributedTo(
  ports: {
    readonly records: Pick<UsageRecords, 'read'>;
    readonly histories: Pick<TagHistories, 'list'>;
    readonly index: { list(): Promise<readonly IndexEntry[]> };
  },
  selector: TagSelector,
  window: TimeWindow,
): Promise<AttributedUsage> {
  const histories = await ports.histories.list();
  const entries = new Map((await ports.index.list()).map((entry) => [entry.arn, entry]));
  let totals = NO_TOTALS;
  const unknown = new Map<ProfileArn, UsageTotals>();
  for await (const record of ports.records.read(window))
    for (const [profile, used] of record.totals) {
      const tags = tagsInHour(histories.get(profile), entries.get(profile), record.hour);
      if (tags === undefined) unknown.set(profile, addTotals(unknown.get(profile) ?? NO_TOTALS, used));
      else if (matches(selector, tags)) totals = addTotals(totals, used);
    }
  return { totals, unknown };
}
