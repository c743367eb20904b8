import { member } from '../untrusted-json.ts';

/**
 * Tokens that one call consumed, as Bedrock meters them: five separate meters with prices of their own.
 * `inputTokens` excludes cache reads and writes (Amazon Bedrock user guide, prompt caching).
 */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadInputTokens: number;
  /** Written to the cache for five minutes. */
  readonly cacheWrite5mInputTokens: number;
  /** Written to the cache for one hour, at a higher price. */
  readonly cacheWrite1hInputTokens: number;
}

export const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadInputTokens: 0,
  cacheWrite5mInputTokens: 0,
  cacheWrite1hInputTokens: 0,
};

export const addUsage = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadInputTokens: a.cacheReadInputTokens + b.cacheReadInputTokens,
  cacheWrite5mInputTokens: a.cacheWrite5mInputTokens + b.cacheWrite5mInputTokens,
  cacheWrite1hInputTokens: a.cacheWrite1hInputTokens + b.cacheWrite1hInputTokens,
});

/** All that the model read: what a price that depends on the size of the context goes by. */
export const inputOf = (usage: Usage): number =>
  usage.inputTokens + usage.cacheReadInputTokens + usage.cacheWrite5mInputTokens + usage.cacheWrite1hInputTokens;

/** Counts as an answer gives them, before they are checked against each other. */
export interface ReportedUsage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly totalTokens?: number | undefined;
  readonly cacheReadInputTokens?: number | undefined;
  readonly cacheWriteInputTokens?: number | undefined;
  /** Of the writes: how many are kept for how long. */
  readonly cacheDetails?:
    | readonly { readonly ttl?: string | undefined; readonly inputTokens?: number | undefined }[]
    | undefined;
}

/** How reported counts are to be understood. */
export interface UsageTerms {
  /** Of the price entry: see `Rates.inputTokens`. */
  readonly inputTokens?: 'including-cache';
  /** Of the request: see `RequestBound.unsplitWrites`. */
  readonly unsplitWrites?: '1h';
}

/** A contradiction in a report: what a model counts is not what its price entry says. */
export type UsageDrift =
  /** The total leaves the cached tokens out: it seems that the input tokens hold them. */
  | 'input-seems-to-include-cache'
  /** The total, or cached tokens beyond the input, say that the input tokens do not hold them after all. */
  | 'input-seems-to-exclude-cache'
  /** The total fits no reading of the counts. */
  | 'total-does-not-add-up';

export interface UsageReading {
  readonly usage: Usage;
  readonly drift?: UsageDrift;
}

/** Whether a value from outside is a count of tokens. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/**
 * Reads counts that an answer reports. Undefined where input or output tokens are not reported: unknown usage is not
 * zero usage, and an explicit zero is a zero. Cache writes that `cacheDetails` does not split are five-minute writes,
 * as the Converse API documents, unless the terms say otherwise; those for a time that is not known here are priced as
 * the dearest. Counts that contradict each other are unknown usage.
 *
 * `totalTokens` prices nothing; it tells whether the input tokens hold the cached ones. Where it contradicts the price
 * entry, the dearer reading counts, in which they do not, and the drift is told.
 */
export function readReportedUsage(
  reported: ReportedUsage | undefined,
  terms: UsageTerms = {},
): UsageReading | undefined {
  if (!isCount(reported?.inputTokens) || !isCount(reported.outputTokens)) return undefined;
  const { inputTokens, outputTokens } = reported;
  let detailed = 0;
  let oneHour = 0;
  const details: unknown = reported.cacheDetails ?? [];
  if (!Array.isArray(details)) return undefined;
  for (const detail of details as readonly unknown[]) {
    const count = member(detail, 'inputTokens') ?? 0;
    if (typeof detail !== 'object' || detail === null || !isCount(count)) return undefined;
    detailed += count;
    if (member(detail, 'ttl') !== '5m') oneHour += count;
  }
  const writes = reported.cacheWriteInputTokens ?? detailed;
  const reads = reported.cacheReadInputTokens ?? 0;
  if (!isCount(writes) || !isCount(reads) || detailed > writes) return undefined;
  const cacheWrite1hInputTokens = oneHour + (terms.unsplitWrites === '1h' ? writes - detailed : 0);
  const cached = reads + writes;
  const drift = driftOf(terms, reported, inputTokens + outputTokens, cached);
  const isWithin = terms.inputTokens === 'including-cache' && drift === undefined;
  const usage = {
    inputTokens: isWithin ? inputTokens - cached : inputTokens,
    outputTokens,
    cacheReadInputTokens: reads,
    cacheWrite5mInputTokens: writes - cacheWrite1hInputTokens,
    cacheWrite1hInputTokens,
  };
  return drift === undefined ? { usage } : { usage, drift };
}

/**
 * @param within input and output tokens
 * @param cached cached tokens, which may be in them or not
 */
function driftOf(
  terms: UsageTerms,
  { inputTokens = 0, totalTokens }: ReportedUsage,
  within: number,
  cached: number,
): UsageDrift | undefined {
  const isWithin = terms.inputTokens === 'including-cache';
  if (isWithin && cached > inputTokens) return 'input-seems-to-exclude-cache';
  if (totalTokens === undefined) return undefined;
  const apart = within + cached;
  if (totalTokens === (isWithin ? within : apart)) return undefined;
  if (totalTokens === within) return 'input-seems-to-include-cache';
  return isWithin && totalTokens === apart ? 'input-seems-to-exclude-cache' : 'total-does-not-add-up';
}

/** The usage of a Converse answer, without what contradicts it. */
export const readUsage = (reported: ReportedUsage | undefined, terms?: UsageTerms): Usage | undefined =>
  readReportedUsage(reported, terms)?.usage;
