import { type EpochMs, epochMs } from '../../../domain/clock.ts';
import { nanoUsd } from '../../../domain/money.ts';
import { type ProfileArn, regionOf } from '../../../domain/profiles/profile-arn.ts';
import type { IndexEntry } from '../../../domain/profiles/profile-index.ts';
import type { PicoUsdPerToken } from '../../../domain/spending/pricing.ts';
import { NO_USAGE } from '../../../domain/spending/usage.ts';
import {
  type ProcessId,
  startOfHour,
  type TimeWindow,
  type UsageRecord,
  type UsageTotals,
  type UtcHour,
} from '../../../domain/spending/usage-record.ts';
import type { Tags } from '../../../domain/tags.ts';

export const at = (iso: string): EpochMs => epochMs(Date.parse(iso));

export const window = (from: string, until: string): TimeWindow => ({ from: at(from), until: at(until) });

/** Totals with a token for each nano-dollar: prices of the tests are a thousand pico-dollars for any token. */
export const totals = (calls: number, settled: number, unconfirmed = 0): UsageTotals => ({
  calls,
  usage: { ...NO_USAGE, inputTokens: settled },
  settled: nanoUsd(BigInt(settled)),
  unconfirmed: nanoUsd(BigInt(unconfirmed)),
});

const price = 1_000 as PicoUsdPerToken;

/** Any token costs a nano-dollar. */
export const RATES = { input: price, output: price, cacheRead: price, cacheWrite5m: price, cacheWrite1h: price };

export const entryOf = (arn: ProfileArn, tags: Tags): IndexEntry => ({
  arn,
  name: arn,
  region: regionOf(arn),
  tags,
  baseModelId: 'amazon.nova-lite-v1:0',
  source: 'in-region',
  rates: RATES,
  standing: { state: 'open' },
  budgets: [],
  verifiedAt: at('2026-11-23T00:00:00Z'),
});

export const recordOf = (parts: {
  readonly process: string;
  readonly hour: string;
  readonly chunk?: number;
  readonly sequence?: number;
  readonly watermark?: EpochMs;
  readonly totals: readonly (readonly [ProfileArn, UsageTotals])[];
}): UsageRecord => ({
  process: parts.process as ProcessId,
  hour: parts.hour as UtcHour,
  chunk: parts.chunk ?? 0,
  sequence: parts.sequence ?? 1,
  watermark: parts.watermark ?? startOfHour(parts.hour as UtcHour),
  totals: new Map(parts.totals),
});
