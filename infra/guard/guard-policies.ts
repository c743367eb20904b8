/** The guard's documents: what a platform team attaches to tenants' roles and to the governed account. */
import { partitionOf } from '../../domain/profiles/profile-arn.ts';
import {
  everythingButCalls,
  type GuardedAccount,
  governorTags,
  invokeOwnProfiles,
  lockedStanding,
  modelsBehindProfiles,
  modelsOnlyBehindProfiles,
  othersProfiles,
  profilesAreNotTenants,
  requiredTags,
  tenantIsKnown,
  tenantOfProfiles,
} from './guard-statements.ts';
import {
  charactersOf,
  MAX_CHARACTERS,
  type PolicyDocument,
  type PolicyKind,
  type Statement,
} from './policy-document.ts';

export interface GuardPolicy {
  /** The file's name. */
  readonly name: string;
  readonly kind: PolicyKind;
  readonly document: PolicyDocument;
}

export type GuardReading =
  | { readonly kind: 'rendered'; readonly policies: readonly GuardPolicy[] }
  | { readonly kind: 'impossible'; readonly problems: readonly string[] };

/** The same account gives the same documents, to the byte. */
export function guardPolicies(account: GuardedAccount): GuardReading {
  const partitions = [...new Set(account.policy.regions.map(partitionOf))];
  if (partitions.length > 1)
    return {
      kind: 'impossible',
      problems: [
        `regions: expected Regions of one partition, as one account has them, not of ${partitions.join(' and ')}`,
      ],
    };
  const policies = [
    policyOf('tenant-identity-policy.json', 'managed', [
      invokeOwnProfiles(account),
      modelsBehindProfiles(account),
      lockedStanding(account),
      modelsOnlyBehindProfiles(account, account.accountId),
      othersProfiles(account),
      tenantIsKnown(account),
      profilesAreNotTenants(account),
    ]),
    policyOf('tenant-permissions-boundary.json', 'managed', [
      everythingButCalls,
      invokeOwnProfiles(account),
      modelsBehindProfiles(account),
      lockedStanding(account),
      profilesAreNotTenants(account),
    ]),
    policyOf('scp-model-calls.json', 'service-control', [
      lockedStanding(account),
      modelsOnlyBehindProfiles(account, '*'),
      othersProfiles(account),
    ]),
    policyOf('scp-profile-tags.json', 'service-control', [
      ...governorTags(account),
      tenantOfProfiles(account),
      ...requiredTags(account),
    ]),
  ];
  const problems = policies.flatMap(tooLong);
  return problems.length > 0 ? { kind: 'impossible', problems } : { kind: 'rendered', policies };
}

const policyOf = (name: string, kind: PolicyKind, statements: readonly Statement[]): GuardPolicy => ({
  name,
  kind,
  document: { Version: '2012-10-17', Statement: statements },
});

function tooLong({ name, kind, document }: GuardPolicy): string[] {
  const [characters, most] = [charactersOf(kind, document), MAX_CHARACTERS[kind]];
  if (characters <= most) return [];
  const cause =
    name === 'scp-profile-tags.json'
      ? 'fewer required tags without a default, or fewer roles that may tag'
      : 'fewer Regions';
  return [
    `${name}: expected at most ${most} characters, which is what AWS takes, not ${characters}: it needs ${cause}`,
  ];
}
