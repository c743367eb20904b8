import { elements, member } from '../untrusted-json.ts';
import { completed, countOf, ownTerms, readAnthropicUsage, readInvokeBody, withSplit } from './invoke-usage.ts';
import { type ReportedUsage, readReportedUsage, type UsageReading, type UsageTerms } from './usage.ts';

/** What the chunks of an InvokeModelWithResponseStream answer have told so far. */
export interface StreamCounts {
  /** Of Bedrock itself, in the last chunk. */
  readonly metrics?: ReportedUsage;
  /** Of the model, collected from its own chunks. */
  readonly said?: ReportedUsage;
  /** Whether the model has ended, so that what it said is all. Before, its counts are placeholders. */
  readonly isWhole: boolean;
}

export const NO_COUNTS: StreamCounts = { isWhole: false };

/** The last chunk's `amazon-bedrock-invocationMetrics`, by which Bedrock tells what it meters. */
export function readInvocationMetrics(chunk: unknown): ReportedUsage | undefined {
  const metrics = member(chunk, 'amazon-bedrock-invocationMetrics');
  if (typeof metrics !== 'object' || metrics === null) return undefined;
  return {
    inputTokens: countOf(member(metrics, 'inputTokenCount')),
    outputTokens: countOf(member(metrics, 'outputTokenCount')),
    cacheReadInputTokens: countOf(member(metrics, 'cacheReadInputTokenCount')),
    cacheWriteInputTokens: countOf(member(metrics, 'cacheWriteInputTokenCount')),
  };
}

/** Takes one more chunk into account: the parsed JSON of its bytes. */
export function addChunk(counts: StreamCounts, chunk: unknown): StreamCounts {
  const metrics = readInvocationMetrics(chunk);
  const told = tellingOf(chunk);
  if (metrics === undefined && told === undefined) return counts;
  return {
    ...counts,
    ...(metrics === undefined ? {} : { metrics }),
    ...(told === undefined ? {} : { said: merged(counts.said, told.said), isWhole: counts.isWhole || told.isWhole }),
  };
}

/**
 * What the stream consumed; undefined where it broke off before that was known. The count of output tokens in
 * Anthropic's `message_start` is a placeholder and never the usage: only the end of the message makes counts whole.
 */
export function readStreamUsage(counts: StreamCounts, terms: UsageTerms = {}): UsageReading | undefined {
  const { metrics, isWhole } = counts;
  const said = isWhole ? counts.said : undefined;
  return (
    // The split of cache writes stands in the first chunk already, and holds whether or not the message ended.
    (metrics === undefined
      ? undefined
      : readReportedUsage(withSplit(completed(metrics, said, terms), counts.said?.cacheDetails), terms)) ??
    readReportedUsage(said, ownTerms(terms))
  );
}

interface Telling {
  readonly said: ReportedUsage;
  readonly isWhole: boolean;
}

function tellingOf(chunk: unknown): Telling | undefined {
  const type = member(chunk, 'type');
  if (type === 'message_start') {
    const { outputTokens: _placeholder, ...said } = readAnthropicUsage(member(member(chunk, 'message'), 'usage'));
    return { said, isWhole: false };
  }
  if (type === 'message_delta') {
    const isWhole = typeof member(member(chunk, 'delta'), 'stop_reason') === 'string';
    return { said: readAnthropicUsage(member(chunk, 'usage')), isWhole };
  }
  const titanOutput = countOf(member(chunk, 'totalOutputTextTokenCount'));
  if (titanOutput !== undefined)
    return {
      said: { inputTokens: countOf(member(chunk, 'inputTextTokenCount')), outputTokens: titanOutput },
      isWhole: typeof member(chunk, 'completionReason') === 'string',
    };
  const llamaOutput = countOf(member(chunk, 'generation_token_count'));
  if (llamaOutput !== undefined)
    return {
      said: { inputTokens: countOf(member(chunk, 'prompt_token_count')), outputTokens: llamaOutput },
      isWhole: typeof member(chunk, 'stop_reason') === 'string',
    };
  // Amazon Nova tells its usage once, in the metadata; chat completions do in their last chunk, or a running one in each.
  const said = readInvokeBody(member(chunk, 'metadata') ?? chunk);
  if (said === undefined) return undefined;
  const choices = elements(member(chunk, 'choices'));
  return { said, isWhole: choices.length === 0 || choices.some(hasEnded) };
}

const hasEnded = (choice: unknown): boolean =>
  typeof (member(choice, 'finish_reason') ?? member(choice, 'stop_reason')) === 'string';

/** Later counts replace earlier ones: they are totals, and a smaller one takes nothing back. What they leave out stays. */
function merged(before: ReportedUsage = {}, later: ReportedUsage): ReportedUsage {
  const larger = (name: Exclude<keyof ReportedUsage, 'cacheDetails'>): number | undefined => {
    const [was, is] = [before[name], later[name]];
    return is === undefined || (was !== undefined && was > is) ? was : is;
  };
  const cacheDetails = later.cacheDetails ?? before.cacheDetails;
  return {
    inputTokens: larger('inputTokens'),
    outputTokens: larger('outputTokens'),
    totalTokens: larger('totalTokens'),
    cacheReadInputTokens: larger('cacheReadInputTokens'),
    cacheWriteInputTokens: larger('cacheWriteInputTokens'),
    ...(cacheDetails === undefined ? {} : { cacheDetails }),
  };
}
