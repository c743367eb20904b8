import * as z from 'zod';
import { Policy } from './policy.ts';

type Json = Record<string, unknown>;

/**
 * The JSON Schema of a policy file, for editors: draft 2020-12, with what each place expects as its description. What it
 * accepts may still be refused, where one part must agree with another; `governor validate` has the last word.
 */
export function policyJsonSchema(): Json {
  const schema: Json = z.toJSONSchema(Policy, {
    io: 'input',
    // Places that take a text or something else are checked by their transformation: any value, for an editor.
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      // The sentence that a problem is told with.
      const say: unknown = zodSchema._zod.def.error;
      const said: unknown = typeof say === 'function' ? say({ code: 'invalid_type' }) : undefined;
      if (typeof said === 'string') jsonSchema.description = said.replace(/^expected /, '');
    },
  });
  for (const kind of ['required', 'optional']) allowNothing(at(schema, 'properties', 'tags', 'properties', kind));
  return { title: 'Policy of bedrock-cost-governor', ...schema };
}

/** A tag without a rule is written as `team:`, which YAML reads as null. */
function allowNothing(rules: Json): void {
  rules['additionalProperties'] = { anyOf: [rules['additionalProperties'], { type: 'null' }] };
}

function at(schema: Json, ...path: readonly string[]): Json {
  let place = schema;
  for (const step of path) {
    const next = place[step];
    if (typeof next !== 'object' || next === null)
      throw new TypeError(`the schema of a policy has no ${path.join('.')}`);
    place = next as Json;
  }
  return place;
}
