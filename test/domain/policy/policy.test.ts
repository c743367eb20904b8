import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const problemsOf = (document: unknown): Record<string, string> => {
  const reading = readPolicy(document);
  return reading.kind === 'valid'
    ? {}
    : Object.fromEntries(reading.problems.map(({ place, message }) => [place, message]));
};

/** The one problem of the example policy with these sections replaced. */
function problemWith(changes: Record<string, unknown>): readonly [string, string] | undefined {
  const problems = Object.entries(problemsOf(policyDocument(changes)));
  expect(problems).toHaveLength(1);
  return problems[0];
}

const budget = (changes: Record<string, unknown>) => ({
  budgets: [{ name: 'a', per: 'tenant', limit: '5 USD', ...changes }],
});
/** As a JSON or YAML parser makes it: an own property of this name. */
const named = (key: string, value: unknown): Record<string, unknown> => Object.fromEntries([[key, value]]);

describe('a valid policy', () => {
  it('is read with its amounts as nano-dollars, its shares as hundredths of a percent and its defaults', () => {
    const policy = policyOf();
    expect(policy.unpricedModels).toBe('refuse');
    expect(policy.ledger).toEqual({
      graceSeconds: 900,
      reservation: 'strict',
      maxExposure: 1_000_000_000n,
    });
    expect(policy.tags.required['team']).toEqual({});
    expect(policy.budgets).toEqual([
      {
        name: 'tenant-monthly',
        per: 'tenant',
        limit: 20_000_000_000n,
        limits: { lakeside: 5_000_000_000n },
        period: 'month',
        outage: 'refuse',
        mode: 'enforce',
        processes: 100,
        signals: { anomaly: 'notify', alarm: 'notify', holdMs: 86_400_000 },
        thresholds: [
          { at: 8000, on: 'actual', action: 'notify' },
          { at: 10_000, on: 'forecast', action: 'notify' },
          { at: 10_000, on: 'actual', action: 'disable' },
        ],
      },
      {
        name: 'support-chat',
        selector: { team: ['support'], environment: ['prod', 'staging'] },
        limit: 10_000_000_000_000n,
        period: 'quarter',
        outage: 'refuse',
        mode: 'enforce',
        processes: 100,
        signals: { anomaly: 'notify', alarm: 'notify', holdMs: 86_400_000 },
        thresholds: [{ at: 5000, on: 'actual', action: 'notify' }],
      },
    ]);
  });

  it('needs no more than a version, Regions and a required tenant tag', () => {
    const policy = policyOf({ version: 1, regions: ['us-east-1'], tenantTag: 't', tags: { required: { t: null } } });
    expect(policy).toMatchObject({ timeZone: 'UTC', budgets: [], tags: { optional: {} } });
  });

  it.each([
    ['500 USD', 500_000_000_000n],
    ['500USD', 500_000_000_000n],
    ['1,234.56 usd', 1_234_560_000_000n],
    ['0.000000001 USD', 1n],
    ['1,000,000,000,000 USD', 10n ** 21n],
  ])('takes the limit %j', (limit, nano) => {
    expect(policyOf(policyDocument(budget({ limit }))).budgets[0]?.limit).toBe(nano);
  });

  it.each([
    ['80%', 8000],
    ['0.01%', 1],
    ['99.95 %', 9995],
    ['12.5%', 1250],
    ['1000%', 100_000],
  ])('takes the share %j', (at, hundredths) => {
    const policy = policyOf(policyDocument(budget({ thresholds: [{ at, action: 'notify' }] })));
    expect(policy.budgets[0]?.thresholds[0]?.at).toBe(hundredths);
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])(
    'may use %s as a tag key and as a tag value',
    (word) => {
      const policy = policyOf(
        policyDocument({
          tenantTag: word,
          tags: { required: named(word, { values: [word], default: word }) },
          budgets: [{ name: word.toLowerCase(), per: word, limit: '5 USD', limits: named(word, '9 USD') }],
        }),
      );
      expect(Object.keys(policy.tags.required)).toEqual([word]);
      expect(Object.entries(policy.budgets[0]?.limits ?? {})).toEqual([[word, 9_000_000_000n]]);
    },
  );
});

