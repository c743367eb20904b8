import type { EpochMs } from '../clock.ts';
import type { NanoUsd } from '../money.ts';
import type { LedgerKey } from '../spending/ledger.ts';

/** What a budget had spent in a period at an instant. */
export interface PaceSample {
  readonly at: EpochMs;
  readonly spent: NanoUsd;
}

/** What is remembered of a budget's spending in one period, to see its pace. */
export interface PaceRecord {
  readonly samples: readonly PaceSample[];
  /** How many looks in a row have foreseen that it is used up before the period ends. */
  readonly foreseen: number;
}

export const NO_PACE: PaceRecord = { samples: [], foreseen: 0 };

export interface PaceRecords {
  read(key: LedgerKey): Promise<PaceRecord>;
  /** Replaces it. Two writers at once lose a sample, and nothing else. */
  keep(key: LedgerKey, record: PaceRecord): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** Eight days of hours: a week's window and some spare. */
const MAX_SAMPLES = 8 * 24;

/** With a sample of now, if none is of this hour. The oldest give way. */
export function withSample(samples: readonly PaceSample[], sample: PaceSample): readonly PaceSample[] {
  const last = samples.at(-1);
  if (last !== undefined && Math.floor(last.at / HOUR_MS) >= Math.floor(sample.at / HOUR_MS)) return samples;
  return [...samples, sample].slice(-MAX_SAMPLES);
}
