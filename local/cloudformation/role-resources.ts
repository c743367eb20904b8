import { isObject } from '../members.ts';
import type { Principals } from '../principals.ts';
import type { JsonObject } from '../service.ts';
import { physicalName, type ResourceType, stringProperty } from './resource-type.ts';
import { TemplateError } from './template.ts';

/**
 * `AWS::IAM::Role`: what its inline policies allow is all that its sessions may do. Managed policies and boundaries are
 * refused, because nothing here says what they hold.
 */
export function roleResources(principals: Principals): Readonly<Record<string, ResourceType>> {
  const role: ResourceType = {
    used: ['RoleName', 'Path', 'Policies'],
    ignored: ['AssumeRolePolicyDocument', 'Description', 'MaxSessionDuration', 'Tags'],
    put(desired) {
      const name = stringProperty(desired, 'RoleName', physicalName(desired));
      const arn = `arn:aws:iam::${desired.accountId}:role${stringProperty(desired, 'Path', '/')}${name}`;
      const policies = desired.properties['Policies'] ?? [];
      if (!Array.isArray(policies)) throw new TemplateError(`${desired.logicalId}: Policies must be a list`);
      const documents = policies.map((policy): [string, JsonObject] => {
        const { PolicyName, PolicyDocument } = isObject(policy) ? policy : {};
        if (typeof PolicyName !== 'string' || !isObject(PolicyDocument))
          throw new TemplateError(`${desired.logicalId}: a policy needs a PolicyName and a PolicyDocument`);
        return [PolicyName, PolicyDocument];
      });
      principals.putRole(arn, new Map(documents));
      return {
        ref: name,
        attributes: { Arn: arn, RoleId: `AROA${physicalName(desired).slice(-12)}` },
        remove: () => principals.removeRole(arn),
      };
    },
  };
  return { 'AWS::IAM::Role': role };
}
