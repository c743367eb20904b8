import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import type { Profiles } from '../profiles/profiles.ts';
import type { KeptHistory, TagHistories } from '../profiles/tag-history.ts';
import { describeTags, type Tags } from '../tags.ts';
import type { Note } from './intention.ts';

/** Profiles that are read as they are, and keep what they would be tagged with to themselves. */
export function dryProfiles(real: Profiles, note: Note): Profiles {
  const changed = new Map<ProfileArn, Tags>();
  const tagsOf = async (arn: ProfileArn): Promise<Tags> => changed.get(arn) ?? (await real.readTags(arn));
  return {
    read: (arn) => real.read(arn),
    list: (region) => real.list(region),
    readTags: tagsOf,
    async tag(arn, tags) {
      changed.set(arn, { ...(await tagsOf(arn)), ...tags });
      note('profile tags', `tag ${arn} with ${describeTags(tags)}`);
    },
    async untag(arn, keys) {
      changed.set(arn, Object.fromEntries(Object.entries(await tagsOf(arn)).filter(([key]) => !keys.includes(key))));
      note('profile tags', `remove from ${arn} the tags ${keys.join(', ')}`);
    },
  };
}

export function dryIndex(real: ProfileIndex, note: Note): ProfileIndex {
  const changed = new Map<ProfileArn, IndexEntry>();
  return {
    get: async (arn) => changed.get(arn) ?? (await real.get(arn)),
    async put(entry) {
      changed.set(entry.arn, entry);
      const standing = entry.endedAt === undefined ? entry.standing.state : 'ended';
      note(
        'index',
        `entry of ${entry.name || entry.arn}: ${standing}, ${entry.compliance ?? 'not assessed'}, ${entry.budgets.map(({ id }) => id).join(', ') || 'no budget'}`,
      );
    },
    async list(onUnreadable) {
      const entries = await real.list(onUnreadable);
      const known = new Set(entries.map(({ arn }) => arn));
      return [
        ...entries.map((entry) => changed.get(entry.arn) ?? entry),
        ...[...changed.values()].filter(({ arn }) => !known.has(arn)),
      ];
    },
  };
}

export function dryHistories(real: TagHistories, note: Note): TagHistories {
  const changed = new Map<ProfileArn, KeptHistory>();
  const get = async (arn: ProfileArn): Promise<KeptHistory> => changed.get(arn) ?? (await real.get(arn));
  return {
    get,
    async put(arn, history, version) {
      if ((await get(arn)).version !== version) return 'stale';
      changed.set(arn, { history, version: version + 1 });
      note('tag history', `of ${arn}: ${history.length} intervals`);
      return 'written';
    },
    async list() {
      return new Map([...(await real.list()), ...[...changed].map(([arn, { history }]) => [arn, history] as const)]);
    },
  };
}
