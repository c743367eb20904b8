import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { IndexCache, type IndexSnapshot, type IndexView } from '../domain/profiles/index-cache.ts';
import type { IndexSource } from '../domain/profiles/index-source.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { type Asked, findProfile, resolveProfile } from '../domain/profiles/resolution.ts';
import type { Tags } from '../domain/tags.ts';
import { GovernorRefusal } from './refusals.ts';

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
    const { source, clock } = options;
    this.#cache = new IndexCache({ source, clock, letOthersRun: () => setImmediate() });
    this.#region = options.region;
  }

  /**
   * The profile, from what is in memory: undefined where the index has not been read, or says no. Then
   * {@link resolve} decides. With the same tags object and model as before it costs two look-ups in maps.
   */
  resolveAtOnce(modelId: string, tags: Tags): IndexEntry | undefined {
    const view = this.#cache.serve();
    if (view === undefined) return undefined;
    const answers = this.#answersIn(view, tags);
    const known = answers.get(modelId);
    if (known !== undefined) return known;
    const found = findProfile(view, this.#ask(modelId, tags));
    if (found === undefined) return undefined;
    if (answers.size >= KEPT_ANSWERS) answers.clear();
    answers.set(modelId, found);
    return found;
  }

  /**
   * Resolves, after reading the index where that is needed. A no is checked against an index no older than two seconds.
   *
   * @throws {GovernorRefusal} that says what was looked for and what is near
   */
  async resolve(modelId: string, tags: Tags): Promise<IndexEntry> {
    await this.#read(() => this.#cache.view());
    const known = this.resolveAtOnce(modelId, tags);
    if (known !== undefined) return known;
    const resolution = resolveProfile(await this.#read(() => this.#cache.recheck()), this.#ask(modelId, tags));
    if (resolution.kind === 'refused') throw new GovernorRefusal(resolution.code, resolution.message);
    return resolution.entry;
  }

  /** What this process knows of the index; undefined where it has not read it. */
  snapshot(): IndexSnapshot | undefined {
    return this.#cache.snapshot();
  }

  #ask(modelId: string, tags: Tags): Asked {
    return { modelId, tags, ...(this.#region === undefined ? {} : { region: this.#region }) };
  }

  async #read(reading: () => Promise<IndexView>): Promise<IndexView> {
    try {
      return await reading();
    } catch (error) {
      if (error instanceof Fault) throw new GovernorRefusal('IndexUnavailable', error.message, {}, error.cause);
      throw error;
    }
  }

  #answersIn(view: IndexView, tags: Tags): Map<string, IndexEntry> {
    if (this.#answersOf !== view) {
      this.#answers = new WeakMap();
      this.#answersOf = view;
    }
    let answers = this.#answers.get(tags);
    if (answers === undefined) {
      answers = new Map();
      this.#answers.set(tags, answers);
    }
    return answers;
  }
}
