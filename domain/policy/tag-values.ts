/** Which values a tag may have, and which are mended into which. */
export interface ValueRule {
  readonly values?: readonly string[] | undefined;
  readonly pattern?: RegExp | undefined;
  readonly case?: 'exact' | 'lower' | 'upper' | undefined;
  readonly map?: Readonly<Record<string, string>> | undefined;
}

/** What is wrong with a value under a rule, as a policy problem; undefined where the rule allows it as it is. */
export function whyNotAllowed(rule: ValueRule, value: string): string | undefined {
  if (value === '') return 'expected a value that is not empty';
  if (rule.map !== undefined && Object.hasOwn(rule.map, value))
    return `expected a value that is no key of the map: "${value}" is mended to "${rule.map[value] ?? ''}"`;
  if (inCaseOf(rule, value) !== value) return `expected a value in ${rule.case ?? 'exact'} case`;
  if (rule.values !== undefined && !rule.values.includes(value))
    return `expected one of the allowed values: ${rule.values.join(', ')}`;
  if (rule.pattern !== undefined && !rule.pattern.test(value))
    return `expected a value that matches ${rule.pattern.source}`;
  return undefined;
}

/** The value that the rule makes of this one: itself where it is allowed, undefined where nothing mends it. */
export function mendedValue(rule: ValueRule, value: string): string | undefined {
  const cased = inCaseOf(rule, value);
  const mended = mappedValue(rule.map, value) ?? mappedValue(rule.map, cased) ?? cased;
  return whyNotAllowed(rule, mended) === undefined ? mended : undefined;
}

export const mappedValue = (map: Readonly<Record<string, string>> | undefined, value: string): string | undefined =>
  map !== undefined && Object.hasOwn(map, value) ? map[value] : undefined;

/** Letters of tags are ASCII: no locale has a say. */
const inCaseOf = (rule: Pick<ValueRule, 'case'>, value: string): string => {
  if (rule.case === 'lower') return value.toLowerCase();
  return rule.case === 'upper' ? value.toUpperCase() : value;
};
