import { type Clock, epochMs } from '../../domain/clock.ts';
import type { IndexReading, IndexSource, WithheldProfile } from '../../domain/profiles/index-source.ts';
import type { IndexEntry } from '../../domain/profiles/profile-index.ts';

/** A source in memory whose answers a test may hold back, and a clock that stands still. */
export class MemoryIndex implements IndexSource, Clock {
  readonly name = 'memory';
  entries: readonly IndexEntry[] = [];
  withheld: readonly WithheldProfile[] = [];
  writtenAt: number | undefined;
  failure: Error | undefined;
  reads = 0;
  #now = 1_000_000;
  #gate: Promise<void> | undefined;

  now() {
    return epochMs(this.#now);
  }

  wait(ms: number): void {
    this.#now += ms;
  }

  /** Answers wait until the returned function is called. */
  hold(): () => void {
    let open = () => {};
    this.#gate = new Promise((resolve) => {
      open = resolve;
    });
    return () => {
      this.#gate = undefined;
      open();
    };
  }

  async read(): Promise<IndexReading> {
    this.reads++;
    const { entries, withheld, writtenAt, failure } = this;
    await this.#gate;
    if (failure !== undefined) throw failure;
    return { entries, withheld, ...(writtenAt === undefined ? {} : { writtenAt: epochMs(writtenAt) }) };
  }
}

/** Lets everything that has begun in the background end. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resume) => setImmediate(resume));
};
