import { readFile } from 'node:fs/promises';
import { isObject, parseObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';
import { type Created, checkProperties, type ResourceType } from './resource-type.ts';
import { evaluate, evaluateCondition, references, type Scope, TemplateError } from './template.ts';

export interface DeployOptions {
  /** JSON template, such as `osls package` writes to `.serverless/cloudformation-template-update-stack.json`. */
  readonly templatePath: string;
  /** Folder with the functions' zips, found by the last part of their `S3Key`. */
  readonly artifactsDir: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Default `embedded`. Deploying under the same name updates the stack. */
  readonly stackName?: string;
  /** Default: the home Region. */
  readonly region?: string;
}

export interface DeployedStack {
  readonly stackName: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Logical id → what `Ref` gives. */
  readonly resources: Readonly<Record<string, string>>;
}

/** What the stack of a name has made so far. */
export type StackState = Map<string, Created>;

export interface StackSurroundings {
  readonly accountId: string;
  readonly region: string;
  readonly stackName: string;
  readonly types: Readonly<Record<string, ResourceType>>;
  readonly state: StackState;
}

/**
 * Makes or updates the resources of a template in the order of their dependencies, and removes those that have left
 * it. What has been made before a failure stays.
 *
 * @throws {TemplateError}
 */
export async function deployStack(options: DeployOptions, surroundings: StackSurroundings): Promise<DeployedStack> {
  const template = parseObject(await readFile(options.templatePath, 'utf8'));
  if (template === undefined) throw new TemplateError(`${options.templatePath} does not hold a JSON object`);
  const { accountId, region, stackName, types, state } = surroundings;
  const created = new Map<string, Created>();
  const scope = scopeOf(template, surroundings, parametersOf(template, options.parameters ?? {}), created);
  checkRules(template, scope);
  const definitions = included(section(template, 'Resources'), scope);

  for (const [logicalId, definition] of definitions) {
    const type = String(definition['Type']);
    if (types[type] === undefined) throw new TemplateError(`${logicalId}: resource type ${type} is not embedded`);
  }
  for (const logicalId of inDependencyOrder(definitions, scope)) {
    const definition = definitions.get(logicalId) ?? {};
    const typeName = String(definition['Type']);
    const type = types[typeName];
    if (type === undefined) continue;
    const properties = evaluate(definition['Properties'] ?? {}, scope);
    const desired = {
      stackName,
      logicalId,
      type: typeName,
      region,
      accountId,
      properties: isObject(properties) ? properties : {},
      previous: state.get(logicalId),
    };
    checkProperties(type, desired);
    const made = await naming(logicalId, typeName, () => type.put(desired));
    created.set(logicalId, made);
    state.set(logicalId, isRetained(definition) ? kept(made) : made);
  }
  await removeAll(state, (logicalId) => !created.has(logicalId));
  return {
    stackName,
    outputs: outputsOf(template, scope),
    resources: Object.fromEntries([...created].map(([logicalId, resource]) => [logicalId, resource.ref])),
  };
}

/** Removes what a stack has made, the last first. What its template retains stays, and belongs to no stack any more. */
export async function removeAll(state: StackState, isCondemned: (logicalId: string) => boolean): Promise<void> {
  for (const [logicalId, resource] of [...state].reverse()) {
    if (!isCondemned(logicalId)) continue;
    await resource.remove?.();
    state.delete(logicalId);
  }
}

const isRetained = (definition: JsonObject): boolean =>
  definition['DeletionPolicy'] === 'Retain' || definition['DeletionPolicy'] === 'RetainExceptOnCreate';

const kept = ({ ref, attributes }: Created): Created => ({ ref, attributes });

/** Assertions about parameters and the Region, before anything is made. @throws {TemplateError} with what the rule says */
function checkRules(template: JsonObject, scope: Scope): void {
  for (const [name, rule] of Object.entries(section(template, 'Rules'))) {
    if (!isObject(rule) || rule['RuleCondition'] !== undefined)
      throw new TemplateError(`rule ${name}: conditions of rules are not embedded`);
    const assertions = Array.isArray(rule['Assertions']) ? rule['Assertions'].filter(isObject) : [];
    for (const { Assert, AssertDescription } of assertions)
      if (!evaluateCondition(Assert, scope)) throw new TemplateError(`rule ${name}: ${AssertDescription}`);
  }
}

async function naming(logicalId: string, type: string, work: () => Created | Promise<Created>): Promise<Created> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TemplateError) throw error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new TemplateError(`${logicalId} (${type}) could not be made: ${reason}`, { cause: error });
  }
}

function section(template: JsonObject, name: string): JsonObject {
  const value = template[name];
  return isObject(value) ? value : {};
}

