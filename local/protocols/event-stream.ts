/**
 * The binary messages of `application/vnd.amazon.eventstream`: total length, length of the headers and a CRC-32 of the
 * two, the headers, the payload, and a CRC-32 of it all. Numbers are big-endian. [smithy.io, amazon-eventstream]
 */
import { crc32 } from 'node:zlib';
import type { JsonObject } from '../service.ts';

export const EVENT_STREAM_CONTENT_TYPE = 'application/vnd.amazon.eventstream';

const PRELUDE_BYTES = 8;
const CHECKSUM_BYTES = 4;
const STRING_TYPE = 7;

/** An event of a modelled union: `type` is its member's name, such as `contentBlockDelta`. */
export function encodeEvent(type: string, payload: JsonObject): Buffer {
  return encodeMessage(
    { ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' },
    Buffer.from(JSON.stringify(payload)),
  );
}

/** A modelled error in mid-stream: `type` is the union's member, such as `throttlingException`. */
export function encodeException(type: string, message: string): Buffer {
  return encodeMessage(
    { ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' },
    Buffer.from(JSON.stringify({ message })),
  );
}

function encodeMessage(headers: Readonly<Record<string, string>>, payload: Buffer): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)));
  const length = PRELUDE_BYTES + CHECKSUM_BYTES + head.length + payload.length + CHECKSUM_BYTES;
  const message = Buffer.alloc(length);
  message.writeUInt32BE(length, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, PRELUDE_BYTES)), PRELUDE_BYTES);
  head.copy(message, PRELUDE_BYTES + CHECKSUM_BYTES);
  payload.copy(message, PRELUDE_BYTES + CHECKSUM_BYTES + head.length);
  message.writeUInt32BE(crc32(message.subarray(0, length - CHECKSUM_BYTES)), length - CHECKSUM_BYTES);
  return message;
}

function encodeHeader(name: string, value: string): Buffer {
  const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
  const header = Buffer.alloc(1 + nameBytes.length + 3 + valueBytes.length);
  header.writeUInt8(nameBytes.length, 0);
  nameBytes.copy(header, 1);
  header.writeUInt8(STRING_TYPE, 1 + nameBytes.length);
  header.writeUInt16BE(valueBytes.length, 2 + nameBytes.length);
  valueBytes.copy(header, 4 + nameBytes.length);
  return header;
}
