/** What Converse refuses before a model runs. The wording follows what AWS has been seen to answer, where it has. */
import { isObject } from '../members.ts';
import { AwsFault, type Json, type JsonObject } from '../service.ts';
import type { FoundationModel } from './catalogue.ts';
import { Violations } from './constraints.ts';
import type { ServiceTier } from './prices.ts';

const TIERS = ['priority', 'default', 'flex', 'reserved'];
const LATENCIES = ['standard', 'optimized'];
const IMAGE_FORMATS = ['png', 'jpeg', 'gif', 'webp'];

/** The checks that need no model. */
export function validateConverse(input: JsonObject): void {
  const violations = new Violations();
  const { inferenceConfig, requestMetadata, serviceTier, performanceConfig, toolConfig } = input;
  if (isObject(inferenceConfig)) {
    atLeast(violations, 'inferenceConfig.maxTokens', inferenceConfig['maxTokens'], 1);
    between0And1(violations, 'inferenceConfig.temperature', inferenceConfig['temperature']);
    between0And1(violations, 'inferenceConfig.topP', inferenceConfig['topP']);
  }
  if (isObject(requestMetadata)) {
    const entries = Object.entries(requestMetadata);
    if (entries.length > 16)
      violations.add('requestMetadata', requestMetadata, 'Map must have length less than or equal to 16');
    for (const [key, value] of entries) {
      violations.text('requestMetadata.key', key, { min: 1, max: 256, pattern: '[a-zA-Z0-9\\s:_@$#=/+,.-]*' });
      violations.text('requestMetadata.value', value, { min: 0, max: 256, pattern: '[a-zA-Z0-9\\s:_@$#=/+,.-]*' });
    }
  }
  if (isObject(serviceTier)) {
    violations.required('serviceTier.type', serviceTier['type']);
    violations.oneOf('serviceTier.type', serviceTier['type'], TIERS);
  }
  if (isObject(performanceConfig))
    violations.oneOf('performanceConfig.latency', performanceConfig['latency'], LATENCIES);
  if (isObject(toolConfig)) checkTools(violations, toolConfig['tools']);
  checkImages(violations, input['messages']);
  violations.refuse();
  validateMessages(input['messages']);
}

/** What InvokeModel says in headers, where Converse has members. */
export function validateInvocation(headers: Readonly<Record<string, string>>): {
  readonly tier: string | undefined;
  readonly latency: string | undefined;
} {
  const violations = new Violations();
  const tier = headers['x-amzn-bedrock-service-tier'];
  const latency = headers['x-amzn-bedrock-performanceconfig-latency'];
  violations.oneOf('serviceTier', tier, TIERS);
  violations.oneOf('performanceConfigLatency', latency, LATENCIES);
  violations.refuse();
  return { tier, latency };
}

function checkTools(violations: Violations, tools: Json | undefined): void {
  violations.required('toolConfig.tools', tools);
  if (!Array.isArray(tools)) return;
  if (tools.length === 0)
    violations.add('toolConfig.tools', tools, 'Member must have length greater than or equal to 1');
  for (const [index, tool] of tools.entries()) {
    const spec = isObject(tool) ? tool['toolSpec'] : undefined;
    if (!isObject(spec)) continue;
    const path = `toolConfig.tools.${index + 1}.member.toolSpec`;
    violations.required(`${path}.name`, spec['name']);
    violations.text(`${path}.name`, spec['name'], { min: 1, max: 64, pattern: '[a-zA-Z0-9_-]+' });
    violations.required(`${path}.inputSchema`, spec['inputSchema']);
  }
}

function checkImages(violations: Violations, messages: Json | undefined): void {
  for (const [index, message] of (Array.isArray(messages) ? messages : []).entries()) {
    const content = isObject(message) ? message['content'] : undefined;
    for (const [at, block] of (Array.isArray(content) ? content : []).entries()) {
      const image = isObject(block) ? block['image'] : undefined;
      if (!isObject(image)) continue;
      const path = `messages.${index + 1}.member.content.${at + 1}.member.image`;
      violations.required(`${path}.format`, image['format']);
      violations.oneOf(`${path}.format`, image['format'], IMAGE_FORMATS);
      violations.required(`${path}.source`, image['source']);
    }
  }
}

