import { type Approximation, approximations } from '../../domain/budgets/approximations.ts';
import { type PlannedAction, planProfiles, readProfiles } from '../../domain/profiles/plan-profiles.ts';
import type { PolicyFile } from '../policy-file.ts';
import type { Account } from './account.ts';

/** All that an apply would do. */
export interface AccountPlan {
  readonly accountId: string;
  readonly table: string;
  /** Whether the table holds another policy than the file, or none. */
  readonly storesPolicy: boolean;
  readonly actions: readonly PlannedAction[];
  /** What AWS Budgets will not do as the policy says. */
  readonly approximations: readonly Approximation[];
}

export async function planFor(account: Account, { policy, document }: PolicyFile, table: string): Promise<AccountPlan> {
  return {
    accountId: account.id,
    table,
    storesPolicy: !(await account.policies.holds(document)),
    approximations: approximations(policy),
    actions: planProfiles(policy, await readProfiles(account.ports.profiles, policy.regions)),
  };
}

export const count = (plan: AccountPlan, kind: PlannedAction['kind']): number =>
  plan.actions.filter((action) => action.kind === kind).length;

/** Whether an apply would write anything. */
export const hasChanges = (plan: AccountPlan): boolean =>
  plan.storesPolicy || count(plan, 'create') + count(plan, 'adopt') > 0;

/** Whether all that the file says is so. Surplus profiles are nobody's declaration. */
export const isAsDeclared = (plan: AccountPlan): boolean => !hasChanges(plan) && count(plan, 'conflict') === 0;
