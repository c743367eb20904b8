import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTagKeys, mendedKeys } from '../../../domain/policy/tag-keys.ts';
import { TagPolicy } from '../../../domain/policy/tag-policy.ts';
import { assess, tagsToWrite } from '../../../domain/profiles/compliance.ts';

const KEYS = ['tenant', 'team', 'environment', 'unit', 'owner'] as const;
const VALUES = ['', 'acme', 'ACME', 'prod', 'Prod', 'x'] as const;

const rule = fc.record(
  {
    case: fc.constantFrom('exact', 'lower', 'upper'),
    map: fc.constantFrom({ x: 'acme' }, { Prod: 'PROD' }),
    default: fc.constantFrom(
      'acme',
      'ACME',
      { from: 'account' },
      { from: 'creator-role' },
      { from: 'tag', key: 'tenant' },
    ),
  },
  { requiredKeys: [] },
);
const anyPolicy = fc
  .record({
    required: fc.dictionary(fc.constantFrom('tenant', 'team', 'environment'), rule),
    optional: fc.dictionary(fc.constantFrom('unit', 'owner'), rule),
  })
  .map((tags) => TagPolicy.safeParse(tags))
  .filter((reading) => reading.success)
  .map((reading) => reading.data as TagPolicy);
const anyTags = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES));

describe('the tag keys that mending writes', () => {
  it('are all that it ever writes, whatever the policy and the tags', () => {
    let written = 0;
    fc.assert(
      fc.property(anyPolicy, anyTags, (tags, profile) => {
        const compliance = assess({ tags }, profile, '123456789012', () => ({ role: 'acme', tags: {} }));
        if (compliance.kind === 'compliant') return;
        const keys = Object.keys(tagsToWrite(compliance));
        written += keys.length;
        expect(mendedKeys(tags)).toEqual(expect.arrayContaining(keys));
      }),
      { numRuns: 500 },
    );
    expect(written).toBeGreaterThan(100);
  });

  it('are those with a default, a map or a case, and no others', () => {
    const tags = TagPolicy.parse({
      required: { tenant: {}, team: { default: 'a' }, app: { case: 'exact' }, Dept: { map: { X: 'x' } } },
      optional: { owner: { case: 'lower' }, note: {}, unit: { default: 'never-written' } },
    });
    expect(mendedKeys(tags)).toEqual(['Dept', 'owner', 'team']);
  });
});

describe('holding a policy against the roles of the stack', () => {
  const tags = TagPolicy.parse({ required: { team: { default: 'a' }, env: { default: 'dev' } } });

  it('finds what they may not write, and lets more than enough be enough', () => {
    expect(checkTagKeys(tags, { kind: 'known', keys: ['team', 'env', 'other'] })).toEqual({ kind: 'sufficient' });
    expect(checkTagKeys(tags, { kind: 'known', keys: ['team', 'Env'] })).toEqual({
      kind: 'insufficient',
      missing: ['env'],
    });
  });

  it('takes what could not be read neither for enough nor for nothing', () => {
    const unknown = { kind: 'unknown', because: 'the parameter could not be read' } as const;
    expect(checkTagKeys(tags, unknown)).toEqual(unknown);
  });
});
