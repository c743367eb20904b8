import type { Budget } from '../budgets/definition.ts';
import { budgetsInUse, readOutsideFigures } from '../budgets/hear-alert.ts';
import { type TrueUp, trueUp } from '../spending/true-up-budget.ts';
import { type OutsideFigures, unsettledPeriods } from '../standing/review-budget.ts';
import { SharedBudgetWork } from './budget-work.ts';
import { governProfile, type ProfileGovernance } from './govern-profile.ts';
import type { ProfileArn } from './profile-arn.ts';

export interface SweepReport {
  readonly profiles: number;
  /** Profiles or budgets that could not be read or written now; they stay as they are until the next sweep. */
  readonly failed: readonly string[];
  readonly ended: number;
}

export type Sweep = ProfileGovernance & TrueUp;

/**
 * The scheduled reconciliation of everything: every budget reviewed, every profile of every governed Region governed,
 * every index entry without a profile ended. It does what the events should have done, so a lost event is a delay and
 * nothing worse. One profile that fails holds up no other.
 */
export async function sweep(ports: Sweep): Promise<SweepReport> {
  const failed: string[] = [];
  const fail = (what: string, error: string): void => {
    failed.push(what);
    ports.journal.counted('ProfileReadFailed', { what, error });
  };
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      fail(what, error instanceof Error ? error.message : String(error));
    }
  };

  const work = new SharedBudgetWork(ports);
  const entries = await ports.index.list((arn) => fail(`the index entry of ${arn}`, 'written by another version'));
  // Before the profiles, whose standing follows from it. AWS Budgets is asked because its alerts come once and may have
  // been lost; profiles that are gone, or cannot be read now, still have leases to take back.
  const reviewed = new Map<Budget, OutsideFigures | undefined>();
  for (const budget of budgetsInUse(ports, entries)) {
    let outside: OutsideFigures | undefined;
    await attempt(`AWS Budgets on ${budget.id}`, async () => {
      outside = await readOutsideFigures({ ...ports, awsBudgets: work.awsBudgets }, budget);
    });
    await attempt(budget.id, async () => {
      await work.reviewAnew(budget, outside);
      reviewed.set(budget, outside);
    });
  }
  // After the reviews, which take back the leases of processes that are gone: a lease keeps its hours open.
  const targets = [...reviewed.keys()].flatMap((budget) =>
    unsettledPeriods(budget, ports.clock.now()).map((period) => ({ budget, period })),
  );
  const changed = new Set<Budget>();
  await attempt('the true-up', async () => {
    for (const { budget, period, outcome, unreadable } of await trueUp(ports, targets)) {
      if (outcome === 'trued-up') changed.add(budget);
      if (outcome === 'failed') failed.push(`the true-up of ${budget.id} in ${period.id}`);
      if (unreadable.length > 0) failed.push(`the token metrics of ${budget.id} in ${period.id}`);
    }
  });
  for (const budget of changed)
    await attempt(budget.id, async () => void (await work.reviewAnew(budget, reviewed.get(budget))));

  const listed = new Set<ProfileArn>();
  const readRegions = new Set<string>();
  for (const region of ports.policy.regions)
    await attempt(`the profiles of ${region}`, async () => {
      for await (const arn of ports.profiles.list(region)) {
        listed.add(arn);
        await attempt(arn, async () => void (await governProfile(ports, arn, work)));
      }
      readRegions.add(region);
    });

  // A list that broke off proves nothing about what it did not show; and each absence is read again on its own. So are
  // profiles that an event brought in from a Region that is not searched, or is no longer.
  const isSearched = (region: string): boolean => ports.policy.regions.includes(region);
  const missing = entries.filter(
    ({ arn, region, endedAt }) =>
      endedAt === undefined && !listed.has(arn) && (readRegions.has(region) || !isSearched(region)),
  );
  let ended = 0;
  for (const entry of missing)
    await attempt(
      entry.arn,
      async () => void ((await governProfile(ports, entry.arn, work)).kind === 'gone' && ended++),
    );
  return { profiles: listed.size, failed, ended };
}
