import { isTagKey, isTagValue, type Tags } from '../domain/tags.ts';
import { UserError } from './user-error.ts';

/** Reads `key=value` as often as it was typed. @throws {UserError} */
export function readTags(typed: readonly string[], option = '--tag'): Tags {
  const problems: string[] = [];
  const tags = new Map<string, string>();
  for (const text of typed) {
    const at = text.indexOf('=');
    const [key, value] = [text.slice(0, at), text.slice(at + 1)];
    if (at < 1 || !isTagKey(key) || !isTagValue(value))
      problems.push(`${option}: expected a tag such as tenant=acme, not "${text}"`);
    else if (tags.has(key) && tags.get(key) !== value) problems.push(`${option}: ${key} was given two values`);
    else tags.set(key, value);
  }
  if (problems.length > 0) throw new UserError(problems);
  return Object.fromEntries(tags);
}
