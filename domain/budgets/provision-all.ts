import type { Clock } from '../clock.ts';
import { budgetProvisioned } from '../events/occasions.ts';
import { Fault, isThrottle } from '../fault.ts';
import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { someInTurn } from '../profiles/in-turn.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import type { NoticeOutbox } from '../standing/notice.ts';
import { budgetsInUse } from './budgets-in-use.ts';
import { type Budget, budgetsCovering, tenantOf } from './definition.ts';
import {
  type AwsBudgetState,
  type AwsBudgets,
  awsBudgetFor,
  awsBudgetName,
  awsBudgetNamePrefix,
  isProvided,
  observeBudget,
  type Provisioning,
  provisionBudget,
} from './provisioning.ts';

export interface AwsBudgetWork {
  readonly policy: Policy;
  readonly awsBudgets: AwsBudgets;
  readonly journal: Journal;
  readonly stage: string;
  readonly clock: Clock;
  /** Changes of AWS Budgets are announced to programs. */
  readonly outbox: Pick<NoticeOutbox, 'announce'>;
}

/** AWS Budgets as one bulk read has shown it, by name. */
export type SeenAwsBudgets = ReadonlyMap<string, AwsBudgetState>;

/**
 * Makes AWS Budgets have all of these, one after the other, until all are there, the time is up or AWS throttles. What is
 * left, the next sweep finds again by comparing: AWS itself is the record of how far this one came.
 *
 * @returns how many are left
 */
export async function provisionBudgets(
  ports: AwsBudgetWork,
  budgets: readonly Budget[],
  { seen, isTimeUp }: { readonly seen: SeenAwsBudgets; readonly isTimeUp: () => boolean },
): Promise<number> {
  const known = budgets.map((budget) => {
    const state = seen.get(awsBudgetName(budget, ports.stage));
    // Missing ones before others: somebody may keep a budget different for good, and it is not to take the time of one that
    // is not there. Before both, those that ask nothing of AWS.
    const rank = isProvided(budget, ports.stage, state) ? 0 : state === undefined ? 1 : 2;
    return { budget, state, rank };
  });
  const inOrder = known.sort((a, b) => a.rank - b.rank);
  for (const [position, { budget, state }] of inOrder.entries()) {
    if (isTimeUp()) return budgets.length - position;
    if ((await provisionOne(ports, budget, { state })) === 'throttled') return budgets.length - position;
  }
  return 0;
}

/** AWS Budgets is the slow second opinion: that it cannot be reached must not keep a profile ungoverned. */
export async function provisionOne(
  ports: AwsBudgetWork,
  budget: Budget,
  seen?: { readonly state: AwsBudgetState | undefined },
): Promise<'done' | 'failed' | 'throttled'> {
  let outcome: Provisioning | undefined;
  try {
    if (ports.policy.mode === 'observe') await observeBudget(ports, budget, seen);
    else outcome = await provisionBudget(ports, budget, seen);
  } catch (error) {
    tellFailure(ports, budget, error);
    return error instanceof Fault && isThrottle(error.code) ? 'throttled' : 'failed';
  }
  const change = outcome && CHANGES[outcome];
  if (change === undefined) return 'done';
  try {
    await announce(ports, budget, change);
    return 'done';
  } catch (error) {
    // A throttle here is the table's, and says nothing of AWS Budgets.
    tellFailure(ports, budget, error);
    return 'failed';
  }
}

/** What changed AWS Budgets so that it is as the policy wants it. A budget that was adopted is one that was changed. */
const CHANGES: Partial<Record<Provisioning, 'created' | 'updated'>> = {
  created: 'created',
  updated: 'updated',
  adopted: 'updated',
};

async function announce(
  { outbox, policy, stage, clock }: AwsBudgetWork,
  budget: Budget,
  outcome: 'created' | 'updated',
): Promise<void> {
  const occasion = { budget, awsBudget: awsBudgetName(budget, stage), tenant: tenantOf(policy, budget), outcome };
  await outbox.announce(budgetProvisioned({ ...occasion, at: clock.now() }));
}

const tellFailure = ({ journal }: AwsBudgetWork, budget: Budget, error: unknown): void =>
  journal.counted('BudgetProvisioningFailed', {
    budget: budget.id,
    error: error instanceof Error ? error.message : String(error),
  });

/** A mistake in the policy must not take everything away before somebody sees it. So many are looked at in one sweep. */
const MOST_REMOVED = 20;

/**
 * Removes AWS budgets of ours that no budget of the policy stands for any more, where the policy says so
 * (`awsBudgets.removeStale`). Only what bears a name of this stage and the governor's tag of one that it has made.
 *
 * Every AWS budget in `seen` was made after its profile had come into the index. The index is therefore read again here,
 * after it: a profile that came meanwhile is in it.
 *
 * @param seen must have been read before
 * @returns those that could not be removed, with why: they hold up no other, unless AWS throttles
 * @throws {Fault} where the index cannot be read whole: nothing is removed then
 */
export async function removeStaleBudgets(
  ports: AwsBudgetWork & { readonly index: Pick<ProfileIndex, 'list'> },
  entries: readonly IndexEntry[],
  { seen, isTimeUp }: { readonly seen: SeenAwsBudgets; readonly isTimeUp: () => boolean },
): Promise<ReadonlyMap<string, string>> {
  const failed = new Map<string, string>();
  if (!ports.policy.awsBudgets.removeStale || staleNames(ports, entries, seen).length === 0) return failed;
  const names = staleNames(ports, await ports.index.list(), seen);
  for (const name of someInTurn(names, MOST_REMOVED, ports.clock.now())) {
    if (isTimeUp()) return failed;
    if (ports.policy.mode === 'observe') {
      ports.journal.decided('would remove AWS budget', { name });
      continue;
    }
    let outcome: Awaited<ReturnType<AwsBudgets['remove']>>;
    try {
      outcome = await ports.awsBudgets.remove(name);
    } catch (error) {
      failed.set(name, error instanceof Error ? error.message : String(error));
      if (error instanceof Fault && isThrottle(error.code)) return failed;
      continue;
    }
    if (outcome === 'gone') continue;
    ports.journal.decided(outcome === 'removed' ? 'removed AWS budget' : 'keep stale AWS budget', {
      name,
      because:
        outcome === 'removed'
          ? 'no budget of the policy stands for it'
          : 'it does not bear the tag of one that the governor made',
    });
    if (outcome === 'removed') ports.journal.counted('AwsBudgetRemoved', { name });
  }
  return failed;
}

function staleNames(ports: AwsBudgetWork, entries: readonly IndexEntry[], seen: SeenAwsBudgets): string[] {
  // By tags too: no budget covers a profile while it is quarantined, and it may be released in a minute.
  const budgets = [
    ...budgetsInUse(ports, entries),
    ...entries.flatMap(({ tags }) => budgetsCovering(ports.policy, tags)),
  ];
  const wanted = new Set(budgets.flatMap((budget) => awsBudgetFor(budget, ports.stage)?.name ?? []));
  const prefix = awsBudgetNamePrefix(ports.stage);
  return [...seen.keys()].filter((name) => name.startsWith(prefix) && !wanted.has(name)).sort();
}
