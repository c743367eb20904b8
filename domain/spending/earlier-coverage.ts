import { type EpochMs, epochMs } from '../clock.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type TagHistory, tagsAt } from '../profiles/tag-history.ts';
import { matches, type TagSelector, type Tags } from '../tags.ts';

/** Which profiles a budget covered before now, by the histories of their tags. */

type Histories = ReadonlyMap<ProfileArn, TagHistory>;

/** The index with the tags that each profile had just before an instant: what has changed since is no business of the time before. */
export const tagsBefore = (instant: EpochMs, entries: readonly IndexEntry[], histories: Histories): IndexEntry[] =>
  entries.map((entry) => {
    const tags = tagsAt(histories.get(entry.arn) ?? [], epochMs(instant - 1));
    return tags === undefined ? entry : { ...entry, tags };
  });

/** Whether a profile that the selector covered was tagged since then so that it does not. */
export const hasLeft = (selector: TagSelector, histories: Histories, since: EpochMs): boolean =>
  retaggings(histories).some(
    ({ at, before, after }) => at > since && matches(selector, before) && !matches(selector, after),
  );

interface Retagging {
  readonly at: EpochMs;
  readonly before: Tags;
  readonly after: Tags;
}

/** Few profiles are ever retagged, and many budgets ask about all of them. */
const known = new WeakMap<Histories, readonly Retagging[]>();

function retaggings(histories: Histories): readonly Retagging[] {
  const found =
    known.get(histories) ??
    [...histories.values()].flatMap((history) =>
      history.flatMap(({ until, tags: before }, place) => {
        const after = history[place + 1]?.tags;
        return until === undefined || after === undefined ? [] : [{ at: until, before, after }];
      }),
    );
  known.set(histories, found);
  return found;
}
