import { isObject, parseObject } from '../members.ts';
import { AwsFault, type Json, type JsonObject } from '../service.ts';
import { validateConverse } from './converse-request.ts';
import { dialectOf } from './dialects/of-model.ts';
import type { InvocationTarget } from './invocation-target.ts';
import { countPrompt } from './prompt-tokens.ts';

/** What the prompt of a model call would count as input. Free, and for foundation models alone. */
export function countTokens(input: JsonObject, target: InvocationTarget): number {
  if (target.profile !== undefined || target.geography !== undefined)
    throw new AwsFault('ValidationException', 'The provided model doesn’t support counting tokens.');
  return countPrompt(promptOf(input['input'], target)).total;
}

function promptOf(asked: Json | undefined, { model }: InvocationTarget): JsonObject {
  const { converse, invokeModel } = isObject(asked) ? asked : {};
  if (isObject(converse)) {
    validateConverse(converse);
    return converse;
  }
  const body = isObject(invokeModel) ? parseObject(decode(invokeModel['body'])) : undefined;
  if (body === undefined)
    throw new AwsFault('ValidationException', 'Malformed input request, please reformat your input and try again.');
  return dialectOf(model).toConverse(body);
}

function decode(base64: Json | undefined): string {
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64').toString('utf8');
}
