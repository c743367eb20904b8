import type { Policy, TagRule } from '../policy/policy.ts';
import { type Tags, tagValue } from '../tags.ts';

export interface Violation {
  readonly key: string;
  readonly problem: 'missing' | 'not-allowed';
  readonly value?: string;
  /** What the policy wants, for people: `one of claims, support`, `a value that matches ^cc-`. */
  readonly expected: string;
}

/** How a profile's tags stand against the policy. */
export type Compliance =
  | { readonly kind: 'compliant' }
  /** Adding `additions` makes it compliant. Values that are there are never changed. */
  | { readonly kind: 'remediable'; readonly additions: Tags }
  | { readonly kind: 'violating'; readonly violations: readonly Violation[] };

/** Assesses tags that were read completely. Tags that could not be read must never get here: unread is not empty. */
export function assess(policy: Pick<Policy, 'tags'>, tags: Tags): Compliance {
  const violations: Violation[] = [];
  const additions: Record<string, string> = {};
  for (const [key, rule] of Object.entries(policy.tags.required)) {
    const value = tagValue(tags, key);
    if (value === undefined) {
      if (rule.default === undefined) violations.push({ key, problem: 'missing', expected: expectation(rule) });
      else additions[key] = rule.default;
    } else if (!allows(rule, value))
      violations.push({ key, problem: 'not-allowed', value, expected: expectation(rule) });
  }
  for (const [key, rule] of Object.entries(policy.tags.optional)) {
    const value = tagValue(tags, key);
    if (value !== undefined && !allows(rule, value))
      violations.push({ key, problem: 'not-allowed', value, expected: expectation(rule) });
  }
  if (violations.length > 0) return { kind: 'violating', violations };
  return Object.keys(additions).length > 0 ? { kind: 'remediable', additions } : { kind: 'compliant' };
}

/** An empty value satisfies no rule: it would attribute the spend to nobody. */
const allows = (rule: TagRule, value: string): boolean =>
  value !== '' &&
  (rule.values === undefined || rule.values.includes(value)) &&
  (rule.pattern === undefined || rule.pattern.test(value));

function expectation(rule: TagRule): string {
  if (rule.values !== undefined) return `one of ${rule.values.join(', ')}`;
  if (rule.pattern !== undefined) return `a value that matches ${rule.pattern.source}`;
  return 'any value but an empty one';
}

export const describeViolation = (violation: Violation): string =>
  violation.problem === 'missing'
    ? `tag "${violation.key}" is missing (expected ${violation.expected})`
    : `tag "${violation.key}" is "${violation.value ?? ''}" (expected ${violation.expected})`;
