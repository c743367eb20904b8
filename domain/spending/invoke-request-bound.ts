import { elements, member, textOf } from '../untrusted-json.ts';
import { type RequestBound, readTier, type ServiceTier } from './pricing.ts';

/** An InvokeModel request: the body is the model's own format, which the base model's vendor defines. */
export interface InvokeRequest {
  readonly body: Uint8Array;
  /** The base model behind the profile, such as `anthropic.claude-sonnet-4-6`. */
  readonly baseModelId: string;
  /** The most tokens a request and its answer can have together; undefined where that is not known. */
  readonly contextWindow: number | undefined;
  readonly tier: string | undefined;
}

export type BoundReading =
  | { readonly kind: 'bounded'; readonly bound: RequestBound }
  /** What the request asks for has a price of its own, or adds input that nobody can foresee. */
  | { readonly kind: 'unpriced'; readonly problem: string }
  /** Nothing limits what it may cost. */
  | { readonly kind: 'unbounded'; readonly problem: string };

/**
 * What Anthropic's own client-side tools add to the prompt, in tokens, for each. UNVERIFIED: an allowance above the
 * largest that Anthropic documents (computer use, 735).
 */
const DEFINED_TOOL_ALLOWANCE = 1_024;

/**
 * The most that an InvokeModel request can consume. Text is bounded by its bytes, and output by the vendor's own
 * limit. Where these prove nothing (media, whose tokens only the model counts; a body that is not understood; a missing
 * limit, or one past the model's window) the model's context window is the bound.
 */
export function boundOfInvoke(request: InvokeRequest): BoundReading {
  const { body, baseModelId, contextWindow } = request;
  const document = parse(body);
  const format = formatOf(baseModelId);
  const separately = pricedSeparately(document);
  if (separately !== undefined) return { kind: 'unpriced', problem: separately };
  const window = contextWindow ?? Number.POSITIVE_INFINITY;
  const isText = format !== undefined && document !== undefined && !holdsMedia(document);
  const inputBytes = isText ? body.length + definedToolTokens(document) : window;
  const longContext = longContextProblem(document, inputBytes, window);
  if (longContext !== undefined) return { kind: 'unpriced', problem: longContext };
  const answers = answersOf(document);
  const isEmbedding = format === EMBEDDING;
  // An embedding request holds many inputs, each as large as the window: only text is bounded.
  if (answers === undefined || (isEmbedding && !isText))
    return {
      kind: 'unbounded',
      problem: isEmbedding
        ? 'How many tokens the images of an embedding request are is not known. Send text only.'
        : 'The number of answers that is asked for is no whole number. Ask for one.',
    };
  const perAnswer = isEmbedding ? 0 : Math.min(limitOf(document, format ?? []), window);
  const maxOutputTokens = perAnswer * answers;
  if (!Number.isSafeInteger(inputBytes) || !Number.isSafeInteger(maxOutputTokens))
    return {
      kind: 'unbounded',
      problem: `Nothing bounds the cost of this call: the context window of its model is not known. ${advice(format)}`,
    };
  const caching = cachingOf(document);
  return {
    kind: 'bounded',
    bound: {
      inputBytes,
      mayWriteCache: caching.writes,
      maxOutputTokens,
      tier: tierOf(request.tier, document),
      ...(caching.forAnHour ? { unsplitWrites: '1h' } : {}),
    },
  };
}

type Limits = readonly string[];

const EMBEDDING: Limits = [];

/** Where a vendor's format limits the output, as paths in its body (Amazon Bedrock user guide, inference parameters). */
const FORMATS: readonly (readonly [idPrefix: string, Limits])[] = [
  ['anthropic.', ['max_tokens', 'max_tokens_to_sample']],
  ['amazon.nova', ['inferenceConfig.maxTokens', 'inferenceConfig.max_new_tokens']],
  ['amazon.titan-text', ['textGenerationConfig.maxTokenCount']],
  ['meta.', ['max_gen_len']],
  ['cohere.', ['max_tokens']],
  ['mistral.', ['max_tokens']],
  ['ai21.', ['max_tokens', 'maxTokens']],
  ['openai.', ['max_completion_tokens', 'max_tokens']],
  ['deepseek.', ['max_tokens']],
  ['qwen.', ['max_tokens']],
  ['google.', ['max_tokens']],
  ['nvidia.', ['max_tokens']],
  ['writer.', ['max_tokens']],
];

/** Models of these vendors that make pictures or sound, or rank: a limit of tokens limits nothing that they cost. */
const NOT_BY_TOKEN = /^(?:amazon\.nova-(?:\d+-)?(?:canvas|reel|sonic|multimodal)|cohere\.rerank)/;

function formatOf(baseModelId: string): Limits | undefined {
  if (NOT_BY_TOKEN.test(baseModelId)) return undefined;
  if (/[.-]embed-/.test(baseModelId)) return EMBEDDING;
  return FORMATS.find(([prefix]) => baseModelId.startsWith(prefix))?.[1];
}

const advice = (format: Limits | undefined): string =>
  format === undefined
    ? 'The format of its requests is not known either: use Converse.'
    : `Set ${format[0] ?? 'a limit'}, and send text only.`;

/** The largest of the limits that the body states; none at all is no limit. */
function limitOf(document: unknown, format: Limits): number {
  const stated = format
    .map((path) => path.split('.').reduce(member, document))
    // Bedrock turns away what is no positive number; until it has, such a limit bounds nothing.
    .map((limit) =>
      limit === undefined || limit === null
        ? undefined
        : typeof limit === 'number' && Number.isSafeInteger(limit) && limit > 0
          ? limit
          : Number.POSITIVE_INFINITY,
    )
    .filter((limit) => limit !== undefined);
  return stated.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...stated);
}

