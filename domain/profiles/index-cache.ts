import type { Clock, EpochMs } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { IndexSource, WithheldProfile } from './index-source.ts';
import type { IndexEntry } from './profile-index.ts';
import { ProfileLookup } from './profile-lookup.ts';
import type { IndexState } from './resolution.ts';

/** How long an answer of the index serves before it is asked again. */
const FRESH_MS = 30_000;
/** A refusal is checked against an index no older than this: a profile that was just made or mended is found. */
const RECHECK_MS = 2_000;
/** After a failed reading, how long the last good answer serves before the source is asked again. */
const PAUSE_MS = 1_000;

const ADVICE = 'Check that the name is right and that this role may read it; the next call tries again.';

/** One state of the index, made ready for look-ups. Never changed: a further reading makes another one. */
export interface IndexView extends IndexState {
  readonly entries: readonly IndexEntry[];
}

/** What a process knows of the index, for people and metrics. */
export interface IndexSnapshot {
  /** Names where it is read from. */
  readonly source: string;
  /** How many profiles it has. They are not named here: most are other tenants'. */
  readonly profiles: number;
  /** How many more are refused until the governor has looked at them again. */
  readonly withheld: number;
  /** When it was last read. */
  readonly readAt: EpochMs;
  /** How old what it says is: since it was read, or since the copy that was read had been written. */
  readonly ageMs: number;
  /** Why the last reading failed; absent where it did not. */
  readonly lastError?: string;
}

/**
 * Keeps the index in memory, read once for all callers whatever the source: one reading in flight at a time, served for
 * {@link FRESH_MS}, then served while it is read again, and kept while reading fails. A failure is never kept as an answer.
 */
export class IndexCache {
  readonly #source: IndexSource;
  readonly #clock: Clock;
  readonly #letOthersRun: () => Promise<void>;
  #view: IndexView | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #writtenAt: EpochMs | undefined;
  #pauseUntil = Number.NEGATIVE_INFINITY;
  #lastError: string | undefined;
  #reading: Promise<IndexView> | undefined;

  /** @param options.letOthersRun resolves when everything else that is due has had its turn */
  constructor(options: { source: IndexSource; clock: Clock; letOthersRun: () => Promise<void> }) {
    this.#source = options.source;
    this.#clock = options.clock;
    this.#letOthersRun = options.letOthersRun;
  }

  /** The index in hand, at once; undefined where none has been read. One that is stale is served while it is read again. */
  serve(now: EpochMs): IndexView | undefined {
    if (this.#view === undefined) return undefined;
    if (now - this.#readAt >= FRESH_MS && now >= this.#pauseUntil) this.#read().catch(() => {});
    return this.#view;
  }

  /** @throws {Fault} `IndexUnavailable` where none has been read and none can be */
  async view(): Promise<IndexView> {
    return this.serve(this.#clock.now()) ?? (await this.#read());
  }

  /** An index that is young enough to refuse by; the last good one where it cannot be read now. */
  async recheck(): Promise<IndexView> {
    let view = await this.view();
    // A reading that had begun earlier may have missed what has happened since: then one more.
    for (let reading = 0; reading < 2; reading++) {
      const now = this.#clock.now();
      if (now - this.#readAt < RECHECK_MS || now < this.#pauseUntil) break;
      const before = view;
      view = await this.#read().catch(() => before);
    }
    return view;
  }

  /** What is known now, without reading anything; undefined where nothing has been read. */
  snapshot(): IndexSnapshot | undefined {
    if (this.#view === undefined) return undefined;
    const { entries, withheld } = this.#view;
    return {
      source: this.#source.name,
      profiles: entries.length,
      withheld: withheld.length,
      readAt: this.#readAt as EpochMs,
      ageMs: this.#clock.now() - (this.#writtenAt ?? this.#readAt),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  #read(): Promise<IndexView> {
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readNow(): Promise<IndexView> {
    const askedAt = this.#clock.now();
    try {
      const { entries, withheld, writtenAt } = await this.#source.read();
      const view = await this.#viewOf(entries, withheld);
      this.#view = view;
      this.#readAt = askedAt;
      this.#writtenAt = writtenAt;
      this.#lastError = undefined;
      return view;
    } catch (cause) {
      this.#lastError = cause instanceof Error ? cause.message : String(cause);
      this.#pauseUntil = this.#clock.now() + PAUSE_MS;
      // A fault knows better what helps.
      const next = cause instanceof Fault ? cause.next : ADVICE;
      const problem = this.#lastError.endsWith(next) ? this.#lastError.slice(0, -next.length) : this.#lastError;
      throw new Fault('IndexUnavailable', {
        doing: `reading the index of profiles from ${this.#source.name}`,
        problem: `it cannot be read, and was not read before: ${problem.trim().replace(/\.$/, '')}`,
        next,
        cause,
      });
    }
  }

  async #viewOf(entries: readonly IndexEntry[], withheld: readonly WithheldProfile[]): Promise<IndexView> {
    const before = this.#view;
    if (before === undefined || !isSame(before.entries, entries))
      return { entries, lookup: await this.#build(entries), withheld };
    return before.withheld.length + withheld.length === 0 ? before : { ...before, withheld };
  }

  /** In slices, between which the calls of the process go on: a hundred thousand profiles take a quarter of a second. */
  async #build(entries: readonly IndexEntry[]): Promise<ProfileLookup> {
    const steps = ProfileLookup.build(entries);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      await this.#letOthersRun();
    }
  }
}

/** A source that finds an entry unchanged gives the same object again: then nothing need be built anew. */
const isSame = (before: readonly IndexEntry[], after: readonly IndexEntry[]): boolean =>
  before.length === after.length && after.every((entry, at) => entry === before[at]);
