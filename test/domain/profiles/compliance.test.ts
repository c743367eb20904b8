import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Policy } from '../../../domain/policy/policy.ts';
import { assess as assessIn, type Compliance, describeMending, mended } from '../../../domain/profiles/compliance.ts';
import { describeViolation } from '../../../domain/profiles/violation.ts';
import type { Tags } from '../../../domain/tags.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const ACCOUNT = '123456789012';
const assess = (rules: Policy, tags: Tags): Compliance => assessIn(rules, tags, ACCOUNT);
const policyWith = (tags: Record<string, unknown>): Policy => policyOf(policyDocument({ tags, budgets: [] }));
const policy = policyOf();
const good = { tenant: 'acme', environment: 'prod', team: 'support' };
const without = (key: string) => Object.fromEntries(Object.entries(good).filter(([other]) => other !== key));

describe('assess', () => {
  it('finds a profile compliant that carries every required tag with an allowed value', () => {
    expect(assess(policy, good)).toEqual({ kind: 'compliant' });
    expect(assess(policy, { ...good, unknown: '', 'governor:standing': 'closed' })).toEqual({ kind: 'compliant' });
  });

  it('finds it remediable where only tags with defaults are missing', () => {
    expect(assess(policy, without('environment'))).toEqual({
      kind: 'remediable',
      additions: { environment: 'dev' },
      corrections: {},
    });
  });

  it.each([
    ['a missing tag without a default', without('team'), 'tag "team" is missing (expected any value but an empty one)'],
    [
      'a missing tag with a pattern',
      without('tenant'),
      'tag "tenant" is missing (expected a value that matches ^[a-z][a-z0-9-]*$)',
    ],
    [
      'a value outside the list',
      { ...good, environment: 'test' },
      'tag "environment" is "test" (expected one of prod, staging, dev)',
    ],
    [
      'a value of another case',
      { ...good, environment: 'Prod' },
      'tag "environment" is "Prod" (expected one of prod, staging, dev)',
    ],
    [
      'a value that the pattern refuses',
      { ...good, tenant: 'ACME' },
      'tag "tenant" is "ACME" (expected a value that matches ^[a-z][a-z0-9-]*$)',
    ],
    ['an empty value', { ...good, team: '' }, 'tag "team" is "" (expected any value but an empty one)'],
    [
      'a key of another case',
      { ...without('team'), Team: 'support' },
      'tag "team" is missing (expected any value but an empty one; "Team" is another tag, since keys are case-sensitive)',
    ],
    ['an empty optional tag', { ...good, owner: '' }, 'tag "owner" is "" (expected any value but an empty one)'],
  ])('finds it violating by %s', (_, tags, words) => {
    const compliance = assess(policy, tags);
    expect(compliance.kind === 'violating' ? compliance.violations.map(describeViolation) : []).toEqual([words]);
  });

  it('names every violation, and mends nothing while one remains', () => {
    expect(assess(policy, { environment: 'test' })).toMatchObject({
      kind: 'violating',
      violations: [{ key: 'tenant' }, { key: 'environment' }, { key: 'team' }],
    });
    expect(assess(policy, { tenant: 'acme' })).toMatchObject({ kind: 'violating', violations: [{ key: 'team' }] });
  });

  it.each(['constructor', 'toString', 'hasOwnProperty'])(
    'takes no inherited property %s for a tag that is there',
    (key) => {
      const strict = policyOf(
        policyDocument({ tags: { required: { tenant: {}, [key]: { default: 'x' } } }, budgets: [] }),
      );
      expect(assess(strict, { tenant: 'acme' })).toEqual({
        kind: 'remediable',
        additions: { [key]: 'x' },
        corrections: {},
      });
    },
  );

  const anyTags = fc.dictionary(
    fc.constantFrom('tenant', 'environment', 'team', 'owner', 'other'),
    fc.constantFrom('', 'acme', 'prod', 'dev', 'X', 'support'),
  );

  it('never changes a value that is there, and what it adds makes the profile compliant', () => {
    fc.assert(
      fc.property(anyTags, (tags) => {
        const compliance = assess(policy, tags);
        if (compliance.kind !== 'remediable') return;
        for (const key of Object.keys(compliance.additions)) expect(Object.hasOwn(tags, key)).toBe(false);
        expect(assess(policy, { ...tags, ...compliance.additions })).toEqual({ kind: 'compliant' });
      }),
    );
  });

  it('gives the same verdict whatever the order of the tags', () => {
    fc.assert(
      fc.property(anyTags, (tags) => {
        expect(assess(policy, Object.fromEntries(Object.entries(tags).reverse()))).toEqual(assess(policy, tags));
      }),
    );
  });
});

