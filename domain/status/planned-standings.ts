import { type Budget, budgetOf, budgetsCovering } from '../budgets/definition.ts';
import type { Clock } from '../clock.ts';
import type { NanoUsd } from '../money.ts';
import { periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import { assess, mended } from '../profiles/compliance.ts';
import { inTurn } from '../profiles/in-turn.ts';
import { accountOf, type ProfileArn } from '../profiles/profile-arn.ts';
import { toldBy } from '../profiles/profile-creators.ts';
import { type IndexEntry, isEnded, type ProfileIndex } from '../profiles/profile-index.ts';
import { describeViolation } from '../profiles/violation.ts';
import type { LedgerStore } from '../spending/ledger.ts';
import type { LedgerStanding } from '../spending/terms.ts';
import { decide } from '../standing/decide.ts';
import { type Overrides, wordOn } from '../standing/override.ts';
import type { Signals } from '../standing/signal.ts';
import { isQuarantined } from '../standing/standing.ts';

/** What another policy makes of one budget that some profile is covered by, before or after. */
export type PlannedBudget =
  | { readonly kind: 'begins'; readonly budget: Budget; readonly profiles: number }
  /** The policy has it no longer, or it covers nobody any more. Its items stay as they are. */
  | { readonly kind: 'ends'; readonly id: string }
  | {
      readonly kind: 'changes';
      readonly budget: Budget;
      readonly period: string;
      readonly limit: { readonly before: NanoUsd; readonly after: NanoUsd };
      readonly stopAt: { readonly before: NanoUsd; readonly after: NanoUsd };
      readonly standing: { readonly before: LedgerStanding; readonly after: LedgerStanding };
      readonly because?: string;
    };

/** What it makes of a profile's tags. */
export interface PlannedProfile {
  readonly kind: 'quarantined' | 'released';
  readonly arn: ProfileArn;
  readonly name: string;
  readonly because?: string;
}

export interface PlannedStandings {
  readonly budgets: readonly PlannedBudget[];
  readonly profiles: readonly PlannedProfile[];
}

export const NOTHING_PLANNED: PlannedStandings = { budgets: [], profiles: [] };

const AT_ONCE = 16;

/**
 * What would follow for the budgets and profiles that are there, if this policy were in force: decided by the rules that the
 * sweep decides by, on the index and the ledger as they are now. A budget that begins is opened with what its profiles have
 * spent in its period, which may close it at once; that is not reckoned here. Nor is a grace of violating profiles.
 *
 * @throws {Fault} where the index or the ledger cannot be read
 */
export async function planStandings(
  ports: {
    readonly index: Pick<ProfileIndex, 'list'>;
    readonly ledger: Pick<LedgerStore, 'read'>;
    readonly overrides: Pick<Overrides, 'lasting'>;
    readonly signals: Pick<Signals, 'lasting'>;
    readonly clock: Clock;
  },
  policy: Policy,
): Promise<PlannedStandings> {
  const entries = (await ports.index.list()).filter((entry) => !isEnded(entry));
  if (entries.length === 0) return NOTHING_PLANNED;
  const profiles: PlannedProfile[] = [];
  const covering = new Map<string, { budget: Budget; profiles: number }>();
  for (const entry of entries) {
    const compliance = assess(policy, entry.tags, accountOf(entry.arn), toldBy(entry.creation));
    const isViolating = compliance.kind === 'violating' && policy.mode !== 'observe';
    const change = profileChange(
      entry,
      isViolating ? compliance.violations.map(describeViolation).join('; ') : undefined,
    );
    if (change !== undefined) profiles.push(change);
    if (isViolating) continue;
    const tags = compliance.kind === 'compliant' ? entry.tags : mended(entry.tags, compliance);
    for (const budget of budgetsCovering(policy, tags))
      covering.set(budget.id, { budget, profiles: (covering.get(budget.id)?.profiles ?? 0) + 1 });
  }
  const before = new Set(entries.flatMap(({ budgets }) => budgets.map(({ id }) => id)));
  const begins = [...covering.values()]
    .filter(({ budget }) => !before.has(budget.id))
    .map((each): PlannedBudget => ({ kind: 'begins', ...each }));
  const ends = [...before].filter((id) => !covering.has(id)).map((id): PlannedBudget => ({ kind: 'ends', id }));
  const kept = [...before].flatMap((id) => (covering.has(id) ? (budgetOf(policy, id) ?? []) : []));
  const changes = await changesOf(ports, policy, kept);
  const nameOf = (planned: PlannedBudget): string => (planned.kind === 'ends' ? planned.id : planned.budget.id);
  return {
    budgets: [...begins, ...changes, ...ends].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    profiles: profiles.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function profileChange(entry: IndexEntry, violations: string | undefined): PlannedProfile | undefined {
  const { arn, name } = entry;
  const was = isQuarantined(entry.standing);
  if (violations !== undefined && !was) return { kind: 'quarantined', arn, name, because: violations };
  return violations === undefined && was ? { kind: 'released', arn, name } : undefined;
}

async function changesOf(
  ports: Parameters<typeof planStandings>[0],
  policy: Policy,
  budgets: readonly Budget[],
): Promise<PlannedBudget[]> {
  const now = ports.clock.now();
  const overrides = await ports.overrides.lasting(now);
  const changes: PlannedBudget[] = [];
  const failures: unknown[] = [];
  await inTurn(budgets, { atOnce: AT_ONCE, isTimeUp: () => failures.length > 0 }, async (budget) => {
    try {
      const period = periodAt(budget.period, budget.timeZone, now);
      const item = await ports.ledger.read({ budget: budget.id, period: period.id });
      if (item === undefined) return;
      const operators = wordOn(policy, budget, overrides, now);
      const decision = decide(budget, {
        ledger: item,
        operators,
        signals: await ports.signals.lasting(budget.id, now),
        now,
      });
      const { terms } = item;
      if (terms.limit === budget.limit && terms.stopAt === budget.stopAt && terms.standing === decision.standing)
        return;
      changes.push({
        kind: 'changes',
        budget,
        period: period.id,
        limit: { before: terms.limit, after: budget.limit },
        stopAt: { before: terms.stopAt, after: budget.stopAt },
        standing: { before: terms.standing, after: decision.standing },
        ...(decision.standing === 'open' ? {} : { because: decision.because }),
      });
    } catch (error) {
      failures.push(error);
    }
  });
  if (failures.length > 0) throw failures[0];
  return changes;
}
