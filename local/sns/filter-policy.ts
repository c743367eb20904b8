import { InvalidPattern } from '../eventbridge/invalid-pattern.ts';
import { compilePattern } from '../eventbridge/pattern.ts';
import { isObject, parseObject } from '../members.ts';
import { AwsFault, type Json } from '../service.ts';
import type { SnsMessage } from './message.ts';

export type FilterPolicyScope = 'MessageAttributes' | 'MessageBody';

/**
 * Compiles a subscription's filter policy, which is an event pattern over the message's attributes or its JSON body.
 * A body that is not a JSON object matches nothing. [docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies]
 *
 * @throws {AwsFault} InvalidParameter
 */
export function compileFilterPolicy(policy: string, scope: FilterPolicyScope): (message: SnsMessage) => boolean {
  const parsed = parseObject(policy);
  if (parsed === undefined) throw invalid('failed to parse JSON');
  const nested = Object.entries(parsed).find(([name, value]) => name !== '$or' && isObject(value));
  if (scope === 'MessageAttributes' && nested !== undefined) {
    throw invalid('Filter policy scope MessageAttributes does not support nested filter policy');
  }
  try {
    const pattern = compilePattern(parsed);
    return (message) => {
      if (scope === 'MessageAttributes') return pattern.matches(attributesOf(message));
      const body = parseObject(message.text);
      return body !== undefined && pattern.matches(body);
    };
  } catch (error) {
    if (error instanceof InvalidPattern) throw invalid(error.message);
    throw error;
  }
}

function attributesOf(message: SnsMessage): Json {
  return Object.fromEntries(
    Object.entries(message.attributes).map(([name, { DataType, StringValue = '' }]) => {
      if (DataType === 'Number') return [name, Number(StringValue)];
      if (DataType === 'String.Array') return [name, arrayOf(StringValue)];
      return [name, StringValue];
    }),
  );
}

function arrayOf(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function invalid(reason: string): AwsFault {
  return new AwsFault('InvalidParameter', `Invalid parameter: Attributes Reason: FilterPolicy: ${reason}`);
}
