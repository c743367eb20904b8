/**
 * The statements of the guard, each said once. Actions, resources and condition keys: AWS Service Authorization
 * Reference, Amazon Bedrock; what a call through a profile is authorised for:
 * docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq. What each is for: docs/guard-policies.md.
 */
import type { Policy } from '../../domain/policy/policy.ts';
import { partitionOf } from '../../domain/profiles/profile-arn.ts';
import type { standingTagValue } from '../../domain/standing/standing.ts';
import { GOVERNOR_TAG_PREFIX, STANDING_TAG } from '../../domain/tags.ts';
import type { Statement } from './policy-document.ts';

export interface GuardedAccount {
  /** The account that the stack governs: 12 digits. */
  readonly accountId: string;
  readonly policy: Pick<Policy, 'regions' | 'tenantTag' | 'tags'>;
  /** Names (with paths, where they have some) of roles that may write `governor:*` tags. */
  readonly taggingRoles: readonly string[];
}

/** Converse and ConverseStream have no actions of their own: these two authorise them. */
const INVOKE = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'];
const TAGGING = ['bedrock:TagResource', 'bedrock:UntagResource'];

/** The standings in which nobody may call: a throttled profile goes on, along a pace that only the ledger knows. */
const LOCKED = ['closed', 'quarantined'] satisfies NonNullable<ReturnType<typeof standingTagValue>>[];

const partition = ({ policy }: GuardedAccount): string => partitionOf(policy.regions[0] ?? '');
const anyProfile = (account: GuardedAccount): string =>
  `arn:${partition(account)}:bedrock:*:*:application-inference-profile/*`;
/** An empty Region too: global system profiles route to a model without one. */
const anyModel = (account: GuardedAccount): string => `arn:${partition(account)}:bedrock:*::foundation-model/*`;
const anySystemProfile = (account: GuardedAccount): string =>
  `arn:${partition(account)}:bedrock:*:${account.accountId}:inference-profile/*`;

/** Profiles in the Regions that the policy governs. */
function governedProfiles(account: GuardedAccount, accountId: string): readonly string[] {
  const regions = [...new Set(account.policy.regions)].sort();
  return regions.map(
    (region) => `arn:${partition(account)}:bedrock:${region}:${accountId}:application-inference-profile/*`,
  );
}

const resourceTag = (key: string): string => `aws:ResourceTag/${key}`;
const principalTag = (key: string): string => `aws:PrincipalTag/${key}`;
/** IAM fills it in for each request; a wildcard in the tag's value stands for itself. */
const tenantOfCaller = ({ policy }: GuardedAccount): string => `\${${principalTag(policy.tenantTag)}}`;

/** A tenant's own profiles, by tag. */
export const invokeOwnProfiles = (account: GuardedAccount): Statement => ({
  Sid: 'InvokeOwnProfiles',
  Effect: 'Allow',
  Action: INVOKE,
  Resource: governedProfiles(account, account.accountId),
  Condition: { StringEquals: { [resourceTag(account.policy.tenantTag)]: [tenantOfCaller(account)] } },
});

/**
 * What lies under a profile is authorised with it: the models of every Region that it routes to, and the system profile
 * that it was copied from. That the latter is checked with `bedrock:InferenceProfileArn`, and that the key holds the ARN of the
 * application inference profile there, is UNVERIFIED.
 */
export const modelsBehindProfiles = (account: GuardedAccount): Statement => ({
  Sid: 'ModelsBehindProfiles',
  Effect: 'Allow',
  Action: INVOKE,
  Resource: [anyModel(account), anySystemProfile(account)],
  Condition: { ArnLike: { 'bedrock:InferenceProfileArn': governedProfiles(account, account.accountId) } },
});

/** The second lock. How soon a tag is seen by IAM is UNVERIFIED. */
export const lockedStanding = (account: GuardedAccount): Statement => ({
  Sid: 'LockedStanding',
  Effect: 'Deny',
  Action: INVOKE,
  Resource: [anyProfile(account)],
  Condition: { StringEquals: { [resourceTag(STANDING_TAG)]: LOCKED } },
});

/**
 * No model but through a profile that is governed. A negated operator also holds where its key is missing, which is a
 * direct call; for a call of a system profile the key holds that profile's ARN. The system profile as a resource needs no deny
 * of its own: its models are checked with it.
 */
export const modelsOnlyBehindProfiles = (account: GuardedAccount, accountId: string): Statement => ({
  Sid: 'ModelsOnlyBehindProfiles',
  Effect: 'Deny',
  Action: INVOKE,
  Resource: [anyModel(account)],
  Condition: { ArnNotLike: { 'bedrock:InferenceProfileArn': governedProfiles(account, accountId) } },
});

