/** The protocols `awsJson1_0` and `awsJson1_1`: one POST for every operation, named by `X-Amz-Target`. */
import { parseObject } from '../members.ts';
import { AwsFault } from '../service.ts';
import type { Encoder, Opened, ServiceOf } from './codec.ts';
import type { WireRequest } from './wire.ts';

export function openJson(service: ServiceOf<'json'>, operation: string, request: WireRequest): Opened {
  const encoder = jsonEncoder(service.protocol.version, service.protocol.queryErrorCodes);
  if (!Object.hasOwn(service.operations, operation)) {
    return { refusal: new AwsFault('UnknownOperationException', ''), operation, encoder };
  }
  return {
    service,
    operation,
    encoder,
    read() {
      if (request.body.length === 0) return {};
      const input = parseObject(request.body.toString('utf8'));
      if (input === undefined)
        throw new AwsFault('SerializationException', 'Start of structure or map found where not expected.');
      return input;
    },
  };
}

export function jsonEncoder(version: '1.0' | '1.1', queryErrorCodes: Readonly<Record<string, string>> = {}): Encoder {
  const headers = { 'content-type': `application/x-amz-json-${version}` };
  /** [Smithy: awsQueryCompatible trait] */
  const queryError = ({ code, status }: AwsFault): Record<string, string> => {
    const queryCode = Object.hasOwn(queryErrorCodes, code) ? queryErrorCodes[code] : undefined;
    return queryCode === undefined
      ? {}
      : { 'x-amzn-query-error': `${queryCode};${status < 500 ? 'Sender' : 'Receiver'}` };
  };
  return {
    internalErrorCode: 'InternalFailure',
    success: (output) => ({ status: 200, headers, body: JSON.stringify(output) }),
    failure: (fault) => ({
      status: fault.status,
      headers: { ...headers, ...queryError(fault) },
      body: JSON.stringify({ __type: fault.code, message: fault.message, ...fault.members }),
    }),
  };
}
