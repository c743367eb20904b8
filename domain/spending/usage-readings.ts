import type { Clock, EpochMs } from '../clock.ts';
import type { Metered, MeteredSpend, MeteredWindow } from './metered-spend.ts';
import { type RecordedUsage, readRecordedUsage } from './recorded-usage.ts';
import { HOUR_MS, type TimeWindow, type UsageRecords } from './usage-record.ts';

/** Keeps a year of windows of a hundred budgets, and 5,000 profiles, in some tens of megabytes. */
const MAX_RECORDED = 256;
const MAX_METERED = 20_000;

interface Kept<Value> {
  readonly at: EpochMs;
  readonly value: Value;
}

/**
 * Reads what was recorded and what was metered. What is asked for as closed is kept for an hour, so that a sweep every
 * few minutes reads whole periods once an hour, and in between only the hours that are open. Make one for each
 * process; one that is new reads everything.
 */
export class UsageReadings {
  readonly #records: UsageRecords;
  readonly #metered: MeteredSpend;
  readonly #clock: Clock;
  readonly #keptRecorded = new Map<string, Kept<RecordedUsage>>();
  readonly #keptMetered = new Map<string, Kept<Metered>>();

  constructor(ports: { readonly records: UsageRecords; readonly metered: MeteredSpend; readonly clock: Clock }) {
    this.#records = ports.records;
    this.#metered = ports.metered;
    this.#clock = ports.clock;
  }

  /** @throws {Fault} where any record cannot be read */
  async recorded(window: TimeWindow, { isClosed }: { readonly isClosed: boolean }): Promise<RecordedUsage> {
    const name = `${window.from} ${window.until}`;
    const kept = isClosed ? this.#fresh(this.#keptRecorded, name) : undefined;
    if (kept !== undefined) return kept;
    const value = await readRecordedUsage(this.#records, window);
    if (isClosed) this.#keep(this.#keptRecorded, name, value, MAX_RECORDED);
    return value;
  }

  /** Reads all windows together, each once. @returns what is known of a window that was asked for */
  async metered(
    windows: readonly (MeteredWindow & { readonly isClosed: boolean })[],
  ): Promise<(window: MeteredWindow) => Metered> {
    const answers = new Map<string, Metered>();
    const missing = new Map<string, (typeof windows)[number]>();
    for (const window of windows) {
      const kept = window.isClosed ? this.#fresh(this.#keptMetered, nameOf(window)) : undefined;
      if (kept === undefined) missing.set(nameOf(window), window);
      else answers.set(nameOf(window), kept);
    }
    const asked = [...missing.values()];
    const read = asked.length === 0 ? [] : await this.#metered.read(asked);
    for (const [index, window] of asked.entries()) {
      const answer = read[index];
      if (answer === undefined) continue;
      answers.set(nameOf(window), answer);
      if (window.isClosed && answer.kind === 'told') this.#keep(this.#keptMetered, nameOf(window), answer, MAX_METERED);
    }
    return (window) => answers.get(nameOf(window)) ?? { kind: 'unreadable', why: 'it was not asked for' };
  }

  #fresh<Value>(kept: Map<string, Kept<Value>>, name: string): Value | undefined {
    const found = kept.get(name);
    return found !== undefined && this.#clock.now() - found.at < HOUR_MS ? found.value : undefined;
  }

  #keep<Value>(kept: Map<string, Kept<Value>>, name: string, value: Value, most: number): void {
    const now = this.#clock.now();
    for (const [old, { at }] of kept) if (now - at >= HOUR_MS) kept.delete(old);
    if (kept.size >= most) kept.clear();
    kept.set(name, { at: now, value });
  }
}

const nameOf = ({ profile, from, until }: MeteredWindow): string => `${profile} ${from} ${until}`;
