import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeTags, isTagKey, isTagValue, matches, tagValue } from '../../domain/tags.ts';

const ownProto = JSON.parse('{"__proto__":"x"}') as Record<string, string>;

describe('matches', () => {
  it.each<[string, Record<string, string[]>, Record<string, string>, boolean]>([
    [
      'every key of the selector with an accepted value',
      { team: ['a', 'b'], env: ['prod'] },
      { team: 'b', env: 'prod', more: 'x' },
      true,
    ],
    ['a selector without keys', {}, { team: 'a' }, true],
    ['a value outside the list', { team: ['a'] }, { team: 'b' }, false],
    ['a missing key', { team: ['a'] }, {}, false],
    ['one key of two', { team: ['a'], env: ['prod'] }, { team: 'a' }, false],
    ['another case of a value', { team: ['a'] }, { team: 'A' }, false],
    ['another case of a key', { team: ['a'] }, { Team: 'a' }, false],
    ['an empty list of values', { team: [] }, { team: 'a' }, false],
  ])('decides on %s', (_, selector, tags, expected) => {
    expect(matches(selector, tags)).toBe(expected);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'takes no inherited property %s for a tag',
    (key) => {
      const selector = Object.fromEntries([[key, [String(Reflect.get({}, key))]]]);
      expect(matches(selector, {})).toBe(false);
      expect(tagValue({}, key)).toBeUndefined();
      expect(tagValue(Object.fromEntries([[key, 'x']]), key)).toBe('x');
      expect(matches(Object.fromEntries([[key, ['x']]]), Object.fromEntries([[key, 'x']]))).toBe(true);
    },
  );

  it('never covers more by one key more', () => {
    const tags = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
    const selectors = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.array(fc.constantFrom('1', '2')));
    fc.assert(
      fc.property(selectors, selectors, tags, (one, other, carried) => {
        const both = { ...one, ...other };
        if (Object.keys(one).every((key) => !Object.hasOwn(other, key)) && matches(both, carried))
          expect(matches(one, carried) && matches(other, carried)).toBe(true);
      }),
    );
  });
});

describe('isTagKey and isTagValue', () => {
  it.each(['a', 'cost-center', 'a b', 'x'.repeat(128), 'A.B_C:D/E=F+G@H-1', 'aw:s'])('take the key %j', (key) => {
    expect(isTagKey(key)).toBe(true);
  });
  it.each(['', 'x'.repeat(129), 'a$b', 'a,b', 'a#b', 'é', '😀', 'aws:x', 'AWS:x', 'a|b', 'a%b', 'a\\b', 'a"b'])(
    'refuse the key %j',
    (key) => {
      expect(isTagKey(key)).toBe(false);
    },
  );
  it('take values of 0 to 256 characters of the same class', () => {
    expect(['', 'x'.repeat(256), 'aws:x'].every(isTagValue)).toBe(true);
    expect(['x'.repeat(257), 'a$', 'ü'].some(isTagValue)).toBe(false);
  });
});

it('describes tags in one line', () => {
  expect(describeTags({ tenant: 'acme', team: 'x' })).toBe('tenant=acme, team=x');
  expect(describeTags(ownProto)).toBe('__proto__=x');
});
