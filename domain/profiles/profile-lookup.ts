import { type Tags, tagValue } from '../tags.ts';
import { geographiesOf } from './geography.ts';
import { intersect, NOBODY, type Posting, postingOf } from './posting.ts';
import type { ProfileArn } from './profile-arn.ts';
import type { IndexEntry, ProfileSource } from './profile-index.ts';
import type { WantedModel } from './wanted-model.ts';

/** What a caller asks for: profiles of a model that carry all these tags, and may carry more. */
export interface ProfileQuery {
  readonly model: Extract<WantedModel, { kind: 'model' }>;
  readonly tags: Tags;
  /** Only profiles of this Region. */
  readonly region?: string;
}

export type FoundProfiles =
  | { readonly kind: 'found'; readonly entry: IndexEntry }
  | { readonly kind: 'none' }
  /** `first` are a few of all `count`. */
  | { readonly kind: 'several'; readonly first: readonly IndexEntry[]; readonly count: number };

/** A profile that comes close to what was asked for. */
export interface NearProfile {
  readonly entry: IndexEntry;
  /** What differs: `model`, `Region`, or the key of a tag. */
  readonly differs: readonly string[];
}

/** How many profiles are named where a query finds several, or none. */
const A_FEW = 5;
/** How many entries are taken in before the builder lets others have their turn. */
const STEP = 1_000;
/** Putting a number into a bitmap is this much less work than taking in an entry. */
const IDS_PER_ENTRY = 50;

/**
 * The profiles of the index by their tags, model and Region: an inverted index, made once for each state of the index
 * and never changed. A tag that few profiles carry costs about as many steps as carry it; tags that many carry cost one
 * step for each 32 profiles. Profiles that have ended are not in it.
 */
export class ProfileLookup {
  readonly #entries: readonly IndexEntry[];
  readonly #byArn: ReadonlyMap<ProfileArn, IndexEntry>;
  readonly #tags: ReadonlyMap<string, ReadonlyMap<string, Posting>>;
  readonly #models: ReadonlyMap<string, Posting>;
  readonly #sources: ReadonlyMap<ProfileSource, Posting>;
  readonly #geographies: ReadonlyMap<string, Posting>;
  readonly #regions: ReadonlyMap<string, Posting>;
  readonly #all: Posting;

  private constructor(parts: {
    entries: readonly IndexEntry[];
    byArn: ReadonlyMap<ProfileArn, IndexEntry>;
    tags: ReadonlyMap<string, ReadonlyMap<string, Posting>>;
    models: ReadonlyMap<string, Posting>;
    sources: ReadonlyMap<ProfileSource, Posting>;
    geographies: ReadonlyMap<string, Posting>;
    regions: ReadonlyMap<string, Posting>;
  }) {
    this.#entries = parts.entries;
    this.#byArn = parts.byArn;
    this.#tags = parts.tags;
    this.#models = parts.models;
    this.#sources = parts.sources;
    this.#geographies = parts.geographies;
    this.#regions = parts.regions;
    this.#all = postingOf([...parts.entries.keys()], parts.entries.length);
  }

  /** Makes the lookup in steps, between which the caller may do other work: with many profiles it takes a while. */
  static *build(all: readonly IndexEntry[]): Generator<void, ProfileLookup, void> {
    const entries: IndexEntry[] = [];
    const byArn = new Map<ProfileArn, IndexEntry>();
    const tags = new Map<string, Map<string, number[]>>();
    const models = new Map<string, number[]>();
    const sources = new Map<ProfileSource, number[]>();
    const geographies = new Map<string, number[]>();
    const regions = new Map<string, number[]>();
    for (const [seen, entry] of all.entries()) {
      if (seen % STEP === STEP - 1) yield;
      if (entry.endedAt !== undefined) continue;
      const id = entries.push(entry) - 1;
      byArn.set(entry.arn, entry);
      add(models, entry.baseModelId, id);
      add(sources, entry.source, id);
      for (const geography of geographiesOf(entry)) add(geographies, geography, id);
      add(regions, entry.region, id);
      for (const [key, value] of Object.entries(entry.tags)) {
        let values = tags.get(key);
        if (values === undefined) {
          values = new Map();
          tags.set(key, values);
        }
        add(values, value, id);
      }
    }
    yield;
    const total = entries.length;
    const postings = new Map<string, ReadonlyMap<string, Posting>>();
    for (const [key, values] of tags) postings.set(key, yield* postingsOf(values, total));
    return new ProfileLookup({
      entries,
      byArn,
      tags: postings,
      models: yield* postingsOf(models, total),
      sources: yield* postingsOf(sources, total),
      geographies: yield* postingsOf(geographies, total),
      regions: yield* postingsOf(regions, total),
    });
  }

