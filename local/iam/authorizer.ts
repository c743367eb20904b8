/** Whether the principal of a call may make it. Principals without policies may do everything. */
import type { ApplicationProfiles } from '../bedrock/application-profiles.ts';
import type { RoleMay } from '../destinations.ts';
import { readFunctionName } from '../lambda/function-name.ts';
import { isObject } from '../members.ts';
import { type Principals, roleArnOf } from '../principals.ts';
import type { SecretsManager } from '../secrets-manager.ts';
import { AwsFault, type Call, type JsonObject, type Service, type World } from '../service.ts';
import { bedrockRequests } from './bedrock-requests.ts';
import { type AuthorizationRequest, contextOf } from './context.ts';
import { tableUses } from './dynamodb-requests.ts';
import { type Denial, denialIn } from './policy.ts';

export interface AuthorizerOptions {
  readonly world: World;
  readonly principals: Principals;
  readonly profiles: ApplicationProfiles;
  readonly dynamoDb: Service;
  readonly secrets: SecretsManager;
}

/**
 * Whether a role that was deployed here may do something that AWS does on its behalf, such as handing on a failed event;
 * others may do everything.
 */
export function createRoleMay(world: Pick<World, 'observe'>, principals: Principals): RoleMay {
  return (roleArn, action, resource) => {
    const policies = principals.policiesOfRole(roleArn);
    if (policies === undefined) return true;
    const request = { action, resource, context: contextOf({ 'aws:PrincipalArn': roleArn }) };
    const allowed = denialIn(policies, request) === undefined;
    world.observe({ kind: 'authorization', principalArn: roleArn, request, allowed });
    return allowed;
  };
}

/** The refusal of a call, or undefined when it may go on. */
export type Authorize = (service: Service, call: Call, input: JsonObject) => Promise<AwsFault | undefined>;

