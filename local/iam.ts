import { managedPolicyOperations } from './iam/managed-policies.ts';
import { membersOf } from './members.ts';
import type { Principals } from './principals.ts';
import { AwsFault, type JsonObject, type Service } from './service.ts';

const PAGE = 100;

/**
 * Identity and Access Management: the tags of the roles that registered principals are sessions of, and the
 * inline policies of roles that were deployed; and managed policies.
 */
export function createIam(principals: Principals, accountId: string): Service {
  const documentsOf = (role: string): ReadonlyMap<string, JsonObject> => {
    const documents = principals.documentsOfRole(role);
    if (documents === undefined) throw noSuchRole(role);
    return documents;
  };

  return {
    signingName: 'iam',
    protocol: { kind: 'query', xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/', version: '2010-05-08' },
    operations: {
      ListRolePolicies(input) {
        const role = members(input).string('RoleName');
        return { PolicyNames: [...documentsOf(role).keys()], IsTruncated: false };
      },
      GetRolePolicy(input) {
        const read = members(input);
        const [RoleName, PolicyName] = [read.string('RoleName'), read.string('PolicyName')];
        const document = documentsOf(RoleName).get(PolicyName);
        if (document === undefined)
          throw new AwsFault('NoSuchEntity', `The role policy with name ${PolicyName} cannot be found.`, 404);
        return { RoleName, PolicyName, PolicyDocument: encodeURIComponent(JSON.stringify(document)) };
      },
      ...managedPolicyOperations(accountId),
      ListRoleTags(input) {
        const read = members(input);
        const role = read.string('RoleName');
        const tags = principals.tagsOfRole(role);
        if (tags === undefined) throw noSuchRole(role);
        const start = Number(read.optionalString('Marker') ?? 0);
        const all = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
        const isTruncated = start + PAGE < all.length;
        return {
          Tags: all.slice(start, start + PAGE),
          IsTruncated: isTruncated,
          ...(isTruncated ? { Marker: String(start + PAGE) } : {}),
        };
      },
    },
  };
}

const members = (input: JsonObject) => membersOf(input, (message) => new AwsFault('ValidationError', message));

const noSuchRole = (role: string): AwsFault =>
  new AwsFault('NoSuchEntity', `The role with name ${role} cannot be found.`, 404);