  /** The lookup of these entries, made in one go. */
  static of(entries: readonly IndexEntry[]): ProfileLookup {
    const steps = ProfileLookup.build(entries);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  }

  byArn(arn: ProfileArn): IndexEntry | undefined {
    return this.#byArn.get(arn);
  }

  /** Finds the one profile for a model and tags. The tags asked for must all be carried with exactly these values. */
  find(query: ProfileQuery): FoundProfiles {
    const { count, first } = this.#intersect([...this.#placePostings(query), ...this.#tagPostings(query.tags)]);
    const [entry] = first;
    if (entry === undefined) return { kind: 'none' };
    return count === 1 ? { kind: 'found', entry } : { kind: 'several', first, count };
  }

  /** All profiles that carry these tags, whatever their model and Region. */
  carrying(tags: Tags): readonly IndexEntry[] {
    const postings = this.#tagPostings(tags);
    const { first } = intersect(postings.length === 0 ? [this.#all] : postings, Number.POSITIVE_INFINITY);
    return first.flatMap((id) => this.#entries[id] ?? []);
  }

  /**
   * The profiles that come closest to what {@link find} did not find: those that differ in one respect, else those of the
   * model that carry one of the tags. A profile that has none of the tags in common is not near.
   */
  near(query: ProfileQuery): readonly NearProfile[] {
    const tags = this.#tagPostings(query.tags);
    const { model, place } = this.#criteria(query);
    const near = new Set<IndexEntry>();
    const consider = (postings: readonly Posting[]): void => {
      for (const entry of this.#intersect(postings).first) if (near.size < A_FEW) near.add(entry);
    };
    consider([...place, ...tags]);
    consider([...model, ...tags]);
    if (tags.length > 1) for (const omitted of tags) consider([...model, ...place, ...without(tags, omitted)]);
    consider(tags);
    if (near.size === 0) for (const tag of tags) consider([...model, tag]);
    return [...near].map((entry) => ({ entry, differs: differences(entry, query) }));
  }

  #tagPostings(tags: Tags): Posting[] {
    const postings: Posting[] = [];
    for (const key of Object.keys(tags)) postings.push(this.#tags.get(key)?.get(tagValue(tags, key) ?? '') ?? NOBODY);
    return postings;
  }

  #placePostings(query: ProfileQuery): Posting[] {
    const { model, place } = this.#criteria(query);
    return [...model, ...place];
  }

  #criteria({ model: wanted, region }: ProfileQuery): { model: Posting[]; place: Posting[] } {
    const model = [this.#models.get(wanted.baseModelId) ?? NOBODY];
    if (wanted.source !== undefined) model.push(this.#sources.get(wanted.source) ?? NOBODY);
    const place: Posting[] = [];
    if (wanted.geography !== undefined) place.push(this.#geographies.get(wanted.geography) ?? NOBODY);
    for (const name of new Set([region, wanted.region]))
      if (name !== undefined) place.push(this.#regions.get(name) ?? NOBODY);
    return { model, place };
  }

  #intersect(postings: readonly Posting[]): { count: number; first: readonly IndexEntry[] } {
    const { count, first } = intersect(postings.length === 0 ? [this.#all] : postings, A_FEW);
    return { count, first: first.flatMap((id) => this.#entries[id] ?? []) };
  }
}

/** In what a profile is not what was asked for. */
export function differences(entry: IndexEntry, { model, tags, region }: ProfileQuery): string[] {
  const isModel =
    entry.baseModelId === model.baseModelId && (model.source === undefined || model.source === entry.source);
  const isPlace =
    (region ?? entry.region) === entry.region &&
    (model.region ?? entry.region) === entry.region &&
    (model.geography === undefined || geographiesOf(entry).includes(model.geography));
  return [
    ...(isModel ? [] : ['model']),
    ...(isPlace ? [] : ['Region']),
    ...Object.keys(tags).filter((key) => tagValue(entry.tags, key) !== tagValue(tags, key)),
  ];
}

function add<Key>(map: Map<Key, number[]>, key: Key, id: number): void {
  const ids = map.get(key);
  if (ids === undefined) map.set(key, [id]);
  else ids.push(id);
}

function* postingsOf<Key>(
  values: ReadonlyMap<Key, readonly number[]>,
  total: number,
): Generator<void, Map<Key, Posting>, void> {
  const postings = new Map<Key, Posting>();
  let done = 0;
  for (const [value, ids] of values) {
    postings.set(value, postingOf(ids, total));
    done += 1 + ids.length / IDS_PER_ENTRY;
    if (done < STEP) continue;
    done = 0;
    yield;
  }
  return postings;
}

const without = <T>(list: readonly T[], element: T): T[] => list.filter((candidate) => candidate !== element);
