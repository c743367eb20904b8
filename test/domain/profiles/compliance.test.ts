import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assess, describeViolation } from '../../../domain/profiles/compliance.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const policy = policyOf();
const good = { tenant: 'acme', environment: 'prod', team: 'support' };
const without = (key: string) => Object.fromEntries(Object.entries(good).filter(([other]) => other !== key));

describe('assess', () => {
  it('finds a profile compliant that carries every required tag with an allowed value', () => {
    expect(assess(policy, good)).toEqual({ kind: 'compliant' });
    expect(assess(policy, { ...good, unknown: '', 'governor:standing': 'closed' })).toEqual({ kind: 'compliant' });
  });

  it('finds it remediable where only tags with defaults are missing', () => {
    expect(assess(policy, without('environment'))).toEqual({ kind: 'remediable', additions: { environment: 'dev' } });
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
      expect(assess(strict, { tenant: 'acme' })).toEqual({ kind: 'remediable', additions: { [key]: 'x' } });
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
