import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidPattern } from '../../local/eventbridge/invalid-pattern.ts';
import { compilePattern, parsePattern } from '../../local/eventbridge/pattern.ts';
import type { Json } from '../../local/service.ts';

const matches = (pattern: Json, event: Json): boolean => compilePattern(pattern).matches(event);

/** The sample event of the event-ruler README and of AWS's user guide. */
const EC2_EVENT = {
  version: '0',
  id: 'ddddd4-aaaa-7777-4444-345dd43cc333',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  account: '012345679012',
  time: '2017-10-02T16:24:49Z',
  region: 'us-east-1',
  resources: ['arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000'],
  detail: {
    'c-count': 5,
    'd-count': 3,
    'x-limit': 301.8,
    'source-ip': '10.0.0.33',
    'instance-id': 'i-000000aaaaaa00000',
    state: 'running',
    responseElements: null,
    eventName: '',
    enabled: true,
  },
};

describe('an event pattern, on the documented examples', () => {
  const detail = (fields: Json): Json => ({ detail: fields });
  it.each<[string, Json, boolean]>([
    ['several fields', { source: ['aws.ec2'], detail: { state: ['initializing', 'running'] } }, true],
    ['a field that differs', { source: ['aws.s3'], detail: { state: ['running'] } }, false],
    ['an array in the event', { resources: ['arn:aws:ec2:us-east-1:123456789012:instance/i-000000aaaaaa00000'] }, true],
    ['null', detail({ responseElements: [null] }), true],
    ['null is not an absent field', detail({ absent: [null] }), false],
    ['an empty string', detail({ eventName: [''] }), true],
    ['a boolean', detail({ enabled: [true] }), true],
    ['a boolean is not its text', detail({ enabled: ['true'] }), false],
    ['a number', detail({ 'c-count': [5] }), true],
    ['a number is not its text', detail({ 'c-count': ['5'] }), false],
    ['case counts', detail({ state: ['Running'] }), false],
    ['prefix', { time: [{ prefix: '2017-10-02' }] }, true],
    ['prefix on a number', detail({ 'c-count': [{ prefix: '5' }] }), false],
    ['prefix ignoring case', { source: [{ prefix: { 'equals-ignore-case': 'AWS.E' } }] }, true],
    ['suffix', { source: [{ suffix: 'ec2' }] }, true],
    ['suffix ignoring case', { source: [{ suffix: { 'equals-ignore-case': 'EC2' } }] }, true],
    ['suffix that differs', { source: [{ suffix: 'EC2' }] }, false],
    ['equals-ignore-case', detail({ state: [{ 'equals-ignore-case': 'RuNNing' }] }), true],
    ['anything-but', detail({ state: [{ 'anything-but': 'initializing' }] }), true],
    ['anything-but the value', detail({ state: [{ 'anything-but': 'running' }] }), false],
    ['anything-but a number', detail({ 'x-limit': [{ 'anything-but': 123 }] }), true],
    ['anything-but a list', detail({ state: [{ 'anything-but': ['stopped', 'running'] }] }), false],
    ['anything-but numbers', detail({ 'x-limit': [{ 'anything-but': [100, 200, 301.8] }] }), false],
    ['anything-but prefix', detail({ state: [{ 'anything-but': { prefix: 'run' } }] }), false],
    ['anything-but prefixes', detail({ state: [{ 'anything-but': { prefix: ['init', 'stop'] } }] }), true],
    ['anything-but suffix', detail({ state: [{ 'anything-but': { suffix: 'ing' } }] }), false],
    ['anything-but suffixes', detail({ state: [{ 'anything-but': { suffix: ['.png', '.jpg'] } }] }), true],
    ['anything-but ignoring case', detail({ state: [{ 'anything-but': { 'equals-ignore-case': 'RUNNING' } }] }), false],
    [
      'anything-but ignoring case, list',
      detail({ state: [{ 'anything-but': { 'equals-ignore-case': ['A', 'B'] } }] }),
      true,
    ],
    ['anything-but wildcard', detail({ state: [{ 'anything-but': { wildcard: 'r*g' } }] }), false],
    ['anything-but wildcards', detail({ state: [{ 'anything-but': { wildcard: ['*/lib/*', '*/bin/*'] } }] }), true],
    ['anything-but does not match an absent field', detail({ absent: [{ 'anything-but': 'x' }] }), false],
    ['anything-but matches null', detail({ responseElements: [{ 'anything-but': 'x' }] }), true],
    ['numeric range', detail({ 'c-count': [{ numeric: ['>', 0, '<=', 5] }] }), true],
    ['numeric bound', detail({ 'd-count': [{ numeric: ['<', 3] }] }), false],
    ['numeric equality', detail({ 'x-limit': [{ numeric: ['=', 3.018e2] }] }), true],
    ['numeric on text', detail({ state: [{ numeric: ['>', 0] }] }), false],
    ['cidr', detail({ 'source-ip': [{ cidr: '10.0.0.0/24' }] }), true],
    ['cidr of other addresses', detail({ 'source-ip': [{ cidr: '10.0.1.0/24' }] }), false],
    ['exists', detail({ 'c-count': [{ exists: true }] }), true],
    ['exists holds for null', detail({ responseElements: [{ exists: true }] }), true],
    ['exists: false', detail({ errorCode: [{ exists: false }] }), true],
    ['exists: false of a present field', detail({ state: [{ exists: false }] }), false],
    ['exists looks at leaves only', { detail: [{ exists: true }] }, false],
    ['exists: false below an absent object', detail({ none: { deeper: [{ exists: false }] } }), true],
    ['exists: false or a value', detail({ state: [{ exists: false }, 'running'] }), true],
    ['wildcard', detail({ 'instance-id': [{ wildcard: 'i-*a*0' }] }), true],
    ['wildcard that needs more text', detail({ state: [{ wildcard: 'running*running' }] }), false],
    [
      'the complex example',
      {
        time: [{ prefix: '2017-10-02' }],
        detail: {
          state: [{ 'anything-but': 'initializing' }],
          'c-count': [{ numeric: ['>', 0, '<=', 5] }],
          'd-count': [{ numeric: ['<', 10] }],
          'x-limit': [{ 'anything-but': [100, 200, 300] }],
          'source-ip': [{ cidr: '10.0.0.0/8' }],
        },
      },
      true,
    ],
    ['$or', detail({ $or: [{ 'c-count': [{ numeric: ['>', 7] }] }, { 'd-count': [{ numeric: ['<', 10] }] }] }), true],
    ['$or of which none holds', detail({ $or: [{ 'c-count': [7] }, { 'd-count': [10] }] }), false],
    ['$or beside a field', { source: ['aws.s3'], $or: [{ region: ['us-east-1'] }, { region: ['eu-west-1'] }] }, false],
  ])('%s', (_, pattern, expected) => {
    expect(matches(pattern, EC2_EVENT)).toBe(expected);
  });
});