export function createAuthorizer({ world, principals, profiles, dynamoDb, secrets }: AuthorizerOptions): Authorize {
  const partitionKeyOf =
    (call: Call) =>
    async (table: string, index: string | undefined): Promise<string | undefined> => {
      try {
        const described = await dynamoDb.operations['DescribeTable']?.({ TableName: table }, call);
        const definition = isObject(described?.['Table']) ? described['Table'] : {};
        return partitionKey(index === undefined ? definition : indexOf(definition, index));
      } catch (error) {
        if (error instanceof AwsFault) return undefined;
        throw error;
      }
    };

  const requestsOf = async (call: Call, input: JsonObject): Promise<AuthorizationRequest[]> => {
    const { region, service, operation, principal } = call;
    const base = {
      'aws:PrincipalArn': roleArnOf(principal.arn),
      'aws:PrincipalAccount': principal.accountId,
      'aws:RequestedRegion': region,
      'aws:SecureTransport': 'true',
      'aws:userid': principal.userId,
      ...Object.fromEntries(
        Object.entries(principal.tags ?? {}).map(([key, value]) => [`aws:PrincipalTag/${key}`, value]),
      ),
    };
    const context = contextOf(base);
    const prefix = `${region}:${world.accountId}`;
    if (service === 'bedrock') return bedrockRequests(profiles, world.accountId, call, input, base);
    if (service === 'tagging' && (operation === 'TagResources' || operation === 'UntagResources'))
      return [
        { action: `tag:${operation}`, resource: '*', context },
        ...profileTaggings(operation, input).flatMap((asked) =>
          bedrockRequests(profiles, world.accountId, { ...call, operation: asked.operation }, asked.input, base),
        ),
      ];
    if (service === 'dynamodb') {
      const uses = await tableUses(operation, input, partitionKeyOf(call));
      if (uses.length === 0) return [{ action: `dynamodb:${operation}`, resource: '*', context }];
      return uses.map(({ table, index, leadingKeys }) => ({
        action: `dynamodb:${operation}`,
        resource: `arn:aws:dynamodb:${prefix}:table/${table}${index === undefined ? '' : `/index/${index}`}`,
        context: contextOf({ ...base, 'dynamodb:LeadingKeys': leadingKeys }),
      }));
    }
    if (service === 'lambda') {
      if (input['FunctionName'] === undefined) return [{ action: `lambda:${operation}`, resource: '*', context }];
      const asked = typeof input['Qualifier'] === 'string' ? input['Qualifier'] : undefined;
      const here = { region, accountId: world.accountId };
      const { name, qualifier } = readFunctionName(String(input['FunctionName']), asked, here);
      const action = operation === 'Invoke' ? 'lambda:InvokeFunction' : `lambda:${operation}`;
      const suffix = qualifier === undefined ? '' : `:${qualifier}`;
      return [{ action, resource: `arn:aws:lambda:${prefix}:function:${name}${suffix}`, context }];
    }
    const action = `${ACTION_PREFIXES[service] ?? service}:${actionOf(service, operation)}`;
    const named = service === 'secretsmanager' ? (input['SecretId'] ?? input['Name']) : undefined;
    const secret = named === undefined ? undefined : String(named);
    const resources =
      secret === undefined
        ? resourcesOf(service, prefix, input)
        : [secrets.arnOf(region, secret) ?? `arn:aws:secretsmanager:${prefix}:secret:${secret}`];
    // That what makes a tagged budget needs the permission to tag it is UNVERIFIED, as with other services.
    const actions =
      operation === 'CreateBudget' && listed(input['ResourceTags'] ?? []).length > 0
        ? [action, 'budgets:TagResource']
        : [action];
    return resources.flatMap((resource) => actions.map((each) => ({ action: each, resource, context })));
  };

  return async (service, call, input) => {
    const policies = principals.policiesOf(call.principal.accessKeyId);
    // Anybody may ask who they are.
    if (policies === undefined || call.operation === 'GetCallerIdentity') return undefined;
    for (const request of await requestsOf(call, input)) {
      const found = denialIn(policies, request);
      world.observe({
        kind: 'authorization',
        principalArn: roleArnOf(call.principal.arn),
        request,
        allowed: found === undefined,
      });
      if (found !== undefined) return denial(service, call, request, found);
    }
    return undefined;
  };
}

/**
 * Tagging through the Tagging API needs the permission of the resource's own service as well. [docs.aws.amazon.com
 * /resourcegroupstagging/latest/APIReference/API_TagResources] A refusal there stands in `FailedResourcesMap` of an answer that is
 * no error; here the whole call is refused.
 */
function profileTaggings(
  operation: 'TagResources' | 'UntagResources',
  input: JsonObject,
): readonly { readonly operation: string; readonly input: JsonObject }[] {
  const arns = Array.isArray(input['ResourceARNList']) ? input['ResourceARNList'] : [];
  const tags = Object.entries(isObject(input['Tags']) ? input['Tags'] : {}).map(([key, value]) => ({ key, value }));
  return arns.map((arn) => ({
    operation: operation === 'TagResources' ? 'TagResource' : 'UntagResource',
    input: { resourceARN: String(arn), tags, tagKeys: input['TagKeys'] ?? [] },
  }));
}

/** Where the prefix of actions differs from the name in signatures. */
const ACTION_PREFIXES: Readonly<Record<string, string>> = { tagging: 'tag', monitoring: 'cloudwatch' };

/**
 * IAM has no actions of the names of the Budgets API's operations, but for those about tags, and none of batches of SQS.
 * [docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice]
 */
function actionOf(service: string, operation: string): string {
  if (service === 'sqs') return operation.replace(/Batch$/, '');
  if (service !== 'budgets' || /Tag|Resource$/.test(operation)) return operation;
  return operation.startsWith('Describe') ? 'ViewBudget' : 'ModifyBudget';
}

