/** The bodies that InvokeModel takes and gives are each vendor's own. */
import { AwsFault, type Json, type JsonObject } from '../../service.ts';
import type { Generation } from '../generation.ts';

export interface Dialect {
  /**
   * A request as Converse would have it (`messages`, `system`, `toolConfig`, `inferenceConfig.maxTokens`), so that it
   * has the same tokens and shares the prompt cache.
   *
   * @throws {AwsFault} ValidationException, as the vendor refuses it
   */
  toConverse(body: JsonObject): JsonObject;
  /** @param body of the request */
  answer(generation: Generation, telling: Telling, body: JsonObject): JsonObject;
  /** `undefined`: the model does not stream. */
  readonly stream: ((generation: Generation, telling: Telling) => NativeStream) | undefined;
}

export interface Telling {
  /** Whether the answer tells its usage. */
  readonly usage: boolean;
  /** For ids in the answer. */
  readonly requestId: string;
}

export interface NativeStream {
  readonly opening: readonly JsonObject[];
  /** @param outputTokens generated up to here, this piece with them */
  piece(text: string, outputTokens: number): JsonObject;
  /** Not empty: `amazon-bedrock-invocationMetrics` is added to the last. */
  readonly closing: readonly JsonObject[];
}

export function required(body: JsonObject, member: string): Json {
  const value = body[member];
  if (value === undefined || value === null) throw invalid(`${member}: Field required`);
  return value;
}

export function requiredText(body: JsonObject, member: string): string {
  const value = required(body, member);
  if (typeof value !== 'string' || value === '') throw invalid(`${member}: Input should be a valid string`);
  return value;
}

export function optionalTokens(value: Json | undefined, member: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
    throw invalid(`${member}: Input should be greater than or equal to 1`);
  return value;
}

export function invalid(message: string): AwsFault {
  return new AwsFault('ValidationException', message);
}

/** A Converse request of one text. */
export function promptOf(text: string, maxTokens: number | undefined): JsonObject {
  return { messages: [{ role: 'user', content: [{ text }] }], inferenceConfig: { maxTokens } };
}
