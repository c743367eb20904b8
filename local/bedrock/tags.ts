/** The rules of tags on Bedrock resources. */
import { isObject } from '../members.ts';
import { AwsFault, type Json, type JsonObject } from '../service.ts';
import type { ApplicationProfile } from './application-profiles.ts';
import type { Violations } from './constraints.ts';

/** The service's limit; the API model would let 200 through. */
export const MAX_TAGS = 50;

const MODEL_LIMIT = 200;
const TAG_PATTERN = '[a-zA-Z0-9\\s._:/=+@-]*';

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Reads `tags` and notes what in them violates the API model. */
export function readTags(input: JsonObject, violations: Violations): Tag[] {
  const tags = listOf(input['tags'], 'tags');
  if (tags.length > MODEL_LIMIT)
    violations.add('tags', tags, `Member must have length less than or equal to ${MODEL_LIMIT}`);
  return tags.flatMap((tag, index) => {
    const path = `tags.${index + 1}.member`;
    const { key, value } = isObject(tag) ? tag : {};
    violations.required(`${path}.key`, key);
    violations.required(`${path}.value`, value);
    violations.text(`${path}.key`, key, { min: 1, max: 128, pattern: TAG_PATTERN });
    violations.text(`${path}.value`, value, { min: 0, max: 256, pattern: TAG_PATTERN });
    return typeof key === 'string' && typeof value === 'string' ? [{ key, value }] : [];
  });
}

export function readTagKeys(input: JsonObject, violations: Violations): string[] {
  violations.required('tagKeys', input['tagKeys']);
  const keys = listOf(input['tagKeys'], 'tagKeys');
  if (keys.length > MODEL_LIMIT)
    violations.add('tagKeys', keys, `Member must have length less than or equal to ${MODEL_LIMIT}`);
  return keys.flatMap((key, index) => {
    violations.text(`tagKeys.${index + 1}.member`, key, { min: 1, max: 128, pattern: TAG_PATTERN });
    return typeof key === 'string' ? [key] : [];
  });
}

function listOf(value: Json | undefined, name: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new AwsFault('SerializationException', `${name} must be a list.`);
  return value;
}

/** Refuses what the service refuses beyond the API model. The wording is UNVERIFIED. */
export function refuseForbiddenTags(tags: readonly Tag[]): void {
  if (new Set(tags.map(({ key }) => key)).size < tags.length) {
    throw new AwsFault(
      'ValidationException',
      'Duplicate tag keys found. Please note that Tag keys are case sensitive.',
    );
  }
  refuseReservedKeys(tags.map(({ key }) => key));
}

export function refuseReservedKeys(keys: readonly string[]): void {
  if (keys.some((key) => key.toLowerCase().startsWith('aws:'))) {
    throw new AwsFault('ValidationException', 'aws: prefixed tag key names are not allowed for external use.');
  }
}

/** @param resourceName named in the refusal when the resource would have more tags than it may */
export function refuseTooManyTags(count: number, resourceName: string): void {
  if (count <= MAX_TAGS) return;
  const message = `The number of tags exceeds the limit of ${MAX_TAGS} for a resource.`;
  throw new AwsFault('TooManyTagsException', message, 400, { resourceName });
}

/** Adds to the tags that a profile has; a key that it has takes the new value. */
export function tagProfile(profile: ApplicationProfile, tags: readonly Tag[]): void {
  refuseTooManyTags(new Set([...profile.tags.keys(), ...tags.map(({ key }) => key)]).size, profile.arn);
  for (const { key, value } of tags) profile.tags.set(key, value);
  if (tags.length > 0) profile.everTagged = true;
}

export function untagProfile(profile: ApplicationProfile, keys: readonly string[]): void {
  for (const key of keys) profile.tags.delete(key);
}
