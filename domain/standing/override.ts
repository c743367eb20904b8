import type { Brand } from '../brand.ts';
import type { BudgetId } from '../budgets/budget-id.ts';
import { type Budget, tenantOf } from '../budgets/definition.ts';
import type { EpochMs } from '../clock.ts';
import { displayUsd, type NanoUsd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import type { Raise } from '../spending/terms.ts';

/** Random, made with the override: the same write repeated is the same override. */
export type OverrideId = Brand<string, 'OverrideId'>;

/** A tenant stands for all budgets that select that tenant alone, and for every profile that carries its tag. */
export type OverrideTarget =
  | { readonly kind: 'budget'; readonly budget: BudgetId }
  | { readonly kind: 'tenant'; readonly tenant: string };

export type OverrideChange =
  /** Nothing new is granted, whatever the evidence says. */
  | { readonly kind: 'disable' }
  /** Open, whatever the evidence says. The limit holds all the same: money beyond it comes by a raise. */
  | { readonly kind: 'enable' }
  /** So much more than the limit, on top of what other raises add. */
  | { readonly kind: 'raise'; readonly amount: NanoUsd };

/**
 * An operator's time-boxed change to a standing or a limit. It beats all other evidence while it lasts, across the turn
 * of periods, and ends by itself.
 *
 * A target has one word on its standing: a later `disable` or `enable` takes the place of the earlier one, for good. It
 * has any number of raises.
 */
export interface Override {
  readonly id: OverrideId;
  readonly target: OverrideTarget;
  readonly change: OverrideChange;
  /** Why, in the operator's words. */
  readonly reason: string;
  /** ARN of whom AWS says made it. */
  readonly author: string;
  readonly madeAt: EpochMs;
  /** The first instant at which it holds no longer. */
  readonly until: EpochMs;
}

/** The word on the standing of a target that was kept last, whether it still holds or not. */
export interface LastWord {
  /** Missing where this version cannot read it: then a `disable` may take its place, and nothing else. */
  readonly override?: Override;
  /** The word that it took the place of; missing for a first one, and for one that an earlier version has kept. */
  readonly saidAfter?: OverrideId;
  /** As it is stored: what a later word names to take its place. */
  readonly stored: StoredWord;
}

/** Opaque: whoever keeps overrides compares it, and nobody reads it. */
export type StoredWord = Brand<string, 'StoredWord'>;

/** Where overrides are kept: the source of truth, from which the terms follow. */
export interface Overrides {
  /** The last word on the standing of this target, read consistently; undefined where there is none, or it was taken back. */
  lastWord(target: OverrideTarget): Promise<LastWord | undefined>;
  /**
   * Keeps an override. A word on a standing is said after another, or as the first, and lands only where that is still so:
   * what counts is who knew whom, not whose clock is ahead or whose request comes last. Repeating it is safe, and a copy of an
   * earlier word that arrives late takes nothing back. A raise stands beside all others.
   * @returns `overtaken` where another word than `after` is the last one
   */
  keep(override: Override, after?: LastWord): Promise<'kept' | 'overtaken'>;
  /** All that hold at `now` or will hold after it, read consistently. */
  lasting(now: EpochMs): Promise<readonly Override[]>;
}

/** Where an override is taken back. What it was stays in the audit trail. */
export interface Retractions {
  /** Removes exactly this override. @returns `gone` where it is not there any more, or another word took its place */
  takeBack(override: Override): Promise<'taken-back' | 'gone'>;
}

export const describeChange = (change: OverrideChange): string =>
  change.kind === 'raise' ? `raise ${displayUsd(change.amount)}` : change.kind;

export const describeTarget = (target: OverrideTarget): string =>
  target.kind === 'budget' ? `budget ${target.budget}` : `tenant ${target.tenant}`;

/** What operators say of one budget at an instant. */
export interface OperatorsWord {
  readonly standing?: Override & { readonly change: { readonly kind: 'disable' | 'enable' } };
  readonly raises: readonly Raise[];
}

export const NO_WORD: OperatorsWord = { raises: [] };

/**
 * What holds for a budget at an instant. Where its own override and its tenant's disagree, `disable` holds: who opens
 * one budget does not know why the tenant was stopped.
 */
export function wordOn(policy: Policy, budget: Budget, overrides: readonly Override[], at: EpochMs): OperatorsWord {
  const tenant = tenantOf(policy, budget);
  const inForce = overrides.filter(
    ({ target, until }) =>
      at < until && (target.kind === 'budget' ? target.budget === budget.id : target.tenant === tenant),
  );
  const standings = inForce.filter(isOnStanding);
  const standing = standings.find(({ change }) => change.kind === 'disable') ?? standings[0];
  const raises = inForce
    .flatMap(({ change, until, id }) => (change.kind === 'raise' ? [{ amount: change.amount, until, id }] : []))
    .sort((a, b) => a.until - b.until || (a.id < b.id ? -1 : 1))
    .map(({ amount, until }) => ({ amount, until }));
  return { ...(standing === undefined ? {} : { standing }), raises };
}

/** The disable of a tenant, where one holds: every profile with its tag is closed, also where no budget is the tenant's own. */
export function disableOf(
  tenant: string | undefined,
  overrides: readonly Override[],
  at: EpochMs,
): Override | undefined {
  return overrides.find(
    ({ target, change, until }) =>
      at < until && target.kind === 'tenant' && target.tenant === tenant && change.kind === 'disable',
  );
}

const isOnStanding = (
  override: Override,
): override is Override & { readonly change: { readonly kind: 'disable' | 'enable' } } =>
  override.change.kind !== 'raise';
