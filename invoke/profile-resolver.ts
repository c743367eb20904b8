import { thisMachine } from '../aws/machine.ts';
import type { Clock, EpochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { IndexCache, type IndexSnapshot, type IndexView } from '../domain/profiles/index-cache.ts';
import type { IndexSource } from '../domain/profiles/index-source.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { type Asked, findProfile, resolveProfile } from '../domain/profiles/resolution.ts';
import type { Tags } from '../domain/tags.ts';
import { GovernorRefusal } from './refusals.ts';

/**
 * Finds the profile for a model and tags. The tags come from who made the governor, never from the request: whatever is
 * written as `modelId`, the profile that is found carries them all.
 */
export class ProfileResolver {
  readonly #cache: IndexCache;
  readonly #clock: Clock;
  readonly #region: string | undefined;

  constructor(options: {
    source: IndexSource;
    clock: Clock;
    region: string | undefined;
    letOthersRun?: () => Promise<void>;
  }) {
    const { source, clock, letOthersRun = thisMachine.letOthersRun } = options;
    this.#cache = new IndexCache({ source, clock, letOthersRun });
    this.#clock = clock;
    this.#region = options.region;
  }

  now(): EpochMs {
    return this.#clock.now();
  }

  /** The index in hand; undefined where none has been read. The same object for as long as it says the same. */
  serve(now: EpochMs): IndexView | undefined {
    return this.#cache.serve(now);
  }

  /**
   * The profile, from what is in memory: undefined where the index has not been read, or says no. Then
   * {@link resolve} decides.
   */
  resolveAtOnce(modelId: string, tags: Tags): IndexEntry | undefined {
    const view = this.#cache.serve(this.#clock.now());
    return view === undefined ? undefined : findProfile(view, this.#ask(modelId, tags));
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
}
