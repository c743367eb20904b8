import type { Json, JsonObject } from '../service.ts';
import { parseCidr } from './cidr.ts';
import { InvalidPattern } from './invalid-pattern.ts';
import { parseWildcard } from './wildcard.ts';

export type Scalar = null | boolean | number | string;

/** One entry of a pattern's value list. */
export interface Matcher {
  /** @param values all scalar values of the field; none if it is absent */
  matches(values: readonly Scalar[]): boolean;
}

/** Numbers in a pattern's numeric operators lie within ±5e9. [event-ruler README] */
const NUMERIC_LIMIT = 5e9;

/** Compiles one entry of a value list: a literal or an operator. @throws {InvalidPattern} */
export function parseMatcher(entry: Json): Matcher {
  if (Array.isArray(entry)) throw new InvalidPattern('Match value must be String, number, true, false, or null');
  if (entry === null || typeof entry !== 'object') return anyValue((value) => value === entry);
  const { name, operand } = onlyMember(entry, 'Match expression name not found');
  switch (name) {
    case 'exactly':
      return anyValue(equalTo(text(operand, 'exact match pattern must be a string')));
    case 'prefix':
      return anyValue(affix('prefix', operand));
    case 'suffix':
      return anyValue(affix('suffix', operand));
    case 'equals-ignore-case':
      return anyValue(equalIgnoringCase(text(operand, 'equals-ignore-case match pattern must be a string')));
    case 'wildcard':
      return anyValue(parseWildcard(text(operand, 'wildcard match pattern must be a string')));
    case 'numeric':
      return anyValue(numeric(operand));
    case 'cidr':
      return anyValue(parseCidr(text(operand, 'cidr match pattern must be a string')));
    case 'anything-but':
      return anyValue(anythingBut(operand));
    case 'exists': {
      if (typeof operand !== 'boolean') {
        throw new InvalidPattern('exists match pattern must be either true or false.');
      }
      return { matches: (values) => values.length > 0 === operand };
    }
    default:
      throw new InvalidPattern(`Unrecognized match type ${name}`);
  }
}

type Predicate = (value: Scalar) => boolean;

const anyValue = (predicate: Predicate): Matcher => ({ matches: (values) => values.some(predicate) });

const equalTo =
  (expected: Scalar): Predicate =>
  (value) =>
    value === expected;

const equalIgnoringCase = (expected: string): Predicate => {
  const folded = fold(expected);
  return (value) => typeof value === 'string' && fold(value) === folded;
};

const fold = (value: string): string => value.toLowerCase();

function affix(kind: 'prefix' | 'suffix', operand: Json): Predicate {
  const has = (value: string, part: string): boolean =>
    kind === 'prefix' ? value.startsWith(part) : value.endsWith(part);
  if (isObject(operand)) {
    const { name, operand: inner } = onlyMember(operand, `${kind} expression name not found`);
    if (name !== 'equals-ignore-case') throw new InvalidPattern(`Unsupported ${kind} pattern: ${name}`);
    const part = fold(text(inner, 'equals-ignore-case match pattern must be a string'));
    return (value) => typeof value === 'string' && has(fold(value), part);
  }
  const part = text(operand, `${kind} match pattern must be a string`);
  return (value) => typeof value === 'string' && has(value, part);
}

function anythingBut(operand: Json): Predicate {
  if (isObject(operand)) {
    const { name, operand: inner } = onlyMember(operand, 'Anything-But expression name not found');
    const compile = excludedBy(name);
    const excluded = listOf(inner).map(compile);
    return (value) => !excluded.some((matches) => matches(value));
  }
  const values = listOf(operand);
  const strings = values.every((value) => typeof value === 'string');
  const numbers = values.every((value) => typeof value === 'number');
  if (values.some((value) => typeof value !== 'string' && typeof value !== 'number')) {
    throw new InvalidPattern('Inside anything but list, start|null|boolean is not supported.');
  }
  if (!strings && !numbers) {
    throw new InvalidPattern(
      'Inside anything but list, either all values are number or string, mixed type is not supported',
    );
  }
  return (value) => !values.some((excluded) => excluded === value);
}

