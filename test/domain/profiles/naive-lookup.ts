import { geographiesOf } from '../../../domain/profiles/geography.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import type { ProfileQuery } from '../../../domain/profiles/profile-lookup.ts';
import { tagValue } from '../../../domain/tags.ts';

/** All profiles that a query asks for, by looking at every one: slow and plainly right. */
export function naiveLookup(entries: readonly IndexEntry[], { model, tags, region }: ProfileQuery): IndexEntry[] {
  const wanted = Object.entries(tags);
  return entries.filter(
    (entry) =>
      entry.endedAt === undefined &&
      wanted.every(([key, value]) => tagValue(entry.tags, key) === value) &&
      entry.baseModelId === model.baseModelId &&
      (model.source === undefined || entry.source === model.source) &&
      (model.geography === undefined || geographiesOf(entry).includes(model.geography)) &&
      (model.region === undefined || entry.region === model.region) &&
      (region === undefined || entry.region === region),
  );
}
