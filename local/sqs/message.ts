import { createHash } from 'node:crypto';
import type { MessageAttribute } from '../destinations.ts';
import { isObject, type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';

/** A message as a consumer received it. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly md5OfBody: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, MessageAttribute>>;
}

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterValue', message);
const members = (input: JsonObject): Members =>
  membersOf(input, (message) => new AwsFault('MissingParameter', message));

/** @throws {AwsFault} InvalidParameterValue */
export function messageAttributesOf(value: JsonObject[string]): Record<string, MessageAttribute> {
  const attributes: Record<string, MessageAttribute> = {};
  const entries = Object.entries(isObject(value) ? value : {});
  if (entries.length > 10)
    throw invalid(`Number of message attributes [${entries.length}] exceeds the allowed maximum [10].`);
  for (const [name, item] of entries) {
    const read = members(isObject(item) ? item : {});
    const DataType = read.optionalString('DataType') ?? '';
    const StringValue = read.optionalString('StringValue');
    const BinaryValue = read.optionalString('BinaryValue');
    if (!/^(String|Number|Binary)(\..+)?$/.test(DataType)) {
      throw invalid(
        `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
      );
    }
    if ((DataType.startsWith('Binary') ? BinaryValue : StringValue) === undefined) {
      throw invalid(`The message (user) attribute '${name}' must contain a non-empty value of type '${DataType}'.`);
    }
    attributes[name] = {
      DataType,
      ...(StringValue !== undefined && { StringValue }),
      ...(BinaryValue !== undefined && { BinaryValue }),
    };
  }
  return attributes;
}

/** A message as ReceiveMessage answers it, with the attributes that were asked for. */
export function wireMessage(
  message: ReceivedMessage,
  systemNames: readonly string[],
  attributeNames: readonly string[],
): JsonObject {
  const system = Object.entries(message.attributes).filter(
    ([name]) => systemNames.includes('All') || systemNames.includes(name),
  );
  const chosen = Object.entries(message.messageAttributes).filter(([name]) =>
    attributeNames.some(
      (asked) =>
        asked === 'All' ||
        asked === '.*' ||
        asked === name ||
        (asked.endsWith('.*') && name.startsWith(asked.slice(0, -1))),
    ),
  );
  const attributes: Record<string, MessageAttribute> = Object.fromEntries(chosen);
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: message.md5OfBody,
    ...(system.length > 0 && { Attributes: Object.fromEntries(system) }),
    ...(chosen.length > 0 && {
      MessageAttributes: Object.fromEntries(chosen.map(([name, value]) => [name, { ...value }])),
      MD5OfMessageAttributes: md5OfAttributes(attributes),
    }),
  };
}

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** [docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata] */
export function md5OfAttributes(attributes: Readonly<Record<string, MessageAttribute>>): string {
  const hash = createHash('md5');
  const part = (bytes: Buffer): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const [name, value] of Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))) {
    part(Buffer.from(name));
    part(Buffer.from(value.DataType));
    const binary = value.DataType.startsWith('Binary');
    hash.update(Buffer.from([binary ? 2 : 1]));
    part(binary ? Buffer.from(value.BinaryValue ?? '', 'base64') : Buffer.from(value.StringValue ?? ''));
  }
  return hash.digest('hex');
}
