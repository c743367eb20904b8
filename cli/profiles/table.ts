import type { IndexEntry } from '../../domain/profiles/profile-index.ts';
import { describeReason } from '../../domain/standing/standing.ts';
import { describeTags, tagValue } from '../../domain/tags.ts';
import { forPeople } from '../output/print.ts';
import { type Style, standingIn } from '../output/style.ts';
import { tableOf } from '../output/table.ts';

/** Profiles, one line each, with the reasons of those that are not open beneath. */
export function profileTable(
  entries: readonly IndexEntry[],
  style: Style,
  { tenantTag }: { readonly tenantTag: string },
): string {
  const table = tableOf<IndexEntry>(
    [
      { title: 'profile', of: ({ name, arn }) => (name === '' ? arn : name) },
      { title: 'tenant', of: ({ tags }) => tagValue(tags, tenantTag) ?? '' },
      {
        title: 'model',
        of: ({ baseModelId, source }) => (source === 'in-region' ? baseModelId : `${baseModelId} (${source})`),
      },
      { title: 'Region', of: ({ region }) => region },
      { title: 'standing', of: (entry) => standingIn(style, standingOf(entry)) },
      {
        title: 'tags',
        of: ({ tags }) => describeTags(Object.fromEntries(Object.entries(tags).filter(([key]) => key !== tenantTag))),
      },
    ],
    entries,
    style,
  );
  const reasons = entries.flatMap(({ name, standing }) =>
    standing.state === 'open' ? [] : standing.reasons.map((reason) => `${name}: ${forPeople(describeReason(reason))}`),
  );
  return reasons.length === 0 ? table : `${table}\n\n${reasons.join('\n')}`;
}

export function standingOf({ standing, endedAt }: IndexEntry): string {
  if (endedAt !== undefined) return 'deleted';
  return standing.state !== 'open' && standing.reasons.some(({ kind }) => kind === 'quarantine')
    ? 'quarantined'
    : standing.state;
}
