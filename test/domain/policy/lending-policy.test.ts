import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../../domain/policy/policy.ts';
import { policyDocument, policyOf } from '../example-policy.ts';

const ROLE = 'arn:aws:iam::123456789012:role/acme-app';

function problemsOf(lending: unknown): string[] {
  const reading = readPolicy(policyDocument({ lending }));
  return reading.kind === 'valid' ? [] : reading.problems.map(({ place, message }) => `${place}: ${message}`);
}

describe('the lending settings of a policy', () => {
  it('lend to nobody by default', () => {
    expect(policyOf().lending).toEqual({ aliases: {}, roles: {}, urlAlias: 'url' });
  });

  it('name aliases and roles with the tags of their profiles', () => {
    const lending = {
      aliases: { 'tenant-acme': { tenant: 'acme' } },
      roles: { [ROLE]: { tenant: 'acme', team: 'x' } },
    };
    expect(policyOf(policyDocument({ lending })).lending).toEqual({ ...lending, urlAlias: 'url' });
  });

  it.each([
    [{ alias: {} }, 'lending: unknown key "alias"; the lending settings has aliases, roles, urlAlias'],
    [{ aliases: { 'tenant-acme': {} } }, 'lending.aliases.tenant-acme: expected at least one tag'],
    [{ aliases: { 'tenant-acme': { tenant: '' } } }, 'lending.aliases.tenant-acme.tenant: expected a tag value'],
    [{ aliases: { 'tenant-acme': { tennant: 'acme' } } }, 'lending.aliases.tenant-acme.tennant: unknown tag; expected'],
    [{ aliases: { $LATEST: { tenant: 'acme' } } }, 'lending.aliases["$LATEST"]: expected the alias of a function'],
    [{ aliases: { '7': { tenant: 'acme' } } }, 'lending.aliases["7"]: expected the alias of a function'],
    [{ aliases: { url: { tenant: 'acme' } } }, 'lending.aliases.url: is the alias of the function URL'],
    [{ roles: { 'acme-app': { tenant: 'acme' } } }, 'lending.roles.acme-app: expected the ARN of a role'],
    [
      { roles: { 'arn:aws:iam::123456789012:user/acme': { tenant: 'acme' } } },
      'lending.roles["arn:aws:iam::123456789012:user/acme"]: expected the ARN of a role',
    ],
    [
      { roles: { [ROLE]: { tenant: 'acme' }, 'arn:aws:iam::123456789012:role/x/acme-app': { tenant: 'beta' } } },
      `lending.roles["arn:aws:iam::123456789012:role/x/acme-app"]: is the same role as ${ROLE}`,
    ],
  ])('name the place of what is wrong in %j', (lending, message) => {
    expect(problemsOf(lending).join('\n')).toContain(message);
  });
});
