import { GovernorRefusal } from './refusals.ts';
import type { Route } from './route.ts';

/** A call as its request is concerned. */
interface DirectedCall {
  readonly route: Route;
  /** The path of its request, as it was directed. */
  path: string | undefined;
}

/** The part of a request's path that names what is invoked: `/model/{modelId}/converse` (Amazon Bedrock runtime API reference). */
const MODEL = '/model/';

/** Sends a request to the profile of its route, whatever model it names. @throws {GovernorRefusal} */
export function direct(request: unknown, call: DirectedCall): void {
  const { route } = call;
  const target = request as { path?: unknown } | undefined;
  const path = target?.path;
  if (target === undefined || typeof path !== 'string') throw changed(route);
  const start = path.lastIndexOf(MODEL);
  const end = path.indexOf('/', start + MODEL.length);
  if (start < 0 || end < 0) throw changed(route);
  call.path = path.slice(0, start) + route.path + path.slice(end + 1);
  target.path = call.path;
}

/** Whether a request still goes to the profile whose call was admitted: middlewares of the caller may have changed it since. */
export function goesTo(request: unknown, call: DirectedCall): boolean {
  const { path } = request as { readonly path?: unknown };
  return typeof path === 'string' && (path === call.path || path.includes(call.route.path));
}

export const changed = ({ entry: { name } }: Route): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    `The call was admitted for profile ${name}, and a middleware of this client sends it elsewhere. Let the governor choose the profile: take that middleware away, or let it run before the governor.`,
  );