function atLeast(violations: Violations, path: string, value: Json | undefined, min: number): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new AwsFault('SerializationException', `${path} must be an integer.`);
  if (value < min) violations.add(path, String(value), `Member must have value greater than or equal to ${min}`);
}

function between0And1(violations: Violations, path: string, value: Json | undefined): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'number') throw new AwsFault('SerializationException', `${path} must be a number.`);
  if (value < 0) violations.add(path, String(value), 'Member must have value greater than or equal to 0');
  if (value > 1) violations.add(path, String(value), 'Member must have value less than or equal to 1');
}

function validateMessages(messages: Json | undefined): void {
  const list = Array.isArray(messages) ? messages : [];
  if (list.length === 0) throw invalid('The conversation must have at least one message. Add a message and try again.');
  let previous: string | undefined;
  for (const [index, message] of list.entries()) {
    if (!isObject(message)) throw new AwsFault('SerializationException', `messages.${index} must be a structure.`);
    const { role, content } = message;
    if (role !== 'user' && role !== 'assistant') {
      throw invalid(
        `1 validation error detected: Value '${role}' at 'messages.${index + 1}.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]`,
      );
    }
    if (previous === undefined && role !== 'user') {
      throw invalid(
        'A conversation must start with a user message. Try again with a conversation that starts with a user message.',
      );
    }
    if (role === previous) {
      throw invalid(
        'A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.',
      );
    }
    previous = role;
    validateContent(content, index);
  }
}

function validateContent(content: Json | undefined, index: number): void {
  if (!Array.isArray(content) || content.length === 0) {
    throw invalid(
      `The content field in the Message object at messages.${index} is empty. Add a ContentBlock object to the content field and try again.`,
    );
  }
  for (const [at, block] of content.entries()) {
    if (!isObject(block))
      throw new AwsFault('SerializationException', `messages.${index}.content.${at} must be a structure.`);
    const { text } = block;
    if (text !== undefined && text !== null && typeof text !== 'string')
      throw new AwsFault('SerializationException', `messages.${index}.content.${at}.text must be a string.`);
    if (typeof text === 'string' && text.trim() === '') {
      throw invalid(
        `The text field in the ContentBlock object at messages.${index}.content.${at} is blank. Add text to the text field, and try again.`,
      );
    }
  }
}

export interface Limits {
  readonly maxTokens: number;
  readonly tier: ServiceTier;
}

/** The checks against the model that the call goes to. */
export function limitsFor(
  model: FoundationModel,
  input: JsonObject,
  prompt: { readonly total: number; readonly usesCache: boolean },
): Limits {
  const { inferenceConfig, serviceTier } = input;
  const asked = isObject(inferenceConfig) ? inferenceConfig['maxTokens'] : undefined;
  const maxTokens = typeof asked === 'number' ? asked : model.maxOutputTokens;
  if (maxTokens > model.maxOutputTokens) {
    throw invalid(
      `The maximum tokens you requested exceeds the model limit of ${model.maxOutputTokens}. ` +
        `Try again with a maximum tokens value that is lower than ${model.maxOutputTokens}.`,
    );
  }
  if (prompt.total > model.contextWindowTokens) throw invalid('Input is too long for requested model.');
  if (prompt.usesCache && !model.promptCaching) {
    throw new AwsFault(
      'AccessDeniedException',
      'You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information.',
      403,
    );
  }
  return { maxTokens, tier: tierFor(model, isObject(serviceTier) ? serviceTier['type'] : undefined) };
}

/** Without reserved capacity, which nobody has here, `reserved` is served as `default`. The refusal is UNVERIFIED. */
function tierFor(model: FoundationModel, asked: Json | undefined): ServiceTier {
  if (asked !== 'flex' && asked !== 'priority') return 'default';
  if (!model.serviceTiers) throw invalid(`The service tier ${asked} is not supported for ${model.modelId}.`);
  return asked;
}

function invalid(message: string): AwsFault {
  return new AwsFault('ValidationException', message);
}
