import type { BudgetId } from '../budgets/budget-id.ts';
import { type EpochMs, isoTime } from '../clock.ts';
import { displayUsd, type NanoUsd } from '../money.ts';
import { describeViolation, type Violation } from '../profiles/violation.ts';

/** Why something is not open: always with its evidence, and with an end where one is known. */
export type Restriction =
  | {
      /**
       * Used up closes, and so does a word that is not money's; throttled goes on along a pace line, which the helper
       * keeps to.
       */
      readonly kind: 'budget-used-up' | 'budget-disabled' | 'budget-throttled';
      readonly budget: BudgetId;
      readonly period: string;
      readonly spent: NanoUsd;
      readonly limit: NanoUsd;
      /** The next period opens it again, or the end of the word that closed it. */
      readonly until: EpochMs;
    }
  | {
      /** An operator has stopped the tenant: also profiles that no budget of the tenant covers. */
      readonly kind: 'tenant-disabled';
      readonly tenant: string;
      readonly because: string;
      readonly until: EpochMs;
    }
  | { readonly kind: 'quarantine'; readonly violations: readonly Violation[] };

/** The standing of a profile: the strictest of its compliance and of every budget that covers it. */
export type Standing =
  | { readonly state: 'open' }
  | { readonly state: 'throttled' | 'closed'; readonly reasons: readonly Restriction[] };

export const OPEN: Standing = { state: 'open' };

/** All reasons together: anything that closes closes, else anything that throttles throttles. No reason is open. */
export function strictest(reasons: readonly Restriction[]): Standing {
  if (reasons.length === 0) return OPEN;
  return { state: reasons.every((reason) => reason.kind === 'budget-throttled') ? 'throttled' : 'closed', reasons };
}

export function describeReason(reason: Restriction): string {
  switch (reason.kind) {
    case 'quarantine':
      return `quarantined: ${reason.violations.map(describeViolation).join('; ')}`;
    case 'tenant-disabled':
      return `tenant ${reason.tenant} is disabled until ${isoTime(reason.until)}: ${reason.because}`;
    case 'budget-disabled':
      return `budget ${reason.budget} for ${reason.period} is closed until ${isoTime(reason.until)}: ${displayUsd(reason.spent)} of ${displayUsd(reason.limit)}`;
    case 'budget-throttled':
      return `budget ${reason.budget} for ${reason.period} is throttled: ${displayUsd(reason.spent)} of ${displayUsd(reason.limit)}`;
    case 'budget-used-up':
      return `budget ${reason.budget} for ${reason.period} is used up: ${displayUsd(reason.spent)} of ${displayUsd(reason.limit)}`;
  }
}

/**
 * The value of the `governor:standing` tag, the second lock: IAM guard policies deny on `closed` and `quarantined`.
 * An open profile carries no tag.
 */
export function standingTagValue(standing: Standing): 'throttled' | 'closed' | 'quarantined' | undefined {
  if (standing.state === 'open') return undefined;
  return standing.reasons.some((reason) => reason.kind === 'quarantine') ? 'quarantined' : standing.state;
}

/** What a budget has to do with: the others are of the profile, or of its tenant. */
export const isOfBudget = (reason: Restriction): reason is BudgetRestriction => 'budget' in reason;

export type BudgetRestriction = Extract<Restriction, { readonly budget: BudgetId }>;

export const isQuarantined = (standing: Standing): boolean =>
  standing.state !== 'open' && standing.reasons.some((reason) => reason.kind === 'quarantine');
