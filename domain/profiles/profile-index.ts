import type { BudgetId } from '../budgets/budget-id.ts';
import type { EpochMs } from '../clock.ts';
import type { NanoUsd } from '../money.ts';
import type { PeriodKind } from '../period.ts';
import type { RateSchedule } from '../spending/dated-rates.ts';
import type { Standing } from '../standing/standing.ts';
import { describeTags, type Tags, tagValue } from '../tags.ts';
import { couldBeOf, type Geography, isGeography } from './geography.ts';
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
  /** The most tokens a request and its answer can have together. */
  readonly contextWindow?: number;
  /**
   * Present where the policy holds what calls have cost instead of what they can cost at most: how far the calls in
   * flight of one process may then cost more than is held for them.
   */
  readonly maxExposure?: NanoUsd;
  /** Base model that serves the calls of this profile while a budget of it is throttled. */
  readonly fallback?: string;
  readonly standing: Standing;
  readonly budgets: readonly CoveringBudget[];
  /** How often this profile has been quarantined; names each quarantine in notices. */
  readonly quarantines?: number;
  readonly verifiedAt: EpochMs;
  /** Set once the profile is deleted: it resolves no longer, but its spend is still attributed. */
  readonly endedAt?: EpochMs;
}

/** The tag → profile index. Kept by events and by the sweep, always from what AWS says. */
export interface ProfileIndex {
  get(arn: ProfileArn): Promise<IndexEntry | undefined>;
  put(entry: IndexEntry): Promise<void>;
  /** All entries, ended ones included. */
  list(): Promise<readonly IndexEntry[]>;
}

/** What a caller asks for: a model, by base model id, and the tags that the profile must carry. */
export interface ProfileQuery {
  readonly modelId: string;
  readonly tags: Tags;
  readonly region?: string;
}

export type ProfileLookup =
  | { readonly kind: 'found'; readonly entry: IndexEntry }
  | { readonly kind: 'none'; readonly near: readonly IndexEntry[] }
  | { readonly kind: 'several'; readonly entries: readonly IndexEntry[] };

/** Splits `us.amazon.nova-lite-v1:0` into what to look for: the base model and where it is served. */
function wantedModel(modelId: string): { baseModelId: string; source?: ProfileSource; geography?: Geography } {
  const id = modelId.replace(/^arn:[^/]*\//, '');
  const dot = id.indexOf('.');
  const prefix = id.slice(0, dot);
  if (prefix === 'global') return { baseModelId: id.slice(dot + 1), source: 'global' };
  return isGeography(prefix)
    ? { baseModelId: id.slice(dot + 1), source: 'geo', geography: prefix }
    : { baseModelId: id };
}

const isOf = (entry: IndexEntry, geography: Geography): boolean =>
  entry.geography === undefined ? couldBeOf(geography, entry.region) : entry.geography === geography;

/**
 * Finds the one profile for a model and tags. The tags asked for must all be carried with exactly these values; a
 * profile may carry more. A base model id is served by any profile of that model; a system profile id only by one that
 * was copied from such a profile.
 */
export function findProfile(entries: Iterable<IndexEntry>, query: ProfileQuery): ProfileLookup {
  const model = wantedModel(query.modelId);
  const wanted = Object.entries(query.tags);
  const found: IndexEntry[] = [];
  const near: IndexEntry[] = [];
  for (const entry of entries) {
    if (entry.endedAt !== undefined) continue;
    const rightTags = wanted.every(([key, value]) => tagValue(entry.tags, key) === value);
    const rightModel =
      entry.baseModelId === model.baseModelId &&
      (model.source === undefined || entry.source === model.source) &&
      (model.geography === undefined || isOf(entry, model.geography));
    const rightRegion = query.region === undefined || entry.region === query.region;
    if (rightTags && rightModel && rightRegion) found.push(entry);
    else if (
      near.length < 5 &&
      (rightTags || (rightModel && wanted.some(([key, value]) => tagValue(entry.tags, key) === value)))
    )
      near.push(entry);
  }
  const [first, ...others] = found;
  if (first === undefined) return { kind: 'none', near };
  return others.length === 0 ? { kind: 'found', entry: first } : { kind: 'several', entries: found };
}

export const describeEntry = (entry: IndexEntry): string =>
  `${entry.name} (${entry.baseModelId} in ${entry.region}: ${describeTags(entry.tags)})`;