describe('an event pattern and arrays', () => {
  const event = {
    employees: [
      { first: 'Anna', last: 'Roe' },
      { first: 'John', last: 'Doe', manager: 'Anna' },
    ],
  };

  it('matches fields of objects within one element only', () => {
    expect(matches({ employees: { first: ['Anna'], last: ['Roe'] } }, event)).toBe(true);
    expect(matches({ employees: { first: ['Anna'], last: ['Doe'] } }, event)).toBe(false);
  });

  it('takes exists: false relative to the same element', () => {
    expect(matches({ employees: { first: ['Anna'], manager: [{ exists: false }] } }, event)).toBe(true);
    expect(matches({ employees: { first: ['John'], manager: [{ exists: false }] } }, event)).toBe(false);
  });

  it('matches values at any depth of nested arrays', () => {
    expect(matches({ tags: ['c'] }, { tags: [['a', 'b'], ['c']] })).toBe(true);
  });

  it('takes an empty array for an absent field', () => {
    expect(matches({ resources: [{ exists: false }] }, { resources: [] })).toBe(true);
    expect(matches({ resources: [{ exists: true }] }, { resources: [] })).toBe(false);
  });

  it('matches anything-but when one of several values differs', () => {
    expect(matches({ tags: [{ 'anything-but': 'a' }] }, { tags: ['a', 'b'] })).toBe(true);
    expect(matches({ tags: [{ 'anything-but': 'a' }] }, { tags: ['a'] })).toBe(false);
  });
});

