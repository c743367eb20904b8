import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { compare, type Item, isEqual, sum } from './attributes.ts';

/**
 * DynamoDB's condition, filter and update expressions, as far as the governor writes them (Developer Guide, expressions).
 * What is not understood is refused: a simulation that lets pass what DynamoDB refuses proves nothing.
 */

export interface Names {
  readonly names: Readonly<Record<string, string>> | undefined;
  readonly values: Readonly<Record<string, AttributeValue>> | undefined;
}

type Condition = (item: Item | undefined, context: Names) => boolean;
type Operand = (item: Item | undefined, context: Names) => AttributeValue | undefined;
type Path = readonly string[];

export class InvalidExpression extends Error {
  override readonly name = 'ValidationException';
}

const conditions = new Map<string, Condition>();
const updates = new Map<string, Update>();

export function holds(text: string | undefined, item: Item | undefined, context: Names): boolean {
  if (text === undefined) return true;
  let condition = conditions.get(text);
  if (condition === undefined) {
    condition = new Parser(text).condition();
    conditions.set(text, condition);
  }
  return condition(item, context);
}

export function updated(text: string, item: Item, context: Names): Item {
  let update = updates.get(text);
  if (update === undefined) {
    update = new Parser(text).update();
    updates.set(text, update);
  }
  return apply(update, item, context);
}

interface Update {
  readonly sets: readonly { readonly path: Path; readonly value: Operand }[];
  readonly removes: readonly Path[];
}

/** All operands are read from the item as it was (API reference, UpdateItem). */
function apply({ sets, removes }: Update, before: Item, context: Names): Item {
  const after: Record<string, AttributeValue> = { ...before };
  for (const { path, value } of sets) {
    const operand = value(before, context);
    if (operand === undefined)
      throw new InvalidExpression('The provided expression refers to an attribute that does not exist in the item');
    put(after, path, 0, operand, context);
  }
  for (const path of removes) put(after, path, 0, undefined, context);
  return after;
}

function put(
  into: Record<string, AttributeValue>,
  path: Path,
  at: number,
  value: AttributeValue | undefined,
  context: Names,
): void {
  const name = nameOf(path[at] ?? '', context);
  if (at === path.length - 1) {
    if (value === undefined) delete into[name];
    else into[name] = value;
    return;
  }
  const inner = into[name]?.M;
  if (inner === undefined) {
    if (value === undefined) return;
    throw new InvalidExpression('The document path provided in the update expression is invalid for update');
  }
  const copy = { ...inner };
  put(copy, path, at + 1, value, context);
  into[name] = { M: copy };
}

function nameOf(part: string, { names }: Names): string {
  if (part.charCodeAt(0) !== HASH) return part;
  const name = names?.[part];
  if (name === undefined)
    throw new InvalidExpression(`An expression attribute name used in the document path is not defined: ${part}`);
  return name;
}

const HASH = 35;

function read(item: Item | undefined, path: Path, context: Names): AttributeValue | undefined {
  let value: AttributeValue | undefined;
  let within: Readonly<Record<string, AttributeValue>> | undefined = item;
  for (const part of path) {
    value = within?.[nameOf(part, context)];
    within = value?.M;
  }
  return value;
}

