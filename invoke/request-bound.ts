import type {
  ContentBlock,
  ConverseCommandInput,
  InvokeModelCommandInput,
  SystemContentBlock,
  ToolResultContentBlock,
} from '@aws-sdk/client-bedrock-runtime';
import {
  boundOfInvoke,
  definedToolTokens,
  longContextProblem,
  pricedSeparately,
} from '../domain/spending/invoke-request-bound.ts';
import { type RequestBound, readTier } from '../domain/spending/pricing.ts';
import { GovernorRefusal } from './refusals.ts';

const encoder = new TextEncoder();

/**
 * The most that a Converse request can consume. Text is bounded by its bytes, and output by `maxTokens`. Where these
 * prove nothing (media, whose tokens only the model counts; model-specific fields, which may change how much it
 * answers; a `maxTokens` past the model's window) the model's context window is the bound.
 *
 * @throws {GovernorRefusal} `Unbounded` or `Unpriced`
 */
export function boundOf(input: ConverseCommandInput, contextWindow: number | undefined): RequestBound {
  if (input.performanceConfig?.latency === 'optimized')
    throw new GovernorRefusal(
      'Unpriced',
      'Latency-optimised inference has a price of its own that is not known. Leave out performanceConfig.latency.',
    );
  if (input.toolConfig?.tools?.some((tool) => tool.systemTool !== undefined) === true)
    throw new GovernorRefusal(
      'Unpriced',
      'System tools run in Bedrock: what they cost and how much they give the model to read is not known. Leave out toolConfig.tools[].systemTool.',
    );
  const fields = input.additionalModelRequestFields;
  const separately = fields === undefined ? undefined : pricedSeparately(fields);
  if (separately !== undefined) throw new GovernorRefusal('Unpriced', separately);
  const window = contextWindow ?? Number.POSITIVE_INFINITY;
  const content = surveyOf(input);
  const inputBytes = content.hasMedia ? window : content.bytes + (fields === undefined ? 0 : definedToolTokens(fields));
  const longContext = fields === undefined ? undefined : longContextProblem(fields, inputBytes, window);
  if (longContext !== undefined) throw new GovernorRefusal('Unpriced', longContext);
  // Bedrock turns away what is no positive number; until it has, such a limit bounds nothing.
  const { maxTokens = 0 } = input.inferenceConfig ?? {};
  const asked = fields === undefined && Number.isSafeInteger(maxTokens) && maxTokens > 0 ? maxTokens : undefined;
  const maxOutputTokens = Math.min(asked ?? Number.POSITIVE_INFINITY, window);
  if (!Number.isSafeInteger(inputBytes) || !Number.isSafeInteger(maxOutputTokens))
    throw new GovernorRefusal(
      'Unbounded',
      'Nothing bounds the cost of this call: the context window of its model is not known. Set inferenceConfig.maxTokens, and send text only.',
    );
  const tier = readTier(input.serviceTier?.type);
  return {
    inputBytes,
    mayWriteCache: fields !== undefined || content.marksCache,
    maxOutputTokens,
    // Flex is cheaper only while Bedrock grants it; an answer from the default tier costs the default price.
    tier: tier === 'flex' ? 'default' : tier,
  };
}

/**
 * The most that an InvokeModel request, or one for a stream, can consume: see {@link boundOfInvoke}.
 *
 * @throws {GovernorRefusal} `Unbounded` or `Unpriced`
 */
export function boundOfInvokeModel(
  input: InvokeModelCommandInput,
  model: { readonly baseModelId: string; readonly contextWindow?: number | undefined },
): RequestBound {
  if (input.performanceConfigLatency === 'optimized')
    throw new GovernorRefusal(
      'Unpriced',
      'Latency-optimised inference has a price of its own that is not known. Leave out performanceConfigLatency.',
    );
  const { baseModelId, contextWindow } = model;
  const reading = boundOfInvoke({ body: bytesOf(input.body), baseModelId, contextWindow, tier: input.serviceTier });
  switch (reading.kind) {
    case 'bounded':
      return reading.bound;
    case 'unpriced':
      throw new GovernorRefusal('Unpriced', reading.problem);
    case 'unbounded':
      throw new GovernorRefusal('Unbounded', reading.problem);
  }
}

function bytesOf(body: InvokeModelCommandInput['body']): Uint8Array {
  if (typeof body === 'string') return encoder.encode(body);
  if (body instanceof ArrayBuffer) return new Uint8Array(body);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
  throw new GovernorRefusal(
    'Unbounded',
    'Nothing bounds the cost of a call whose body is not in memory. Give the body as a text or as bytes.',
  );
}

/** The JSON around a message or a block of text, and room to spare. */
const FRAME_BYTES = 32;

/** What a request gives the model to read. */
interface Survey {
  /** Text as it is; everything else by its JSON, which is no shorter than what the model reads of it. Media left out. */
  bytes: number;
  hasMedia: boolean;
  marksCache: boolean;
}

/** One look at everything: this happens at every call. */
function surveyOf(input: ConverseCommandInput): Survey {
  const { messages, system, toolConfig, additionalModelRequestFields, promptVariables, outputConfig } = input;
  const survey: Survey = { bytes: 0, hasMedia: false, marksCache: false };
  if (system !== undefined) for (const block of system) look(survey, block);
  for (const { content } of messages ?? []) {
    survey.bytes += FRAME_BYTES;
    if (content !== undefined) for (const block of content) look(survey, block);
  }
  if (toolConfig?.tools?.some((tool) => tool.cachePoint !== undefined) === true) survey.marksCache = true;
  for (const part of [toolConfig, additionalModelRequestFields, promptVariables, outputConfig])
    if (part !== undefined) survey.bytes += Buffer.byteLength(JSON.stringify(part));
  return survey;
}

function look(survey: Survey, block: ContentBlock | SystemContentBlock): void {
  survey.bytes += FRAME_BYTES;
  if (isOnlyText(block)) survey.bytes += Buffer.byteLength(block.text);
  else if (holdsMedia(block)) survey.hasMedia = true;
  else survey.bytes += Buffer.byteLength(JSON.stringify(block));
  if (block.cachePoint !== undefined) survey.marksCache = true;
}

function isOnlyText(block: { readonly text?: string | undefined }): block is { readonly text: string } {
  for (const name in block) if (name !== 'text') return false;
  return typeof block.text === 'string';
}

const holdsMedia = (block: ContentBlock | SystemContentBlock | ToolResultContentBlock): boolean =>
  ('image' in block && block.image !== undefined) ||
  ('document' in block && block.document !== undefined) ||
  ('video' in block && block.video !== undefined) ||
  ('guardContent' in block && block.guardContent?.image !== undefined) ||
  ('audio' in block && block.audio !== undefined) ||
  ('toolResult' in block && (block.toolResult?.content ?? []).some(holdsMedia));
