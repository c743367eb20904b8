import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetsInUse } from '../budgets/budgets-in-use.ts';
import { type Budget, budgetOf, tenantOf } from '../budgets/definition.ts';
import { type EpochMs, epochMs, isoTime } from '../clock.ts';
import { displayUsd, type NanoUsd } from '../money.ts';
import { periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { left } from '../spending/ledger.ts';
import type { LedgerStanding } from '../spending/terms.ts';
import { tagValue } from '../tags.ts';
import { type Enforcement, enforceBudgets } from './enforce-budgets.ts';
import { describeTarget, type LastWord, type Override, type Overrides, type OverrideTarget } from './override.ts';

/** How a budget stands after an override, as its ledger item says. */
export interface BudgetAfter {
  readonly budget: BudgetId;
  readonly period: string;
  readonly standing: LedgerStanding;
  readonly until: EpochMs;
  readonly reason?: string;
  readonly left: NanoUsd;
}

export type OverrideOutcome =
  /** Nothing was written. */
  | { readonly kind: 'refused'; readonly problem: string }
  | {
      readonly kind: 'applied';
      /** As it was kept. */
      readonly override: Override;
      readonly budgets: readonly BudgetAfter[];
      readonly enforcement: Enforcement;
    }
  /** It is kept and holds; the next sweep does what was not done. */
  | { readonly kind: 'kept'; readonly override: Override; readonly problem: string };

/** An override may last as long as the longest period; what is to last longer belongs into the policy. */
const MAX_MS = 366 * 24 * 3_600_000;
/** As long as a notice's line may be. */
const MAX_REASON = 256;

/** What is wrong with a reason; undefined for one that people can read later. */
export function problemOfReason(reason: string): string | undefined {
  if (reason.trim() === '') return 'expected a reason';
  if (reason.length > MAX_REASON) return `expected a reason of at most ${MAX_REASON} characters`;
  if (/\p{Cc}/u.test(reason)) return 'expected a reason of one line';
  return undefined;
}

/**
 * An operator's word: kept first, so that every review knows it from then on, and then enforced at once, the ledger
 * before the tags. What fails after it is kept, the sweep finishes.
 */
export async function overrideStanding(ports: StandingEnforcement, wanted: Override): Promise<OverrideOutcome> {
  const entries = await ports.index.list((arn) =>
    ports.journal.counted('ProfileReadFailed', {
      what: `the index entry of ${arn}`,
      error: 'written by another version',
    }),
  );
  const scope = scopeOf(ports.policy, wanted, entries);
  const problem = problemOf(wanted, ports.clock.now()) ?? scope.problem;
  if (problem !== undefined) return { kind: 'refused', problem };
  const said = await sayAfterTheLast(ports.overrides, wanted);
  if (said.kind === 'refused') return said;
  const { override } = said;
  ports.journal.decided('override standing', {
    override: override.id,
    target: describeTarget(override.target),
    ...(override.target.kind === 'tenant' ? { tenant: override.target.tenant } : { budget: override.target.budget }),
    change: override.change.kind,
    ...(override.change.kind === 'raise' ? { amount: displayUsd(override.change.amount) } : {}),
    because: override.reason,
    author: override.author,
    until: isoTime(override.until),
  });
  try {
    const enforcement = await enforceBudgets(ports, scope.budgets, entries, scope.profiles);
    return {
      kind: 'applied',
      override,
      budgets: await Promise.all(scope.budgets.map((budget) => budgetAfter(ports, budget))),
      enforcement,
    };
  } catch (error) {
    return { kind: 'kept', override, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** So many others may speak between a look and a word, before somebody is asked to look again. */
const MOST_TRIES = 5;

/**
 * Says a word after the last one. Commands that follow each other keep their order, however close they are: AWS tells time by
 * whole seconds, so two processes may see it pass in different order. The later word is told a later time for whoever
 * reads it.
 *
 * Where two speak at once, neither knew the other, and `disable` holds; of two, the one that lasts longer.
 */
async function sayAfterTheLast(
  overrides: Overrides,
  wanted: Override,
): Promise<{ readonly kind: 'said'; readonly override: Override } | Extract<OverrideOutcome, { kind: 'refused' }>> {
  let before = wanted.change.kind === 'raise' ? undefined : await overrides.lastWord(wanted.target);
  if (isUnreadable(before) && wanted.change.kind !== 'disable') return refusedBy(wanted.target, before);
  for (let tried = 0; tried < MOST_TRIES; tried++) {
    const override = { ...wanted, madeAt: epochMs(Math.max(wanted.madeAt, (before?.override?.madeAt ?? 0) + 1)) };
    if ((await overrides.keep(override, before)) === 'kept') return { kind: 'said', override };
    const other = await overrides.lastWord(wanted.target);
    // Said after the same word as this one, so this one has not landed, and nobody has answered it. After any other, it may have
    // landed, its answer lost, and somebody who knew it spoke then.
    const isAtOnce = other === undefined || other.saidAfter === before?.override?.id;
    if (!isAtOnce || holdsAgainst(other, wanted)) return refusedBy(wanted.target, other);
    before = other;
  }
  return refusedBy(wanted.target, before);
}

/** It may be a disable, so that nothing but another takes its place; as long as it is there, it holds up every review. */
const isUnreadable = (word: LastWord | undefined): boolean => word !== undefined && word.override === undefined;

/** Of two words said at once. */
function holdsAgainst(kept: LastWord | undefined, wanted: Override): boolean {
  if (kept?.override === undefined) return isUnreadable(kept) && wanted.change.kind !== 'disable';
  const { change, until } = kept.override;
  return change.kind === 'disable' && (wanted.change.kind === 'enable' || wanted.until < until);
}

const refusedBy = (target: OverrideTarget, other: LastWord | undefined) => ({
  kind: 'refused' as const,
  problem: `nothing was changed: ${whyOf(target, other)}`,
});

function whyOf(target: OverrideTarget, other: LastWord | undefined): string {
  const again = 'Look at governor overrides, and say it again if it is still to be';
  if (other === undefined) return `others are speaking about ${describeTarget(target)}. ${again}`;
  if (other.override === undefined)
    return `the last word on ${describeTarget(target)} cannot be read by this version, and may be a disable. Run the version that wrote it, or say disable`;
  const { author, change, until, reason } = other.override;
  return `while this ran, ${author} said ${change.kind} of ${describeTarget(target)} until ${isoTime(until)}: ${reason}. ${again}`;
}

interface Scope {
  readonly budgets: readonly Budget[];
  readonly profiles: readonly IndexEntry[];
  /** Why nothing would follow from the override. */
  readonly problem?: string;
}

function scopeOf(policy: Policy, { target, change }: Override, entries: readonly IndexEntry[]): Scope {
  const nothing = (problem: string): Scope => ({ budgets: [], profiles: [], problem });
  const inUse = budgetsInUse({ policy }, entries);
  if (target.kind === 'budget') {
    const budget = budgetOf(policy, target.budget);
    if (budget === undefined)
      return nothing(`the policy has no budget ${target.budget}; in use are ${listed(inUse.map(({ id }) => id))}`);
    // Of a template any value makes a budget; one that covers nothing is a slip of the pen.
    if (!inUse.some(({ id }) => id === budget.id))
      return nothing(`no profile is covered by budget ${budget.id}; in use are ${listed(inUse.map(({ id }) => id))}`);
    if (budget.isShadow && change.kind !== 'raise')
      return nothing(
        `budget ${budget.id} only watches (mode: shadow or observe) and refuses nothing; let it enforce first`,
      );
    return { budgets: [budget], profiles: [] };
  }
  const living = entries.filter(({ endedAt }) => endedAt === undefined);
  const tenants = [...new Set(living.flatMap(({ tags }) => tagValue(tags, policy.tenantTag) ?? []))];
  const profiles = living.filter(({ tags }) => tagValue(tags, policy.tenantTag) === target.tenant);
  if (profiles.length === 0) return nothing(`no profile has the tenant ${target.tenant}; there are ${listed(tenants)}`);
  const budgets = inUse.filter((budget) => tenantOf(policy, budget) === target.tenant);
  if (policy.mode === 'observe') return nothing('the policy only observes (mode: observe) and refuses nothing');
  if (budgets.length === 0 && change.kind !== 'disable')
    return nothing(`no budget is of tenant ${target.tenant} alone; name the budget`);
  return { budgets, profiles };
}

const listed = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : `${names.slice(0, 10).sort().join(', ')}${names.length > 10 ? ', …' : ''}`;

function problemOf({ reason, until }: Override, now: EpochMs): string | undefined {
  const problem = problemOfReason(reason);
  if (problem !== undefined) return problem;
  if (until <= now) return `expected an end that is yet to come, not ${isoTime(until)}`;
  if (until - now > MAX_MS) return 'expected an end within 366 days; what is to last longer belongs into the policy';
  return undefined;
}

/** How a budget stands in its present period, after something was enforced on it. */
export async function budgetAfter(
  { ledger, clock }: Pick<StandingEnforcement, 'ledger' | 'clock'>,
  budget: Budget,
): Promise<BudgetAfter> {
  const now = clock.now();
  const period = periodAt(budget.period, budget.timeZone, now);
  const item = await ledger.read({ budget: budget.id, period: period.id });
  const { standing = 'open', standingUntil, reason } = item?.terms ?? {};
  return {
    budget: budget.id,
    period: period.id,
    standing,
    until: standingUntil ?? period.endsAt,
    ...(reason === undefined ? {} : { reason }),
    left: item === undefined ? budget.stopAt : left(item, now),
  };
}