function excludedBy(operator: string): (operand: Json) => Predicate {
  switch (operator) {
    case 'equals-ignore-case':
      return (operand) =>
        equalIgnoringCase(
          text(operand, 'Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.'),
        );
    case 'prefix':
    case 'suffix':
      return (operand) => {
        const part = text(operand, 'prefix/suffix match pattern must be a string');
        if (part === '') throw new InvalidPattern('Null prefix/suffix not allowed');
        return affix(operator, part);
      };
    case 'wildcard':
      return (operand) => parseWildcard(text(operand, 'wildcard match pattern must be a string'));
    default:
      throw new InvalidPattern(`Unsupported anything-but pattern: ${operator}`);
  }
}

/** A single operand or a non-empty list of them. */
function listOf(operand: Json): Json[] {
  if (!Array.isArray(operand)) return [operand];
  if (operand.length === 0) {
    throw new InvalidPattern(
      'Inside anything but list, either all values are number or string, mixed type is not supported',
    );
  }
  return operand;
}

/** `["=", x]`, `["<" | "<=" | ">" | ">=", x]` or a range such as `[">", 0, "<=", 5]`. */
function numeric(operand: Json): Predicate {
  if (!Array.isArray(operand)) throw new InvalidPattern('Value of numeric must be an array.');
  if (operand.length !== 2 && operand.length !== 4) {
    throw new InvalidPattern('Invalid numeric match: expected one comparison, or two that form a range');
  }
  const [operator, bound, upperOperator, upperBound] = operand;
  const first = comparison(operator, bound);
  if (operand.length === 2) return (value) => typeof value === 'number' && first(value);
  if (operator !== '>' && operator !== '>=') {
    throw new InvalidPattern(`Bad numeric range: ${JSON.stringify(operator)} cannot begin a range`);
  }
  if (upperOperator !== '<' && upperOperator !== '<=') {
    throw new InvalidPattern(`Bad numeric range operator: ${JSON.stringify(upperOperator)}`);
  }
  const second = comparison(upperOperator, upperBound);
  if (typeof bound === 'number' && typeof upperBound === 'number' && bound >= upperBound) {
    throw new InvalidPattern('Bottom must be less than top');
  }
  return (value) => typeof value === 'number' && first(value) && second(value);
}

function comparison(operator: Json | undefined, bound: Json | undefined): (value: number) => boolean {
  if (typeof bound !== 'number') throw new InvalidPattern('Value of numeric comparison must be a number');
  if (Math.abs(bound) > NUMERIC_LIMIT) {
    throw new InvalidPattern(`Value must be between ${-NUMERIC_LIMIT} and ${NUMERIC_LIMIT}, inclusive`);
  }
  switch (typeof operator === 'string' ? operator : '') {
    case '=':
      return (value) => value === bound;
    case '<':
      return (value) => value < bound;
    case '<=':
      return (value) => value <= bound;
    case '>':
      return (value) => value > bound;
    case '>=':
      return (value) => value >= bound;
    default:
      throw new InvalidPattern(`Unrecognized numeric range operator: ${JSON.stringify(operator)}`);
  }
}

function onlyMember(object: JsonObject, whenEmpty: string): { name: string; operand: Json } {
  const [first, ...rest] = Object.entries(object);
  if (first === undefined) throw new InvalidPattern(whenEmpty);
  if (rest.length > 0) throw new InvalidPattern('Only one key allowed in match expression');
  return { name: first[0], operand: first[1] ?? null };
}

function text(operand: Json, otherwise: string): string {
  if (typeof operand !== 'string') throw new InvalidPattern(otherwise);
  return operand;
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
