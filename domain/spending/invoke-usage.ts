import { elements, member } from '../untrusted-json.ts';
import {
  inputOf,
  isCount,
  type ReportedUsage,
  readReportedUsage,
  type UsageReading,
  type UsageTerms,
} from './usage.ts';

/**
 * What InvokeModel answers tell of their usage. Bedrock counts in headers, but not for every vendor; then the model's
 * own body is the fall-back. Everything is checked: what is no count is unknown, and unknown is not zero.
 */

export type AnswerHeaders = Readonly<Record<string, string | undefined>>;

/** Reads `x-amzn-bedrock-*-token-count`, by which Bedrock tells what it meters. */
export function readInvokeHeaders(headers: AnswerHeaders): ReportedUsage | undefined {
  const counted = {
    inputTokens: headerCount(headers['x-amzn-bedrock-input-token-count']),
    outputTokens: headerCount(headers['x-amzn-bedrock-output-token-count']),
    cacheReadInputTokens: headerCount(headers['x-amzn-bedrock-cache-read-input-token-count']),
    cacheWriteInputTokens: headerCount(headers['x-amzn-bedrock-cache-write-input-token-count']),
  };
  return Object.values(counted).some((count) => count !== undefined) ? counted : undefined;
}

/** What is there and no count becomes one that no reading accepts, instead of none. Blanks around a value are none of it (RFC 9110). */
const headerCount = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : /^[ \t]*\d+[ \t]*$/.test(text) ? Number(text) : Number.NaN;

/** Whether the headers tell everything: cached tokens are to be split by the body, and checked against its total. */
export function headersTellAll(headers: AnswerHeaders, mentionsCache: () => boolean): boolean {
  const { inputTokens, outputTokens, cacheReadInputTokens, cacheWriteInputTokens } = readInvokeHeaders(headers) ?? {};
  if (!isCount(inputTokens) || !isCount(outputTokens)) return false;
  if ((cacheReadInputTokens ?? 0) !== 0 || (cacheWriteInputTokens ?? 0) !== 0) return false;
  return (cacheReadInputTokens !== undefined && cacheWriteInputTokens !== undefined) || !mentionsCache();
}

/** Reads the usage out of a model's own answer, by the shapes that vendors document. */
export function readInvokeBody(body: unknown): ReportedUsage | undefined {
  for (const read of [anthropic, nova, chatCompletion, llama, titan, cohere, embedding]) {
    const reported = read(body);
    if (reported !== undefined) return reported;
  }
  return undefined;
}

/** A member that is absent or null is unknown; one that is there and no count is one that no reading accepts. */
export function countOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  return isCount(value) ? value : Number.NaN;
}

function anthropic(body: unknown): ReportedUsage | undefined {
  const usage = member(body, 'usage');
  return member(usage, 'input_tokens') === undefined ? undefined : readAnthropicUsage(usage);
}

/** Anthropic's `usage`; its split of cache writes counts where it adds up to the writes. */
export function readAnthropicUsage(usage: unknown): ReportedUsage {
  const writes = countOf(member(usage, 'cache_creation_input_tokens'));
  const split = member(usage, 'cache_creation');
  const cacheDetails = [
    { ttl: '5m', inputTokens: countOf(member(split, 'ephemeral_5m_input_tokens')) },
    { ttl: '1h', inputTokens: countOf(member(split, 'ephemeral_1h_input_tokens')) },
  ];
  return withSplit(
    {
      inputTokens: countOf(member(usage, 'input_tokens')),
      outputTokens: countOf(member(usage, 'output_tokens')),
      cacheReadInputTokens: countOf(member(usage, 'cache_read_input_tokens')),
      cacheWriteInputTokens: writes,
    },
    cacheDetails,
  );
}

/** `reported` with this split of its writes, where it is one. */
export function withSplit(reported: ReportedUsage, split: ReportedUsage['cacheDetails']): ReportedUsage {
  const sum = (split ?? []).reduce((total, { inputTokens = 0 }) => total + inputTokens, 0);
  const { cacheDetails: _, ...whole } = reported;
  return sum > 0 && sum === (reported.cacheWriteInputTokens ?? sum) ? { ...whole, cacheDetails: split } : whole;
}

/** Amazon Nova. The names of its cache counts are UNVERIFIED; both spellings in circulation are read. */
function nova(body: unknown): ReportedUsage | undefined {
  const usage = member(body, 'usage');
  if (member(usage, 'inputTokens') === undefined) return undefined;
  const cached = (kind: string) =>
    countOf(member(usage, `cache${kind}InputTokenCount`) ?? member(usage, `cache${kind}InputTokens`));
  return {
    inputTokens: countOf(member(usage, 'inputTokens')),
    outputTokens: countOf(member(usage, 'outputTokens')),
    totalTokens: countOf(member(usage, 'totalTokens')),
    cacheReadInputTokens: cached('Read'),
    cacheWriteInputTokens: cached('Write'),
  };
}

