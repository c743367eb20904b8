import { type Clock, type EpochMs, epochMs } from '../clock.ts';
import type { Metered, MeteredSpend, MeteredWindow } from './metered-spend.ts';
import {
  mergeUsage,
  NO_RECORDED_USAGE,
  type RecordedUsage,
  readRecordedHours,
  readRecordedUsage,
} from './recorded-usage.ts';
import { HOUR_MS, hoursOf, type TimeWindow, type UsageRecords, type UtcHour } from './usage-record.ts';

/** Some tens of megabytes with a thousand profiles; what is read first goes first. */
const MAX_RECORDED = 256;
const MAX_METERED = 20_000;

/** Hours that were read together, to be asked for in parts by the same run. */
interface HoursAhead extends TimeWindow {
  readonly run: EpochMs;
  readonly hours: ReadonlyMap<UtcHour, RecordedUsage>;
}

interface Kept<Value> {
  readonly at: EpochMs;
  readonly value: Value;
}

const DAY_MS = 24 * HOUR_MS;
/** A process keeps the records that it could not write for a day, and gives them up then. */
const LATE_MS = DAY_MS + HOUR_MS;

/**
 * Reads what was recorded and what was metered. Records to which nothing can be added any more are kept for a day, later
 * ones only for the run that read them; metrics of closed hours are kept for an hour. So a sweep every few minutes
 * reads whole periods once in a while, and otherwise the last two days of records and the open hours of metrics. Make
 * one for each process; one that is new reads everything.
 */
export class UsageReadings {
  readonly #records: UsageRecords;
  readonly #metered: MeteredSpend;
  readonly #clock: Clock;
  readonly #keptRecorded = new Map<string, Kept<RecordedUsage>>();
  readonly #keptMetered = new Map<string, Kept<Metered>>();
  #ahead: HoursAhead | undefined;

  constructor(ports: { readonly records: UsageRecords; readonly metered: MeteredSpend; readonly clock: Clock }) {
    this.#records = ports.records;
    this.#metered = ports.metered;
    this.#clock = ports.clock;
  }

  /**
   * Reads what can still change in a window together, of which the run asks for parts from now on. What was asked for before
   * stays as it was read then.
   * @throws {Fault} where any record cannot be read
   */
  async readAhead({ from, until }: TimeWindow, run: EpochMs): Promise<void> {
    const window = { from: settledBefore(run, from), until };
    this.#ahead = { ...window, run, hours: await readRecordedHours(this.#records, window) };
  }

  /**
   * @param run when the run began; what it has read already is not read again
   * @throws {Fault} where any record cannot be read
   */
  async recorded({ from, until }: TimeWindow, run: EpochMs): Promise<RecordedUsage> {
    const settled = epochMs(Math.min(until, settledBefore(run, from)));
    return mergeUsage(
      await this.#read({ from, until: settled }, 'settled'),
      await this.#read({ from: settled, until }, String(run)),
    );
  }

  async #readNow(window: TimeWindow, state: string): Promise<RecordedUsage> {
    const ahead = this.#ahead;
    if (ahead === undefined || state !== String(ahead.run) || window.from < ahead.from || window.until > ahead.until)
      return await readRecordedUsage(this.#records, window);
    return mergeUsage(...hoursOf(window).flatMap((hour) => ahead.hours.get(hour) ?? []));
  }

  async #read(window: TimeWindow, state: string): Promise<RecordedUsage> {
    if (window.from >= window.until) return NO_RECORDED_USAGE;
    const name = `${window.from} ${window.until} ${state}`;
    const kept = this.#fresh(this.#keptRecorded, name, DAY_MS);
    if (kept !== undefined) return kept;
    const value = await this.#readNow(window, state);
    this.#keep(this.#keptRecorded, name, value, { most: MAX_RECORDED, forMs: DAY_MS });
    return value;
  }

  /** Reads all windows together, each once. @returns what is known of a window that was asked for */
  async metered(
    windows: readonly (MeteredWindow & { readonly isClosed: boolean })[],
  ): Promise<(window: MeteredWindow) => Metered> {
    const answers = new Map<string, Metered>();
    const missing = new Map<string, (typeof windows)[number]>();
    for (const window of windows) {
      const kept = window.isClosed ? this.#fresh(this.#keptMetered, nameOf(window), HOUR_MS) : undefined;
      if (kept === undefined) missing.set(nameOf(window), window);
      else answers.set(nameOf(window), kept);
    }
    const asked = [...missing.values()];
    const read = asked.length === 0 ? [] : await this.#metered.read(asked);
    for (const [index, window] of asked.entries()) {
      const answer = read[index];
      if (answer === undefined) continue;
      answers.set(nameOf(window), answer);
      if (window.isClosed && answer.kind === 'told')
        this.#keep(this.#keptMetered, nameOf(window), answer, { most: MAX_METERED, forMs: HOUR_MS });
    }
    return (window) => answers.get(nameOf(window)) ?? { kind: 'unreadable', why: 'it was not asked for' };
  }

  #fresh<Value>(kept: Map<string, Kept<Value>>, name: string, forMs: number): Value | undefined {
    const found = kept.get(name);
    return found !== undefined && this.#clock.now() - found.at < forMs ? found.value : undefined;
  }

  #keep<Value>(
    kept: Map<string, Kept<Value>>,
    name: string,
    value: Value,
    { most, forMs }: { readonly most: number; readonly forMs: number },
  ): void {
    const now = this.#clock.now();
    if (kept.size >= most)
      for (const [old, { at }] of kept) if (now - at >= forMs || kept.size >= most) kept.delete(old);
    kept.set(name, { at: now, value });
  }
}

/** Up to where nothing can be added any more, in whole days; not before `from`. */
const settledBefore = (run: EpochMs, from: EpochMs): EpochMs =>
  epochMs(Math.max(from, Math.floor((run - LATE_MS) / DAY_MS) * DAY_MS));

const nameOf = ({ profile, from, until }: MeteredWindow): string => `${profile} ${from} ${until}`;