describe('a bad policy', () => {
  it.each([[null], [undefined], [[]], ['policy'], [7], [true]])('that is %j is told what a policy has', (document) => {
    expect(problemsOf(document)['policy']).toMatch(/^expected a policy with version, timeZone, regions, /);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['an unknown key', { budget: [] }, 'policy', /^unknown key "budget"; a policy has version, .*budgets/],
    ['an unknown mode', { mode: 'shadow' }, 'mode', /^expected "enforce" or "observe"$/],
    ['another version', { version: 2 }, 'version', /^expected version: 1$/],
    ['a version as text', { version: '1' }, 'version', /^expected version: 1$/],
    [
      'an unknown time zone',
      { timeZone: 'Mars/Olympus' },
      'timeZone',
      /^expected an IANA time zone such as "Europe\/Zurich"/,
    ],
    ['an offset for a time zone', { timeZone: '+02:00' }, 'timeZone', /^expected an IANA time zone/],
    ['a number for a time zone', { timeZone: 2 }, 'timeZone', /^expected an IANA time zone/],
    ['a Region alone', { regions: 'us-east-1' }, 'regions', /^expected a list of AWS Regions$/],
    ['no Regions', { regions: [] }, 'regions', /^expected at least one Region$/],
    ['a word for a Region', { regions: ['us-east-1', 'frankfurt'] }, 'regions[1]', /^expected an AWS Region such as/],
    [
      'a tenant tag that is not required',
      { tenantTag: 'owner' },
      'tenantTag',
      /^expected the key of a required tag, one of tenant, environment, team$/,
    ],
    [
      'an inherited property as tenant tag',
      { tenantTag: 'constructor' },
      'tenantTag',
      /^expected the key of a required tag/,
    ],
    [
      'a list of tags',
      { tags: ['tenant'] },
      'tags',
      /^expected the tag policy with required, optional, exceptions, grace$/,
    ],
    [
      'an unknown key in the tag policy',
      { tags: { required: { tenant: {}, team: {}, environment: {} }, must: {} } },
      'tags',
      /^unknown key "must"; the tag policy has required, optional, exceptions, grace$/,
    ],
    [
      'a list of required tags',
      { tags: { required: ['tenant'] } },
      'tags.required',
      /^expected tag keys with their rules, such as "team: \{\}"$/,
    ],
    ['budgets as an object', { budgets: {} }, 'budgets', /^expected a list of budgets$/],
    ['a price for unknown models', { unpricedModels: 'dearest' }, 'unpricedModels', /^expected "refuse"/],
    [
      'a grace that is too short',
      { ledger: { graceSeconds: 59 } },
      'ledger.graceSeconds',
      /^expected at least 60 seconds$/,
    ],
    [
      'a grace that is too long',
      { ledger: { graceSeconds: 3601 } },
      'ledger.graceSeconds',
      /^expected at most 3600 seconds$/,
    ],
    [
      'part of a second',
      { ledger: { graceSeconds: 60.5 } },
      'ledger.graceSeconds',
      /^expected a whole number of seconds from 60 to 3600$/,
    ],
    [
      'a grace as text',
      { ledger: { graceSeconds: '900' } },
      'ledger.graceSeconds',
      /^expected a whole number of seconds from 60 to 3600$/,
    ],
    [
      'a reservation of another kind',
      { ledger: { reservation: 'hopeful' } },
      'ledger.reservation',
      /^expected "strict" or "learned"$/,
    ],
    ['an exposure in euros', { ledger: { maxExposure: '1 EUR' } }, 'ledger.maxExposure', /EUR is not supported/],
    ['an unknown ledger setting', { ledger: { lease: 1 } }, 'ledger', /^unknown key "lease"; the ledger settings has/],
  ])('with %s is told where and what was expected', (_, changes, place, message) => {
    expect(problemWith(changes)).toEqual([place, expect.stringMatching(message)]);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['an aws: key', { 'aws:x': {} }, 'tags.required["aws:x"]', /does not begin with "aws:"$/],
    [
      'a governor: key',
      { 'governor:x': {} },
      'tags.required["governor:x"]',
      /^tags that begin with "governor:" belong to the governor$/,
    ],
    ['a key that AWS refuses', { a$b: {} }, 'tags.required["a$b"]', /^expected a tag key of 1 to 128 letters/],
    ['an empty key', { '': {} }, 'tags.required[""]', /^expected a tag key of 1 to 128 letters/],
    [
      'a rule that is a list',
      { x: ['prod'] },
      'tags.required.x',
      /^expected a tag rule with values, pattern, case, map, default$/,
    ],
    ['a rule that is a text', { x: 'prod' }, 'tags.required.x', /^expected a tag rule with/],
    [
      'an unknown key in a rule',
      { x: { value: 'prod' } },
      'tags.required.x',
      /^unknown key "value"; a tag rule has values, pattern, case, map, default$/,
    ],
    ['no allowed values', { x: { values: [] } }, 'tags.required.x.values', /^expected at least one allowed value$/],
    [
      'allowed values as text',
      { x: { values: 'prod' } },
      'tags.required.x.values',
      /^expected a list of allowed values$/,
    ],
    [
      'an unquoted value',
      { x: { values: [7] } },
      'tags.required.x.values[0]',
      /^expected a tag value in quotes, such as "prod"$/,
    ],
    [
      'a value that AWS refuses',
      { x: { values: ['ü'] } },
      'tags.required.x.values[0]',
      /^expected a tag value of 1 to 256 /,
    ],
    ['an empty value', { x: { values: [''] } }, 'tags.required.x.values[0]', /^expected a tag value of 1 to 256 /],
    [
      'an empty default, which would quarantine what it mends',
      { x: { default: '' } },
      'tags.required.x.default',
      /^expected a tag value of 1 to 256 /,
    ],
    ['a bad pattern', { x: { pattern: '(' } }, 'tags.required.x.pattern', /^expected a regular expression: /],
    [
      'a number for a pattern',
      { x: { pattern: 4 } },
      'tags.required.x.pattern',
      /^expected a regular expression such as/,
    ],
    [
      'a default outside the values',
      { x: { values: ['a', 'b'], default: 'c' } },
      'tags.required.x.default',
      /^expected one of the allowed values: a, b$/,
    ],
    [
      'a default that the pattern refuses',
      { x: { pattern: '^a', default: 'b' } },
      'tags.required.x.default',
      /^expected a value that matches \^a$/,
    ],
    [
      'a key that objects cannot hold',
      named('__proto__', { default: 'x' }),
      'tags.required.__proto__',
      /^"__proto__" cannot be used as a name/,
    ],
  ])('whose required tags have %s is told so', (_, rules, place, message) => {
    // A spread defines a property named __proto__, where an assignment would set the prototype.
    expect(problemWith({ tags: { required: { tenant: {}, team: {}, ...rules } }, budgets: [] })).toEqual([
      place,
      expect.stringMatching(message),
    ]);
  });

  it.each<[string, Record<string, unknown>, string, RegExp]>([
    [
      'an unknown key',
      { limt: '5 USD' },
      'budgets[0]',
      /^unknown key "limt"; a budget has name, per, selector, limit, /,
    ],
    ['no name', { name: undefined }, 'budgets[0].name', /^expected a name such as "tenant-monthly"$/],
    [
      'capitals in its name',
      { name: 'Tenant' },
      'budgets[0].name',
      /^expected a name of at most 40 lower-case letters/,
    ],
    ['a slash in its name', { name: 'a/b' }, 'budgets[0].name', /^expected a name of at most 40 /],
    ['a name of 41 letters', { name: 'a'.repeat(41) }, 'budgets[0].name', /^expected a name of at most 40 /],
    [
      'a name like an inherited property with another case',
      { name: '__proto__' },
      'budgets[0].name',
      /^expected a name of at most 40 /,
    ],
    ['a number for its limit', { limit: 500 }, 'budgets[0].limit', /^expected an amount such as "500 USD"$/],
    ['a limit without a unit', { limit: '500' }, 'budgets[0].limit', /^expected an amount such as "500 USD"$/],
    ['euros', { limit: '500 EUR' }, 'budgets[0].limit', /^expected an amount in USD .*EUR is not supported/],
    ['a sign for the currency', { limit: '$500' }, 'budgets[0].limit', /^expected an amount such as "500 USD"$/],
    ['a limit of nothing', { limit: '0 USD' }, 'budgets[0].limit', /^expected an amount above zero/],
    ['a limit below nothing', { limit: '-5 USD' }, 'budgets[0].limit', /^expected an amount such as/],
    ['a limit finer than the ledger', { limit: '0.0000000001 USD' }, 'budgets[0].limit', /^expected an amount such as/],
    [
      'a limit past a trillion',
      { limit: '1,000,000,000,000.01 USD' },
      'budgets[0].limit',
      /^expected an amount of at most 1,000,000,000,000 USD$/,
    ],
    ['a limit with its groups wrong', { limit: '1,00 USD' }, 'budgets[0].limit', /^expected an amount such as/],
    ['limits as a list', { limits: ['5 USD'] }, 'budgets[0].limits', /^expected limits for single values, such as/],
    ['a special limit in euros', { limits: { acme: '5 EUR' } }, 'budgets[0].limits.acme', /EUR is not supported/],
    [
      'a special limit for no value',
      { limits: { '': '5 USD' } },
      'budgets[0].limits[""]',
      /^expected a tag value of 1 to 256 /,
    ],
    [
      'a special limit for a name that objects cannot hold',
      { limits: named('__proto__', '5 USD') },
      'budgets[0].limits.__proto__',
      /^"__proto__" cannot be used/,
    ],
    [
      'an unknown period',
      { period: 'monthly' },
      'budgets[0].period',
      /^expected one of day, week, month, quarter, year$/,
    ],
    [
      'an unknown tag in per',
      { per: 'tenat' },
      'budgets[0].per',
      /^expected a tag key of this policy, one of tenant, environment, team, owner$/,
    ],
    ['an inherited property in per', { per: 'constructor' }, 'budgets[0].per', /^expected a tag key of this policy/],
    [
      'an unknown tag in its selector',
      { selector: { dept: 'x' } },
      'budgets[0].selector.dept',
      /^unknown tag; expected a tag key of this policy, one of /,
    ],
    [
      'a governor: tag in its selector',
      { selector: { 'governor:standing': 'closed' } },
      'budgets[0].selector["governor:standing"]',
      /^unknown tag/,
    ],
    [
      'its per tag in its selector too',
      { selector: { tenant: 'acme' } },
      'budgets[0].selector.tenant',
      /^is also the "per" tag/,
    ],
    [
      'a selector that is a list',
      { selector: ['team'] },
      'budgets[0].selector',
      /^expected tag keys with the values they select/,
    ],
    [
      'a number in its selector',
      { selector: { team: 7 } },
      'budgets[0].selector.team',
      /^expected a tag value or a list of tag values$/,
    ],
    ['an empty list in its selector', { selector: { team: [] } }, 'budgets[0].selector.team', /^expected a/],
    [
      'a name in its selector that objects cannot hold, which would select everything',
      { selector: named('__proto__', 'x') },
      'budgets[0].selector.__proto__',
      /^"__proto__" cannot be used/,
    ],
    ['neither per nor selector', { per: undefined }, 'budgets[0]', /^expected "per" .* or "selector"/],
    [
      'limits without per',
      { per: undefined, selector: { team: 'x' }, limits: { acme: '5 USD' } },
      'budgets[0].limits',
      /^expected no "limits" without "per"/,
    ],
    [
      'thresholds as an object',
      { thresholds: { at: '80%' } },
      'budgets[0].thresholds',
      /^expected a list of thresholds$/,
    ],
    [
      '21 thresholds',
      { thresholds: Array.from({ length: 21 }, (_, i) => ({ at: `${i + 1}%`, action: 'notify' })) },
      'budgets[0].thresholds',
      /^expected at most 20 thresholds$/,
    ],
    [
      'an unknown key in a threshold',
      { thresholds: [{ at: '80%', action: 'notify', when: 'x' }] },
      'budgets[0].thresholds[0]',
      /^unknown key "when"; a threshold has at, on, action$/,
    ],
    [
      'a share as a number',
      { thresholds: [{ at: 80, action: 'notify' }] },
      'budgets[0].thresholds[0].at',
      /^expected a share of the limit such as "80%"$/,
    ],
    [
      'a share without its sign',
      { thresholds: [{ at: '80', action: 'notify' }] },
      'budgets[0].thresholds[0].at',
      /^expected a share of the limit/,
    ],
    [
      'a share of nothing',
      { thresholds: [{ at: '0%', action: 'notify' }] },
      'budgets[0].thresholds[0].at',
      /^expected a share above 0% and at most 1000%$/,
    ],
    [
      'a share past 1000 %',
      { thresholds: [{ at: '1000.01%', action: 'notify' }] },
      'budgets[0].thresholds[0].at',
      /^expected a share above 0% and at most 1000%$/,
    ],
    [
      'an unknown action',
      { thresholds: [{ at: '80%', action: 'slow' }] },
      'budgets[0].thresholds[0].action',
      /^expected "notify", "throttle" or "disable"$/,
    ],
    [
      'an unknown figure',
      { thresholds: [{ at: '80%', on: 'expected', action: 'notify' }] },
      'budgets[0].thresholds[0].on',
      /^expected "actual" or "forecast"$/,
    ],
    [
      'a forecast that disables',
      { thresholds: [{ at: '100%', on: 'forecast', action: 'disable' }] },
      'budgets[0].thresholds[0].action',
      /^expected "notify": a forecast is no reason/,
    ],
    [
      'a threshold twice',
      {
        thresholds: [
          { at: '80%', action: 'notify' },
          { at: '80.00%', action: 'notify' },
        ],
      },
      'budgets[0].thresholds[1]',
      /^is the same as one above it$/,
    ],
  ])('whose budget has %s is told so', (_, changes, place, message) => {
    expect(problemWith(budget(changes))).toEqual([place, expect.stringMatching(message)]);
  });

  it('that names a budget twice is told which one has the name already', () => {
    const one = { name: 'constructor', per: 'tenant', limit: '5 USD' };
    expect(problemWith({ budgets: [one, { ...one, name: 'b' }, one] })).toEqual([
      'budgets[2].name',
      'expected a name of its own: "constructor" is already the name of budgets[0]',
    ]);
  });

  it('that lists a tag as required and as optional is told to name it once', () => {
    const tags = { required: { tenant: {} }, optional: { tenant: {} } };
    expect(problemWith({ tags, budgets: [] })).toEqual([
      'tags.optional.tenant',
      'is also a required tag; name it once',
    ]);
  });

  it('with more tag keys than AWS has room for beside the governor’s own is told how many fit', () => {
    const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, {}]));
    const tags = (count: number) => ({ tags: { required: { tenant: {} }, optional: keys(count - 1) }, budgets: [] });
    expect(readPolicy(policyDocument(tags(49))).kind).toBe('valid');
    expect(problemWith(tags(50))).toEqual(['tags', expect.stringMatching(/^expected at most 49 tag keys/)]);
  });

  it('is told all of its problems at once', () => {
    const problems = problemsOf(policyDocument({ timeZone: 'x', regions: [], tenantTag: 7, extra: 1 }));
    expect(Object.keys(problems).sort()).toEqual(['policy', 'regions', 'tenantTag', 'timeZone']);
  });
});

