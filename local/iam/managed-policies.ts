import { membersOf } from '../members.ts';
import { AwsFault, type JsonObject, type Operation } from '../service.ts';

interface ManagedPolicy {
  readonly name: string;
  readonly arn: string;
  readonly document: string;
  readonly roles: Set<string>;
}

const members = (input: JsonObject) => membersOf(input, (message) => new AwsFault('ValidationError', message));

/** Managed policies of the account, made, attached and shown. They bind no one here: register principals with policies for that. */
export function managedPolicyOperations(accountId: string): Readonly<Record<string, Operation>> {
  const policies = new Map<string, ManagedPolicy>();
  const policyAt = (arn: string): ManagedPolicy => {
    const policy = policies.get(arn);
    if (policy === undefined)
      throw new AwsFault('NoSuchEntity', `Policy ${arn} does not exist or is not attachable.`, 404);
    return policy;
  };
  return {
    CreatePolicy(input) {
      const read = members(input);
      const [name, document] = [read.string('PolicyName'), read.string('PolicyDocument')];
      const arn = `arn:aws:iam::${accountId}:policy/${name}`;
      if (policies.has(arn)) throw new AwsFault('EntityAlreadyExists', `A policy called ${name} already exists.`, 409);
      policies.set(arn, { name, arn, document, roles: new Set() });
      return { Policy: { PolicyName: name, Arn: arn, DefaultVersionId: 'v1', AttachmentCount: 0 } };
    },
    AttachRolePolicy(input) {
      const read = members(input);
      policyAt(read.string('PolicyArn')).roles.add(read.string('RoleName'));
      return {};
    },
    DetachRolePolicy(input) {
      const read = members(input);
      policyAt(read.string('PolicyArn')).roles.delete(read.string('RoleName'));
      return {};
    },
    GetAccountAuthorizationDetails(input) {
      const filter = members(input).strings('Filter');
      if (filter.join() !== 'LocalManagedPolicy')
        throw new AwsFault('InvalidInput', 'Only the filter LocalManagedPolicy is embedded.');
      return {
        Policies: [...policies.values()].map(({ name, arn, document, roles }) => ({
          PolicyName: name,
          Arn: arn,
          DefaultVersionId: 'v1',
          AttachmentCount: roles.size,
          PermissionsBoundaryUsageCount: 0,
          PolicyVersionList: [{ VersionId: 'v1', IsDefaultVersion: true, Document: encodeURIComponent(document) }],
        })),
        IsTruncated: false,
      };
    },
  };
}
