import { type EpochMs, epochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import { type Tags, tagValue } from '../tags.ts';
import type { ProfileArn } from './profile-arn.ts';

/** Which tags a profile was governed by, from an instant on and until another. */
export interface TagInterval {
  /** When the governor saw them first. 0: for as long as anybody remembers. */
  readonly from: EpochMs;
  /** The first instant at which it did not have them any more; absent while it has them. */
  readonly until?: EpochMs;
  readonly tags: Tags;
}

/** The intervals of one profile, the oldest first; none overlaps another. */
export type TagHistory = readonly TagInterval[];

/** Keeps a stored history far below the 400 KB of an item: 49 tags of 128 + 256 characters are 19 KB, and few have so many. */
export const MAX_INTERVALS = 100;
/** And far below it for those that have. */
export const MAX_HISTORY_BYTES = 200_000;

/** Undefined where the profile was not known at that instant, or what was known has been given up. */
export const tagsAt = (history: TagHistory, instant: EpochMs): Tags | undefined =>
  history.find(({ from, until }) => from <= instant && (until === undefined || instant < until))?.tags;

/** The history after the profile was seen with these tags; the same object where that says nothing new. */
export function withTags(history: TagHistory, tags: Tags, now: EpochMs): TagHistory {
  const last = history.at(-1);
  if (last !== undefined && last.until === undefined && isSameTags(last.tags, tags)) return history;
  return bounded([...withEnd(history, now), { from: startAfter(history, now), tags }]);
}

/** The history of a profile that is gone; the same object where that is known. */
export function withEnd(history: TagHistory, now: EpochMs): TagHistory {
  const last = history.at(-1);
  if (last === undefined || last.until !== undefined) return history;
  const until = epochMs(Math.max(now, last.from));
  // One that was over as soon as it began has never been.
  return until === last.from ? history.slice(0, -1) : [...history.slice(0, -1), { ...last, until }];
}

/** Clocks of functions differ by moments: an interval never begins before the one before it. */
const startAfter = (history: TagHistory, now: EpochMs): EpochMs => {
  const last = history.at(-1);
  return last === undefined ? now : epochMs(Math.max(now, last.until ?? last.from));
};

/** The oldest are given up. */
function bounded(history: TagHistory): TagHistory {
  let kept = history.slice(-MAX_INTERVALS);
  while (kept.length > 1 && JSON.stringify(kept).length > MAX_HISTORY_BYTES) kept = kept.slice(1);
  return kept;
}

export const isSameTags = (one: Tags, other: Tags): boolean =>
  Object.keys(one).length === Object.keys(other).length &&
  Object.keys(one).every((key) => tagValue(one, key) === tagValue(other, key));

/** A history as it was read, to be written back only where nobody else has. */
export interface KeptHistory {
  readonly history: TagHistory;
  /** 0: none is kept. */
  readonly version: number;
}

/** Where the tag histories are kept: one for each profile. */
export interface TagHistories {
  get(arn: ProfileArn): Promise<KeptHistory>;
  /** @returns `stale` where another one was written since `version` was read */
  put(arn: ProfileArn, history: TagHistory, version: number): Promise<'written' | 'stale'>;
  /** All of them. @throws {Fault} where any cannot be read: a part is never taken for the whole */
  list(): Promise<ReadonlyMap<ProfileArn, TagHistory>>;
}

const MAX_PASSES = 4;

/**
 * Keeps that a profile has these tags from now on, or none any more as it is gone. Written before the index says so, and
 * the same a second time, so that a crash in between loses nothing.
 *
 * @param before the tags that the index has had of it: they begin a history that was not kept before
 */
export async function keepTags(
  histories: TagHistories,
  arn: ProfileArn,
  { before, after, now }: { readonly before: Tags | undefined; readonly after: Tags | 'gone'; readonly now: EpochMs },
): Promise<void> {
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const { history, version } = await histories.get(arn);
    const known = history.length === 0 && before !== undefined ? [{ from: epochMs(0), tags: before }] : history;
    const wanted = after === 'gone' ? withEnd(known, now) : withTags(known, after, now);
    if (wanted === history || (await histories.put(arn, wanted, version)) === 'written') return;
  }
  throw new Fault('TagHistoryNotKept', {
    doing: `keeping which tags ${arn} has carried`,
    problem: 'others changed the history at each try',
    next: 'The next event or sweep tries again; the index says the same as before until then.',
  });
}
