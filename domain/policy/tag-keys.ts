import type { TagPolicy } from './tag-policy.ts';
import type { TagRule } from './tag-rule.ts';

/**
 * The keys of all tags that mending may write under a policy, in alphabetical order: those of required tags with a default,
 * and of any tag whose values a map or a case rule corrects. The roles of the stack may write these and no others of a
 * tenant's tags.
 */
export const mendedKeys = ({ required, optional }: Pick<TagPolicy, 'required' | 'optional'>): readonly string[] =>
  [
    ...keysWhere(required, (rule) => rule.default !== undefined || correctsValues(rule)),
    ...keysWhere(optional, correctsValues),
  ].sort();

const correctsValues = ({ map, case: casing }: TagRule): boolean =>
  map !== undefined || casing === 'lower' || casing === 'upper';

const keysWhere = (rules: Readonly<Record<string, TagRule>>, holds: (rule: TagRule) => boolean): string[] =>
  Object.entries(rules).flatMap(([key, rule]) => (holds(rule) ? [key] : []));

/** What the roles of the deployed stack may write, as far as it is known. */
export type WritableTagKeys =
  | { readonly kind: 'known'; readonly keys: readonly string[] }
  /** It could not be read, which is not the same as none. */
  | { readonly kind: 'unknown'; readonly because: string };

/** Whether the deployed stack can mend as a policy says. */
export type TagKeyCheck =
  | { readonly kind: 'sufficient' }
  /** Mending these is refused by IAM, until the stack is packaged with this policy and deployed. */
  | { readonly kind: 'insufficient'; readonly missing: readonly [string, ...string[]] }
  | { readonly kind: 'unknown'; readonly because: string };

export function checkTagKeys(tags: Pick<TagPolicy, 'required' | 'optional'>, writable: WritableTagKeys): TagKeyCheck {
  if (writable.kind === 'unknown') return writable;
  const [first, ...others] = mendedKeys(tags).filter((key) => !writable.keys.includes(key));
  return first === undefined ? { kind: 'sufficient' } : { kind: 'insufficient', missing: [first, ...others] };
}