describe('a missing tag', () => {
  const missing = (rules: Policy, tags: Tags) => {
    const compliance = assess(rules, tags);
    return compliance.kind === 'violating' ? compliance.violations : [];
  };
  const expected = 'any value but an empty one';

  it('is told with the key that was meant for it, and with no other that is there', () => {
    const tags = { ...without('team'), other: 'x', TEAM: 'support', z: 'y' };
    expect(missing(policy, tags)).toStrictEqual([{ key: 'team', problem: 'missing', writtenAs: 'TEAM', expected }]);
    expect(missing(policy, { ...without('team'), other: 'x' })).toStrictEqual([
      { key: 'team', problem: 'missing', expected },
    ]);
  });

  it('is not told with a key that the policy knows for another tag', () => {
    const rules = policyWith({ required: { tenant: {}, team: {} }, optional: { Team: {} } });
    expect(missing(rules, { tenant: 'acme', Team: 'support' })).toStrictEqual([
      { key: 'team', problem: 'missing', expected },
    ]);
  });
});

describe('a value map', () => {
  const rules = policyWith({
    required: { tenant: {}, environment: { values: ['prod', 'dev'], map: { Production: 'prod', PRD: 'prod' } } },
    optional: { owner: { map: { Team: 'team' } } },
  });

  it('mends the values that it names, in optional tags too, and no other', () => {
    expect(assess(rules, { tenant: 'Acme', environment: 'PRD', owner: 'Team', other: 'PRD' })).toEqual({
      kind: 'remediable',
      additions: {},
      corrections: { environment: { before: 'PRD', after: 'prod' }, owner: { before: 'Team', after: 'team' } },
    });
    expect(assess(rules, { tenant: 'acme', environment: 'prd' }).kind).toBe('violating');
  });

  it.each(['constructor', 'toString'])('takes no inherited property %s for one of its keys', (value) => {
    expect(assess(rules, { tenant: 'acme', environment: 'prod', owner: value })).toEqual({ kind: 'compliant' });
  });
});

describe('a case rule', () => {
  it('mends a value that differs from an allowed one in case only', () => {
    const rules = policyWith({ required: { tenant: { pattern: '^[a-z]+$', case: 'lower' }, unit: { case: 'upper' } } });
    expect(assess(rules, { tenant: 'ACME', unit: 'Eu-1' })).toEqual({
      kind: 'remediable',
      additions: {},
      corrections: { tenant: { before: 'ACME', after: 'acme' }, unit: { before: 'Eu-1', after: 'EU-1' } },
    });
    expect(assess(rules, { tenant: 'ACME2', unit: 'EU' })).toMatchObject({
      kind: 'violating',
      violations: [{ key: 'tenant', expected: 'a lower-case value that matches ^[a-z]+$' }],
    });
  });

  it.each([
    ['an upper-case value', { case: 'upper' }],
    ['a lower-case value', { case: 'lower' }],
    ['an upper-case value that matches ^[A-Z]+$', { case: 'upper', pattern: '^[A-Z]+$' }],
    ['a value that matches ^x', { case: 'exact', pattern: '^x' }],
    ['any value but an empty one', { case: 'exact' }],
  ])('says that it expects %s', (expected, unit) => {
    expect(assess(policyWith({ required: { tenant: {}, unit } }), { tenant: 'acme' })).toMatchObject({
      violations: [{ key: 'unit', problem: 'missing', expected }],
    });
  });

  it('comes before the map where the map does not name the value as it is', () => {
    const rules = policyWith({
      required: { tenant: {}, environment: { values: ['prod'], case: 'lower', map: { production: 'prod' } } },
    });
    expect(assess(rules, { tenant: 'acme', environment: 'PRODUCTION' })).toMatchObject({
      corrections: { environment: { after: 'prod' } },
    });
  });
});

describe('a derived default', () => {
  const rules = policyWith({
    required: {
      tenant: { default: { from: 'account', map: { [ACCOUNT]: 'acme' } } },
      environment: { values: ['prod', 'dev'], case: 'lower' },
      costcenter: { pattern: '^cc-', default: { from: 'tag', key: 'team', map: { support: 'cc-1' } } },
      team: { default: { from: 'tag', key: 'owner' } },
    },
    optional: { owner: { pattern: '^[a-z]+$' } },
  });

  it('is taken from the account and from other tags, through as many as it takes', () => {
    expect(assess(rules, { environment: 'PROD', owner: 'support' })).toEqual({
      kind: 'remediable',
      additions: { tenant: 'acme', costcenter: 'cc-1', team: 'support' },
      corrections: { environment: { before: 'PROD', after: 'prod' } },
    });
  });

  it.each([
    ['has no value', {}, ['costcenter', 'team']],
    ['has a value that its own rule forbids', { owner: 'Support' }, ['costcenter', 'team', 'owner']],
    ['has a value that the map does not name', { owner: 'sales' }, ['costcenter']],
  ])('is missing where its source %s', (_, tags, keys) => {
    const compliance = assess(rules, { environment: 'prod', ...tags });
    expect(compliance.kind === 'violating' ? compliance.violations.map(({ key }) => key) : []).toEqual(keys);
  });

  it('is never taken from what another tag would only have if it had to be there', () => {
    const unit = { default: { from: 'tag', key: 'owner' } };
    const optional = { owner: { default: 'ops' } };
    expect(assess(policyWith({ required: { tenant: {}, unit }, optional }), { tenant: 'acme' })).toMatchObject({
      kind: 'violating',
      violations: [{ key: 'unit', problem: 'missing' }],
    });
    const excused = policyWith({
      required: {
        tenant: {},
        environment: { values: ['prod', 'sandbox'] },
        costcenter: { default: 'cc-1' },
        unit: { default: { from: 'tag', key: 'costcenter' } },
      },
      exceptions: [{ when: { environment: 'sandbox' }, optional: ['costcenter'] }],
    });
    expect(assess(excused, { tenant: 'acme', environment: 'sandbox' })).toMatchObject({
      kind: 'violating',
      violations: [{ key: 'unit', problem: 'missing' }],
    });
    expect(assess(excused, { tenant: 'acme', environment: 'prod' })).toMatchObject({
      additions: { costcenter: 'cc-1', unit: 'cc-1' },
    });
  });

  it('is missing in an account that its map does not name', () => {
    const tags = { environment: 'prod', owner: 'support' };
    expect(assessIn(rules, tags, '999999999999')).toMatchObject({ kind: 'violating', violations: [{ key: 'tenant' }] });
  });
});

