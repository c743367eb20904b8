import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { GovernorRefusal } from './refusals.ts';

/** Whether a request still goes to the profile whose call was admitted: middlewares of the caller may have changed it since. */
export function goesTo(request: unknown, { arn }: IndexEntry): boolean {
  const { path } = request as { readonly path?: unknown };
  return typeof path === 'string' && path.includes(`/model/${encodeURIComponent(arn)}/`);
}

export const changed = ({ name }: IndexEntry): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    `The call was admitted for profile ${name}, and a middleware of this client sends it elsewhere. Let the governor choose the profile: take that middleware away, or let it run before the governor.`,
  );
