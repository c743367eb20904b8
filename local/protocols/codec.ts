import type { AwsFault, JsonObject, Protocol, Service } from '../service.ts';
import type { WireRequest, WireResponse } from './wire.ts';

/** How one protocol puts the result of an operation on the wire. */
export interface Encoder {
  success(output: JsonObject, requestId: string): WireResponse;
  failure(fault: AwsFault, requestId: string): WireResponse;
  /** What this protocol calls an error that is not the caller's. */
  readonly internalErrorCode: string;
}

/** A request of which it is known whom it is for. `read` decodes the input and throws an AwsFault when it cannot. */
export interface Exchange {
  readonly service: Service;
  readonly operation: string;
  readonly encoder: Encoder;
  read(): JsonObject;
}

export type ServiceOf<Kind extends Protocol['kind']> = Service & {
  readonly protocol: Extract<Protocol, { kind: Kind }>;
};

export function speaks<Kind extends Protocol['kind']>(service: Service, kind: Kind): service is ServiceOf<Kind> {
  return service.protocol.kind === kind;
}

/** What a protocol makes of a request: an exchange, or a refusal before any operation is known. */
export type Opened = Exchange | { readonly refusal: AwsFault; readonly operation: string; readonly encoder: Encoder };

export type Open = (request: WireRequest) => Opened;
