/** Outages of a service, planned in virtual time. */
import type { Interceptor, Interference } from './interceptors.ts';
import { AwsFault } from './service.ts';

export interface Outage {
  /** Signing name, such as `sns` or `events`. */
  readonly service: string;
  /** By default all of the service's operations. */
  readonly operation?: string;
  /** Epoch milliseconds, in virtual time; the end is the first instant at which it works again. */
  readonly from: number;
  readonly until: number;
  /** What is answered meanwhile; by default a fault of the server, after which a client may try again. */
  readonly answer?: Interference;
}

const UNAVAILABLE = new AwsFault('ServiceUnavailable', 'Service Unavailable', 503);

/** What happens to calls while an outage lasts; they never reach the service. */
export const outageOf =
  ({ service, operation, from, until, answer = UNAVAILABLE }: Outage, now: () => number): Interceptor =>
  (call) =>
    call.service === service && (operation ?? call.operation) === call.operation && now() >= from && now() < until
      ? answer
      : undefined;
