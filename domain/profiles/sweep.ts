import type { BudgetId } from '../budgets/definition.ts';
import { budgetsInUse } from '../budgets/hear-alert.ts';
import { reviewBudget } from '../standing/review-budget.ts';
import { type GovernedProfile, governProfile, type ProfileGovernance } from './govern-profile.ts';
import type { ProfileArn } from './profile-arn.ts';

export interface SweepReport {
  readonly profiles: number;
  /** Profiles or budgets that could not be read or written now; they stay as they are until the next sweep. */
  readonly failed: readonly string[];
  readonly ended: number;
}

/**
 * The scheduled reconciliation of everything: every budget reviewed, every profile of every governed Region governed,
 * every index entry without a profile ended. It does what the events should have done, so a lost event is a delay and
 * nothing worse. One profile that fails holds up no other.
 */
export async function sweep(ports: ProfileGovernance): Promise<SweepReport> {
  const failed: string[] = [];
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failed.push(what);
      ports.journal.counted('ProfileReadFailed', {
        what,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  };

  const entries = await ports.index.list();
  const reviewed = new Set<BudgetId>();
  const govern = async (arn: ProfileArn): Promise<GovernedProfile['kind']> => {
    const governed = await governProfile(ports, arn);
    if (governed.kind === 'governed') for (const { id } of governed.entry.budgets) reviewed.add(id);
    return governed.kind;
  };

  const listed = new Set<ProfileArn>();
  const readRegions = new Set<string>();
  for (const region of ports.policy.regions)
    await attempt(`the profiles of ${region}`, async () => {
      for await (const arn of ports.profiles.list(region)) {
        listed.add(arn);
        await attempt(arn, async () => void (await govern(arn)));
      }
      readRegions.add(region);
    });

  // A list that broke off proves nothing about what it did not show; and each absence is read again on its own.
  const missing = entries.filter(
    (entry) => entry.endedAt === undefined && readRegions.has(entry.region) && !listed.has(entry.arn),
  );
  let ended = 0;
  for (const entry of missing)
    await attempt(entry.arn, async () => void ((await govern(entry.arn)) === 'gone' && ended++));

  // Budgets of living profiles were reviewed with them. The others still have leases to take back: those of profiles
  // that are gone, or could not be listed or read now.
  for (const budget of budgetsInUse(ports, entries))
    if (!reviewed.has(budget.id)) await attempt(budget.id, async () => void (await reviewBudget(ports, budget)));
  return { profiles: listed.size, failed, ended };
}
