import { type Clock, type EpochMs, epochMs } from '../domain/clock.ts';
import { Fault } from '../domain/fault.ts';
import { nanoUsd } from '../domain/money.ts';
import type { ProfileArn } from '../domain/profiles/profile-arn.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import type { Usage } from '../domain/spending/usage.ts';
import {
  endOfHour,
  hourAt,
  MAX_PROFILES_IN_RECORD,
  type ProcessId,
  type UsageRecord,
  type UsageRecords,
  type UsageTotals,
  type UtcHour,
} from '../domain/spending/usage-record.ts';

/** How often records are written while there is something to write. */
const WRITE_MS = 60_000;
const HOUR_MS = 3_600_000;
/**
 * How many hours are kept while the table takes none. Calls stop within minutes of an outage, so more than three of
 * them can hardly hold anything; of more, the oldest is given up: the ledger counts its money all the same.
 */
const MAX_HOURS = 24;
/** After so many records that fail, the others of a flush are not tried: the table is out of reach, not one record at fault. */
const MAX_FAILURES = 2;

/** The profiles of one record. */
interface Chunk {
  readonly index: number;
  readonly totals: Map<ProfileArn, ProfileHour>;
  sequence: number;
  isDirty: boolean;
}

interface Hour {
  /** Index of its first chunk: above those of the same hour that were written and forgotten. */
  readonly firstChunk: number;
  readonly chunks: Chunk[];
  readonly profiles: Map<ProfileArn, ProfileHour>;
}

/**
 * What this process uses, by profile and hour: added up in memory as calls end, written about once a minute as one
 * record, however many profiles there are (one for each {@link MAX_PROFILES_IN_RECORD}). A process that is idle writes
 * nothing; one that crashes loses what it had not written, at most a minute's, and the true-up finds it.
 *
 * Memory is bounded by {@link MAX_HOURS} and the number of profiles in the index.
 */
