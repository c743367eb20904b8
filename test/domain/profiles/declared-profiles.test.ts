import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameOf } from '../../../domain/profiles/declared-name.ts';
import { declaredProfiles } from '../../../domain/profiles/declared-profiles.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const NOVA = 'amazon.nova-pro-v1:0';
const declaration = (changes: Record<string, unknown> = {}) => ({
  for: { tenant: ['acme', 'globex'] },
  tags: { environment: 'prod', team: 'claims' },
  models: [NOVA],
  regions: ['us-east-1'],
  ...changes,
});
const declare = (declarations: unknown[], changes: Record<string, unknown> = {}) =>
  declaredProfiles(policyOf(policyDocument({ declaredProfiles: declarations, ...changes })));
const problemsOf = (declarations: unknown[], changes: Record<string, unknown> = {}): string[] => {
  const declared = declare(declarations, changes);
  return declared.kind === 'valid' ? [] : declared.problems.map(({ place, message }) => `${place}: ${message}`);
};

describe('declared profiles', () => {
  it('are one for each combination of values, models and Regions', () => {
    const declared = declare([
      declaration({
        for: { tenant: ['acme', 'globex'], team: ['claims', 'sales'] },
        tags: { environment: 'prod' },
        models: [NOVA, 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'],
        regions: undefined,
        name: '{tenant} {team} {model}',
      }),
    ]);
    if (declared.kind !== 'valid') throw new Error(JSON.stringify(declared.problems));
    expect(declared.profiles).toHaveLength(2 * 2 * 2 * 2);
    expect(declared.profiles[0]).toEqual({
      name: 'acme claims amazon-nova-pro-v1-0',
      region: 'us-east-1',
      model: NOVA,
      tags: { tenant: 'acme', team: 'claims', environment: 'prod' },
    });
    expect(new Set(declared.profiles.map(({ region }) => region))).toEqual(new Set(['us-east-1', 'eu-central-1']));
  });

  it('are named by tenant and model where the policy names them not', () => {
    const declared = declare([declaration()]);
    expect(declared.kind === 'valid' && declared.profiles.map(({ name }) => name)).toEqual([
      'acme-amazon-nova-pro-v1-0',
      'globex-amazon-nova-pro-v1-0',
    ]);
  });

  it.each<[string, unknown[], string | RegExp]>([
    [
      'a value that the tag policy forbids, at the value',
      [declaration({ for: { tenant: ['acme', 'Globex'] } })],
      'declaredProfiles[0].for.tenant[1]: tag "tenant" is "Globex" (expected a value that matches ^[a-z][a-z0-9-]*$)',
    ],
    [
      'a forbidden value that all of them have',
      [declaration({ tags: { environment: 'test', team: 'claims' } })],
      /^declaredProfiles\[0\]\.tags\.environment: tag "environment" is "test" \(expected one of prod, staging, dev\)$/,
    ],
    [
      'a required tag that is missing',
      [declaration({ tags: { environment: 'prod' } })],
      /^declaredProfiles\[0\]: tag "team" is missing/,
    ],
    [
      'a required tag that is left to its default',
      [declaration({ tags: { team: 'claims' } })],
      /^declaredProfiles\[0\]: expected tags as they are to be; .*environment: added/,
    ],
    [
      'a tag that the policy does not know',
      [declaration({ tags: { environment: 'prod', team: 'claims', app: 'chat' } })],
      'declaredProfiles[0].tags.app: unknown tag; expected a tag key of this policy, one of tenant, environment, team, owner',
    ],
    [
      'a tag that is given twice',
      [declaration({ tags: { environment: 'prod', team: 'claims', tenant: 'acme' } })],
      'declaredProfiles[0].tags.tenant: is also a tag of "for"; name it once',
    ],
    [
      'a Region that is not governed',
      [declaration({ regions: ['eu-west-1'] })],
      'declaredProfiles[0].regions[0]: expected a Region of this policy, one of us-east-1, eu-central-1',
    ],
    [
      'a placeholder that nothing fills',
      [declaration({ name: '{tenant}-{app}' })],
      'declaredProfiles[0].name: unknown {app}; expected one of {model}, {region}, {tenant}, {environment}, {team}',
    ],
    [
      'names that do not tell profiles apart',
      [declaration({ name: '{team}-{model}' })],
      /^declaredProfiles\[0\]\.name: expected a name for each profile: two in us-east-1 would be "claims-amazon-nova-pro-v1-0"/,
    ],
    [
      'names that would tell them apart with all of their tags',
      [declaration({ name: 'chat-{model}' })],
      /; put into the name what tells them apart, such as "\{environment\}-\{team\}-\{tenant\}-\{model\}"$/,
    ],
    [
      'the same profile twice',
      [declaration(), declaration({ for: { tenant: ['acme'] }, name: 'another' })],
      /^declaredProfiles\[1\]: declares what declaredProfiles\[0\] declares: amazon.nova-pro-v1:0 in us-east-1/,
    ],
  ])('refuse %s', (_, declarations, problem) => {
    const problems = problemsOf(declarations);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
  });

  it('refuse what the policy would then complain of: a model that it does not allow, and a name', () => {
    const models = [NOVA, 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'us.amazon.nova-lite-v1:0'];
    expect(problemsOf([declaration({ models })], { profiles: { models: ['amazon.nova-*'] } })).toEqual([
      'declaredProfiles[0].models[1]: is of anthropic.claude-sonnet-4-5-20250929-v1:0; expected one of amazon.nova-* (profiles.models)',
    ]);
    expect(problemsOf([declaration()], { profiles: { names: '^acme-' } })).toEqual([
      'declaredProfiles[0]: would be named "globex-amazon-nova-pro-v1-0"; expected a name that matches ^acme- (profiles.names)',
    ]);
    const named = declaration({ for: { tenant: ['acme'] }, name: 'chat {tenant}' });
    expect(problemsOf([named], { profiles: { names: '^acme-' } })).toEqual([
      'declaredProfiles[0].name: would be named "chat acme"; expected a name that matches ^acme- (profiles.names)',
    ]);
  });

  it('refuse more in a Region than AWS allows, unless the policy says that AWS allows more', () => {
    const tenants = Array.from({ length: 1_001 }, (_, number) => `t${number}`);
    const many = [declaration({ for: { tenant: tenants } })];
    expect(problemsOf(many)).toEqual([
      expect.stringMatching(
        /^declaredProfiles: expected at most 1000 profiles in a Region, and these are 1001 in us-east-1/,
      ),
    ]);
    expect(problemsOf(many, { profileQuota: 1_001 })).toEqual([]);
  });

  it('are counted before they are counted out', () => {
    const tenants = Array.from({ length: 3_000 }, (_, number) => `t${number}`);
    const huge = declaration({
      for: { tenant: tenants, team: tenants, owner: tenants },
      tags: { environment: 'prod' },
    });
    expect(problemsOf([huge])).toEqual([expect.stringMatching(/these are 27000000000 in us-east-1/)]);
  });
});

describe('the name of a declared profile', () => {
  it('is always one that AWS takes, and the same for the same values', () => {
    const value = fc.string({ unit: fc.constantFrom(...'aB9 ._:/=+@-'), minLength: 1, maxLength: 80 });
    fc.assert(
      fc.property(value, value, (tenant, model) => {
        const values = new Map([
          ['tenant', tenant],
          ['model', model],
        ]);
        const name = nameOf('{tenant}-{model}', values);
        expect(name).toMatch(/^([0-9a-zA-Z][ _-]?)+$/);
        expect(name.length).toBeLessThanOrEqual(64);
        expect(nameOf('{tenant}-{model}', new Map(values))).toBe(name);
      }),
    );
  });

  it('ends in a hash of the whole where it had to be cut', () => {
    const long = (end: string) => nameOf('{tenant}', new Map([['tenant', `${'a'.repeat(80)}${end}`]]));
    expect(long('x')).toHaveLength(64);
    expect(long('x')).not.toBe(long('y'));
  });
});