/** Some formats ask for several answers to one prompt; each is billed. Undefined where the number is none. */
function answersOf(document: unknown): number | undefined {
  const asked = ['n', 'best_of', 'num_generations'].map((name) => member(document, name) ?? 1);
  return asked.every((n): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n > 0)
    ? Math.max(...asked)
    : undefined;
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** Anthropic's tools that the caller runs. The other typed ones run on the server, at prices of their own. */
const CLIENT_TOOL = /^(?:computer|bash|text_editor|memory)_\d{8}$/;

/**
 * What in a body, or among Converse's model-specific fields, has a price of its own, or makes the model read what the
 * caller did not send. Undefined where there is none.
 */
export function pricedSeparately(document: unknown): string | undefined {
  for (const name of ['mcp_servers', 'container', 'web_search_options', 'connectors']) {
    const value = member(document, name);
    if (value !== undefined && value !== null)
      return `"${name}" runs on the server: what it costs and how much it gives the model to read is not known. Leave it out.`;
  }
  for (const tool of [
    ...elements(member(document, 'tools')),
    ...elements(member(member(document, 'toolConfig'), 'tools')),
  ]) {
    const type = member(tool, 'type');
    const isOfCaller =
      type === undefined ||
      type === 'custom' ||
      type === 'function' ||
      (typeof type === 'string' && CLIENT_TOOL.test(type));
    if (!isOfCaller || member(tool, 'systemTool') !== undefined)
      return 'A tool of the request runs on the server: what it costs and how much it gives the model to read is not known. Leave out all tools but your own.';
  }
  const edits = elements(member(member(document, 'context_management'), 'edits'));
  if (edits.some((edit) => textOf(member(edit, 'type'))?.startsWith('clear_') !== true))
    return 'Compaction makes the model read its context more than once. Leave out context_management.edits but those that clear.';
  return undefined;
}

/** The allowance for the tools that the vendor describes to the model by itself, in tokens. */
export const definedToolTokens = (document: unknown): number =>
  DEFINED_TOOL_ALLOWANCE *
  elements(member(document, 'tools')).filter((tool) => CLIENT_TOOL.test(textOf(member(tool, 'type')) ?? '')).length;

/** A window of this size is the long one already. */
const LONG_CONTEXT_TOKENS = 1_000_000;

/** Anthropic's beta that lengthens the window of older models, beyond which other prices hold. Undefined where that is no problem. */
export function longContextProblem(document: unknown, inputBytes: number, window: number): string | undefined {
  const betas = member(document, 'anthropic_beta');
  const asksForIt = [betas, ...elements(betas)].some((beta) => textOf(beta)?.includes('context-1m') === true);
  if (!asksForIt || window >= LONG_CONTEXT_TOKENS || inputBytes < window) return undefined;
  return `A context of a million tokens is asked for, and the price of more than ${window} is not known. Leave that beta out, send less text, or state contextWindow and steps under "prices" in the policy.`;
}

/** Names and types of content whose tokens only the model counts. */
const MEDIA_NAMES =
  /^(?:image|images|video|audio|document|file|image_url|input_audio|audio_url|video_url|inputImage|inputVideo|inputAudio)$/;
const MEDIA_TYPES =
  /^(?:image|image_url|input_image|audio|audio_url|input_audio|video|video_url|input_video|document|file|input_file|container_upload)$/;
/** Schemas and arguments of tools: what is called an image there is none. */
const OF_TOOLS = new Set(['input_schema', 'inputSchema', 'parameters', 'arguments']);

function holdsMedia(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsMedia);
  if (MEDIA_TYPES.test(textOf(member(value, 'type')) ?? '')) return true;
  return Object.entries(value).some(
    ([name, part]) =>
      !OF_TOOLS.has(name) &&
      ((typeof part === 'object' && part !== null && MEDIA_NAMES.test(name)) ||
        (typeof part === 'string' && /^data:(?:image|audio|video|application)\//.test(part)) ||
        (typeof part === 'string' && MEDIA_NAMES.test(name)) ||
        holdsMedia(part)),
  );
}

/** Whether anything in the body asks for the cache: Anthropic's `cache_control`, Nova's `cachePoint`. */
function cachingOf(document: unknown): { readonly writes: boolean; readonly forAnHour: boolean } {
  // A body that is not understood may ask for anything.
  if (document === undefined) return { writes: true, forAnHour: true };
  let [writes, forAnHour] = [false, false];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, part] of Object.entries(value)) {
      if ((name === 'cache_control' || name === 'cachePoint') && typeof part === 'object' && part !== null) {
        writes = true;
        const ttl = member(part, 'ttl') ?? '5m';
        if (ttl !== '5m') forAnHour = true;
      } else look(part);
    }
  };
  look(document);
  return { writes, forAnHour };
}

/** The dearer of what the request and its body ask for. */
function tierOf(asked: string | undefined, document: unknown): ServiceTier {
  const named = textOf(member(document, 'service_tier'));
  const tiers = [asked, named === 'auto' || named === 'standard_only' ? undefined : named].map(readTier);
  if (tiers.includes('priority')) return 'priority';
  // Flex is cheaper only while Bedrock grants it; an answer from the default tier costs the default price.
  return tiers[0] === 'reserved' ? 'reserved' : 'default';
}
