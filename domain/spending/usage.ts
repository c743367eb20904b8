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

export interface ReportedUsage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly cacheReadInputTokens?: number | undefined;
  readonly cacheWriteInputTokens?: number | undefined;
  readonly cacheDetails?:
    | readonly { readonly ttl?: string | undefined; readonly inputTokens?: number | undefined }[]
    | undefined;
}

const isCount = (value: number | undefined): value is number =>
  value !== undefined && Number.isSafeInteger(value) && value >= 0;

/**
 * Reads the `usage` member of a Converse answer. Undefined where input or output tokens are not reported: unknown
 * usage is not zero usage. An explicit zero is a zero. Cache writes that `cacheDetails` does not split are priced as
 * five-minute writes, as the API documents; those for a time that is not known here as the dearest. Counts that
 * contradict each other are unknown usage.
 */
export function readUsage(reported: ReportedUsage | undefined): Usage | undefined {
  if (!isCount(reported?.inputTokens) || !isCount(reported.outputTokens)) return undefined;
  const details = (reported.cacheDetails ?? []).map(({ ttl, inputTokens = 0 }) => ({ ttl, inputTokens }));
  if (!details.every((detail) => isCount(detail.inputTokens))) return undefined;
  const detailed = details.reduce((sum, detail) => sum + detail.inputTokens, 0);
  const oneHour = details.reduce((sum, detail) => sum + (detail.ttl === '5m' ? 0 : detail.inputTokens), 0);
  const writes = reported.cacheWriteInputTokens ?? detailed;
  const reads = reported.cacheReadInputTokens ?? 0;
  if (!isCount(writes) || !isCount(reads) || detailed > writes) return undefined;
  return {
    inputTokens: reported.inputTokens,
    outputTokens: reported.outputTokens,
    cacheReadInputTokens: reads,
    cacheWrite5mInputTokens: writes - oneHour,
    cacheWrite1hInputTokens: oneHour,
  };
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