describe('an exception', () => {
  const rules = policyWith({
    required: {
      tenant: {},
      environment: { values: ['prod', 'sandbox'], map: { sbx: 'sandbox' }, default: 'sandbox' },
      costcenter: { pattern: '^cc-' },
    },
    exceptions: [{ when: { environment: 'sandbox' }, optional: ['costcenter'] }],
  });

  it('lets a required tag be missing where its tags are so, mended or by default', () => {
    expect(assess(rules, { tenant: 'acme', environment: 'sandbox' })).toEqual({ kind: 'compliant' });
    expect(assess(rules, { tenant: 'acme', environment: 'sbx' }).kind).toBe('remediable');
    expect(assess(rules, { tenant: 'acme' }).kind).toBe('remediable');
    expect(assess(rules, { tenant: 'acme', environment: 'prod' })).toMatchObject({
      violations: [{ key: 'costcenter', problem: 'missing' }],
    });
  });

  it('lets no value pass that the rule forbids', () => {
    expect(assess(rules, { tenant: 'acme', environment: 'sandbox', costcenter: '7' })).toMatchObject({
      violations: [{ key: 'costcenter', problem: 'not-allowed' }],
    });
  });
});

it('finds no room for a default on a profile with as many tags as AWS allows, not counting its own', () => {
  const others = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`other-${at}`, 'x']));
  const tags = without('environment');
  expect(assess(policy, { ...tags, ...others(47), 'aws:x': 'y' }).kind).toBe('remediable');
  expect(assess(policy, { ...tags, ...others(48) })).toMatchObject({
    kind: 'violating',
    violations: [{ key: 'environment', problem: 'missing', expected: 'room for it among the 50 tags that AWS allows' }],
  });
});

describe('mending', () => {
  const rules = policyWith({
    required: {
      tenant: { case: 'lower', pattern: '^[a-z]+$', default: { from: 'tag', key: 'owner', map: { ops: 'ops' } } },
      environment: { values: ['prod', 'dev'], case: 'lower', map: { production: 'prod', P: 'prod' }, default: 'dev' },
      unit: { case: 'upper', map: { ACME: 'A1' }, default: { from: 'tag', key: 'tenant' } },
      costcenter: { pattern: '^cc-', default: { from: 'tag', key: 'environment', map: { prod: 'cc-1' } } },
    },
    optional: { owner: { map: { o: 'ops' } } },
    exceptions: [{ when: { environment: ['dev'] }, optional: ['costcenter', 'unit'] }],
  });
  const anyTags = fc.dictionary(
    fc.constantFrom('tenant', 'environment', 'unit', 'costcenter', 'owner', 'other', 'Tenant'),
    fc.constantFrom('', 'acme', 'ACME', 'A1', 'P', 'p', 'PRODUCTION', 'prod', 'dev', 'Dev', 'o', 'ops', 'cc-1', 'cc'),
  );

  it('tells each change: what is added, and what becomes of what', () => {
    const additions = { team: 'support', costcenter: 'cc-1' };
    const corrections = { environment: { before: 'P', after: 'prod' } };
    expect(describeMending({ additions, corrections })).toEqual([
      'team: added support',
      'costcenter: added cc-1',
      'environment: P → prod',
    ]);
    expect(describeMending({ additions: {}, corrections: {} })).toEqual([]);
  });

  it('makes compliant what is remediable, needs no second time, and leaves alone what no rule speaks of', () => {
    let remediable = 0;
    fc.assert(
      fc.property(anyTags, (tags) => {
        const compliance = assess(rules, tags);
        if (compliance.kind !== 'remediable') return;
        remediable++;
        const after = mended(tags, compliance);
        expect(assess(rules, after)).toEqual({ kind: 'compliant' });
        for (const [key, value] of Object.entries(tags))
          if (key === 'other' || key === 'Tenant') expect(after[key]).toBe(value);
        for (const [key, { before }] of Object.entries(compliance.corrections)) expect(tags[key]).toBe(before);
        for (const key of Object.keys(compliance.additions)) expect(Object.hasOwn(tags, key)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    expect(remediable).toBeGreaterThan(0);
  });
});
