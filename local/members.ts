import type { AwsFault, Json, JsonObject } from './service.ts';

/** Reads the members of an operation's input, refusing what is missing or of the wrong type. */
export interface Members {
  string(name: string): string;
  optionalString(name: string): string | undefined;
  optionalNumber(name: string): number | undefined;
  optionalBoolean(name: string): boolean | undefined;
  /** An absent list is empty. */
  objects(name: string): JsonObject[];
  /** An absent list is empty. */
  strings(name: string): string[];
  optionalObject(name: string): JsonObject | undefined;
  object(name: string): JsonObject;
}

/** @param refuse makes the service's validation error of a message */
export function membersOf(input: JsonObject, refuse: (message: string) => AwsFault): Members {
  const wrong = (name: string, expected: string): AwsFault => refuse(`${name} must be ${expected}`);
  const missing = (name: string): AwsFault =>
    refuse(
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    );
  const optionalString = (name: string): string | undefined => {
    const value = input[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw wrong(name, 'a string');
    return value;
  };
  const optionalObject = (name: string): JsonObject | undefined => {
    const value = input[name];
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) throw wrong(name, 'a structure');
    return value;
  };
  const list = <T extends Json>(name: string, is: (value: Json) => value is T): T[] => {
    const value = input[name] ?? [];
    // An empty list of the Query protocol is an empty string.
    if (value === '') return [];
    if (!Array.isArray(value) || !value.every(is)) throw wrong(name, 'a list');
    return value;
  };
  return {
    optionalString,
    string(name) {
      const value = optionalString(name);
      if (value === undefined) throw missing(name);
      return value;
    },
    optionalNumber(name) {
      const value = input[name];
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'number') throw wrong(name, 'a number');
      return value;
    },
    optionalBoolean(name) {
      const value = input[name];
      if (value === undefined || value === null) return undefined;
      if (value === 'true' || value === 'false') return value === 'true';
      if (typeof value !== 'boolean') throw wrong(name, 'a boolean');
      return value;
    },
    objects: (name) => list(name, isObject),
    strings: (name) => list(name, (value) => typeof value === 'string'),
    optionalObject,
    object(name) {
      const value = optionalObject(name);
      if (value === undefined) throw missing(name);
      return value;
    },
  };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses JSON text that must be an object; undefined for anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