export class UsageRecorder {
  readonly #records: Pick<UsageRecords, 'write'>;
  readonly #clock: Clock;
  readonly #process: ProcessId;
  readonly #hours = new Map<UtcHour, Hour>();
  /** How many chunks were begun of hours that are forgotten: a clock that was ahead is put right, and an hour comes again. */
  readonly #forgotten = new Map<UtcHour, number>();
  /** Absent until the first call ends: before its first answer from AWS, a process may have a clock that is far off. */
  #current: { readonly name: UtcHour; readonly hour: Hour } | undefined;
  #currentEndsAt = Number.NEGATIVE_INFINITY;
  #currentBeginsAt = Number.NEGATIVE_INFINITY;
  #watermark = epochMs(0);
  #triedAt = epochMs(0);
  #writing: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly records: Pick<UsageRecords, 'write'>;
    readonly clock: Clock;
    readonly process: ProcessId;
  }) {
    this.#records = options.records;
    this.#clock = options.clock;
    this.#process = options.process;
  }

  /** Where to count what is used through this profile now: the same for as long as {@link isNow} says so. */
  of(profile: ProfileArn): ProfileHour {
    const hour = this.#hourOf(this.#clock.now());
    return hour.profiles.get(profile) ?? begin(hour, profile);
  }

  isNow({ hour }: ProfileHour): boolean {
    return hour === this.#hourOf(this.#clock.now());
  }

  #hourOf(now: EpochMs): Hour {
    if (this.#current !== undefined && now < this.#currentEndsAt && now >= this.#currentBeginsAt)
      return this.#current.hour;
    if (this.#current === undefined) {
      this.#watermark = now;
      this.#triedAt = now;
    }
    const name = hourAt(now);
    const hour = this.#hours.get(name) ?? {
      firstChunk: this.#forgotten.get(name) ?? 0,
      chunks: [],
      profiles: new Map(),
    };
    this.#current = { name, hour };
    this.#currentEndsAt = endOfHour(name);
    this.#currentBeginsAt = this.#currentEndsAt - HOUR_MS;
    this.#hours.set(name, hour);
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > MAX_HOURS && oldest !== undefined) this.#forget(oldest);
    return hour;
  }

  #forget(name: UtcHour): void {
    const { firstChunk = 0, chunks = [] } = this.#hours.get(name) ?? {};
    this.#hours.delete(name);
    this.#forgotten.delete(name);
    this.#forgotten.set(name, firstChunk + chunks.length);
    const [oldest] = this.#forgotten.keys();
    if (this.#forgotten.size > MAX_HOURS && oldest !== undefined) this.#forgotten.delete(oldest);
  }

  /** To be called every few seconds: writes what is new once a minute. What fails is written the next time. */
  async maintain(): Promise<void> {
    const now = this.#clock.now();
    // A clock that was ahead is put right: what is used is not to wait until it is that late again.
    if (now < this.#triedAt) this.#triedAt = now;
    if (now - this.#triedAt >= WRITE_MS) await this.flush().catch(() => {});
  }

  /**
   * Writes everything that is not written yet.
   * @throws {Fault} when a record could not be written; it stays to be written
   */
  async flush(): Promise<void> {
    const written = this.#writing.catch(() => {}).then(() => this.#write());
    this.#writing = written;
    await written;
  }

  /**
   * Oldest first. A record that could not be written is written the next time, and holds up the watermark alone, which says
   * that all that came before is there. What is refused for good is told no more, and holds up nothing.
   */
  async #write(): Promise<void> {
    const now = this.#clock.now();
    this.#triedAt = now;
    if (now < this.#watermark) this.#takeBackWatermark();
    const unwritten = this.#takeDirty();
    const failures: unknown[] = [];
    for (const [position, { chunk, record }] of unwritten.entries()) {
      if (failures.length === MAX_FAILURES) {
        chunk.isDirty = true;
        continue;
      }
      const isAll = failures.length === 0 && position === unwritten.length - 1;
      try {
        const refused = await this.#records.write({ ...record, watermark: isAll ? now : this.#watermark });
        for (const profile of refused) chunk.totals.get(profile)?.refused(record.totals.get(profile));
      } catch (error) {
        if (isTooOld(error, record.hour, now)) continue;
        chunk.isDirty = true;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    if (unwritten.length > 0 && now > this.#watermark) this.#watermark = now;
    for (const [name, { chunks }] of this.#hours)
      if (this.#current !== undefined && name < this.#current.name && chunks.every(({ isDirty }) => !isDirty))
        this.#forget(name);
  }

  /**
   * A clock that was ahead is put right: nothing is known to be told up to any time, and what says otherwise is written anew, but
   * for an hour that was written and forgotten since.
   */
  #takeBackWatermark(): void {
    this.#watermark = epochMs(0);
    for (const { chunks } of this.#hours.values()) for (const chunk of chunks) chunk.isDirty = true;
  }

  /** Everything that is not written, as it is at this instant. */
  #takeDirty(): { readonly chunk: Chunk; readonly record: Omit<UsageRecord, 'watermark'> }[] {
    const hours = [...this.#hours].sort(([a], [b]) => (a < b ? -1 : 1));
    return hours.flatMap(([hour, { chunks }]) =>
      chunks.flatMap((chunk) => {
        if (!chunk.isDirty) return [];
        chunk.isDirty = false;
        // Counted up also where the write fails: what became of that one is unknown, and it may hold less.
        chunk.sequence++;
        const { index, sequence } = chunk;
        const told = [...chunk.totals].filter(([, { isRefused }]) => !isRefused);
        const totals = new Map(told.map(([profile, { totals }]) => [profile, totals]));
        return [{ chunk, record: { process: this.#process, hour, chunk: index, sequence, totals } }];
      }),
    );
  }
}

/**
 * Whether a record was refused as one of another day, as it will be ever after: a process that was frozen has kept it. One of an
 * hour that has not begun by the clock of who refused it is told again.
 */
const isTooOld = (error: unknown, hour: UtcHour, now: EpochMs): boolean =>
  error instanceof Fault && error.code === 'HourOutOfReach' && endOfHour(hour) + MAX_HOURS * HOUR_MS <= now;

/**
 * What this process uses through one profile in one hour, added up as calls end. Plain numbers while the hour lasts: one
 * process spends less than nine million dollars in it.
 */
export class ProfileHour {
  readonly hour: Hour;
  readonly #chunk: Chunk;
  #calls = 0;
  #inputTokens = 0;
  #outputTokens = 0;
  #cacheReadInputTokens = 0;
  #cacheWrite5mInputTokens = 0;
  #cacheWrite1hInputTokens = 0;
  #settled = 0;
  #unconfirmed = 0;
  #refused: UsageTotals | undefined;

  constructor(hour: Hour, chunk: Chunk) {
    this.hour = hour;
    this.#chunk = chunk;
  }

  /** A call is complete, with this usage. */
  settled(usage: Usage, cost: CallCost): void {
    this.#calls++;
    this.#inputTokens += usage.inputTokens;
    this.#outputTokens += usage.outputTokens;
    this.#cacheReadInputTokens += usage.cacheReadInputTokens;
    this.#cacheWrite5mInputTokens += usage.cacheWrite5mInputTokens;
    this.#cacheWrite1hInputTokens += usage.cacheWrite1hInputTokens;
    this.#settled += cost;
    this.#chunk.isDirty = true;
  }

  /** An attempt has ended, and nobody knows whether it ran or what it cost. */
  unconfirmed(hold: CallCost): void {
    this.#unconfirmed += hold;
    this.#chunk.isDirty = true;
  }

  /** These totals are refused for good. */
  refused(totals: UsageTotals | undefined): void {
    this.#refused = totals;
  }

  /** Whether nothing has come since that was refused; if something has, it is told once more, with all that was before. */
  get isRefused(): boolean {
    const { calls, unconfirmed } = this.#refused ?? {};
    return calls === this.#calls && unconfirmed === BigInt(this.#unconfirmed);
  }

  /** As it is at this instant: calls go on adding to it. */
  get totals(): UsageTotals {
    return {
      calls: this.#calls,
      usage: {
        inputTokens: this.#inputTokens,
        outputTokens: this.#outputTokens,
        cacheReadInputTokens: this.#cacheReadInputTokens,
        cacheWrite5mInputTokens: this.#cacheWrite5mInputTokens,
        cacheWrite1hInputTokens: this.#cacheWrite1hInputTokens,
      },
      settled: nanoUsd(BigInt(this.#settled)),
      unconfirmed: nanoUsd(BigInt(this.#unconfirmed)),
    };
  }
}

function begin(hour: Hour, profile: ProfileArn): ProfileHour {
  const { firstChunk, chunks, profiles } = hour;
  let chunk = chunks.at(-1);
  if (chunk === undefined || chunk.totals.size >= MAX_PROFILES_IN_RECORD) {
    chunk = { index: firstChunk + chunks.length, totals: new Map(), sequence: 0, isDirty: false };
    chunks.push(chunk);
  }
  const begun = new ProfileHour(hour, chunk);
  chunk.totals.set(profile, begun);
  profiles.set(profile, begun);
  return begun;
}