describe('an event pattern with $or', () => {
  it('keeps the later of a field given outside and inside', () => {
    const outsideFirst = { a: [1], $or: [{ a: [2] }, { b: [3] }] };
    expect(matches(outsideFirst, { a: 2 })).toBe(true);
    expect(matches(outsideFirst, { a: 1 })).toBe(false);
    const outsideLast = { $or: [{ a: [2] }, { b: [3] }], a: [1] };
    expect(matches(outsideLast, { a: 2 })).toBe(false);
    expect(matches(outsideLast, { a: 1 })).toBe(true);
  });

  it('multiplies several $or', () => {
    const pattern = { $or: [{ a: [1] }, { b: [1] }], detail: { $or: [{ c: [1] }, { d: [1] }] } };
    expect(matches(pattern, { b: 1, detail: { c: 1 } })).toBe(true);
    expect(matches(pattern, { b: 1, detail: { e: 1 } })).toBe(false);
  });

  it('nests', () => {
    const pattern = { $or: [{ a: [1] }, { b: [1], $or: [{ c: [1] }, { d: [1] }] }] };
    expect(matches(pattern, { b: 1, d: 1 })).toBe(true);
    expect(matches(pattern, { b: 1 })).toBe(false);
  });

  it('is an ordinary field when it holds fewer than two objects or operators', () => {
    expect(matches({ $or: ['x'] }, { $or: 'x' })).toBe(true);
    expect(matches({ $or: [{ prefix: 'x' }, { suffix: 'y' }] }, { $or: 'xz' })).toBe(true);
  });

  it('refuses more than 1,000 combinations', () => {
    const ten = Array.from({ length: 10 }, (_, value) => ({ a: [value] }));
    const four = { $or: ten, b: { $or: ten }, c: { $or: ten }, d: { $or: ten } };
    expect(() => compilePattern(four)).toThrow(/1000 combinations/);
  });
});

describe('a wildcard', () => {
  it.each([
    ['a*c', 'abbbc', true],
    ['a*c', 'ac', true],
    ['a*b*c', 'aXbXbXc', true],
    ['*a', 'aba', true],
    ['aa*aa', 'aaa', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['a\\\\b', 'a\\b', true],
    ['*', '', true],
  ])('%s on %s', (wildcard, text, expected) => {
    expect(matches({ a: [{ wildcard }] }, { a: text })).toBe(expected);
  });

  it('agrees with the regular expression of the same meaning', () => {
    const piece = fc.constantFrom('a', 'b', '*');
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }),
        (pieces, text) => {
          const wildcard = pieces.join('').replaceAll(/\*+/g, '*');
          const expected = new RegExp(`^${wildcard.replaceAll('*', '.*')}$`).test(text);
          expect(matches({ a: [{ wildcard }] }, { a: text })).toBe(expected);
        },
      ),
    );
  });
});

