import type { Policy } from '../policy/policy.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { type Budget, budgetOf } from './definition.ts';

/** Every budget that covers a profile of the index under the policy as it is now, ended profiles included: they may still be billed. */
export function budgetsInUse(ports: { readonly policy: Policy }, entries: readonly IndexEntry[]): Budget[] {
  const ids = new Set(entries.flatMap((entry) => entry.budgets.map((covering) => covering.id)));
  return [...ids].flatMap((id) => budgetOf(ports.policy, id) ?? []);
}
