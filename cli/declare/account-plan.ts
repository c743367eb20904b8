import { knownNames } from '../../aws/known-names.ts';
import { type Approximation, approximations } from '../../domain/budgets/approximations.ts';
import { checkTagKeys, type TagKeyCheck } from '../../domain/policy/tag-keys.ts';
import { type Doubt, unfamiliarNames } from '../../domain/policy/unfamiliar-names.ts';
import { type PlannedAction, planProfiles, readProfiles } from '../../domain/profiles/plan-profiles.ts';
import { NOTHING_PLANNED, type PlannedStandings, planStandings } from '../../domain/status/planned-standings.ts';
import type { PolicyFile } from '../policy-file.ts';
import type { Account } from './account.ts';

/** All that an apply would do. */
export interface AccountPlan {
  readonly accountId: string;
  readonly table: string;
  /** Whether the table holds another policy than the file, or none. */
  readonly storesPolicy: boolean;
  /** Under `mode: observe` nothing but the policy is stored: the actions are what would be done. */
  readonly observes: boolean;
  /** Whether the deployed stack may write the tags that this policy mends. */
  readonly tagKeys: TagKeyCheck;
  readonly actions: readonly PlannedAction[];
  /** What follows for the budgets and profiles that are there: the sweep does it, minutes after the policy is stored. */
  readonly standings: PlannedStandings;
  /** What AWS Budgets will not do as the policy says. */
  readonly approximations: readonly Approximation[];
  /** Names of the policy that may be mistyped. */
  readonly doubts: readonly Doubt[];
}

export async function planFor(account: Account, { policy, document }: PolicyFile, table: string): Promise<AccountPlan> {
  const storesPolicy = !(await account.policies.holds(document));
  return {
    accountId: account.id,
    table,
    observes: policy.mode === 'observe',
    storesPolicy,
    // A policy that is in force has had its consequences, or the sweep is at them.
    standings: storesPolicy ? await planStandings(account.standings, policy) : NOTHING_PLANNED,
    approximations: approximations(policy),
    doubts: unfamiliarNames(policy, knownNames()),
    tagKeys: checkTagKeys(policy.tags, await account.tagKeys()),
    actions: planProfiles(policy, await readProfiles(account.ports.profiles, policy.regions)),
  };
}

export const count = (plan: AccountPlan, kind: PlannedAction['kind']): number =>
  plan.actions.filter((action) => action.kind === kind).length;

/** Profiles that an apply makes or tags. */
export const toChange = (plan: AccountPlan): number =>
  plan.observes ? 0 : count(plan, 'create') + count(plan, 'adopt');

/** Whether an apply would write anything. */
export const hasChanges = (plan: AccountPlan): boolean => plan.storesPolicy || toChange(plan) > 0;

/** Whether all that the file says is so. Surplus profiles are nobody's declaration. */
export const isAsDeclared = (plan: AccountPlan): boolean =>
  !plan.storesPolicy && count(plan, 'create') + count(plan, 'adopt') + count(plan, 'conflict') === 0;
