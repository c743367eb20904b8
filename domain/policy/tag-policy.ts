import * as z from 'zod';
import { Duration } from './duration.ts';
import { expected, section } from './schema.ts';
import { Selector } from './selector.ts';
import { ruleOf } from './tag-defaults.ts';
import { TagRule } from './tag-rule.ts';
import { TagKey } from './tag-text.ts';
import { mendedValue, whyNotAllowed } from './tag-values.ts';

const tagRules = z.record(
  TagKey,
  z.preprocess((rule) => rule ?? {}, TagRule),
  expected('tag keys with their rules, such as "team: {}"'),
);

const Exception = section('an exception', {
  when: Selector.refine((when) => Object.keys(when).length > 0, 'expected at least one tag: else it is no exception'),
  optional: z
    .array(TagKey, expected('the required tags that may be missing then, such as [costcenter]'))
    .min(1, 'expected at least one required tag that may be missing then'),
});

/** Which tags a profile must carry, which it may, and where a required one may be missing. */
export const TagPolicy = section('the tag policy', {
  required: tagRules,
  optional: tagRules.default({}),
  exceptions: z
    .array(Exception, expected('a list of exceptions'))
    .max(20, 'expected at most 20 exceptions')
    .default([]),
  /** Milliseconds from when a violation was first seen, in which the profile still works where that is safe. */
  grace: Duration.prefault(0),
}).superRefine((tags, context) => {
  const problem: Problem = (path, message) => context.addIssue({ code: 'custom', path, message });
  for (const kind of ['required', 'optional'] as const)
    for (const key of Object.keys(tags[kind])) checkDerivedDefault(tags, kind, key, problem);
  checkExceptions(tags, problem);
});

export type TagPolicy = z.output<typeof TagPolicy>;

type Problem = (path: PropertyKey[], message: string) => void;

const keysOf = (tags: TagPolicy): string => [...Object.keys(tags.required), ...Object.keys(tags.optional)].join(', ');

function checkDerivedDefault(tags: TagPolicy, kind: 'required' | 'optional', key: string, problem: Problem): void {
  const rule = ruleOf(tags, key);
  if (rule?.default === undefined || typeof rule.default === 'string') return;
  const derived = rule.default;
  const path = [kind, key, 'default'];
  const sourceValues = Object.keys(derived.map ?? {});
  if (derived.from === 'account') {
    for (const account of sourceValues)
      if (!/^\d{12}$/.test(account))
        problem([...path, 'map', account], 'expected an AWS account id of 12 digits such as "123456789012"');
    return;
  }
  if (derived.from !== 'tag') return;
  const source = ruleOf(tags, derived.key);
  if (source === undefined) {
    problem([...path, 'key'], `unknown tag; expected a tag key of this policy, one of ${keysOf(tags)}`);
    return;
  }
  const chain = sourcesOf(tags, key);
  if (chain.includes(key)) {
    problem([...path, 'key'], `expected a tag whose default does not depend on this one: ${chain.join(' ← ')}`);
    return;
  }
  for (const value of sourceValues) {
    const reason = whyNotAllowed(source, value);
    if (reason !== undefined) problem([...path, 'map', value], `is no value of tag "${derived.key}": ${reason}`);
  }
  if (derived.map === undefined)
    for (const value of source.values ?? [])
      if (mendedValue(rule, value) === undefined)
        problem(path, `expected a map: "${value}", a value of tag "${derived.key}", is not allowed here`);
}

/** The tags that a tag's default is taken from, nearest first; a circle ends where it meets a tag again. */
function sourcesOf(tags: TagPolicy, key: string): string[] {
  const sources: string[] = [];
  let next: string | undefined = key;
  while (next !== undefined) {
    const origin: TagRule['default'] = ruleOf(tags, next)?.default;
    next = typeof origin === 'object' && origin.from === 'tag' ? origin.key : undefined;
    if (next === undefined || sources.includes(next)) break;
    sources.push(next);
  }
  return sources;
}

function checkExceptions(tags: TagPolicy, problem: Problem): void {
  const excusable = new Set(tags.exceptions.flatMap(({ optional }) => optional));
  tags.exceptions.forEach(({ when, optional }, index) => {
    const path = ['exceptions', index];
    optional.forEach((key, at) => {
      if (!Object.hasOwn(tags.required, key))
        problem(
          [...path, 'optional', at],
          `expected the key of a required tag, one of ${Object.keys(tags.required).join(', ')}`,
        );
    });
    for (const [key, values] of Object.entries(when)) {
      const rule = ruleOf(tags, key);
      if (rule === undefined) {
        problem([...path, 'when', key], `unknown tag; expected a tag key of this policy, one of ${keysOf(tags)}`);
        continue;
      }
      for (const value of values) {
        const reason = whyNotAllowed(rule, value);
        if (reason !== undefined) problem([...path, 'when', key], `"${value}" never occurs: ${reason}`);
      }
      // Whether a tag is excused must not depend on a tag that is: mending could undo its own reason.
      const doubtful = [key, ...sourcesOf(tags, key)].find((source) => excusable.has(source));
      if (doubtful !== undefined)
        problem([...path, 'when', key], `expected a tag that no exception makes optional: "${doubtful}" is`);
    }
  });
}
