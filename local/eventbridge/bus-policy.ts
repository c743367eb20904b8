/** Resource policies of event buses. [docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-permissions-manage] */
import { type Condition, checkCondition, holds } from '../iam/conditions.ts';
import { contextOf } from '../iam/context.ts';
import { arnLike, like } from '../iam/pattern.ts';
import { isObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';

/** Who puts an event on a bus, itself or by the role of a rule's target. */
export interface Sender {
  /** Of the role, where it is the session of one. */
  readonly principalArn: string;
  readonly source: string;
  readonly detailType: string;
}

interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly principals: readonly string[];
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions: readonly Condition[];
}

export type BusPolicy = readonly Statement[];

/** @throws {RangeError} for what is malformed or not modelled, rather than take a statement for less than it says */
export function readBusPolicy(document: JsonObject): BusPolicy {
  const statements = listOf(document['Statement']);
  return statements.map((statement) => {
    if (!isObject(statement)) throw new RangeError('a Statement must be an object');
    const known = ['Sid', 'Effect', 'Principal', 'Action', 'Resource', 'Condition'];
    const unknown = Object.keys(statement).find((name) => !known.includes(name));
    if (unknown !== undefined) throw new RangeError(`${unknown} in the policy of a bus is not modelled`);
    const { Effect: effect, Principal: principal, Condition: condition } = statement;
    if (effect !== 'Allow' && effect !== 'Deny') throw new RangeError('Effect must be Allow or Deny');
    const actions = textsOf(statement, 'Action');
    const resources = textsOf(statement, 'Resource');
    return { effect, principals: principalsOf(principal), actions, resources, conditions: conditionsOf(condition) };
  });
}

/**
 * Why a bus does not take an event, or undefined where it does. What the policy denies nobody may; principals of the bus's
 * own account need no permission of the bus besides their own, others do.
 */
export function refusalOf(policy: BusPolicy, busArn: string, sender: Sender): string | undefined {
  const account = (arn: string): string => arn.split(':')[4] ?? '';
  const context = contextOf({
    'aws:PrincipalArn': sender.principalArn,
    'aws:PrincipalAccount': account(sender.principalArn),
    'events:source': sender.source,
    'events:detail-type': sender.detailType,
  });
  const applying = policy.filter(
    ({ principals, actions, resources, conditions }) =>
      principals.some((principal) => isMeant(principal, sender.principalArn)) &&
      actions.some((action) => like(action.toLowerCase(), 'events:putevents', context)) &&
      resources.some((resource) => arnLike(resource, busArn, context)) &&
      conditions.every((condition) => holds(condition, context)),
  );
  const what = `${sender.principalArn} is not authorized to perform: events:PutEvents on resource: ${busArn}`;
  if (applying.some(({ effect }) => effect === 'Deny'))
    return `${what} with an explicit deny in a resource-based policy`;
  const isAllowed = applying.length > 0 || account(sender.principalArn) === account(busArn);
  return isAllowed ? undefined : `${what} because no resource-based policy allows the events:PutEvents action`;
}

/** A principal is named by its ARN, by its account's id, or by the ARN of its account's root. */
function isMeant(principal: string, arn: string): boolean {
  const account = arn.split(':')[4] ?? '';
  return ['*', arn, account, `arn:aws:iam::${account}:root`].includes(principal);
}

function principalsOf(principal: Json | undefined): readonly string[] {
  if (principal === '*') return ['*'];
  const names = isObject(principal) ? listOf(principal['AWS']).map(String) : [];
  if (names.length === 0) throw new RangeError('a Principal that is no principal of AWS is not modelled for buses');
  return names;
}

function textsOf(statement: JsonObject, name: 'Action' | 'Resource'): readonly string[] {
  const texts = listOf(statement[name]).map(String);
  if (texts.length === 0) throw new RangeError(`a statement must have ${name}`);
  return texts;
}

function conditionsOf(value: Json | undefined): readonly Condition[] {
  if (value === undefined) return [];
  if (!isObject(value)) throw new RangeError('Condition must be an object');
  return Object.entries(value).flatMap(([operator, keys]) =>
    Object.entries(isObject(keys) ? keys : {}).map(([key, values]) => {
      const condition = { operator, key, values: listOf(values).map(String) };
      checkCondition(condition);
      return condition;
    }),
  );
}

function listOf(value: Json | undefined): Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
