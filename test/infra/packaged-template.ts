import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { packageStack } from '../../infra/package.ts';

const template = z.object({
  Resources: z.record(z.string(), z.looseObject({ Type: z.string(), Properties: z.unknown().optional() })),
  Outputs: z.record(z.string(), z.looseObject({ Value: z.unknown() })),
});

export type PackagedTemplate = z.infer<typeof template>;

/** Every physical name of the stage `dev` begins with this. */
export const PREFIX = 'bedrock-cost-governor-dev-';

/** What the project is packaged into, for the stage `dev`. */
export async function packagedTemplate(): Promise<{
  readonly path: string;
  readonly template: PackagedTemplate;
  /** Properties by logical id. */
  resources<T>(type: string, schema: z.ZodType<T>): ReadonlyMap<string, T>;
}> {
  const { templatePath: path } = await packageStack();
  const parsed = template.parse(JSON.parse(await readFile(path, 'utf8')));
  return {
    path,
    template: parsed,
    resources(type, schema) {
      const found = Object.entries(parsed.Resources).filter(([, resource]) => resource.Type === type);
      return new Map(found.map(([id, { Properties }]) => [id, schema.parse(Properties)]));
    },
  };
}

/** The rules of the stack by their names without the prefix, with what they match. */
export const eventRule = z.object({
  Name: z.string().transform((name) => name.replace(PREFIX, '')),
  EventPattern: z.json().optional(),
});
