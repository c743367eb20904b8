import type { Policy } from '../policy/policy.ts';
import { type Creator, defaultOf, ruleOf } from '../policy/tag-defaults.ts';
import type { TagPolicy } from '../policy/tag-policy.ts';
import type { TagRule } from '../policy/tag-rule.ts';
import { mendedValue } from '../policy/tag-values.ts';
import { MAX_TAGS, type Tags, tagValue } from '../tags.ts';
import type { Violation } from './violation.ts';

/** What the policy's rules can mend. It speaks of keys of the policy alone; everything else stays as it is. */
export interface Mending {
  /** Defaults of tags that are missing. */
  readonly additions: Tags;
  /** Values that a map or a case rule turns into allowed ones. */
  readonly corrections: Readonly<Record<string, Correction>>;
}

export interface Correction {
  readonly before: string;
  readonly after: string;
}

/** How a profile's tags stand against the policy. */
export type Compliance =
  | { readonly kind: 'compliant' }
  /** Mending makes it compliant. */
  | ({ readonly kind: 'remediable' } & Mending)
  /** Nothing is mended while a violation remains; what could be says what the other tags mean. */
  | ({ readonly kind: 'violating'; readonly violations: readonly Violation[] } & Mending);

/**
 * Assesses tags that were read completely. Tags that could not be read must never get here: unread is not empty.
 *
 * @param account id of the AWS account that the profile belongs to, from which defaults may be taken
 * @param creator who created it, asked for only where a default is taken from that; undefined where that is not known
 */
export function assess(
  { tags: rules }: Pick<Policy, 'tags'>,
  tags: Tags,
  account: string,
  creator: () => Creator | undefined = () => undefined,
): Compliance {
  const source = { tags, account, creator };
  const excused = excusedTags(rules, source);
  const violations: Violation[] = [];
  const additions: Record<string, string> = {};
  const corrections: Record<string, Correction> = {};
  for (const [key, rule] of [...Object.entries(rules.required), ...Object.entries(rules.optional)]) {
    const value = tagValue(tags, key);
    const isWanted = Object.hasOwn(rules.required, key) && !excused.has(key);
    if (value === undefined && !isWanted) continue;
    const after = valueAfterMending(rules, { ...source, excused }, key);
    if (after === undefined) violations.push(violationOf(rules, rule, tags, key));
    else if (value === undefined) additions[key] = after;
    else if (value !== after) corrections[key] = { before: value, after };
  }
  // AWS's own tags do not count (AWS General Reference, tag naming limits).
  const present = Object.keys(tags).filter((key) => !key.startsWith('aws:')).length;
  if (present + Object.keys(additions).length > MAX_TAGS)
    for (const key of Object.keys(additions))
      violations.push({ key, problem: 'missing', expected: `room for it among the ${MAX_TAGS} tags that AWS allows` });
  const mending = { additions, corrections };
  if (violations.length > 0) return { kind: 'violating', violations, ...mending };
  const isCompliant = Object.keys(additions).length === 0 && Object.keys(corrections).length === 0;
  return isCompliant ? { kind: 'compliant' } : { kind: 'remediable', ...mending };
}

/** What mending writes: the additions, and the corrected values. */
export const tagsToWrite = ({ additions, corrections }: Mending): Tags => ({
  ...additions,
  ...Object.fromEntries(Object.entries(corrections).map(([key, { after }]) => [key, after])),
});

export const mended = (tags: Tags, mending: Mending): Tags => ({ ...tags, ...tagsToWrite(mending) });

/** Each change, for people: `team: added support`, `environment: Prod → prod`. */
export const describeMending = ({ additions, corrections }: Mending): string[] => [
  ...Object.entries(additions).map(([key, value]) => `${key}: added ${value}`),
  ...Object.entries(corrections).map(([key, { before, after }]) => `${key}: ${before} → ${after}`),
];

interface Source {
  readonly tags: Tags;
  readonly account: string;
  readonly creator: () => Creator | undefined;
}

interface Known extends Source {
  readonly excused: ReadonlySet<string>;
}

/** The value that a tag has once everything is mended; undefined where no rule gives it an allowed one. */
function valueAfterMending(rules: TagPolicy, known: Known, key: string): string | undefined {
  const rule = ruleOf(rules, key);
  if (rule === undefined) return undefined;
  const value = tagValue(known.tags, key);
  if (value !== undefined) return mendedValue(rule, value);
  if (!Object.hasOwn(rules.required, key) || known.excused.has(key)) return undefined;
  const standIn = defaultOf(rule, {
    account: known.account,
    creator: known.creator,
    valueOf: (source) => valueAfterMending(rules, known, source),
  });
  return standIn === undefined ? undefined : mendedValue(rule, standIn);
}

/** The required tags that may be missing here. The policy sees to it that no exception depends on another. */
function excusedTags(rules: TagPolicy, source: Source): ReadonlySet<string> {
  const known = { ...source, excused: new Set<string>() };
  const holds = ([key, values]: readonly [string, readonly string[]]): boolean => {
    const value = valueAfterMending(rules, known, key);
    return value !== undefined && values.includes(value);
  };
  const met = rules.exceptions.filter(({ when }) => Object.entries(when).every(holds));
  return new Set(met.flatMap(({ optional }) => optional));
}

function violationOf(rules: TagPolicy, rule: TagRule, tags: Tags, key: string): Violation {
  const expected = expectation(rule);
  const value = tagValue(tags, key);
  if (value !== undefined) return { key, problem: 'not-allowed', value, expected };
  const writtenAs = Object.keys(tags).find(
    (other) => other.toLowerCase() === key.toLowerCase() && ruleOf(rules, other) === undefined,
  );
  return { key, problem: 'missing', ...(writtenAs === undefined ? {} : { writtenAs }), expected };
}

function expectation(rule: TagRule): string {
  if (rule.values !== undefined) return `one of ${rule.values.join(', ')}`;
  const inCase = rule.case === undefined || rule.case === 'exact' ? '' : `${rule.case}-case `;
  const value = `${rule.case === 'upper' ? 'an' : 'a'} ${inCase}value`;
  if (rule.pattern !== undefined) return `${value} that matches ${rule.pattern.source}`;
  return inCase === '' ? 'any value but an empty one' : value;
}
