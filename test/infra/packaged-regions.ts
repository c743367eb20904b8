import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as yaml from 'yaml';
import * as z from 'zod';
import { packageStack } from '../../infra/package.ts';
import { evaluate } from '../../local/cloudformation/template.ts';
import type { Json } from '../../local/service.ts';
import { copyProject } from './project-copy.ts';

/** The governor's account, and the one that pays for it. */
export const ACCOUNT = '123456789012';
export const PAYER = '999999999999';
/** Physical names of the stage `dev` begin with this and a hyphen. */
export const STACK = 'bedrock-cost-governor-dev';
export const HOME = 'eu-west-1';
export const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef';
const BUS = `arn:aws:events:${HOME}:${ACCOUNT}:event-bus/${STACK}`;

const EXAMPLE = new URL('../../examples/insurer/governance.yaml', import.meta.url);

const properties = z.record(z.string(), z.json());
const template = z.looseObject({
  Resources: z.record(z.string(), z.looseObject({ Type: z.string(), Properties: properties.default({}) })),
  Parameters: properties.default({}),
  Outputs: z.record(z.string(), z.looseObject({ Value: z.unknown() })),
});

/** A packaged template and where it is to be deployed. */
export interface PlacedTemplate {
  readonly name: string;
  readonly path: string;
  readonly region: string;
  readonly accountId: string;
  readonly template: z.infer<typeof template>;
  /** Properties of resources of a type, as they are in that place; a reference to a resource becomes its logical id. */
  ofType<T>(type: string, schema: z.ZodType<T>): ReadonlyMap<string, T>;
}

/**
 * A stack with everything that packaging can add to it: a further Region (us-west-2), the part in us-east-1 for anomalies
 * alone, that of the payer, and a key of the customer's.
 */
export async function packagedRegions() {
  const project = await copyProject();
  const example: unknown = yaml.parse(await readFile(EXAMPLE, 'utf8'));
  const policy = join(project.root, 'governance.yaml');
  await writeFile(policy, yaml.stringify({ ...properties.parse(example), regions: [HOME, 'us-west-2'] }));
  const where = ['--region', HOME, '--policy', policy];
  const packaged = await packageStack({
    root: project.root,
    flags: [...where, '--payer-account', PAYER, '--kms-key', KEY],
  });
  const placed = async (name: string, path: string, region: string, accountId: string): Promise<PlacedTemplate> => {
    const read = template.parse(JSON.parse(await readFile(path, 'utf8')));
    return {
      name,
      path,
      region,
      accountId,
      template: read,
      ofType: (type, schema) =>
        new Map(
          Object.entries(read.Resources).flatMap(([id, { Type, Properties }]) =>
            Type === type ? [[id, schema.parse(inPlace(Properties, region, accountId))] as const] : [],
          ),
        ),
    };
  };
  const home = await placed('home', packaged.templatePath, HOME, ACCOUNT);
  const further = await Promise.all(
    packaged.further.map(({ fileName, templatePath, region, account }) =>
      placed(fileName.replace('.template.json', ''), templatePath, region, account === 'own' ? ACCOUNT : PAYER),
    ),
  );
  return { home, further, remove: () => project.remove() };
}

/** A part of a template as it is in a Region of an account; a reference to a resource becomes its logical id. */
export function inPlace(value: Json, region: string, accountId: string): Json {
  const pseudo: Record<string, Json> = {
    'AWS::AccountId': accountId,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    GovernorAccountId: ACCOUNT,
  };
  return (
    evaluate(value, {
      ref: (name) => pseudo[name] ?? name,
      attribute: (id, name) => (id === 'GovernorBus' && name === 'Arn' ? BUS : `${id}.${name}`),
      condition: () => true,
      mapping: () => '',
    }) ?? null
  );
}
