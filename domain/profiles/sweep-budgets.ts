import type { Budget } from '../budgets/definition.ts';
import { budgetsInUse, readOutsideFigures } from '../budgets/hear-alert.ts';
import { type TrueUp, trueUp } from '../spending/true-up-budget.ts';
import { type OutsideFigures, unsettledPeriods } from '../standing/review-budget.ts';
import { bypassesOf, tellBypass } from '../standing/tell-bypass.ts';
import type { SharedBudgetWork } from './budget-work.ts';
import type { ProfileGovernance } from './govern-profile.ts';
import { beginningAfter, inTurn } from './in-turn.ts';
import type { IndexEntry } from './profile-index.ts';
import type { SweepRun } from './sweep-run.ts';

/**
 * Every budget that covers a profile of the index, reviewed once and trued up. Before the profiles, whose standing
 * follows from it. AWS Budgets is asked because its alerts come once and may have been lost; profiles that are gone, or
 * cannot be read now, still have leases to take back.
 *
 * @returns the last budget that was reviewed, where the time did not suffice for all
 */
export async function sweepBudgets(
  ports: ProfileGovernance & TrueUp,
  run: SweepRun,
  work: SharedBudgetWork,
  { entries, after }: { readonly entries: readonly IndexEntry[]; readonly after: string | undefined },
): Promise<string | undefined> {
  const budgets = beginningAfter(budgetsInUse(ports, entries), ({ id }) => id, after);
  let done = 0;
  while (done < budgets.length && !run.forBudgets.isTimeUp())
    done += await sweepBatch(ports, run, work, budgets.slice(done, done + BATCH));
  return done < budgets.length ? (budgets[done - 1]?.id ?? after) : undefined;
}

/** So few that what is left to do for them when the time is up takes seconds, and so many that metrics are read together. */
const BATCH = 64;

/** @returns how many were reviewed */
async function sweepBatch(
  ports: ProfileGovernance & TrueUp,
  run: SweepRun,
  work: SharedBudgetWork,
  budgets: readonly Budget[],
): Promise<number> {
  const reviewed = new Map<Budget, OutsideFigures | undefined>();
  const asSeen = { ...ports, awsBudgets: work.awsBudgets };
  const done = await inTurn(budgets, run.forBudgets, async (budget) => {
    let outside: OutsideFigures | undefined;
    await run.attempt(`AWS Budgets on ${budget.id}`, async () => {
      outside = await readOutsideFigures(asSeen, budget);
    });
    await run.attempt(budget.id, async () => {
      await work.reviewAnew(budget, outside);
      reviewed.set(budget, outside);
    });
  });
  // After the reviews, which take back the leases of processes that are gone: a lease keeps its hours open.
  const targets = [...reviewed.keys()].flatMap((budget) =>
    unsettledPeriods(budget, ports.clock.now()).map((period) => ({ budget, period })),
  );
  const changed = new Set<Budget>();
  await run.attempt('the true-up', async () => {
    for (const report of await trueUp(readingIndexOnce(ports), targets)) {
      const { budget, period, outcome, unreadable } = report;
      // AWS's figures are of the current period.
      const figures = ports.clock.now() < period.endsAt ? reviewed.get(budget) : undefined;
      await run.attempt(budget.id, () => tellBypass(ports, report, bypassesOf(report, figures)));
      if (outcome === 'trued-up') changed.add(budget);
      if (outcome === 'failed') run.failed.push(`the true-up of ${budget.id} in ${period.id}`);
      if (unreadable.length > 0) run.failed.push(`the token metrics of ${budget.id} in ${period.id}`);
    }
  });
  for (const budget of changed)
    await run.attempt(budget.id, async () => void (await work.reviewAnew(budget, reviewed.get(budget))));
  return done;
}

/** The index is long, and there are many budgets. It is read when the first of them needs it: after all ledgers. */
function readingIndexOnce(ports: TrueUp): TrueUp {
  let entries: ReturnType<TrueUp['index']['list']> | undefined;
  return { ...ports, index: { list: () => (entries ??= ports.index.list()) } };
}
