import { membersOf, parseObject } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';

/** One entry of PutEvents that the bus takes. */
export interface EventEntry {
  readonly source: string;
  readonly 'detail-type': string;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly resources: readonly string[];
  readonly detail: JsonObject;
  readonly busName: string | undefined;
}

export interface RefusedEntry {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/** [docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents] */
const LIMITS = { entries: 10, requestBytes: 1_048_576, detailTypeCharacters: 128 } as const;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

/**
 * Checks the entries of a PutEvents call: a fault for the request as a whole, else an answer for each entry in order.
 *
 * @throws {AwsFault} ValidationException
 */
export function checkPutEvents(entries: readonly JsonObject[], now: number): (EventEntry | RefusedEntry)[] {
  if (entries.length === 0 || entries.length > LIMITS.entries) {
    const bound = entries.length === 0 ? 'greater than or equal to 1' : `less than or equal to ${LIMITS.entries}`;
    throw invalid(
      `1 validation error detected: Value '[${entries.length} entries]' at 'entries' failed to satisfy constraint: Member must have length ${bound}`,
    );
  }
  const size = entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
  if (size > LIMITS.requestBytes) throw invalid('Total size of the entries in the request is over the limit.');
  return entries.map((entry) => check(entry, now));
}

function check(entry: JsonObject, now: number): EventEntry | RefusedEntry {
  const read = membersOf(entry, invalid);
  const source = read.optionalString('Source') ?? '';
  const detailType = read.optionalString('DetailType') ?? '';
  const detailText = read.optionalString('Detail') ?? '';
  for (const [name, value] of Object.entries({ Source: source, DetailType: detailType, Detail: detailText })) {
    if (value === '')
      return refused('InvalidArgument', `Parameter ${name} is not valid. Reason: ${name} is a required argument.`);
  }
  if (detailType.length > LIMITS.detailTypeCharacters) {
    return refused(
      'InvalidArgument',
      `Parameter DetailType is not valid. Reason: it is longer than ${LIMITS.detailTypeCharacters} characters.`,
    );
  }
  if (source.startsWith('aws.')) return refused('NotAuthorizedForSourceException', 'Not authorized for the source.');
  const detail = parseObject(detailText);
  if (detail === undefined) return refused('MalformedDetail', 'Detail is malformed.');
  const seconds = read.optionalNumber('Time');
  return {
    source,
    'detail-type': detailType,
    time: seconds === undefined ? now : seconds * 1000,
    resources: read.strings('Resources'),
    detail,
    busName: read.optionalString('EventBusName'),
  };
}

const refused = (ErrorCode: string, ErrorMessage: string): RefusedEntry => ({ ErrorCode, ErrorMessage });

/** As AWS counts it: 14 bytes for a time, and the UTF-8 bytes of source, detail type, detail and resources. */
function sizeOf(entry: JsonObject): number {
  const texts = [entry['Source'], entry['DetailType'], entry['Detail']];
  if (Array.isArray(entry['Resources'])) texts.push(...entry['Resources']);
  const bytes = texts.reduce<number>((sum, text) => sum + (typeof text === 'string' ? Buffer.byteLength(text) : 0), 0);
  return bytes + (entry['Time'] === undefined ? 0 : 14);
}