describe('a cidr', () => {
  it.each([
    ['2001:db8::/32', '2001:db8:0:1::5', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3', true],
    ['0.0.0.0/0', '1.2.3.4', true],
    ['0.0.0.0/0', '::1', false],
    ['10.0.0.33/32', '10.0.0.33', true],
    ['10.0.0.0/8', 'ten', false],
  ])('%s on %s', (cidr, address, expected) => {
    expect(matches({ ip: [{ cidr }] }, { ip: address })).toBe(expected);
  });
});

describe('an invalid pattern is refused', () => {
  it.each<[string, string, RegExp]>([
    ['text that is not JSON', '{', /not valid JSON/],
    ['a list', '[]', /not an object/],
    ['an empty object', '{}', /Empty objects/],
    ['an empty nested object', '{"detail":{}}', /Empty objects/],
    ['an empty array', '{"source":[]}', /Empty arrays/],
    ['a value outside an array', '{"source":"aws.ec2"}', /"source" must be an object or an array/],
    ['an unknown operator', '{"a":[{"contains":"x"}]}', /Unrecognized match type contains/],
    ['two operators at once', '{"a":[{"prefix":"x","suffix":"y"}]}', /Only one key/],
    ['an array in a value list', '{"a":[["x"]]}', /Match value must be/],
    ['a prefix that is no string', '{"a":[{"prefix":1}]}', /must be a string/],
    ['consecutive wildcards', '{"a":[{"wildcard":"a**b"}]}', /Consecutive wildcard/],
    ['a stray backslash', '{"a":[{"wildcard":"a\\\\b"}]}', /Invalid escape/],
    ['mixed types in anything-but', '{"a":[{"anything-but":["x",1]}]}', /mixed type/],
    ['null in anything-but', '{"a":[{"anything-but":[null]}]}', /not supported/],
    ['an empty prefix in anything-but', '{"a":[{"anything-but":{"prefix":""}}]}', /Null prefix/],
    ['exists with text', '{"a":[{"exists":"yes"}]}', /either true or false/],
    ['a range upside down', '{"a":[{"numeric":[">",5,"<",1]}]}', /Bottom must be less/],
    ['a range that begins at the top', '{"a":[{"numeric":["<",1,">",5]}]}', /cannot begin a range/],
    ['a bound beyond five thousand million', '{"a":[{"numeric":[">",5000000001]}]}', /must be between/],
    ['a cidr without mask', '{"a":[{"cidr":"10.0.0.0"}]}', /one '\/' required/],
    ['a cidr with too many bits', '{"a":[{"cidr":"10.0.0.0/33"}]}', /mask bits/],
  ])('%s', (_, source, message) => {
    expect(() => parsePattern(source)).toThrow(InvalidPattern);
    expect(() => parsePattern(source)).toThrow(message);
  });
});

describe('laws of event patterns', () => {
  const scalar = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean(), fc.constant(null));
  const event = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })));

  it('matches every event by its own values', () => {
    fc.assert(
      fc.property(event, (values) => {
        const given = Object.entries(values).filter(([, value]) => !Array.isArray(value) || value.length > 0);
        fc.pre(given.length > 0);
        const pattern = Object.fromEntries(
          given.map(([name, value]) => [name, Array.isArray(value) ? value : [value]]),
        );
        expect(matches(pattern, values)).toBe(true);
      }),
    );
  });

  it('of exists: true and exists: false matches exactly one', () => {
    fc.assert(
      fc.property(event, (values) => {
        expect(matches({ a: [{ exists: true }] }, values)).toBe(!matches({ a: [{ exists: false }] }, values));
      }),
    );
  });

  it('of a value and anything-but that value matches exactly one, for a field with one value', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, text) => {
        expect(matches({ a: [value] }, { a: text })).toBe(!matches({ a: [{ 'anything-but': value }] }, { a: text }));
      }),
    );
  });

  it('takes a list as the disjunction of its entries', () => {
    fc.assert(
      fc.property(event, scalar, scalar, (values, one, other) => {
        expect(matches({ a: [one, other] }, values)).toBe(
          matches({ a: [one] }, values) || matches({ a: [other] }, values),
        );
      }),
    );
  });

  it('is not changed by fields that it does not name', () => {
    fc.assert(
      fc.property(event, scalar, (values, value) => {
        const pattern = { a: [value], b: [{ exists: false }] };
        expect(matches(pattern, { ...values, z: 'more' })).toBe(matches(pattern, values));
      }),
    );
  });
});