describe('any document', () => {
  const places = (value: unknown, path: (string | number)[] = []): (string | number)[][] =>
    typeof value === 'object' && value !== null
      ? [
          path,
          ...Object.entries(value).flatMap(([key, part]) =>
            places(part, [...path, Array.isArray(value) ? Number(key) : key]),
          ),
        ]
      : [path];
  const replaced = (value: unknown, path: readonly (string | number)[], by: unknown): unknown => {
    const [step, ...rest] = path;
    if (step === undefined) return by;
    if (Array.isArray(value)) return value.map((part, index) => (index === step ? replaced(part, rest, by) : part));
    const entries = Object.entries(value as object);
    return Object.fromEntries(entries.map(([key, part]) => [key, key === step ? replaced(part, rest, by) : part]));
  };

  it('is answered with a policy or with problems that say where and what, never with an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.anything()), (document) => {
        const reading = readPolicy(document);
        if (reading.kind === 'invalid')
          for (const { place, message } of reading.problems) expect([place, message]).not.toContain('');
      }),
    );
  });

  it('that is the example with one part replaced says what is wrong at or above that part, or is valid', () => {
    const document = policyDocument();
    fc.assert(
      fc.property(fc.constantFrom(...places(document)), fc.jsonValue({ maxDepth: 1 }), (path, by) => {
        const reading = readPolicy(replaced(document, path, by));
        if (reading.kind === 'valid') return;
        expect(reading.problems.length).toBeGreaterThan(0);
        for (const { place, message } of reading.problems) {
          expect(place).not.toBe('');
          // None of the schema library's own wordings.
          expect(message).toMatch(/^(expected|unknown|is |"__proto__"|tags that begin with)/);
        }
      }),
      { numRuns: 600 },
    );
  });
});