/** Holds for profiles without the tag as well. Who has no tenant is not concerned: see {@link tenantIsKnown}. */
export const othersProfiles = (account: GuardedAccount): Statement => ({
  Sid: 'ProfilesOfOthers',
  Effect: 'Deny',
  Action: INVOKE,
  Resource: [anyProfile(account)],
  Condition: {
    Null: { [principalTag(account.policy.tenantTag)]: ['false'] },
    StringNotEquals: { [resourceTag(account.policy.tenantTag)]: [tenantOfCaller(account)] },
  },
});

/** A tenant's role that lost its tag calls nothing, whatever else it was given. */
export const tenantIsKnown = (account: GuardedAccount): Statement => ({
  Sid: 'CallerWithoutTenant',
  Effect: 'Deny',
  Action: INVOKE,
  Resource: ['*'],
  Condition: { Null: { [principalTag(account.policy.tenantTag)]: ['true'] } },
});

/**
 * Whoever makes or tags profiles decides whose money they spend: no tenant does. Creating a profile is authorised on its
 * source as well as on the profile, which has no name yet; so both are named.
 */
export const profilesAreNotTenants = (account: GuardedAccount): Statement => ({
  Sid: 'ProfilesAreThePlatforms',
  Effect: 'Deny',
  Action: ['bedrock:CreateInferenceProfile', 'bedrock:DeleteInferenceProfile', ...TAGGING],
  Resource: [anyProfile(account), anyModel(account), anySystemProfile(account)],
});

/** A permissions boundary limits only what it does not allow: everything else is left to the role's policies. */
export const everythingButCalls: Statement = {
  Sid: 'EverythingButModelCalls',
  Effect: 'Allow',
  NotAction: INVOKE,
  Resource: ['*'],
};

/**
 * Tags under `governor:`, on creation too, for nobody but the governor. Names of condition keys know no case, so that
 * `Governor:Standing` could be taken for the standing: it is refused to all.
 */
export function governorTags(account: GuardedAccount): readonly Statement[] {
  const roles = [...new Set(account.taggingRoles)].sort();
  const arns = roles.map((role) => `arn:${partition(account)}:iam::${account.accountId}:role/${role}`);
  const protectedTags = {
    Effect: 'Deny',
    Action: ['bedrock:CreateInferenceProfile', ...TAGGING],
    Resource: ['*'],
  } as const;
  const butTheGovernor = { ArnNotLike: { 'aws:PrincipalArn': arns } };
  return [
    {
      Sid: 'GovernorTags',
      ...protectedTags,
      Condition: { 'ForAnyValue:StringLike': { 'aws:TagKeys': [`${GOVERNOR_TAG_PREFIX}*`] }, ...butTheGovernor },
    },
    {
      Sid: 'StandingInAnyCase',
      ...protectedTags,
      Condition: { 'ForAnyValue:StringEqualsIgnoreCase': { 'aws:TagKeys': [STANDING_TAG] }, ...butTheGovernor },
    },
  ];
}

/** A role with a tenant does not say whose a profile is, neither when it makes one nor later. */
export const tenantOfProfiles = (account: GuardedAccount): Statement => ({
  Sid: 'TenantOfProfiles',
  Effect: 'Deny',
  Action: ['bedrock:CreateInferenceProfile', ...TAGGING],
  Resource: ['*'],
  Condition: {
    Null: { [principalTag(account.policy.tenantTag)]: ['false'] },
    'ForAnyValue:StringEqualsIgnoreCase': { 'aws:TagKeys': [account.policy.tenantTag] },
  },
});

/**
 * The tags without which no profile is made: those that the policy requires, but for those that the governor mends
 * from a default, and those that an exception may excuse.
 */
export function tagsAtCreation({ required, exceptions }: Policy['tags']): readonly string[] {
  const excusable = new Set(exceptions.flatMap(({ optional }) => optional));
  return Object.entries(required)
    .filter(([key, rule]) => rule.default === undefined && !excusable.has(key))
    .map(([key]) => key)
    .sort();
}

/**
 * Two statements for each tag. The first refuses a missing or empty value. The names of condition keys know no case, so
 * that it takes `Dept` for `dept`; values do, and the second, which holds where no key of the request is this one,
 * does not.
 */
export const requiredTags = (account: GuardedAccount): readonly Statement[] =>
  tagsAtCreation(account.policy.tags).flatMap((key, index): Statement[] => {
    const creation = { Effect: 'Deny', Action: ['bedrock:CreateInferenceProfile'], Resource: ['*'] } as const;
    return [
      { Sid: `Value${index + 1}`, ...creation, Condition: { StringNotLike: { [`aws:RequestTag/${key}`]: ['?*'] } } },
      { Sid: `Key${index + 1}`, ...creation, Condition: { 'ForAllValues:StringNotEquals': { 'aws:TagKeys': [key] } } },
    ];
  });
