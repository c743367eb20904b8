import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { GovernorRefusal } from './refusals.ts';

/** Entries outlive many calls, and encoding an ARN costs as much as a reservation. */
const paths = new WeakMap<IndexEntry, string>();

function pathOf(entry: IndexEntry): string {
  const known = paths.get(entry);
  if (known !== undefined) return known;
  const path = `/model/${encodeURIComponent(entry.arn)}/`;
  paths.set(entry, path);
  return path;
}

/** Whether a request still goes to the profile whose call was admitted: middlewares of the caller may have changed it since. */
export function goesTo(request: unknown, entry: IndexEntry): boolean {
  const { path } = request as { readonly path?: unknown };
  return typeof path === 'string' && path.includes(pathOf(entry));
}

export const changed = ({ name }: IndexEntry): GovernorRefusal =>
  new GovernorRefusal(
    'RequestChanged',
    `The call was admitted for profile ${name}, and a middleware of this client sends it elsewhere. Let the governor choose the profile: take that middleware away, or let it run before the governor.`,
  );
