import { type Tags, tagValue } from '../tags.ts';
import type { DerivedDefault, TagRule } from './tag-rule.ts';
import { mappedValue } from './tag-values.ts';

interface TagRules {
  readonly required: Readonly<Record<string, TagRule>>;
  readonly optional: Readonly<Record<string, TagRule>>;
}

export const ruleOf = (tags: TagRules, key: string): TagRule | undefined => {
  if (Object.hasOwn(tags.required, key)) return tags.required[key];
  return Object.hasOwn(tags.optional, key) ? tags.optional[key] : undefined;
};

/** Who created a profile, where a role of its account did. */
export interface Creator {
  /** The role's name, without its path. */
  readonly role: string;
  readonly tags: Tags;
}

/** What a tag's default gives, before the tag's own rule has a say; undefined where its source has no value, or none in the map. */
export function defaultOf(
  rule: TagRule,
  known: {
    readonly account: string;
    readonly creator: () => Creator | undefined;
    readonly valueOf: (key: string) => string | undefined;
  },
): string | undefined {
  const { default: origin } = rule;
  if (origin === undefined || typeof origin === 'string') return origin;
  const source = sourceOf(origin, known);
  if (source === undefined) return undefined;
  return origin.map === undefined ? source : mappedValue(origin.map, source);
}

function sourceOf(origin: DerivedDefault, known: Parameters<typeof defaultOf>[1]): string | undefined {
  switch (origin.from) {
    case 'account':
      return known.account;
    case 'tag':
      return known.valueOf(origin.key);
    case 'creator-role':
      return known.creator()?.role;
    case 'creator-tag': {
      const creator = known.creator();
      return creator === undefined ? undefined : tagValue(creator.tags, origin.key);
    }
  }
}
