/**
 * Identity policies, boundaries and service control policies: a small, strict part of IAM. What is not modelled is refused
 * when a policy is registered, so that no statement is taken for less than it says. Not there: session policies.
 */
import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';
import { type Condition, checkCondition, holds } from './conditions.ts';
import type { AuthorizationRequest } from './context.ts';
import { arnLike, arnParts, checkVariables, like } from './pattern.ts';

interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: Selection;
  readonly resources: Selection;
  readonly conditions: readonly Condition[];
}

/** `Action` or `NotAction`, `Resource` or `NotResource`. */
interface Selection {
  readonly patterns: readonly string[];
  readonly inverted: boolean;
}

export type Policy = readonly Statement[];

export type Decision = 'allowed' | 'implicitly-denied' | 'explicitly-denied';

/** A deny overrides; what no statement allows is denied. */
export function decide(policies: readonly Policy[], request: AuthorizationRequest): Decision {
  const applying = policies.flat().filter((statement) => applies(statement, request));
  if (applying.some(({ effect }) => effect === 'Deny')) return 'explicitly-denied';
  return applying.length > 0 ? 'allowed' : 'implicitly-denied';
}

/** Policies that each have a say; a layer that is `undefined` limits nothing. */
export interface PolicyLayers {
  readonly identity: readonly Policy[] | undefined;
  readonly boundary: readonly Policy[] | undefined;
  readonly serviceControl: readonly Policy[] | undefined;
}

export type Denial = {
  readonly decision: Exclude<Decision, 'allowed'>;
  readonly layer: keyof PolicyLayers;
};

/**
 * What is denied in any layer is denied; what any layer does not allow is too. `undefined`: it may be done.
 * [docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic]
 */
export function denialIn(layers: PolicyLayers, request: AuthorizationRequest): Denial | undefined {
  const denials = (['serviceControl', 'boundary', 'identity'] as const).flatMap((layer): Denial[] => {
    const policies = layers[layer];
    const decision = policies === undefined ? 'allowed' : decide(policies, request);
    return decision === 'allowed' ? [] : [{ decision, layer }];
  });
  return denials.find(({ decision }) => decision === 'explicitly-denied') ?? denials[0];
}

function applies(statement: Statement, { action, resource, context }: AuthorizationRequest): boolean {
  const selects = ({ patterns, inverted }: Selection, matches: (pattern: string) => boolean): boolean =>
    patterns.some(matches) !== inverted;
  return (
    selects(statement.actions, (pattern) => like(pattern.toLowerCase(), action.toLowerCase(), context)) &&
    selects(statement.resources, (pattern) => arnLike(pattern, resource, context)) &&
    statement.conditions.every((condition) => holds(condition, context))
  );
}

/** @throws {RangeError} for what is malformed or not modelled */
export function readPolicy(document: JsonObject): Policy {
  onlyMembers('a policy', document, ['Version', 'Id', 'Statement']);
  // Older versions take policy variables for plain text.
  if (document['Version'] !== '2012-10-17') throw new RangeError('a policy must have the Version 2012-10-17');
  const statements = listOf(document['Statement']);
  if (statements.length === 0) throw new RangeError('a policy must have a Statement');
  return statements.map(readStatement);
}

function readStatement(value: Json): Statement {
  if (!isObject(value)) throw new RangeError('a Statement must be an object');
  const members = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];
  onlyMembers('a statement of an identity policy', value, members);
  const effect = value['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw new RangeError('Effect must be Allow or Deny');
  const actions = readSelection(value, 'Action');
  const resources = readSelection(value, 'Resource');
  for (const action of actions.patterns) {
    if (action !== '*' && !/^[\w-]+:[\w*?]+$/.test(action)) throw new RangeError(`${action} is not an action`);
  }
  for (const resource of resources.patterns) {
    if (resource !== '*' && arnParts(resource).length < 6) throw new RangeError(`${resource} is not an ARN`);
    checkVariables(resource);
  }
  return { effect, actions, resources, conditions: readConditions(value['Condition']) };
}

function readSelection(statement: JsonObject, name: 'Action' | 'Resource'): Selection {
  const [plain, not] = [statement[name], statement[`Not${name}`]];
  if ((plain === undefined) === (not === undefined))
    throw new RangeError(`a statement must have either ${name} or Not${name}`);
  const patterns = listOf(plain ?? not).map(String);
  if (patterns.length === 0) throw new RangeError(`${name} must not be empty`);
  return { patterns, inverted: plain === undefined };
}

function readConditions(value: Json | undefined): Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) throw new RangeError('Condition must be an object');
  return Object.entries(value).flatMap(([operator, keys]) => {
    if (!isObject(keys)) throw new RangeError(`condition ${operator} must be an object`);
    return Object.entries(keys).map(([key, values]) => {
      const condition = { operator, key, values: listOf(values).map(String) };
      checkCondition(condition);
      return condition;
    });
  });
}

function onlyMembers(what: string, object: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(object).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new RangeError(`${unknown} in ${what} is not modelled`);
}

function listOf(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
