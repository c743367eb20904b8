/** Anthropic's Messages API. [docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages] */
import { isObject } from '../../members.ts';
import type { Json, JsonObject } from '../../service.ts';
import { cacheWriteTokens, type Generation } from '../generation.ts';
import { type Dialect, invalid, optionalTokens, required, type Telling } from './dialect.ts';

const VERSION = 'bedrock-2023-05-31';

export const anthropic: Dialect = {
  toConverse(body) {
    if (required(body, 'anthropic_version') !== VERSION)
      throw invalid(`anthropic_version: Input should be '${VERSION}'`);
    const maxTokens = optionalTokens(required(body, 'max_tokens'), 'max_tokens');
    const messages = required(body, 'messages');
    if (!Array.isArray(messages) || messages.length === 0) throw invalid('messages: at least one message is required');
    return {
      messages: messages.filter(isObject).map(({ role, content }) => ({ role, content: blocksOf(content) })),
      system: blocksOf(body['system']),
      ...(body['tools'] === undefined ? {} : { toolConfig: { tools: toolsOf(body['tools']) } }),
      inferenceConfig: { maxTokens },
    };
  },
  answer: (generation, telling) => ({
    ...message(generation, telling),
    content: [{ type: 'text', text: generation.text }],
    stop_reason: stopReason(generation),
    ...(telling.usage ? { usage: usageOf(generation, generation.usage.outputTokens) } : {}),
  }),
  stream: (generation, telling) => ({
    opening: [
      {
        type: 'message_start',
        message: { ...message(generation, telling), ...(telling.usage ? { usage: usageOf(generation, 1) } : {}) },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ],
    piece: (text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    closing: [
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: stopReason(generation), stop_sequence: null },
        ...(telling.usage ? { usage: { output_tokens: generation.usage.outputTokens } } : {}),
      },
      { type: 'message_stop' },
    ],
  }),
};

function message({ serving }: Generation, { requestId }: Telling): JsonObject {
  return {
    id: `msg_bdrk_${requestId.replaceAll('-', '').slice(0, 24)}`,
    type: 'message',
    role: 'assistant',
    model: serving.model.modelId.replace(/^anthropic\.|-v\d+(:\d+)?$/g, ''),
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
}

function stopReason({ cut }: Generation): string {
  return cut ? 'max_tokens' : 'end_turn';
}

function usageOf({ usage }: Generation, outputTokens: number): JsonObject {
  const written = (ttl: '5m' | '1h'): number =>
    usage.cacheDetails.find((detail) => detail.ttl === ttl)?.inputTokens ?? 0;
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: cacheWriteTokens(usage),
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: { ephemeral_5m_input_tokens: written('5m'), ephemeral_1h_input_tokens: written('1h') },
    output_tokens: outputTokens,
  };
}

function blocksOf(content: Json | undefined): Json[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [{ text: content }];
  return (Array.isArray(content) ? content : [])
    .filter(isObject)
    .flatMap((block) => [blockOf(block), ...cachePointOf(block)]);
}

function blockOf(block: JsonObject): JsonObject {
  const { type } = block;
  if (type === 'text') return { text: block['text'] };
  if (type === 'image') return { image: block['source'] };
  if (type === 'tool_use') return { toolUse: { toolUseId: block['id'], name: block['name'], input: block['input'] } };
  if (type === 'tool_result')
    return { toolResult: { toolUseId: block['tool_use_id'], content: blocksOf(block['content']) } };
  const { cache_control: _, ...other } = block;
  return { [String(type)]: other };
}

/** `cache_control` on a block is a cache point after it. */
function cachePointOf(block: JsonObject): JsonObject[] {
  const control = block['cache_control'];
  return isObject(control) ? [{ cachePoint: { type: 'default', ttl: control['ttl'] } }] : [];
}

function toolsOf(tools: Json): Json[] {
  return (Array.isArray(tools) ? tools : []).filter(isObject).flatMap((tool) => [
    {
      toolSpec: { name: tool['name'], description: tool['description'], inputSchema: { json: tool['input_schema'] } },
    },
    ...cachePointOf(tool),
  ]);
}
