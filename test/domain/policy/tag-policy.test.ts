import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument } from '../example-policy.ts';

function problemsWith(tags: Record<string, unknown>): readonly (readonly [string, string])[] {
  const reading = readPolicy(policyDocument({ tags, budgets: [] }));
  return reading.kind === 'valid' ? [] : reading.problems.map(({ place, message }) => [place, message]);
}

const rules = {
  tenant: {},
  environment: { values: ['prod', 'dev'] },
  costcenter: { pattern: '^cc-' },
};
const derived = (source: Record<string, unknown>) => ({
  required: { ...rules, costcenter: { pattern: '^cc-', default: source } },
});
const exception = (changes: Record<string, unknown>) => ({
  required: rules,
  exceptions: [{ when: { environment: 'dev' }, optional: ['costcenter'], ...changes }],
});

describe('a tag policy', () => {
  it.each<[string, Record<string, unknown>]>([
    ['maps, case rules and exceptions', exception({ when: { environment: ['dev', 'prod'] } })],
    ['a default from the account', derived({ from: 'account', map: { '123456789012': 'cc-1' } })],
    ['a default from a tag', derived({ from: 'tag', key: 'environment', map: { prod: 'cc-1' } })],
    ['a default from a tag of any value', derived({ from: 'tag', key: 'tenant' })],
    ['a map into a case', { required: { tenant: { case: 'lower', map: { ACME: 'acme' }, default: 'acme' } } }],
    [
      'values of which a pattern lets only some through',
      { required: { tenant: { values: ['a', 'b'], pattern: 'a' } } },
    ],
  ])('may have %s', (_, tags) => {
    expect(problemsWith(tags)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'a map to a value that is not allowed',
      { required: { tenant: { values: ['a'], map: { A: 'b' } } } },
      'tags.required.tenant.map.A',
      /^expected one of the allowed values: a$/,
    ],
    [
      'a map to a value that AWS refuses',
      { required: { tenant: { map: { A: 'ü' } } } },
      'tags.required.tenant.map.A',
      /^expected a tag value of 1 to 256 /,
    ],
    [
      'a map in two steps',
      { required: { tenant: { map: { a: 'b', b: 'c' } } } },
      'tags.required.tenant.map.a',
      /^expected a value that is no key of the map: "b" is mended to "c"$/,
    ],
    [
      'a value that is allowed and mapped',
      { required: { tenant: { values: ['a', 'b'], map: { a: 'b' } } } },
      'tags.required.tenant.values[0]',
      /^expected a value that is no key of the map: "a" is mended to "b"$/,
    ],
    ['a list as map', { required: { tenant: { map: ['a'] } } }, 'tags.required.tenant.map', /^expected values with /],
    [
      'an allowed value in another case than the rule',
      { required: { tenant: { values: ['Acme'], case: 'lower' } } },
      'tags.required.tenant.values[0]',
      /^expected a value in lower case$/,
    ],
    [
      'an unknown case',
      { required: { tenant: { case: 'camel' } } },
      'tags.required.tenant.case',
      /^expected "exact", "lower" or "upper"$/,
    ],
    [
      'a default from a tag of the creator that is not named',
      derived({ from: 'creator-tag' }),
      'tags.required.costcenter.default.key',
      /^expected the key of a tag of the role$/,
    ],
    [
      'a default from nowhere',
      derived({ from: 'moon' }),
      'tags.required.costcenter.default.from',
      /^expected "account", "tag", "creator-role" or "creator-tag"$/,
    ],
    [
      'a default from a tag without its key',
      derived({ from: 'tag' }),
      'tags.required.costcenter.default.key',
      /^expected a tag key$/,
    ],
    [
      'an unknown key in a derived default',
      derived({ from: 'tag', key: 'tenant', maps: {} }),
      'tags.required.costcenter.default',
      /^unknown key "maps"; a default from another tag has from, key, map$/,
    ],
    [
      'a default from an unknown tag',
      derived({ from: 'tag', key: 'owner' }),
      'tags.required.costcenter.default.key',
      /^unknown tag; expected a tag key of this policy, one of tenant, environment, costcenter$/,
    ],
    [
      'a default from itself',
      derived({ from: 'tag', key: 'costcenter' }),
      'tags.required.costcenter.default.key',
      /does not depend on this one: costcenter$/,
    ],
    [
      'a default from values that are not allowed here',
      { required: { ...rules, costcenter: { values: ['prod'], default: { from: 'tag', key: 'environment' } } } },
      'tags.required.costcenter.default',
      /^expected a map: "dev", a value of tag "environment", is not allowed here$/,
    ],
    [
      'a default from a value that the other tag cannot have',
      derived({ from: 'tag', key: 'environment', map: { test: 'cc-1' } }),
      'tags.required.costcenter.default.map.test',
      /^is no value of tag "environment": expected one of the allowed values: prod, dev$/,
    ],
    [
      'a derived default that the rule forbids',
      derived({ from: 'tag', key: 'environment', map: { prod: '1' } }),
      'tags.required.costcenter.default.map.prod',
      /^expected a value that matches \^cc-$/,
    ],
    [
      'a default from something that is no account',
      derived({ from: 'account', map: { prod: 'cc-1' } }),
      'tags.required.costcenter.default.map.prod',
      /^expected an AWS account id of 12 digits/,
    ],
    [
      'an exception for a tag that is not required',
      exception({ optional: ['owner'] }),
      'tags.exceptions[0].optional[0]',
      /^expected the key of a required tag, one of tenant, environment, costcenter$/,
    ],
    [
      'an exception for the tenant tag',
      exception({ optional: ['costcenter', 'tenant'] }),
      'tags.exceptions[0].optional[1]',
      /^is the tenant tag: /,
    ],
    [
      'an exception for everybody',
      exception({ when: {} }),
      'tags.exceptions[0].when',
      /^expected at least one tag: else it is no exception$/,
    ],
    ['an exception for nothing', exception({ optional: [] }), 'tags.exceptions[0].optional', /^expected at least one /],
    [
      'an exception by an unknown tag',
      exception({ when: { stage: 'dev' } }),
      'tags.exceptions[0].when.stage',
      /^unknown tag; expected a tag key of this policy/,
    ],
    [
      'an exception by a value that never occurs',
      exception({ when: { environment: ['dev', 'test'] } }),
      'tags.exceptions[0].when.environment',
      /^"test" never occurs: expected one of the allowed values: prod, dev$/,
    ],
    [
      'an exception by a tag that may be missing itself',
      exception({ optional: ['environment'] }),
      'tags.exceptions[0].when.environment',
      /^expected a tag that no exception makes optional: "environment" is$/,
    ],
    [
      'an exception by a tag whose default is from one that may be missing',
      {
        required: { ...rules, environment: { default: { from: 'tag', key: 'costcenter' } } },
        exceptions: [{ when: { environment: 'dev' }, optional: ['costcenter'] }],
      },
      'tags.exceptions[0].when.environment',
      /^expected a tag that no exception makes optional: "costcenter" is$/,
    ],
  ])('with %s is told where and what was expected', (_, tags, place, message) => {
    expect(problemsWith(tags)).toEqual([[place, expect.stringMatching(message)]]);
  });

  it.each<[unknown, number]>([
    ['24h', 86_400_000],
    ['90 m', 5_400_000],
    ['30d', 2_592_000_000],
    ['45s', 45_000],
    [3600, 3_600_000],
    [0, 0],
  ])('takes the grace %j', (grace, ms) => {
    const reading = readPolicy(policyDocument({ tags: { required: rules, grace }, budgets: [] }));
    expect(reading.kind === 'valid' ? reading.policy.tags.grace : reading.problems).toBe(ms);
  });

  it.each([['24'], ['1w'], ['31d'], [-1], [0.5], [''], [null], [true], ['h']])('refuses the grace %j', (grace) => {
    expect(problemsWith({ required: rules, grace })).toEqual([
      ['tags.grace', 'expected a time of at most 30 days such as "24h", or whole seconds'],
    ]);
  });

  it('names each tag of a circle of defaults', () => {
    const from = (key: string) => ({ default: { from: 'tag', key } });
    expect(problemsWith({ required: { tenant: {}, a: from('b'), b: from('a') } })).toEqual([
      ['tags.required.a.default.key', 'expected a tag whose default does not depend on this one: b ← a'],
      ['tags.required.b.default.key', 'expected a tag whose default does not depend on this one: a ← b'],
    ]);
  });
});
