import { tenantOf } from '../budgets/definition.ts';
import type { Policy } from '../policy/policy.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import type { LedgerStanding } from '../spending/terms.ts';
import { tagValue } from '../tags.ts';
import type { BudgetStatus } from './budget-status.ts';

/** One tenant: its profiles, and the budgets that are its own. */
export interface TenantStatus {
  readonly tenant: string;
  readonly profiles: number;
  /** Profiles that no call may go through: quarantined, disabled, or covered by a closed budget. */
  readonly closedProfiles: number;
  readonly budgets: readonly BudgetStatus[];
  /** The strictest of its own budgets; `closed` where an operator has disabled the tenant. */
  readonly standing: LedgerStanding;
}

const RANK: Readonly<Record<LedgerStanding, number>> = { open: 0, throttled: 1, closed: 2 };

/** All tenants with a profile that lives, by name. Shared budgets are nobody's own, and in none of them. */
export function tenantStatuses(
  policy: Policy,
  entries: readonly IndexEntry[],
  statuses: readonly BudgetStatus[],
): readonly TenantStatus[] {
  const byTenant = new Map<string, IndexEntry[]>();
  for (const entry of entries) {
    const tenant = tagValue(entry.tags, policy.tenantTag) ?? '';
    if (entry.endedAt === undefined && tenant !== '') byTenant.set(tenant, [...(byTenant.get(tenant) ?? []), entry]);
  }
  return [...byTenant]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tenant, profiles]): TenantStatus => {
      const budgets = statuses.filter(({ budget }) => tenantOf(policy, budget) === tenant);
      const isDisabled = profiles.some(
        ({ standing }) => standing.state !== 'open' && standing.reasons.some(({ kind }) => kind === 'tenant-disabled'),
      );
      const standings = budgets.flatMap(({ figures }) => figures?.standing ?? []);
      return {
        tenant,
        profiles: profiles.length,
        closedProfiles: profiles.filter(({ standing }) => standing.state === 'closed').length,
        budgets,
        standing: isDisabled ? 'closed' : ([...standings].sort((a, b) => RANK[b] - RANK[a])[0] ?? 'open'),
      };
    });
}
