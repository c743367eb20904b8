import type { Clock } from '../domain/clock.ts';
import { describeViolation } from '../domain/profiles/compliance.ts';
import type { IndexSource } from '../domain/profiles/index-source.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { readModelId, type WantedModel } from '../domain/profiles/wanted-model.ts';
import { type Tags, tagValue } from '../domain/tags.ts';
import { IndexCache, type IndexSnapshot, type IndexView } from './index-cache.ts';
import type { GovernorRefusal } from './refusals.ts';
import * as refused from './resolving-refusals.ts';

/** Answers that are kept for one set of tags. More models than this are rather misspelt in many ways. */
const KEPT_ANSWERS = 100;

/**
 * Finds the profile for a model and tags. The tags come from who made the governor, never from the request: whatever is
 * written as `modelId`, the profile that is found carries them all.
 */
export class ProfileResolver {
  readonly #cache: IndexCache;
  readonly #region: string | undefined;
  /** Found profiles by the very tags object of a bound governor and the model as it was written, for one view of the index. */
  #answers = new WeakMap<Tags, Map<string, IndexEntry>>();
  #answersOf: IndexView | undefined;

  constructor(options: { source: IndexSource; clock: Clock; region: string | undefined }) {
    this.#cache = new IndexCache(options);
    this.#region = options.region;
  }

  /**
   * The profile, from what is in memory: undefined where the index has not been read, or says no. Then
   * {@link resolve} decides. With the same tags object and model as before it costs two look-ups in maps.
   */
  resolveAtOnce(modelId: string, tags: Tags): IndexEntry | undefined {
    const view = this.#cache.serve();
    if (view === undefined) return undefined;
    const known = this.#answersIn(view).get(tags)?.get(modelId);
    if (known !== undefined) return known;
    const found = judge(view, modelId, tags, this.#region);
    if (typeof found === 'function') return undefined;
    this.#keep(tags, modelId, found);
    return found;
  }

  /**
   * Resolves, after reading the index where that is needed. A no is checked against an index no older than two seconds.
   *
   * @throws {GovernorRefusal} that says what was looked for and what is near
   */
  async resolve(modelId: string, tags: Tags): Promise<IndexEntry> {
    await this.#cache.view();
    const known = this.resolveAtOnce(modelId, tags);
    if (known !== undefined) return known;
    const found = judge(await this.#cache.recheck(), modelId, tags, this.#region);
    if (typeof found === 'function') throw found();
    return found;
  }

  /** What this process knows of the index; undefined where it has not read it. */
  snapshot(): IndexSnapshot | undefined {
    return this.#cache.snapshot();
  }

  #answersIn(view: IndexView): WeakMap<Tags, Map<string, IndexEntry>> {
    if (this.#answersOf !== view) {
      this.#answers = new WeakMap();
      this.#answersOf = view;
    }
    return this.#answers;
  }

  #keep(tags: Tags, modelId: string, entry: IndexEntry): void {
    const answers = this.#answers.get(tags);
    if (answers === undefined) this.#answers.set(tags, new Map([[modelId, entry]]));
    else {
      if (answers.size >= KEPT_ANSWERS) answers.clear();
      answers.set(modelId, entry);
    }
  }
}

/** A no that has not been put into words yet: finding what is near costs more than finding that there is none. */
type Refusal = () => GovernorRefusal;

function judge(view: IndexView, modelId: string, tags: Tags, region: string | undefined): IndexEntry | Refusal {
  const found = pick(view, readModelId(modelId), { modelId, tags, ...(region === undefined ? {} : { region }) });
  if (typeof found === 'function' || found.standing.state === 'open') return found;
  const quarantine = found.standing.reasons.find((reason) => reason.kind === 'quarantine');
  return quarantine === undefined
    ? found
    : () => refused.quarantined(found, quarantine.violations.map(describeViolation));
}

function pick(view: IndexView, model: WantedModel, asked: refused.Asked): IndexEntry | Refusal {
  switch (model.kind) {
    case 'foreign':
      return () => refused.noProfileHasModel(asked);
    case 'profile': {
      const entry = view.lookup.byArn(model.arn);
      const withheld = view.withheld.find(({ arn }) => arn === model.arn);
      if (withheld !== undefined) return () => refused.withheldProfile(withheld);
      if (entry === undefined) return () => refused.notInIndex(asked);
      const missing = Object.keys(asked.tags).filter((key) => tagValue(entry.tags, key) !== tagValue(asked.tags, key));
      return missing.length === 0 ? entry : () => refused.ofOtherTags(entry, asked, missing);
    }
    case 'model': {
      const { modelId: _, ...query } = { ...asked, model };
      const result = view.lookup.find(query);
      if (result.kind === 'found') return result.entry;
      if (result.kind === 'several') return () => refused.several(asked, result);
      const withheld = view.withheld.find((profile) => mayCarry(profile.tags, asked.tags));
      return withheld === undefined
        ? () => refused.noneMatches(asked, view.lookup.near(query))
        : () => refused.withheldProfile(withheld, asked);
    }
  }
}

/** Whether a profile may carry these tags; one whose tags are not known may. */
const mayCarry = (carried: Tags | undefined, wanted: Tags): boolean =>
  carried === undefined || Object.keys(wanted).every((key) => tagValue(carried, key) === tagValue(wanted, key));
