import type { Words } from './shell.ts';

/**
 * Checks a command of the AWS CLI by the models of the AWS SDK: the operation exists, and has a member for each option. The
 * CLI makes both names from the API's, with hyphens (AWS CLI user guide). What it adds of its own is listed here.
 */
export async function awsProblems([service = '', operation = '', ...words]: Words): Promise<readonly string[]> {
  const options = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
  const own = OWN_COMMANDS[`${service} ${operation}`];
  if (own !== undefined)
    return options
      .filter((option) => !own.has(option) && !GLOBAL.has(option))
      .map((option) => `aws ${service} ${operation} has no --${option}`);
  const client = CLIENTS[service];
  if (client === undefined) return [`aws ${service} ${operation}: unknown`];
  const name = operation.split('-').map(capitalised).join('');
  const members = membersOf((await client())[`${name}$`]);
  if (members === undefined) return [`aws ${service} has no operation ${name}`];
  const known = new Set(members.map(hyphenated));
  return options
    .filter((option) => !known.has(option) && !GLOBAL.has(option))
    .map((option) => `${name} has no --${option}`);
}

/** Options of every command of the AWS CLI. */
const GLOBAL = new Set(['endpoint-url', 'no-paginate', 'output', 'profile', 'query', 'region']);

/** Commands that are the CLI's own and no operation, and operations of APIs whose client is no dependency. Source: AWS CLI command reference. */
const OWN_COMMANDS: Readonly<Record<string, ReadonlySet<string>>> = {
  'cloudformation deploy': new Set([
    'capabilities',
    'parameter-overrides',
    's3-bucket',
    's3-prefix',
    'stack-name',
    'template-file',
  ]),
  'cloudformation create-stack': new Set(['stack-name', 'template-body']),
  'cloudformation wait': new Set(['stack-name']),
  'cloudformation describe-stack-resource': new Set(['logical-resource-id', 'stack-name']),
  'cloudformation create-change-set': new Set([
    'capabilities',
    'change-set-name',
    'change-set-type',
    'resources-to-import',
    'stack-name',
    'template-url',
  ]),
  'logs tail': new Set(['filter-pattern', 'since']),
  'organizations create-policy': new Set(['content', 'description', 'name', 'type']),
  'organizations attach-policy': new Set(['policy-id', 'target-id']),
  's3 cp': new Set(['exclude', 'include', 'recursive']),
};

type Exports = Readonly<Record<string, unknown>>;

const CLIENTS: Readonly<Record<string, () => Promise<Exports>>> = {
  bedrock: () => import('@aws-sdk/client-bedrock'),
  'bedrock-runtime': () => import('@aws-sdk/client-bedrock-runtime'),
  ce: () => import('@aws-sdk/client-cost-explorer'),
  cloudwatch: () => import('@aws-sdk/client-cloudwatch'),
  iam: () => import('@aws-sdk/client-iam'),
  lambda: () => import('@aws-sdk/client-lambda'),
  resourcegroupstaggingapi: () => import('@aws-sdk/client-resource-groups-tagging-api'),
  sns: () => import('@aws-sdk/client-sns'),
  sqs: () => import('@aws-sdk/client-sqs'),
};

/** The schema of an operation: `[9, namespace, name, traits, input, output]`; of a structure: `[3, …, names, members]`. */
function membersOf(operation: unknown): readonly string[] | undefined {
  if (!Array.isArray(operation)) return undefined;
  const input: unknown = typeof operation[4] === 'function' ? operation[4]() : operation[4];
  if (!Array.isArray(input)) return undefined;
  const names: unknown = input[4];
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : undefined;
}

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** `resourceARN` is `resource-arn`. */
const hyphenated = (member: string): string =>
  member
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
