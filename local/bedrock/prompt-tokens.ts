/**
 * How many tokens a Converse request has: a quarter of the bytes of its text, where Bedrock counts with the model's
 * tokenizer. It keeps nothing of the text but a hash of what comes before each cache point.
 */
import { createHash } from 'node:crypto';
import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';
import type { CacheTtl } from './prompt-cache.ts';

/** What an image counts as. The models' own formulas depend on its size; this is near the largest of Claude's. */
const IMAGE_TOKENS = 1_600;

const BYTES_PER_TOKEN = 4;

export interface PromptTokens {
  readonly total: number;
  readonly cachePoints: readonly { readonly hash: string; readonly tokens: number; readonly ttl: CacheTtl }[];
  /** Of the whole prompt. */
  readonly hash: string;
}

/** The order in which a prompt is cached: tools, system, messages. */
export function countPrompt(input: JsonObject): PromptTokens {
  const hash = createHash('sha256');
  const cachePoints: { hash: string; tokens: number; ttl: CacheTtl }[] = [];
  let bytes = 0;
  let images = 0;
  const tokens = (): number => Math.ceil(bytes / BYTES_PER_TOKEN) + images * IMAGE_TOKENS;
  const text = (value: string): void => {
    bytes += Buffer.byteLength(value);
    hash.update(value).update('\0');
  };
  const cachePoint = (value: Json): void => {
    const ttl = isObject(value) && value['ttl'] === '1h' ? '1h' : '5m';
    cachePoints.push({ hash: hash.copy().digest('hex'), tokens: tokens(), ttl });
  };
  const block = (value: Json): void => {
    if (!isObject(value)) return;
    for (const [kind, content] of Object.entries(value)) {
      if (content === undefined) continue;
      if (kind === 'cachePoint') cachePoint(content);
      else if (kind === 'image') {
        images += 1;
        hash.update(JSON.stringify(content)).update('\0');
      } else if (typeof content === 'string') text(content);
      else if (kind === 'toolResult' && isObject(content)) for (const part of listOf(content['content'])) block(part);
      else text(JSON.stringify(content));
    }
  };
  const toolConfig = input['toolConfig'];
  if (isObject(toolConfig)) countTools(toolConfig, text, cachePoint);
  for (const part of listOf(input['system'])) block(part);
  for (const message of listOf(input['messages'])) {
    if (!isObject(message)) continue;
    hash.update(String(message['role'])).update('\0');
    for (const part of listOf(message['content'])) block(part);
  }
  return { total: Math.max(1, tokens()), cachePoints, hash: hash.digest('hex') };
}

/** The pieces together are the tool configuration as JSON, without its cache points. */
function countTools(toolConfig: JsonObject, text: (value: string) => void, cachePoint: (value: Json) => void): void {
  let tools = 0;
  for (const tool of listOf(toolConfig['tools'])) {
    if (isObject(tool) && tool['cachePoint'] !== undefined) cachePoint(tool['cachePoint']);
    else {
      text(`${tools === 0 ? '' : ','}${JSON.stringify(tool)}`);
      tools += 1;
    }
  }
  text(JSON.stringify({ ...toolConfig, tools: [] }));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
