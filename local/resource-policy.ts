import { isObject } from './members.ts';
import type { Json, JsonObject } from './service.ts';

/** What an AWS service (not an IAM principal of the account) wants to do with a resource. */
export interface ServiceRequest {
  /** For example `budgets.amazonaws.com`. */
  readonly service: string;
  /** For example `sns:Publish`. */
  readonly action: string;
  readonly resource: string;
  /** On whose behalf: the rule, topic or budget. */
  readonly sourceArn: string;
  readonly sourceAccount: string;
}

/**
 * Whether a resource policy lets an AWS service act: some statement allows it and none denies it. Without a policy the
 * answer is no. Evaluates Principal, Action, Resource and the condition operators that such policies use.
 *
 * @throws {RangeError} for a statement with an operator or condition key that is not modelled, rather than guess
 */
export function allowsService(policy: JsonObject | undefined, request: ServiceRequest): boolean {
  const applying = statementsOf(policy).filter((statement) => applies(statement, request));
  return (
    applying.some((statement) => statement['Effect'] === 'Allow') &&
    !applying.some((statement) => statement['Effect'] === 'Deny')
  );
}

function statementsOf(policy: JsonObject | undefined): JsonObject[] {
  return listOf(policy?.['Statement']).filter(isObject);
}

function applies(statement: JsonObject, request: ServiceRequest): boolean {
  return (
    names(statement['Principal'], request.service) &&
    listOf(statement['Action']).some((action) => like(action, request.action, 'ignoring-case')) &&
    (statement['Resource'] === undefined || listOf(statement['Resource']).some((arn) => like(arn, request.resource))) &&
    holds(statement['Condition'], request)
  );
}

function names(principal: Json | undefined, service: string): boolean {
  if (principal === '*') return true;
  if (!isObject(principal)) return false;
  return listOf(principal['Service']).includes(service) || listOf(principal['AWS']).includes('*');
}

/** Keys that this context never carries, so that a condition on them cannot hold (the default policy of a topic has one). */
const ABSENT_KEYS = new Set([
  'aws:sourceowner',
  'aws:principalorgid',
  'aws:sourceorgid',
  'aws:principalarn',
  'aws:sourceip',
]);

function holds(condition: Json | undefined, request: ServiceRequest): boolean {
  if (!isObject(condition)) return true;
  const context = new Map([
    ['aws:sourcearn', request.sourceArn],
    ['aws:sourceaccount', request.sourceAccount],
    ['aws:securetransport', 'true'],
    ['aws:principalisawsservice', 'true'],
    ['aws:principalservicename', request.service],
  ]);
  return Object.entries(condition).every(([operator, keys]) => {
    const test = operatorNamed(operator);
    return Object.entries(isObject(keys) ? keys : {}).every(([key, values]) => {
      const name = key.toLowerCase();
      const actual = context.get(name);
      if (actual === undefined && !ABSENT_KEYS.has(name)) throw new RangeError(`condition key ${key} is not modelled`);
      return test(
        actual,
        listOf(values).map((value) => String(value)),
      );
    });
  });
}

type Test = (actual: string | undefined, expected: readonly string[]) => boolean;

function operatorNamed(operator: string): Test {
  const base = operator.replace(/IfExists$/, '');
  const test = OPERATORS[base];
  if (test === undefined) throw new RangeError(`condition operator ${operator} is not modelled`);
  return base === operator ? test : (actual, expected) => actual === undefined || test(actual, expected);
}

const some =
  (matches: (actual: string, expected: string) => boolean): Test =>
  (actual, expected) =>
    actual !== undefined && expected.some((value) => matches(actual, value));
const none =
  (matches: (actual: string, expected: string) => boolean): Test =>
  (actual, expected) =>
    actual === undefined || !expected.some((value) => matches(actual, value));
const equal = (actual: string, expected: string): boolean => actual === expected;
const alike = (actual: string, expected: string): boolean => like(expected, actual);

const OPERATORS: Readonly<Record<string, Test>> = {
  StringEquals: some(equal),
  StringNotEquals: none(equal),
  StringEqualsIgnoreCase: some((actual, expected) => actual.toLowerCase() === expected.toLowerCase()),
  StringLike: some(alike),
  StringNotLike: none(alike),
  ArnEquals: some(alike),
  ArnLike: some(alike),
  ArnNotEquals: none(alike),
  ArnNotLike: none(alike),
  Bool: some((actual, expected) => actual === expected.toLowerCase()),
  Null: (actual, expected) => expected.includes(String(actual === undefined)),
};

/** `*` and `?` as IAM reads them. */
export function like(pattern: Json, text: string, letters?: 'ignoring-case'): boolean {
  if (typeof pattern !== 'string') return false;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, letters === 'ignoring-case' ? 'is' : 's').test(text);
}

function listOf(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
