import type { MessageAttribute } from '../destinations.ts';
import { isObject, type Members, membersOf, parseObject } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';

/** A published message, on its way to the subscriptions of its topic. */
export interface SnsMessage {
  readonly id: string;
  readonly at: number;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly text: string;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  /** With `MessageStructure: json`, texts for single protocols that replace `text`. */
  readonly byProtocol: Readonly<Record<string, string>>;
}

/** Subject, message and attributes together, in bytes. [docs.aws.amazon.com/sns/latest/api/API_Publish] */
const MESSAGE_LIMIT_BYTES = 262_144;

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameter', `Invalid parameter: ${message}`);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/** Reads the message of a Publish call or of one entry of a PublishBatch call. @throws {AwsFault} */
export function readMessage(input: JsonObject): Pick<SnsMessage, 'subject' | 'text' | 'attributes' | 'byProtocol'> {
  const read = members(input);
  const subject = read.optionalString('Subject');
  if (subject !== undefined && !isSubject(subject)) throw invalid('Subject');
  const message = read.optionalString('Message') ?? '';
  if (message === '') throw invalid('Empty message');
  const attributes = readMessageAttributes(read.optionalObject('MessageAttributes') ?? {});
  if (Buffer.byteLength(message) + sizeOf(attributes) > MESSAGE_LIMIT_BYTES) throw invalid('Message too long');
  const structure = read.optionalString('MessageStructure');
  if (structure === undefined) return { subject, text: message, attributes, byProtocol: {} };
  if (structure !== 'json') throw invalid('MessageStructure');
  const texts = parseObject(message);
  if (texts === undefined) throw invalid('Message Structure - JSON message body failed to parse');
  const text = texts['default'];
  if (typeof text !== 'string') throw invalid('Message Structure - No default entry in JSON message body');
  const byProtocol = Object.fromEntries(
    Object.entries(texts).flatMap(([protocol, value]) => (typeof value === 'string' ? [[protocol, value]] : [])),
  );
  return { subject, text, attributes, byProtocol };
}

/** 1 to 99 ("less than 100") printable ASCII characters, beginning with a letter, digit or punctuation mark, in one line. */
const isSubject = (subject: string): boolean => /^[\x21-\x7e][\x20-\x7e]{0,98}$/.test(subject);

/** @throws {AwsFault} ParameterValueInvalid */
function readMessageAttributes(input: JsonObject): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      const read = members(isObject(value) ? value : {});
      const DataType = read.optionalString('DataType') ?? '';
      const StringValue = read.optionalString('StringValue');
      const BinaryValue = read.optionalString('BinaryValue');
      if (!/^(String|Number|Binary)(\..+)?$/.test(DataType)) {
        throw new AwsFault(
          'ParameterValueInvalid',
          `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
        );
      }
      const present = DataType.startsWith('Binary') ? BinaryValue : StringValue;
      if (present === undefined || present === '') {
        throw new AwsFault(
          'ParameterValueInvalid',
          `The message attribute '${name}' must contain non-empty message attribute value for message attribute type '${DataType}'.`,
        );
      }
      if (DataType === 'Number' && !Number.isFinite(Number(StringValue))) {
        throw new AwsFault('ParameterValueInvalid', `Could not cast message attribute '${name}' value to number.`);
      }
      const attribute: MessageAttribute = {
        DataType,
        ...(StringValue !== undefined && { StringValue }),
        ...(BinaryValue !== undefined && { BinaryValue }),
      };
      return [name, attribute];
    }),
  );
}

function sizeOf(attributes: Readonly<Record<string, MessageAttribute>>): number {
  return Object.entries(attributes).reduce(
    (sum, [name, value]) =>
      sum + Buffer.byteLength(name + value.DataType + (value.StringValue ?? '') + (value.BinaryValue ?? '')),
    0,
  );
}