/** Resources of the services whose calls name them simply; `*` for the others. */
function resourcesOf(service: string, prefix: string, input: JsonObject): string[] {
  const region = prefix.split(':')[0] ?? '';
  const accountId = prefix.split(':')[1] ?? '';
  if (service === 'ssm') {
    const asked = input['Names'] ?? input['Name'] ?? input['Path'];
    return asked === undefined ? ['*'] : listed(asked).map((name) => parameterArn(prefix, name));
  }
  if (service === 'events' && Array.isArray(input['Entries'])) {
    const buses = input['Entries'].filter(isObject).map(({ EventBusName }) => String(EventBusName ?? 'default'));
    return [...new Set(buses)].map((bus) =>
      bus.startsWith('arn:') ? bus : `arn:aws:events:${prefix}:event-bus/${bus}`,
    );
  }
  if (service === 'budgets') return [budgetArn(accountId, input)];
  if (service === 'iam' && typeof input['RoleName'] === 'string')
    return [`arn:aws:iam::${accountId}:role/${input['RoleName']}`];
  // UNVERIFIED that each name that is asked for is authorised by itself.
  if (service === 'monitoring' && input['AlarmNames'] !== undefined)
    return listed(input['AlarmNames']).map((name) => `arn:aws:cloudwatch:${region}:${accountId}:alarm:${name}`);
  const arn = input['TopicArn'] ?? input['ResourceARN'];
  return [typeof arn === 'string' ? arn : '*'];
}

/**
 * What lists all budgets is authorised against a budget of any name: the reference lists the resource type `budget` for
 * ViewBudget, and which ARN stands for all is UNVERIFIED.
 */
function budgetArn(accountId: string, input: JsonObject): string {
  if (typeof input['ResourceARN'] === 'string') return input['ResourceARN'];
  const described = isObject(input['Budget'])
    ? input['Budget']
    : isObject(input['NewBudget'])
      ? input['NewBudget']
      : {};
  const name = input['BudgetName'] ?? described['BudgetName'];
  return `arn:aws:budgets::${accountId}:budget/${typeof name === 'string' ? name : '*'}`;
}

const listed = (value: JsonObject[string]): string[] => (Array.isArray(value) ? value : [value]).map(String);

function parameterArn(prefix: string, name: string): string {
  if (name.startsWith('arn:')) return name;
  return `arn:aws:ssm:${prefix}:parameter/${name.replace(/^\//, '').replace(/:\d+$/, '')}`;
}

function indexOf(table: JsonObject, name: string): JsonObject {
  const indexes = [table['GlobalSecondaryIndexes'], table['LocalSecondaryIndexes']].flat().filter(isObject);
  return indexes.find((index) => index['IndexName'] === name) ?? {};
}

function partitionKey({ KeySchema }: JsonObject): string | undefined {
  const keys = Array.isArray(KeySchema) ? KeySchema.filter(isObject) : [];
  const hash = keys.find(({ KeyType }) => KeyType === 'HASH')?.['AttributeName'];
  return typeof hash === 'string' ? hash : undefined;
}

/** [docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied] */
const LAYER_NAMES = {
  identity: ['an', 'identity-based policy'],
  boundary: ['a', 'permissions boundary'],
  serviceControl: ['a', 'service control policy'],
} as const;

/** In the shape of the service's protocol; the wording is IAM's. */
function denial(
  { protocol, signingName }: Service,
  { principal }: Call,
  { action, resource }: AuthorizationRequest,
  { decision, layer }: Denial,
): AwsFault {
  const [article, policy] = LAYER_NAMES[layer];
  const why =
    decision === 'explicitly-denied'
      ? `with an explicit deny in ${article} ${policy}`
      : `because no ${policy} allows the ${action} action`;
  const message = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} ${why}`;
  if (protocol.kind === 'query')
    return new AwsFault(signingName === 'sns' ? 'AuthorizationError' : 'AccessDenied', message, 403);
  return new AwsFault('AccessDeniedException', message, protocol.kind === 'json' ? 400 : 403);
}
