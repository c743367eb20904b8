/** From a request on the wire to an operation of a service, and back. */
import type { Authorize } from './iam/authorizer.ts';
import type { Interceptors } from './interceptors.ts';
import { type Principals, readSigning, type Signing } from './principals.ts';
import { type Exchange, type Opened, speaks } from './protocols/codec.ts';
import { jsonEncoder, openJson } from './protocols/json.ts';
import { isForm, openQuery, queryEncoder } from './protocols/query.ts';
import { openRestJson, restJsonEncoder } from './protocols/rest-json.ts';
import { type Answer, abandon, type WireRequest, type WireResponse } from './protocols/wire.ts';
import { AwsFault, type Call, type JsonObject, type Observer, RawOutput, type Service } from './service.ts';

/** What became of a call as the service saw it, whatever then became of its answer. */
export type Outcome = { readonly output: JsonObject } | { readonly fault: AwsFault };

export interface DispatchOptions {
  readonly services: readonly Service[];
  readonly principals: Principals;
  readonly interceptors: Interceptors;
  readonly authorize: Authorize;
  readonly observe: Observer;
  readonly homeRegion: string;
  readonly requestId: () => string;
  /** Told of every call whose input could be read, when its operation has ended and before it is answered. */
  readonly onOutcome: (call: Call, input: JsonObject, outcome: Outcome) => void;
}

export function createDispatcher(options: DispatchOptions): (request: WireRequest) => Promise<Answer> {
  return async (request) => {
    const signing = readSigning(request, options.homeRegion);
    const requestId = options.requestId();
    const opened = open(options.services, request, signing);
    const call: Call = {
      service: 'service' in opened ? opened.service.signingName : (signing?.signingName ?? 'unknown'),
      operation: opened.operation,
      region: signing?.region ?? options.homeRegion,
      principal: options.principals.of(signing?.accessKeyId ?? 'anonymous'),
      requestId,
      headers: request.headers,
      userAgent: request.headers['user-agent'] ?? '',
    };
    const fail = (fault: AwsFault, cause?: unknown): Answer => {
      options.observe({
        kind: 'request',
        call,
        status: fault.status,
        errorCode: fault.code,
        ...(cause === undefined ? {} : { cause }),
      });
      return withRequestId(opened.encoder.failure(fault, requestId), requestId);
    };
    if (!('service' in opened)) return fail(opened.refusal);
    if (signing === undefined) return fail(notSigned(opened.service));
    try {
      const answer = await perform(opened, call, options);
      if (answer === 'no-answer') {
        options.observe({ kind: 'request', call, status: 0, errorCode: 'NoAnswer' });
        return answer;
      }
      const response = withRequestId(answered(answer, opened, requestId), requestId);
      options.observe({ kind: 'request', call, status: response.status });
      return response;
    } catch (error) {
      if (error instanceof AwsFault) return fail(error);
      return fail(internalError(opened), error);
    }
  };
}

type Output = JsonObject | RawOutput;

async function perform(exchange: Exchange, call: Call, options: DispatchOptions): Promise<Output | 'no-answer'> {
  const input = exchange.read();
  const before = await options.interceptors.interfere('before', call, input);
  if (before === 'no-answer') return before;
  if (before instanceof AwsFault) {
    options.onOutcome(call, input, { fault: before });
    throw before;
  }
  const denied = await options.authorize(exchange.service, call, input);
  if (denied !== undefined) {
    options.onOutcome(call, input, { fault: denied });
    throw denied;
  }
  if (before !== undefined) return before.answer;
  const output = await run(exchange, call, input, options);
  const after = await options.interceptors.interfere('after', call, input);
  if (after !== undefined && output instanceof RawOutput && typeof output.body !== 'string') await abandon(output.body);
  if (after instanceof AwsFault) throw after;
  if (after === 'no-answer') return after;
  return after?.answer ?? output;
}

async function run(exchange: Exchange, call: Call, input: JsonObject, options: DispatchOptions): Promise<Output> {
  const { operations, rawOperations } = exchange.service;
  const operation = operations[exchange.operation] ?? rawOperations?.[exchange.operation];
  if (operation === undefined) throw new Error(`${exchange.operation} was opened but does not exist`);
  let output: Output;
  try {
    output = await operation(input, call);
  } catch (error) {
    options.onOutcome(call, input, { fault: error instanceof AwsFault ? error : internalError(exchange) });
    throw error;
  }
  options.onOutcome(call, input, { output: output instanceof RawOutput ? {} : output });
  return output;
}

function answered(output: Output, { encoder }: Exchange, requestId: string): WireResponse {
  return output instanceof RawOutput
    ? { status: 200, headers: output.headers, body: output.body }
    : encoder.success(output, requestId);
}

function open(services: readonly Service[], request: WireRequest, signing: Signing | undefined): Opened {
  const target = request.headers['x-amz-target'];
  if (target !== undefined) {
    // The last two names: clients with models of the older kind (boto3, the AWS CLI, AWS SDK v2) put CloudTrail's namespace before.
    const [prefix = '', operation = ''] = target.split('.').slice(-2);
    const service = services.find((one) => one.protocol.kind === 'json' && one.protocol.targetPrefix === prefix);
    if (service !== undefined && speaks(service, 'json')) return openJson(service, operation, request);
    return { refusal: new AwsFault('UnknownOperationException', ''), operation: target, encoder: jsonEncoder('1.1') };
  }
  const signedFor = services.filter((service) => service.signingName === signing?.signingName);
  const query = signedFor.find((service) => speaks(service, 'query'));
  if (query !== undefined && speaks(query, 'query')) return openQuery(query, request);
  const rest = signedFor.filter((service) => speaks(service, 'rest-json'));
  if (rest.length > 0) return openRestJson(rest, request);
  return refuseUnknownService(request, signing);
}

function refuseUnknownService(request: WireRequest, signing: Signing | undefined): Opened {
  const fault =
    signing === undefined
      ? new AwsFault('MissingAuthenticationTokenException', 'Missing Authentication Token', 403)
      : new AwsFault('UnknownOperationException', `No service here signs as '${signing.signingName}'.`, 404);
  const form = { kind: 'query', xmlNamespace: 'https://embedded.invalid/', version: '' } as const;
  const encoder = isForm(request) ? queryEncoder(form, '') : restJsonEncoder(200);
  return { refusal: fault, operation: `${request.method} ${request.path.split('/')[1] ?? ''}`, encoder };
}

function notSigned(service: Service): AwsFault {
  const code = service.protocol.kind === 'query' ? 'MissingAuthenticationToken' : 'MissingAuthenticationTokenException';
  return new AwsFault(code, 'Missing Authentication Token', 403);
}

function internalError(exchange: Exchange): AwsFault {
  return new AwsFault(exchange.encoder.internalErrorCode, 'An internal error occurred.', 500);
}

function withRequestId(response: Exclude<Answer, 'no-answer'>, requestId: string): Exclude<Answer, 'no-answer'> {
  return { ...response, headers: { ...response.headers, 'x-amzn-requestid': requestId } };
}
