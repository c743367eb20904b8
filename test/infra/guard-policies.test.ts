import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Policy, readPolicy } from '../../domain/policy/policy.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import { tagsAtCreation } from '../../infra/guard/guard-statements.ts';
import { charactersOf, MAX_CHARACTERS, textOf } from '../../infra/guard/policy-document.ts';
import { packageStack } from '../../infra/package.ts';
import { readPolicy as readIamPolicy } from '../../local/iam/policy.ts';
import { ACCOUNT, examplePolicy, ROLES } from './guarded-principals.ts';

const policyWith = (change: object): Policy => {
  const tags = { required: { tenant: {} } };
  const reading = readPolicy({ version: 1, regions: ['us-east-1'], tenantTag: 'tenant', tags, ...change });
  if (reading.kind !== 'valid') throw new Error(JSON.stringify(reading.problems));
  return reading.policy;
};
const render = (policy: Policy, taggingRoles: readonly string[] = ROLES) =>
  guardPolicies({ accountId: ACCOUNT, policy, taggingRoles });
const texts = (policy: Policy, taggingRoles?: readonly string[]): string[] => {
  const reading = render(policy, taggingRoles);
  if (reading.kind !== 'rendered') throw new Error(reading.problems.join());
  return reading.policies.map(({ kind, document }) => textOf(kind, document));
};

describe('the guard', () => {
  it('is four documents that IAM can read, none of which names a principal', () => {
    const documents = texts(examplePolicy()).map((text) => z.record(z.string(), z.json()).parse(JSON.parse(text)));
    expect(documents).toHaveLength(4);
    for (const document of documents) {
      expect(() => readIamPolicy(document)).not.toThrow();
      expect(JSON.stringify(document)).not.toMatch(/"(Not)?Principal"/);
    }
  });

  it('never has a service control policy that allows', () => {
    const reading = render(examplePolicy());
    const statements =
      reading.kind === 'rendered'
        ? reading.policies
            .filter(({ kind }) => kind === 'service-control')
            .flatMap(({ document }) => document.Statement)
        : [];
    expect(new Set(statements.map(({ Effect }) => Effect))).toEqual(new Set(['Deny']));
  });

  it('is the same to the byte in whatever order the policy and the options name things', () => {
    const keys = ['app', 'dept', 'team', 'tenant'];
    const regions = ['eu-west-1', 'us-east-1', 'us-west-2'];
    const policyOf = (order: string[], places: string[]) =>
      policyWith({ regions: places, tags: { required: Object.fromEntries(order.map((key) => [key, {}])) } });
    const expected = texts(policyOf(keys, regions));
    const shuffled = (list: readonly string[]) =>
      fc.shuffledSubarray([...list], { minLength: list.length, maxLength: list.length });
    fc.assert(
      fc.property(shuffled(keys), shuffled(regions), shuffled(ROLES), (order, places, roles) => {
        expect(texts(policyOf(order, places), roles)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('takes its tag keys, account and Regions from what it was given', () => {
    const policy = policyWith({
      regions: ['eu-west-1'],
      tenantTag: 'client',
      tags: { required: { client: {}, 'cost center': {} } },
    });
    const [identity = '', , calls = '', tags = ''] = texts(policy);
    expect(identity).toContain('"aws:ResourceTag/client"');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM does the substitution
    expect(identity).toContain('${aws:PrincipalTag/client}');
    expect(identity).toContain(`arn:aws:bedrock:eu-west-1:${ACCOUNT}:application-inference-profile/*`);
    expect(calls).toContain('arn:aws:bedrock:eu-west-1:*:application-inference-profile/*');
    expect(tags).toContain('"aws:RequestTag/cost center":["?*"]');
    expect([identity, calls, tags].join()).not.toMatch(/us-east-1:|Tag\/tenant/);
  });

  it('speaks of the partition of its Regions, and refuses two', () => {
    const [identity = ''] = texts(policyWith({ regions: ['us-gov-west-1'] }));
    expect(identity).toContain('arn:aws-us-gov:bedrock:*::foundation-model/*');
    expect(identity).not.toContain('arn:aws:');
    expect(render(policyWith({ regions: ['us-east-1', 'us-gov-west-1'] }))).toEqual({
      kind: 'impossible',
      problems: ['regions: expected Regions of one partition, as one account has them, not of aws and aws-us-gov'],
    });
  });

  it('demands at creation what nothing mends and nothing excuses', () => {
    const { tags } = policyWith({
      tags: {
        required: { tenant: {}, team: {}, stage: { default: 'dev' }, costcenter: {} },
        optional: { owner: {} },
        exceptions: [{ when: { team: ['lab'] }, optional: ['costcenter'] }],
      },
    });
    expect(tagsAtCreation(tags)).toEqual(['team', 'tenant']);
  });

  it('fits into what AWS takes, or says what does not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 48 }), fc.integer({ min: 0, max: 10 }), (count, length) => {
        const keys = Array.from({ length: count }, (_, index) => `k${'x'.repeat(length)}${index}`);
        const required = Object.fromEntries(['tenant', ...keys].map((key) => [key, {}]));
        const reading = render(policyWith({ tags: { required } }));
        if (reading.kind === 'impossible') {
          expect(reading.problems).toEqual([
            expect.stringMatching(
              /^scp-profile-tags\.json: expected at most 5120 characters.*not \d{4,}: it needs fewer/,
            ),
          ]);
          return count > 7;
        }
        return reading.policies.every(({ kind, document }) => charactersOf(kind, document) <= MAX_CHARACTERS[kind]);
      }),
      { numRuns: 60 },
    );
  });

  it('has no statement that its document does not explain', async () => {
    const guide = await readFile(new URL('../../docs/guard-policies.md', import.meta.url), 'utf8');
    const sids = texts(examplePolicy()).flatMap((text) =>
      [...text.matchAll(/"Sid": ?"(\w+)"/g)].map(([, sid = '']) => sid),
    );
    expect(sids.length).toBeGreaterThan(15);
    for (const sid of sids) expect(guide).toContain(`| \`${sid.replace(/\d+$/, '1')}\``);
  });

  it('excepts exactly the roles of the stack that may tag profiles', async () => {
    const { templatePath } = await packageStack();
    const role = z.object({
      Type: z.literal('AWS::IAM::Role'),
      Properties: z.object({ RoleName: z.string(), Policies: z.json() }),
    });
    const { Resources } = z
      .object({ Resources: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(await readFile(templatePath, 'utf8')));
    const tagging = Object.values(Resources).flatMap((resource) => {
      const parsed = role.safeParse(resource);
      return parsed.success && JSON.stringify(parsed.data.Properties.Policies).includes('"bedrock:TagResource"')
        ? [parsed.data.Properties.RoleName]
        : [];
    });
    expect([...ROLES].sort()).toEqual(tagging.sort());
  });
});
