import * as z from 'zod';

/** An object without unknown keys, whose messages name the keys that it knows. */
export function section<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') {
        const unknown = issue.keys.map((key) => `"${key}"`).join(', ');
        return `unknown key ${unknown}; ${what} has ${Object.keys(shape).join(', ')}`;
      }
      return `expected ${what} with ${Object.keys(shape).join(', ')}`;
    },
  });
}

export const expected = (text: string) => ({ error: () => `expected ${text}` });
