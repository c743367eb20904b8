/** A part of a JSON value from outside; undefined where the value has no such own member. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}

/** The elements of a JSON list; none where the value is no list. */
export const elements = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value where it is a text. */
export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
