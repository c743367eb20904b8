import { isObject, parseObject } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';

/** Largest message, in bytes of body and attributes: 1 MiB since 2025, 256 KB before (UNVERIFIED). */
export const MESSAGE_LIMIT_BYTES = 1_048_576;

export const DEFAULTS: Readonly<Record<string, string>> = {
  VisibilityTimeout: '30',
  MaximumMessageSize: String(MESSAGE_LIMIT_BYTES),
  MessageRetentionPeriod: '345600',
  DelaySeconds: '0',
  ReceiveMessageWaitTimeSeconds: '0',
  SqsManagedSseEnabled: 'true',
};

/** Attributes that may be set, with the bounds of the numeric ones. */
export const SETTABLE: Readonly<Record<string, readonly [number, number] | undefined>> = {
  VisibilityTimeout: [0, 43_200],
  MaximumMessageSize: [1024, MESSAGE_LIMIT_BYTES],
  MessageRetentionPeriod: [60, 1_209_600],
  DelaySeconds: [0, 900],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  KmsDataKeyReusePeriodSeconds: [60, 86_400],
  Policy: undefined,
  RedrivePolicy: undefined,
  RedriveAllowPolicy: undefined,
  KmsMasterKeyId: undefined,
  SqsManagedSseEnabled: undefined,
};

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterValue', message);
export const unknownAttribute = (name: string): AwsFault =>
  new AwsFault('InvalidAttributeName', `Unknown Attribute ${name}.`);

/** The attributes of CreateQueue and SetQueueAttributes. @throws {AwsFault} */
export function attributesOf(input: JsonObject): Map<string, string> {
  const attributes = new Map(stringEntries(input['Attributes']));
  for (const [name, value] of attributes) {
    if (!(name in SETTABLE)) throw unknownAttribute(name);
    const bounds = SETTABLE[name];
    const number = Number(value);
    if (bounds !== undefined && !(Number.isInteger(number) && number >= bounds[0] && number <= bounds[1])) {
      throw new AwsFault('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
    }
    if (name === 'Policy' && value !== '' && parseObject(value) === undefined) {
      throw new AwsFault('InvalidAttributeValue', 'Invalid value for the parameter Policy.');
    }
    if (name === 'RedrivePolicy' && value !== '' && redriveOf(value) === undefined) {
      throw invalid(
        `Value ${value} for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid JSON map.`,
      );
    }
  }
  return attributes;
}

/** Undefined for what is not a redrive policy. */
export function redriveOf(
  policy: string | undefined,
): { deadLetterTargetArn: string; maxReceiveCount: number } | undefined {
  const parsed = parseObject(policy ?? '');
  const deadLetterTargetArn = parsed?.['deadLetterTargetArn'];
  const maxReceiveCount = Number(parsed?.['maxReceiveCount']);
  if (typeof deadLetterTargetArn !== 'string' || !(maxReceiveCount >= 1)) return undefined;
  return { deadLetterTargetArn, maxReceiveCount };
}

export function stringEntries(value: JsonObject[string]): [string, string][] {
  return Object.entries(isObject(value) ? value : {}).map(([name, item]) => [name, String(item)]);
}
