import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { tenantOf } from '../budgets/definition.ts';
import { isoTime } from '../clock.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import { isEnded } from '../profiles/profile-index.ts';
import { readIndex } from '../signals/review-on-signal.ts';
import { tagValue } from '../tags.ts';
import { enforceBudgets } from './enforce-budgets.ts';
import { describeChange, describeTarget, type Retractions } from './override.ts';
import { budgetAfter, type OverrideOutcome, problemOfReason } from './override-standing.ts';

/** Who takes an override back, and why. */
export interface Retraction {
  /** The whole id, or so much of its beginning that no other begins so. */
  readonly id: string;
  readonly reason: string;
  readonly author: string;
}

export type RetractionOutcome =
  | Extract<OverrideOutcome, { readonly kind: 'refused' }>
  | Exclude<OverrideOutcome, { readonly kind: 'refused' }>;

/** Fewer could mean another override by a slip. */
const LEAST_ID = 6;

/**
 * Ends an operator's word before its time: it is removed first, so that every review from then on decides without it, and
 * what follows is enforced at once. What fails after that, the sweep finishes: it reviews every budget on what is kept.
 */
export async function takeBack(
  ports: StandingEnforcement & { readonly overrides: Retractions },
  { id, reason, author }: Retraction,
): Promise<RetractionOutcome> {
  const problem = problemOfReason(reason);
  if (problem !== undefined) return { kind: 'refused', problem };
  if (id.length < LEAST_ID)
    return { kind: 'refused', problem: `expected at least ${LEAST_ID} characters of an id, not "${id}"` };
  const lasting = await ports.overrides.lasting(ports.clock.now());
  const [override, another] = lasting.filter((each) => each.id === id || each.id.startsWith(id));
  if (override === undefined)
    return { kind: 'refused', problem: `no override with the id ${id} holds: it has ended, or was taken back` };
  if (another !== undefined && override.id !== id)
    return { kind: 'refused', problem: `several overrides begin with ${id}; give the whole id` };
  const entries = await readIndex(ports);
  if ((await ports.overrides.takeBack(override)) === 'gone')
    return { kind: 'refused', problem: `override ${override.id} is not there any more: somebody was faster` };
  const { target, change } = override;
  ports.journal.decided('take back override', {
    override: override.id,
    target: describeTarget(target),
    ...(target.kind === 'tenant' ? { tenant: target.tenant } : { budget: target.budget }),
    change: describeChange(change),
    because: reason,
    author,
    was: `${override.reason} (${override.author}, until ${isoTime(override.until)})`,
  });
  const isOwn = (tenant: string | undefined) => target.kind === 'tenant' && tenant === target.tenant;
  const budgets = budgetsInUse(ports, entries).filter((budget) =>
    target.kind === 'budget' ? budget.id === target.budget : isOwn(tenantOf(ports.policy, budget)),
  );
  const profiles = entries.filter((entry) => !isEnded(entry) && isOwn(tagValue(entry.tags, ports.policy.tenantTag)));
  try {
    const enforcement = await enforceBudgets(ports, budgets, entries, profiles);
    const after = await Promise.all(budgets.map((budget) => budgetAfter(ports, budget)));
    return { kind: 'applied', override, budgets: after, enforcement };
  } catch (error) {
    return { kind: 'kept', override, problem: error instanceof Error ? error.message : String(error) };
  }
}
