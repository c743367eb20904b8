import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { budgetsLeft } from '../budgets/budgets-left.ts';
import type { Budget } from '../budgets/definition.ts';
import { outsideFigures } from '../budgets/hear-alert.ts';
import type { SeenAwsBudgets } from '../budgets/provision-all.ts';
import { awsBudgetName } from '../budgets/provisioning.ts';
import { type TrueUp, trueUp } from '../spending/true-up-budget.ts';
import { finishPeriods, type OutsideFigures, unsettledPeriods } from '../standing/review-budget.ts';
import { bypassesOf, tellBypass } from '../standing/tell-bypass.ts';
import type { SharedBudgetWork } from './budget-work.ts';
import type { ProfileGovernance } from './govern-profile.ts';
import { beginningAfter, inTurn } from './in-turn.ts';
import type { IndexEntry } from './profile-index.ts';
import type { SweepRun } from './sweep-run.ts';
import type { TagHistories } from './tag-history.ts';

/**
 * Every budget that covers a profile of the index, reviewed once and trued up. Before the profiles, whose standing
 * follows from it. AWS Budgets is asked because its alerts come once and may have been lost; profiles that are gone, or
 * cannot be read now, still have leases to take back.
 *
 * A budget that covers none any more is settled, and given nothing new.
 *
 * @returns the last budget that was reviewed, where the time did not suffice for all
 */
export async function sweepBudgets(
  ports: ProfileGovernance & TrueUp,
  run: SweepRun,
  work: SharedBudgetWork,
  { entries, after }: { readonly entries: readonly IndexEntry[]; readonly after: string | undefined },
): Promise<string | undefined> {
  let histories: Awaited<ReturnType<TagHistories['list']>> = new Map();
  await run.attempt('which tags profiles have carried', async () => {
    histories = await ports.histories.list();
  });
  const inUse = budgetsInUse(ports, entries);
  const left = budgetsLeft(ports, inUse, histories, ports.clock.now());
  const budgets = beginningAfter([...inUse, ...left], ({ id }) => id, after);
  let seen: SeenAwsBudgets = new Map();
  if (budgets.length > 0)
    await run.attempt('AWS Budgets', async () => {
      seen = await work.seenAwsBudgets();
    });
  let done = 0;
  while (done < budgets.length && !run.forBudgets.isTimeUp())
    done += await sweepBatch(ports, run, work, {
      budgets: budgets.slice(done, done + BATCH),
      left: new Set(left),
      seen,
    });
  return done < budgets.length ? (budgets[done - 1]?.id ?? after) : undefined;
}

/** So few that what is left to do for them when the time is up takes seconds, and so many that metrics are read together. */
const BATCH = 64;

/** @returns how many were reviewed */
async function sweepBatch(
  ports: ProfileGovernance & TrueUp,
  run: SweepRun,
  work: SharedBudgetWork,
  {
    budgets,
    left,
    seen,
  }: { readonly budgets: readonly Budget[]; readonly left: ReadonlySet<Budget>; readonly seen: SeenAwsBudgets },
): Promise<number> {
  const reviewed = new Map<Budget, OutsideFigures | undefined>();
  // Where that fails each review reads for itself, and tells.
  const ahead = await work.readAhead(budgets).catch(() => undefined);
  const done = await inTurn(budgets, run.forBudgets, async (budget) => {
    const outside = outsideFigures(ports, budget, seen.get(awsBudgetName(budget, ports.stage)));
    await run.attempt(budget.id, async () => {
      if (left.has(budget)) await finishPeriods(ports, budget, ahead);
      else await work.reviewAnew(budget, outside, ahead);
      reviewed.set(budget, outside);
    });
  });
  // After the reviews, which take back the leases of processes that are gone: a lease keeps its hours open.
  const targets = [...reviewed.keys()].flatMap((budget) =>
    unsettledPeriods(budget, ports.clock.now()).map((period) => ({ budget, period })),
  );
  const changed = new Set<Budget>();
  await run.attempt('the true-up', async () => {
    for (const report of await trueUp(readingOnce(ports), targets)) {
      const { budget, period, outcome, unreadable } = report;
      // AWS's figures are of the current period.
      const figures = ports.clock.now() < period.endsAt ? reviewed.get(budget) : undefined;
      await run.attempt(budget.id, () => tellBypass(ports, report, bypassesOf(report, figures)));
      if (outcome === 'trued-up' && !left.has(budget)) changed.add(budget);
      if (outcome === 'failed') run.failed.push(`the true-up of ${budget.id} in ${period.id}`);
      if (unreadable.length > 0) run.failed.push(`the token metrics of ${budget.id} in ${period.id}`);
    }
  });
  const after = changed.size === 0 ? undefined : await work.readAhead([...changed]).catch(() => undefined);
  for (const budget of changed)
    await run.attempt(budget.id, async () => void (await work.reviewAnew(budget, reviewed.get(budget), after)));
  return done;
}

/** Both are long, and there are many budgets. They are read when the first of them needs them: after all ledgers. */
function readingOnce(ports: TrueUp): TrueUp {
  let entries: ReturnType<TrueUp['index']['list']> | undefined;
  let histories: ReturnType<TrueUp['histories']['list']> | undefined;
  return {
    ...ports,
    index: { list: () => (entries ??= ports.index.list()) },
    histories: { list: () => (histories ??= ports.histories.list()) },
  };
}
