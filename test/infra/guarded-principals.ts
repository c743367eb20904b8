/** The guard of the example's policy, and principals of an embedded AWS that hold it. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readPolicy } from '../../domain/policy/policy.ts';
import { governorRoles } from '../../infra/guard/governor-roles.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';

const EXAMPLE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
export const ACCOUNT = '123456789012';
export const ROLES = governorRoles({ stage: 'dev', region: 'us-east-1' });

export const examplePolicy = () => {
  const reading = readPolicy(parse(readFileSync(EXAMPLE, 'utf8')));
  if (reading.kind !== 'valid') throw new Error('the example is no policy');
  return reading.policy;
};

export type GuardName =
  | 'tenant-identity-policy.json'
  | 'tenant-permissions-boundary.json'
  | 'scp-model-calls.json'
  | 'scp-profile-tags.json';

/** As it is in the file. */
export function guard(name: GuardName): JsonObject {
  const reading = guardPolicies({ accountId: ACCOUNT, policy: examplePolicy(), taggingRoles: ROLES });
  const found = reading.kind === 'rendered' ? reading.policies.find((policy) => policy.name === name) : undefined;
  if (found === undefined) throw new Error(`the guard has no ${name}`);
  return JSON.parse(JSON.stringify(found.document)) as JsonObject;
}

export const EVERYTHING: JsonObject = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }],
};

/** The three ways in which the guard reaches a tenant's role; each has to do alone. */
export const ATTACHED = {
  // As a role that has all other permissions too, so that the denies are put to the test.
  'an identity policy': { policies: [guard('tenant-identity-policy.json'), EVERYTHING] },
  'an identity policy alone': { policies: [guard('tenant-identity-policy.json')] },
  'a permissions boundary': { policies: [EVERYTHING], boundary: guard('tenant-permissions-boundary.json') },
  'service control policies': {
    policies: [EVERYTHING],
    serviceControlPolicies: [EVERYTHING, guard('scp-model-calls.json'), guard('scp-profile-tags.json')],
  },
} as const;

export interface Holder {
  readonly role: string;
  readonly tenant?: string;
  readonly policies?: readonly JsonObject[];
  readonly boundary?: JsonObject;
  readonly serviceControlPolicies?: readonly JsonObject[];
}

/** Registers a session of a role; its access key is the role's name. */
export function register(aws: EmbeddedAws, { role, tenant, ...policies }: Holder): void {
  aws.registerPrincipal({
    accountId: aws.accountId,
    accessKeyId: role,
    arn: `arn:aws:sts::${aws.accountId}:assumed-role/${role}/session`,
    userId: `AROA${role.toUpperCase()}:session`,
    ...(tenant === undefined ? {} : { tags: { tenant } }),
    ...policies,
  });
}