const TOKEN = /\s*(<=|>=|<>|[=<>(),.+-]|[#:]?[A-Za-z0-9_]+)/y;
/** Of DynamoDB's reserved words those that the governor comes near to; a name that is one needs a placeholder. */
const RESERVED = new Set([
  'data',
  'date',
  'hour',
  'key',
  'limit',
  'name',
  'owner',
  'role',
  'schema',
  'sequence',
  'status',
  'time',
  'until',
  'value',
  'values',
]);

class Parser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    TOKEN.lastIndex = 0;
    let at = 0;
    while (at < text.trimEnd().length) {
      const match = TOKEN.exec(text);
      if (match?.[1] === undefined) throw this.#invalid();
      this.#tokens.push(match[1]);
      at = TOKEN.lastIndex;
    }
  }

  condition(): Condition {
    const condition = this.#or();
    if (this.#at < this.#tokens.length) throw this.#invalid();
    return condition;
  }

  update(): Update {
    const sets: { path: Path; value: Operand }[] = [];
    const removes: Path[] = [];
    while (this.#at < this.#tokens.length) {
      const clause = this.#next().toUpperCase();
      if (clause !== 'SET' && clause !== 'REMOVE') throw this.#invalid();
      do {
        const path = this.#path();
        if (clause === 'REMOVE') removes.push(path);
        else {
          this.#expect('=');
          sets.push({ path, value: this.#sum() });
        }
      } while (this.#takes(','));
    }
    return { sets, removes };
  }

  #or(): Condition {
    let left = this.#and();
    while (this.#takesWord('OR')) {
      const [a, b] = [left, this.#and()];
      left = (item, context) => a(item, context) || b(item, context);
    }
    return left;
  }

  #and(): Condition {
    let left = this.#not();
    while (this.#takesWord('AND')) {
      const [a, b] = [left, this.#not()];
      left = (item, context) => a(item, context) && b(item, context);
    }
    return left;
  }

  #not(): Condition {
    if (this.#takesWord('NOT')) {
      const inner = this.#not();
      return (item, context) => !inner(item, context);
    }
    if (this.#takes('(')) {
      const inner = this.#or();
      this.#expect(')');
      return inner;
    }
    return this.#test();
  }

  #test(): Condition {
    const word = this.#tokens[this.#at];
    if (this.#tokens[this.#at + 1] === '(' && word !== 'if_not_exists') {
      this.#at += 2;
      const path = this.#path();
      if (word === 'begins_with') {
        this.#expect(',');
        const prefix = this.#operand();
        this.#expect(')');
        return (item, context) =>
          read(item, path, context)?.S?.startsWith(prefix(item, context)?.S ?? '\u0000') === true;
      }
      this.#expect(')');
      const exists: Condition = (item, context) => read(item, path, context) !== undefined;
      if (word === 'attribute_exists') return exists;
      if (word === 'attribute_not_exists') return (item, context) => !exists(item, context);
      throw this.#invalid();
    }
    const left = this.#operand();
    if (this.#takesWord('BETWEEN')) {
      const least = this.#operand();
      if (!this.#takesWord('AND')) throw this.#invalid();
      const most = this.#operand();
      return (item, context) => {
        const value = left(item, context);
        const above = compare(value, least(item, context));
        const below = compare(value, most(item, context));
        return above !== undefined && below !== undefined && above >= 0 && below <= 0;
      };
    }
    const operator = this.#next();
    const right = this.#operand();
    if (operator === '=') return (item, context) => isEqual(left(item, context), right(item, context));
    if (operator === '<>') return (item, context) => !isEqual(left(item, context), right(item, context));
    const test = ORDERS[operator];
    if (test === undefined) throw this.#invalid();
    return (item, context) => {
      const order = compare(left(item, context), right(item, context));
      return order !== undefined && test(order);
    };
  }

  #sum(): Operand {
    let left = this.#operand();
    for (;;) {
      const sign = this.#takes('+') ? 1 : this.#takes('-') ? -1 : undefined;
      if (sign === undefined) return left;
      const [a, b] = [left, this.#operand()];
      left = (item, context) => {
        const [one, other] = [a(item, context)?.N, b(item, context)?.N];
        if (one === undefined || other === undefined)
          throw new InvalidExpression('An operand in the update expression has an incorrect data type');
        return { N: sum(one, other, sign) };
      };
    }
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at];
    if (token === 'if_not_exists') {
      this.#at++;
      this.#expect('(');
      const path = this.#path();
      this.#expect(',');
      const otherwise = this.#operand();
      this.#expect(')');
      return (item, context) => read(item, path, context) ?? otherwise(item, context);
    }
    if (token?.startsWith(':') === true) {
      this.#at++;
      return (_, { values }) => {
        const value = values?.[token];
        if (value === undefined)
          throw new InvalidExpression(`An expression attribute value used in expression is not defined: ${token}`);
        return value;
      };
    }
    const path = this.#path();
    return (item, context) => read(item, path, context);
  }

  #path(): Path {
    const path = [this.#name()];
    while (this.#takes('.')) path.push(this.#name());
    return path;
  }

  #name(): string {
    const name = this.#next();
    if (!/^#?[A-Za-z0-9_]+$/.test(name) || RESERVED.has(name.toLowerCase())) throw this.#invalid();
    return name;
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#invalid();
    return token;
  }

  #takes(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #takesWord(word: string): boolean {
    if (this.#tokens[this.#at]?.toUpperCase() !== word) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#takes(token)) throw this.#invalid();
  }

  #invalid(): InvalidExpression {
    return new InvalidExpression(`Invalid expression near token ${this.#at}: ${this.#text}`);
  }
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};
