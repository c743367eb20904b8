/** The protocol `restJson1`: a method and path for each operation, JSON in and out, errors named by a header. */
import { parseObject } from '../members.ts';
import { AwsFault, type JsonObject, type RestRoute } from '../service.ts';
import type { Encoder, Opened, ServiceOf } from './codec.ts';
import type { WireRequest } from './wire.ts';

/** Several services may sign with one name (`bedrock` does): the first whose route fits takes the request. */
export function openRestJson(services: readonly ServiceOf<'rest-json'>[], request: WireRequest): Opened {
  const segments = request.path.split('/');
  for (const service of services) {
    for (const route of service.protocol.routes) {
      if (route.method !== request.method) continue;
      const labels = matchPath(route.path.split('/'), segments);
      if (labels === undefined) continue;
      const known = { ...service.operations, ...service.rawOperations };
      if (!Object.hasOwn(known, route.operation)) return unknownOperation(route.operation);
      const encoder =
        route.payload === undefined
          ? restJsonEncoder(route.successStatus ?? 200)
          : payloadEncoder(route, route.payload);
      return { service, operation: route.operation, encoder, read: () => readInput(route, labels, request) };
    }
  }
  return unknownOperation(`${request.method} ${segments[1] ?? ''}`);
}

function unknownOperation(operation: string): Opened {
  const refusal = new AwsFault(
    'UnknownOperationException',
    'The requested operation is not recognized by the service.',
    404,
  );
  return { refusal, operation, encoder: restJsonEncoder(200) };
}

/** Labels by name, still percent-encoded; `undefined` when the path is another. */
function matchPath(pattern: readonly string[], segments: readonly string[]): Map<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const labels = new Map<string, string>();
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (part.startsWith('{')) {
      if (segment === '') return undefined;
      labels.set(part.slice(1, -1), segment);
    } else if (part !== segment) return undefined;
  }
  return labels;
}

function readInput(route: RestRoute, labels: ReadonlyMap<string, string>, request: WireRequest): JsonObject {
  const text = request.body.toString('utf8');
  const body = route.payload !== undefined ? { [route.payload]: text } : text === '' ? {} : parseObject(text);
  if (body === undefined) throw new AwsFault('SerializationException', 'The request body is not a JSON object.');
  const input: [string, JsonObject[string]][] = Object.entries(body);
  for (const name of new Set(request.query.keys())) {
    const values = request.query.getAll(name);
    input.push([route.query?.[name] ?? name, values.length === 1 ? values[0] : values]);
  }
  for (const [name, encoded] of labels) input.push([name, decodeLabel(encoded)]);
  return Object.fromEntries(input);
}

function decodeLabel(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw new AwsFault('SerializationException', 'The request path is not validly percent-encoded.');
  }
}

/** The body is one member as it is; the status and further headers come from other members. */
function payloadEncoder(route: RestRoute, payload: string): Encoder {
  return {
    ...restJsonEncoder(200),
    success(output) {
      const headers: Record<string, string> = { 'content-type': 'application/json' };
      for (const [member, header] of Object.entries(route.responseHeaders ?? {})) {
        if (output[member] !== undefined) headers[header] = String(output[member]);
      }
      return { status: Number(output['StatusCode'] ?? 200), headers, body: String(output[payload] ?? '') };
    },
  };
}

export function restJsonEncoder(successStatus: number): Encoder {
  const headers = { 'content-type': 'application/json' };
  return {
    internalErrorCode: 'InternalServerException',
    success: (output) => ({ status: successStatus, headers, body: JSON.stringify(output) }),
    failure: (fault) => ({
      status: fault.status,
      headers: { ...headers, 'x-amzn-errortype': fault.code },
      body: JSON.stringify({ message: fault.message, ...fault.members }),
    }),
  };
}
