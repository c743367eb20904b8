import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';

/** The template, or what it needs, is wrong or not embedded; the message names the place. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** What the functions of a template look up. */
export interface Scope {
  /** Value of a parameter or pseudo parameter, or `Ref` of a resource that exists; undefined if there is none. */
  ref(name: string): Json | undefined;
  /** @throws {TemplateError} if the resource or attribute does not exist */
  attribute(logicalId: string, name: string): Json;
  /** @throws {TemplateError} if there is no such condition */
  condition(name: string): boolean;
  /** @throws {TemplateError} */
  mapping(map: string, first: string, second: string): Json;
}

/** Where a value has to be left out: `AWS::NoValue`. */
const NO_VALUE = 'AWS::NoValue';

/** Evaluates the intrinsic functions in a value; undefined stands for `AWS::NoValue`. @throws {TemplateError} */
export function evaluate(value: Json, scope: Scope): Json | undefined {
  if (Array.isArray(value)) {
    return value.flatMap((item) => {
      const evaluated = evaluate(item, scope);
      return evaluated === undefined ? [] : [evaluated];
    });
  }
  if (!isObject(value)) return value;
  const call = intrinsic(value);
  if (call !== undefined) return callFunction(call.name, call.argument, scope);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const evaluated = member === undefined ? undefined : evaluate(member, scope);
      return evaluated === undefined ? [] : [[name, evaluated]];
    }),
  );
}

/** Evaluates the definition of a condition. @throws {TemplateError} */
export function evaluateCondition(definition: Json | undefined, scope: Scope): boolean {
  const call = isObject(definition) ? intrinsic(definition) : undefined;
  const operands = Array.isArray(call?.argument) ? call.argument : [];
  switch (call?.name ?? '') {
    case 'Fn::Equals':
      return JSON.stringify(evaluate(operands[0] ?? '', scope)) === JSON.stringify(evaluate(operands[1] ?? '', scope));
    case 'Fn::Not':
      return !evaluateCondition(operands[0], scope);
    case 'Fn::And':
      return operands.every((operand) => evaluateCondition(operand, scope));
    case 'Fn::Or':
      return operands.some((operand) => evaluateCondition(operand, scope));
    case 'Condition':
      return scope.condition(String(call?.argument));
    default:
      throw new TemplateError(`not a condition: ${JSON.stringify(definition)}`);
  }
}

/** Names of the resources that a value refers to, in the branches that its conditions choose. */
export function references(value: Json, scope: Pick<Scope, 'condition'>): Set<string> {
  const found = new Set<string>();
  const visit = (part: Json | undefined): void => {
    if (Array.isArray(part)) part.forEach(visit);
    if (!isObject(part)) return;
    const call = intrinsic(part);
    if (call === undefined) {
      Object.values(part).forEach(visit);
      return;
    }
    const { name, argument } = call;
    if (name === 'Ref') found.add(String(argument));
    else if (name === 'Fn::GetAtt') found.add(attributePath(argument).logicalId);
    else if (name === 'Fn::If' && Array.isArray(argument)) {
      visit(scope.condition(String(argument[0])) ? argument[1] : argument[2]);
    } else {
      if (name === 'Fn::Sub') {
        const text = Array.isArray(argument) ? argument[0] : argument;
        for (const [, variable = ''] of String(text).matchAll(SUBSTITUTION)) found.add(variable.split('.')[0] ?? '');
      }
      visit(argument);
    }
  };
  visit(value);
  return found;
}

const SUBSTITUTION = /\$\{([^!}][^}]*)\}/g;

function intrinsic(value: JsonObject): { name: string; argument: Json } | undefined {
  const [entry, ...rest] = Object.entries(value);
  if (entry === undefined || rest.length > 0) return undefined;
  const [name, argument] = entry;
  // `Condition` is a function too, but policies have members of that name: it counts in conditions only, as a string.
  const isFunction =
    name === 'Ref' || name.startsWith('Fn::') || (name === 'Condition' && typeof argument === 'string');
  return isFunction && argument !== undefined ? { name, argument } : undefined;
}

function callFunction(name: string, argument: Json, scope: Scope): Json | undefined {
  switch (name) {
    case 'Ref':
      return reference(String(argument), scope);
    case 'Fn::GetAtt': {
      const { logicalId, attribute } = attributePath(argument);
      return scope.attribute(logicalId, attribute);
    }
    case 'Fn::Sub':
      return substitute(argument, scope);
    case 'Fn::If': {
      const [condition = '', whenTrue = null, whenFalse = null] = list(name, argument, 3);
      return evaluate(scope.condition(String(condition)) ? whenTrue : whenFalse, scope);
    }
    case 'Fn::Join': {
      const [separator, parts = null] = list(name, argument, 2);
      return listValue(name, parts, scope).map(String).join(String(separator));
    }
    case 'Fn::Split': {
      const [separator, text = null] = list(name, argument, 2);
      return String(evaluate(text, scope)).split(String(separator));
    }
    case 'Fn::Select': {
      const [index = null, from = null] = list(name, argument, 2);
      const values = listValue(name, from, scope);
      const chosen = values[Number(evaluate(index, scope))];
      if (chosen === undefined) throw new TemplateError(`Fn::Select: there is no element ${JSON.stringify(index)}`);
      return chosen;
    }
    case 'Fn::FindInMap': {
      const [map = null, first = null, second = null] = list(name, argument, 3);
      return scope.mapping(
        String(evaluate(map, scope)),
        String(evaluate(first, scope)),
        String(evaluate(second, scope)),
      );
    }
    default:
      throw new TemplateError(`${name} is not embedded`);
  }
}

function reference(name: string, scope: Scope): Json | undefined {
  if (name === NO_VALUE) return undefined;
  const value = scope.ref(name);
  if (value === undefined) throw new TemplateError(`Ref ${name}: no parameter or resource of that name exists`);
  return value;
}

function attributePath(argument: Json): { logicalId: string; attribute: string } {
  if (Array.isArray(argument)) return { logicalId: String(argument[0]), attribute: argument.slice(1).join('.') };
  const [logicalId = '', ...rest] = String(argument).split('.');
  return { logicalId, attribute: rest.join('.') };
}

function substitute(argument: Json, scope: Scope): string {
  const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
  if (typeof text !== 'string') throw new TemplateError(`Fn::Sub takes a string: ${JSON.stringify(argument)}`);
  const own = isObject(variables) ? variables : {};
  return text
    .replaceAll(SUBSTITUTION, (_, name: string) => {
      const variable = own[name];
      if (variable !== undefined) return String(evaluate(variable, scope));
      const { logicalId, attribute } = attributePath(name);
      return String(attribute === '' ? reference(name, scope) : scope.attribute(logicalId, attribute));
    })
    .replaceAll('${!', '${');
}

function list(name: string, argument: Json, length: number): Json[] {
  if (!Array.isArray(argument) || argument.length !== length) {
    throw new TemplateError(`${name} takes a list of ${length}: ${JSON.stringify(argument)}`);
  }
  return argument;
}

function listValue(name: string, value: Json, scope: Scope): Json[] {
  const evaluated = evaluate(value, scope);
  if (!Array.isArray(evaluated)) throw new TemplateError(`${name} needs a list: ${JSON.stringify(value)}`);
  return evaluated;
}
