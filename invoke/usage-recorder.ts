import { type Clock, epochMs } from '../domain/clock.ts';
import { nanoUsd } from '../domain/money.ts';
import type { ProfileArn } from '../domain/profiles/profile-arn.ts';
import type { CallCost } from '../domain/spending/pricing.ts';
import { NO_USAGE, type Usage } from '../domain/spending/usage.ts';
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
/**
 * How many hours are kept while the table takes none. Calls stop within minutes of an outage, so more than three of
 * them can hardly hold anything; of more, the oldest is given up: the ledger counts its money all the same.
 */
const MAX_HOURS = 24;

/** Plain numbers while an hour lasts: one process spends less than nine million dollars in it. */
interface Running {
  readonly chunk: Chunk;
  calls: number;
  readonly usage: { -readonly [Meter in keyof Usage]: Usage[Meter] };
  settled: number;
  unconfirmed: number;
}

/** The profiles of one record. */
interface Chunk {
  readonly index: number;
  readonly totals: Map<ProfileArn, Running>;
  sequence: number;
  isDirty: boolean;
}

interface Hour {
  readonly chunks: Chunk[];
  readonly profiles: Map<ProfileArn, Running>;
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
  /** Absent until the first call ends: before its first answer from AWS, a process may have a clock that is far off. */
  #current: UtcHour | undefined;
  #currentEndsAt = Number.NEGATIVE_INFINITY;
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

  /** A call through this profile is complete, with this usage. */
  settled(profile: ProfileArn, usage: Usage, cost: CallCost): void {
    const running = this.#running(profile);
    running.calls++;
    const sum = running.usage;
    sum.inputTokens += usage.inputTokens;
    sum.outputTokens += usage.outputTokens;
    sum.cacheReadInputTokens += usage.cacheReadInputTokens;
    sum.cacheWrite5mInputTokens += usage.cacheWrite5mInputTokens;
    sum.cacheWrite1hInputTokens += usage.cacheWrite1hInputTokens;
    running.settled += cost;
  }

  /** An attempt through this profile has ended, and nobody knows whether it ran or what it cost. */
  unconfirmed(profile: ProfileArn, hold: CallCost): void {
    this.#running(profile).unconfirmed += hold;
  }

  #running(profile: ProfileArn): Running {
    const hour = this.#hourNow();
    const running = hour.profiles.get(profile) ?? begin(hour, profile);
    running.chunk.isDirty = true;
    return running;
  }

  #hourNow(): Hour {
    const now = this.#clock.now();
    if (this.#current === undefined) {
      this.#watermark = now;
      this.#triedAt = now;
    }
    // Never an earlier hour, even where the clock is put back: that hour may have been written and forgotten.
    if (this.#current === undefined || now >= this.#currentEndsAt) {
      this.#current = hourAt(now);
      this.#currentEndsAt = endOfHour(this.#current);
    }
    const hour = this.#hours.get(this.#current);
    if (hour !== undefined) return hour;
    const begun: Hour = { chunks: [], profiles: new Map() };
    this.#hours.set(this.#current, begun);
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > MAX_HOURS && oldest !== undefined) this.#hours.delete(oldest);
    return begun;
  }

  /** To be called every few seconds: writes what is new once a minute. What fails is written the next time. */
  async maintain(): Promise<void> {
    if (this.#clock.now() - this.#triedAt >= WRITE_MS) await this.flush().catch(() => {});
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

  /** Oldest first, and nothing after a failure: the watermark of a record covers all that were written before it. */
  async #write(): Promise<void> {
    const now = this.#clock.now();
    this.#triedAt = now;
    const unwritten = this.#takeDirty();
    for (const [position, { record }] of unwritten.entries()) {
      try {
        const watermark = position === unwritten.length - 1 ? now : this.#watermark;
        await this.#records.write({ ...record, watermark });
      } catch (error) {
        for (const { chunk } of unwritten.slice(position)) chunk.isDirty = true;
        throw error;
      }
    }
    if (unwritten.length > 0 && now > this.#watermark) this.#watermark = now;
    for (const [name, { chunks }] of this.#hours)
      if (this.#current !== undefined && name < this.#current && chunks.every(({ isDirty }) => !isDirty))
        this.#hours.delete(name);
  }

  /** Everything that is not written, as it is at this instant. */
  #takeDirty(): { readonly chunk: Chunk; readonly record: Omit<UsageRecord, 'watermark'> }[] {
    return [...this.#hours].flatMap(([hour, { chunks }]) =>
      chunks.flatMap((chunk) => {
        if (!chunk.isDirty) return [];
        chunk.isDirty = false;
        // Counted up also where the write fails: what became of that one is unknown, and it may hold less.
        chunk.sequence++;
        const { index, sequence } = chunk;
        const totals = new Map([...chunk.totals].map(([profile, running]) => [profile, totalsOf(running)]));
        return [{ chunk, record: { process: this.#process, hour, chunk: index, sequence, totals } }];
      }),
    );
  }
}

function begin({ chunks, profiles }: Hour, profile: ProfileArn): Running {
  let chunk = chunks.at(-1);
  if (chunk === undefined || chunk.totals.size >= MAX_PROFILES_IN_RECORD) {
    chunk = { index: chunks.length, totals: new Map(), sequence: 0, isDirty: false };
    chunks.push(chunk);
  }
  const running: Running = { chunk, calls: 0, usage: { ...NO_USAGE }, settled: 0, unconfirmed: 0 };
  chunk.totals.set(profile, running);
  profiles.set(profile, running);
  return running;
}

const totalsOf = ({ calls, usage, settled, unconfirmed }: Running): UsageTotals => ({
  calls,
  // As it is at this instant: calls go on adding to it.
  usage: { ...usage },
  settled: nanoUsd(BigInt(settled)),
  unconfirmed: nanoUsd(BigInt(unconfirmed)),
});
