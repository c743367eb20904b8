/** The condition operators of policies. [docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators] */
import { kindOf, type RequestContext } from './context.ts';
import { arnLike, checkVariables, like, plainText } from './pattern.ts';

export interface Condition {
  readonly operator: string;
  readonly key: string;
  /** One of which must match; for a negation none. */
  readonly values: readonly string[];
}

type Matches = (value: string, actual: string, context: RequestContext) => boolean;
interface Operator {
  readonly matches: Matches;
  /** The condition holds when no value matches. */
  readonly negated: boolean;
}

const equals: Matches = (value, actual, context) => plainText(value, context) === actual;
const ignoringCase: Matches = (value, actual, context) =>
  plainText(value, context)?.toLowerCase() === actual.toLowerCase();
const isBoolean: Matches = (value, actual) => value.toLowerCase() === actual;

const OPERATORS: Readonly<Record<string, Operator>> = {
  StringEquals: { matches: equals, negated: false },
  StringNotEquals: { matches: equals, negated: true },
  StringEqualsIgnoreCase: { matches: ignoringCase, negated: false },
  StringLike: { matches: like, negated: false },
  StringNotLike: { matches: like, negated: true },
  ArnEquals: { matches: arnLike, negated: false },
  ArnLike: { matches: arnLike, negated: false },
  ArnNotEquals: { matches: arnLike, negated: true },
  ArnNotLike: { matches: arnLike, negated: true },
  Bool: { matches: isBoolean, negated: false },
};

const FORM = /^(?:(?<set>ForAllValues|ForAnyValue):)?(?<base>\w+?)(?<ifExists>IfExists)?$/;

/** @throws {RangeError} for an operator or key that is not modelled, or that do not go together */
export function checkCondition({ operator, key, values }: Condition): void {
  const { set, base = '', ifExists } = FORM.exec(operator)?.groups ?? {};
  if (base === 'Null' ? set !== undefined || ifExists !== undefined : !Object.hasOwn(OPERATORS, base))
    throw new RangeError(`condition operator ${operator} is not modelled`);
  if (kindOf(key) === 'multi' && set === undefined && base !== 'Null')
    throw new RangeError(`${key} has several values: ${operator} needs ForAllValues: or ForAnyValue: before it`);
  if (values.length === 0) throw new RangeError(`condition ${operator} on ${key} has no value`);
  const booleans = base === 'Null' || base === 'Bool';
  for (const value of values) {
    if (booleans && !/^(true|false)$/i.test(value)) throw new RangeError(`${operator} on ${key} takes true or false`);
    checkVariables(value);
  }
}

/** @param condition that has been checked */
export function holds({ operator, key, values }: Condition, context: RequestContext): boolean {
  const actual = context.get(key.toLowerCase()) ?? [];
  const { set, base = '', ifExists } = FORM.exec(operator)?.groups ?? {};
  if (base === 'Null') return values.some((value) => (value.toLowerCase() === 'true') === (actual.length === 0));
  const rule = OPERATORS[base];
  if (rule === undefined) throw new RangeError(`condition operator ${operator} is not modelled`);
  if (actual.length === 0 && ifExists !== undefined) return true;
  const satisfies = (one: string): boolean =>
    values.some((value) => rule.matches(value, one, context)) !== rule.negated;
  if (set === 'ForAllValues') return actual.every(satisfies);
  if (set === 'ForAnyValue') return actual.some(satisfies);
  const [one] = actual;
  return one === undefined ? rule.negated : satisfies(one);
}