/** The chat completions of AI21, DeepSeek, Mistral, OpenAI, Qwen and others: the prompt's tokens hold the cached ones. */
function chatCompletion(body: unknown): ReportedUsage | undefined {
  const usage = member(body, 'usage');
  const prompt = countOf(member(usage, 'prompt_tokens'));
  if (prompt === undefined) return undefined;
  const cached = countOf(member(member(usage, 'prompt_tokens_details'), 'cached_tokens')) ?? 0;
  return {
    inputTokens: prompt - cached,
    // A model that only embeds completes nothing.
    outputTokens: countOf(member(usage, 'completion_tokens')),
    totalTokens: countOf(member(usage, 'total_tokens')),
    cacheReadInputTokens: cached,
  };
}

function llama(body: unknown): ReportedUsage | undefined {
  const inputTokens = countOf(member(body, 'prompt_token_count'));
  if (inputTokens === undefined) return undefined;
  return { inputTokens, outputTokens: countOf(member(body, 'generation_token_count')) };
}

function titan(body: unknown): ReportedUsage | undefined {
  const inputTokens = countOf(member(body, 'inputTextTokenCount'));
  if (inputTokens === undefined) return undefined;
  if (isEmbedding(body)) return { inputTokens, outputTokens: 0 };
  const results = elements(member(body, 'results')).map((result) => countOf(member(result, 'tokenCount')));
  // A result without a count makes the sum no count.
  const outputTokens = results.reduce<number>((sum, count) => sum + (count ?? Number.NaN), 0);
  return { inputTokens, outputTokens: results.length === 0 ? undefined : outputTokens };
}

function cohere(body: unknown): ReportedUsage | undefined {
  const billed = member(member(body, 'meta'), 'billed_units');
  const inputTokens = countOf(member(billed, 'input_tokens'));
  if (inputTokens === undefined) return undefined;
  return {
    inputTokens,
    outputTokens: countOf(member(billed, 'output_tokens')) ?? (isEmbedding(body) ? 0 : undefined),
  };
}

/** Vectors are not metered: where only the headers count the input, the answer still says that there is no output. */
const embedding = (body: unknown): ReportedUsage | undefined => (isEmbedding(body) ? { outputTokens: 0 } : undefined);

const isEmbedding = (body: unknown): boolean =>
  Array.isArray(member(body, 'embedding')) ||
  (typeof member(body, 'embeddings') === 'object' && member(body, 'embeddings') !== null) ||
  (typeof member(body, 'embeddingsByType') === 'object' && member(body, 'embeddingsByType') !== null);

/**
 * What an InvokeModel answer consumed. The headers go before the body, since they are what Bedrock meters. They count
 * cache writes without saying for how long: the body's split of the same number of writes tells.
 */
export function readInvokeUsage(
  answer: { readonly headers: AnswerHeaders; readonly body?: unknown },
  terms: UsageTerms = {},
): UsageReading | undefined {
  const counted = readInvokeHeaders(answer.headers);
  const said = readInvokeBody(answer.body);
  return (
    (counted === undefined ? undefined : readReportedUsage(completed(counted, said, terms), terms)) ??
    readReportedUsage(said, ownTerms(terms))
  );
}

/** A model's own counts are read by its vendor's documentation: what the price entry says of Bedrock's does not hold for them. */
export const ownTerms = ({ unsplitWrites }: UsageTerms): UsageTerms =>
  unsplitWrites === undefined ? {} : { unsplitWrites };

/**
 * Bedrock's own counts, with what they leave out as the model says it; the model's total tells whether they contradict it.
 * Where they say nothing of the cache, and their input is all that the model says it has read, the cached tokens are in it.
 */
export function completed(
  counted: ReportedUsage,
  said: ReportedUsage | undefined,
  terms: UsageTerms = {},
): ReportedUsage {
  const own = readReportedUsage(said)?.usage;
  const holdsAll =
    own !== undefined &&
    terms.inputTokens === undefined &&
    counted.cacheReadInputTokens === undefined &&
    counted.cacheWriteInputTokens === undefined &&
    counted.inputTokens === inputOf(own);
  const whole = {
    inputTokens: holdsAll ? own.inputTokens : (counted.inputTokens ?? said?.inputTokens),
    outputTokens: counted.outputTokens ?? said?.outputTokens,
    totalTokens: own === undefined ? undefined : inputOf(own) + own.outputTokens,
    cacheReadInputTokens: counted.cacheReadInputTokens ?? said?.cacheReadInputTokens,
    cacheWriteInputTokens: counted.cacheWriteInputTokens ?? said?.cacheWriteInputTokens,
  };
  return withSplit(whole, said?.cacheDetails);
}