/** @throws {TemplateError} for a missing, unknown or disallowed value */
function parametersOf(template: JsonObject, given: Readonly<Record<string, string>>): Map<string, Json> {
  const declared = section(template, 'Parameters');
  const unknown = Object.keys(given).find((name) => !(name in declared));
  if (unknown !== undefined) throw new TemplateError(`the template has no parameter ${unknown}`);
  return new Map(
    Object.entries(declared).map(([name, definition]): [string, Json] => {
      const parameter = isObject(definition) ? definition : {};
      const type = String(parameter['Type']);
      const value = given[name] ?? parameter['Default'];
      if (value === undefined || value === null) throw new TemplateError(`parameter ${name} has no value`);
      if (!['String', 'Number', 'CommaDelimitedList'].includes(type)) {
        throw new TemplateError(`parameter ${name}: type ${type} is not embedded`);
      }
      const text = String(value);
      const allowed = parameter['AllowedValues'];
      if (Array.isArray(allowed) && !allowed.map(String).includes(text)) {
        throw new TemplateError(`parameter ${name} must be one of ${allowed.join(', ')}`);
      }
      const pattern = parameter['AllowedPattern'];
      if (typeof pattern === 'string' && !new RegExp(`^(?:${pattern})$`).test(text)) {
        throw new TemplateError(`parameter ${name} must match ${pattern}`);
      }
      if (type === 'Number' && !Number.isFinite(Number(text)))
        throw new TemplateError(`parameter ${name} must be a number`);
      return [name, type === 'CommaDelimitedList' ? text.split(',').map((item) => item.trim()) : text];
    }),
  );
}

function scopeOf(
  template: JsonObject,
  { accountId, region, stackName }: StackSurroundings,
  parameters: ReadonlyMap<string, Json>,
  created: ReadonlyMap<string, Created>,
): Scope {
  const pseudo: Readonly<Record<string, Json>> = {
    'AWS::AccountId': accountId,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${accountId}:stack/${stackName}/embedded`,
    'AWS::NotificationARNs': [],
  };
  const conditions = section(template, 'Conditions');
  const mappings = section(template, 'Mappings');
  const scope: Scope = {
    ref: (name) => pseudo[name] ?? parameters.get(name) ?? created.get(name)?.ref,
    attribute(logicalId, name) {
      const value = created.get(logicalId)?.attributes[name];
      if (value === undefined)
        throw new TemplateError(`Fn::GetAtt ${logicalId}.${name}: no such resource or attribute here`);
      return value;
    },
    condition(name) {
      if (!(name in conditions)) throw new TemplateError(`there is no condition ${name}`);
      return evaluateCondition(conditions[name], scope);
    },
    mapping(map, first, second) {
      const value = section(section(mappings, map), first)[second];
      if (value === undefined) throw new TemplateError(`there is no mapping ${map}.${first}.${second}`);
      return value;
    },
  };
  return scope;
}

/** The resources whose condition, if any, holds. */
function included(resources: JsonObject, scope: Scope): Map<string, JsonObject> {
  return new Map(
    Object.entries(resources).flatMap(([logicalId, definition]): [string, JsonObject][] => {
      if (!isObject(definition)) throw new TemplateError(`${logicalId} is not a resource`);
      const condition = definition['Condition'];
      return typeof condition === 'string' && !scope.condition(condition) ? [] : [[logicalId, definition]];
    }),
  );
}

function inDependencyOrder(definitions: ReadonlyMap<string, JsonObject>, scope: Scope): string[] {
  const order: string[] = [];
  const state = new Map<string, 'entered' | 'left'>();
  const visit = (logicalId: string, path: readonly string[]): void => {
    const definition = definitions.get(logicalId);
    if (definition === undefined || state.get(logicalId) === 'left') return;
    const chain = [...path, logicalId];
    if (state.get(logicalId) === 'entered') throw new TemplateError(`circular dependency: ${chain.join(' → ')}`);
    state.set(logicalId, 'entered');
    const explicit = definition['DependsOn'];
    const dependencies = references(definition['Properties'] ?? {}, scope);
    for (const name of Array.isArray(explicit) ? explicit : [explicit]) {
      if (typeof name === 'string') dependencies.add(name);
    }
    for (const dependency of dependencies) visit(dependency, chain);
    state.set(logicalId, 'left');
    order.push(logicalId);
  };
  for (const logicalId of definitions.keys()) visit(logicalId, []);
  return order;
}

function outputsOf(template: JsonObject, scope: Scope): Record<string, string> {
  return Object.fromEntries(
    Object.entries(section(template, 'Outputs')).flatMap(([name, definition]) => {
      const output = isObject(definition) ? definition : {};
      const condition = output['Condition'];
      if (typeof condition === 'string' && !scope.condition(condition)) return [];
      const value = evaluate(output['Value'] ?? null, scope);
      return value === undefined ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
    }),
  );
}
