import type { BudgetId } from '../budgets/budget-id.ts';
import type { EpochMs } from '../clock.ts';
import type { NanoUsd } from '../money.ts';
import type { PeriodKind } from '../period.ts';
import type { RateSchedule } from '../spending/dated-rates.ts';
import type { Standing } from '../standing/standing.ts';
import { describeTags, type Tags } from '../tags.ts';
import type { Compliance } from './compliance.ts';
import type { Geography } from './geography.ts';
import type { KnownCreator } from './known-creator.ts';
import type { ProfileArn } from './profile-arn.ts';

/** Where a profile's requests are served, which decides its price. */
export type ProfileSource = 'in-region' | 'geo' | 'global';

/** What an invoker must know of a budget that covers a profile, to find its ledger item. */
export interface CoveringBudget {
  readonly id: BudgetId;
  readonly period: PeriodKind;
  readonly timeZone: string;
  /** Among how many cells the budget's processes are divided; absent where they all lease from its own item. */
  readonly cells?: number;
  /** Present where the budget only watches: it counts, and refuses nothing. */
  readonly mode?: 'shadow';
}

export interface MendingCount {
  /** UTC, such as `2026-11-25`. */
  readonly day: string;
  readonly writes: number;
}

/** What the governor knows of one profile, as read from AWS when it was last verified. */
export interface IndexEntry extends RateSchedule {
  readonly arn: ProfileArn;
  readonly name: string;
  readonly region: string;
  readonly tags: Tags;
  /** The foundation model behind the profile, such as `amazon.nova-lite-v1:0`. */
  readonly baseModelId: string;
  readonly source: ProfileSource;
  /** Of a profile with the source `geo`; absent where it could not be told, and in entries of older versions. */
  readonly geography?: Geography;
  /** The model or system profile that it was copied from, where the governor has recorded it: see copy-from.ts. */
  readonly copyFrom?: string;
  /** Which price it is: `policy/…` one that the policy states, `list/…` one of the price list; absent where none is known. */
  readonly priceKey?: string;
  /** The most tokens a request and its answer can have together. */
  readonly contextWindow?: number;
  /**
   * Present where the policy holds what calls have cost instead of what they can cost at most: how far the calls in
   * flight of one process may then cost more than is held for them.
   */
  readonly maxExposure?: NanoUsd;
  /** Base model that serves the calls of this profile while a budget of it is throttled. */
  readonly fallback?: string;
  /** How its tags in AWS stand against the policy; `remediable` where they were left as they are. Absent in entries of older versions. */
  readonly compliance?: Compliance['kind'];
  readonly standing: Standing;
  readonly budgets: readonly CoveringBudget[];
  /** How often this profile has been quarantined; names each quarantine in notices. */
  readonly quarantines?: number;
  /** Present while its tags violate the policy: since when, as first seen. Its grace is counted from there. */
  readonly violatingSince?: EpochMs;
  /** How often it has come to violate the policy; names each time in notices. */
  readonly timesViolating?: number;
  /** How often its tags were mended on the last day on which they were; a bound for fights about a tag. */
  readonly mendings?: MendingCount;
  /** Who created it, where a default of a tag asked for that. */
  readonly creation?: KnownCreator;
  /** Present while its model or name is not one that the policy allows: since when, as first seen. */
  readonly mismatchedSince?: EpochMs;
  /** Present where the governor has begun to delete it, until that is known to be done or refused. */
  readonly deletingSince?: EpochMs;
  readonly verifiedAt: EpochMs;
  /** Set once the profile is deleted: it resolves no longer, but its spend is still attributed. */
  readonly endedAt?: EpochMs;
}

/** The tag → profile index. Kept by events and by the sweep, always from what AWS says. */
export interface ProfileIndex {
  get(arn: ProfileArn): Promise<IndexEntry | undefined>;
  put(entry: IndexEntry): Promise<void>;
  /**
   * All entries, ended ones included.
   *
   * @param onUnreadable is told the ARN of each entry that this version cannot read, and the others are returned
   * @throws {Fault} `IndexUnreadable` at such an entry where nobody wants to be told: what is left is not all there is
   */
  list(onUnreadable?: (arn: string) => void): Promise<readonly IndexEntry[]>;
}

export const describeEntry = (entry: IndexEntry): string =>
  `${entry.name} (${entry.baseModelId} in ${entry.region}: ${describeTags(entry.tags)})`;

/** Deleted: it resolves no longer, and may still be billed. */
export const isEnded = ({ endedAt }: IndexEntry): boolean => endedAt !== undefined;
