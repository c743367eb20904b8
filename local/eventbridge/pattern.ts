import type { Json, JsonObject } from '../service.ts';
import { InvalidPattern } from './invalid-pattern.ts';
import { type Matcher, parseMatcher, type Scalar } from './matcher.ts';

/** A compiled event pattern. */
export interface EventPattern {
  matches(event: Json): boolean;
}

/** Fields that must all match; a list of these is the disjunction that `$or` expands to. */
type Conjunction = Map<string, { readonly path: readonly string[]; readonly matchers: readonly Matcher[] }>;

type Node = { matchers: readonly Matcher[] | undefined; readonly fields: Map<string, Node> };

/** EventBridge refuses a pattern whose `$or`s multiply to more combinations. [docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators] */
const MAX_COMBINATIONS = 1000;

/** Names of operators: an `$or` whose objects use one as a field name is an ordinary field. [event-ruler README] */
const OPERATORS = new Set([
  'exactly',
  'prefix',
  'suffix',
  'equals-ignore-case',
  'wildcard',
  'numeric',
  'anything-but',
  'exists',
  'cidr',
]);

/**
 * Compiles an event pattern in the language of EventBridge rules (and of SNS filter policies, which share it).
 * Semantics follow AWS's open-source matcher, event-ruler:
 *
 * - a field matches when any of the event's values matches any of the pattern's; fields are a conjunction;
 * - conditions on fields of objects in one array must hold within one element, `exists: false` included;
 * - a field given outside and inside `$or` keeps the later of the two;
 * - an empty array or object counts as an absent field; a field's value that is an object is not a leaf.
 *
 * Not modelled: a field name with dots standing for nested fields.
 *
 * @throws {InvalidPattern} which says what is wrong
 */
export function compilePattern(pattern: Json): EventPattern {
  if (!isObject(pattern)) throw new InvalidPattern('Filter is not an object');
  const alternatives = addFields([new Map()], pattern, []).map(treeOf);
  return { matches: (event) => alternatives.some((node) => matchesFields(node, event)) };
}

/** Parses the JSON text of an event pattern. @throws {InvalidPattern} */
export function parsePattern(source: string): EventPattern {
  let pattern: Json;
  try {
    pattern = JSON.parse(source);
  } catch (error) {
    throw new InvalidPattern(`Event pattern is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  return compilePattern(pattern);
}

function addFields(into: readonly Conjunction[], object: JsonObject, path: readonly string[]): Conjunction[] {
  const fields = Object.entries(object);
  if (fields.length === 0) throw new InvalidPattern('Empty objects are not allowed');
  let conjunctions = [...into];
  for (const [name, value] of fields) {
    if (name === '$or' && isDisjunction(value)) {
      const branches = value;
      conjunctions = branches.flatMap((branch) =>
        addFields(
          conjunctions.map((conjunction) => new Map(conjunction)),
          branch,
          path,
        ),
      );
      if (conjunctions.length > MAX_COMBINATIONS) {
        throw new InvalidPattern(`The pattern expands to more than ${MAX_COMBINATIONS} combinations of $or`);
      }
    } else if (Array.isArray(value)) {
      if (value.length === 0) throw new InvalidPattern('Empty arrays are not allowed');
      const field = { path: [...path, name], matchers: value.map(parseMatcher) };
      for (const conjunction of conjunctions) conjunction.set(JSON.stringify(field.path), field);
    } else if (isObject(value)) {
      conjunctions = addFields(conjunctions, value, [...path, name]);
    } else {
      throw new InvalidPattern(`"${name}" must be an object or an array`);
    }
  }
  return conjunctions;
}

function isDisjunction(value: Json | undefined): value is JsonObject[] {
  return (
    Array.isArray(value) &&
    value.length >= 2 &&
    value.every((branch) => isObject(branch) && !Object.keys(branch).some((name) => OPERATORS.has(name)))
  );
}

function treeOf(conjunction: Conjunction): Node {
  const root: Node = { matchers: undefined, fields: new Map() };
  for (const { path, matchers } of conjunction.values()) {
    let node = root;
    for (const name of path) {
      const next: Node = node.fields.get(name) ?? { matchers: undefined, fields: new Map() };
      node.fields.set(name, next);
      node = next;
    }
    node.matchers = matchers;
  }
  return root;
}

function matchesFields(node: Node, value: Json | undefined): boolean {
  const objects = flatten(value).filter(isObject);
  if (objects.length === 0) return matchesWithin(node, {});
  return objects.some((object) => matchesWithin(node, object));
}

function matchesWithin(node: Node, object: JsonObject): boolean {
  for (const [name, field] of node.fields) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (field.matchers !== undefined && !matchesLeaf(field.matchers, value)) return false;
    if (field.fields.size > 0 && !matchesFields(field, value)) return false;
  }
  return true;
}

function matchesLeaf(matchers: readonly Matcher[], value: Json | undefined): boolean {
  const scalars = flatten(value).filter((item): item is Scalar => item === null || typeof item !== 'object');
  return matchers.some((matcher) => matcher.matches(scalars));
}

/** The values of a field: those of an array, at any depth, or the one value itself. */
function flatten(value: Json | undefined): Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.flatMap(flatten) : [value];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
