import { managedPolicyOperations } from './iam/managed-policies.ts';
import { membersOf } from './members.ts';
import type { Principals } from './principals.ts';
import { AwsFault, type Service } from './service.ts';

const PAGE = 100;

/** Identity and Access Management: the tags of the roles that registered principals are sessions of, and managed policies. */
export function createIam(principals: Principals, accountId: string): Service {
  return {
    signingName: 'iam',
    protocol: { kind: 'query', xmlNamespace: 'https://iam.amazonaws.com/doc/2010-05-08/', version: '2010-05-08' },
    operations: {
      ...managedPolicyOperations(accountId),
      ListRoleTags(input) {
        const read = membersOf(input, (message) => new AwsFault('ValidationError', message));
        const role = read.string('RoleName');
        const tags = principals.tagsOfRole(role);
        if (tags === undefined) throw new AwsFault('NoSuchEntity', `The role with name ${role} cannot be found.`, 404);
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
