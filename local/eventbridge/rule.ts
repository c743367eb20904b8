import { type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import type { BusPolicy } from './bus-policy.ts';
import { InvalidPattern } from './invalid-pattern.ts';
import { type EventPattern, parsePattern } from './pattern.ts';
import type { Schedule } from './schedule.ts';
import { InvalidSchedule, parseSchedule } from './schedule-expression.ts';
import { type RetryPolicy, readDeadLetterArn, readRetryPolicy } from './target-delivery.ts';
import { readTargetInput, type TargetInput } from './target-input.ts';

const STATES = ['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'] as const;
export type State = (typeof STATES)[number];

/** A target as it was put. */
export type Target = {
  readonly id: string;
  readonly arn: string;
  readonly roleArn: string | undefined;
  readonly input: TargetInput;
  readonly retryPolicy: RetryPolicy;
  readonly deadLetterArn: string | undefined;
  /** As it was put, for ListTargetsByRule. */
  readonly description: JsonObject;
};

export type Rule = {
  readonly name: string;
  readonly arn: string;
  state: State;
  description: string | undefined;
  patternText: string | undefined;
  pattern: EventPattern | undefined;
  scheduleExpression: string | undefined;
  stopSchedule: () => void;
  readonly targets: Map<string, Target>;
};

export type Bus = {
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  readonly rules: Map<string, Rule>;
  /** The resource policy as it was put; without statements where there is none. */
  policyDocument: JsonObject;
  policy: BusPolicy;
};

/** [docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota] */
export const QUOTA = { targetsPerRule: 5, rulesPerBus: 300, patternCharacters: 2048 } as const;

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/** CloudTrail's read-only management events are for rules that ask for all of them. [docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management] */
export function reaches(rule: Rule, event: JsonObject): boolean {
  if (rule.state === 'DISABLED') return false;
  if (rule.state === 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS') return true;
  const detail = event['detail'];
  if (!String(event['detail-type']).endsWith('via CloudTrail') || typeof detail !== 'object' || detail === null)
    return true;
  return Array.isArray(detail) || detail['readOnly'] !== true || detail['managementEvent'] !== true;
}

export function readState(text: string): State {
  const state = STATES.find((each) => each === text);
  if (state === undefined) {
    throw invalid(
      `1 validation error detected: Value '${text}' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [${STATES.join(', ')}]`,
    );
  }
  return state;
}

/** @throws {AwsFault} InvalidEventPatternException */
export function patternOf(text: string): EventPattern {
  if (text.length > QUOTA.patternCharacters) throw limitExceeded();
  try {
    return parsePattern(text);
  } catch (error) {
    if (!(error instanceof InvalidPattern)) throw error;
    throw new AwsFault('InvalidEventPatternException', `Event pattern is not valid. Reason: ${error.message}`);
  }
}

/** @throws {AwsFault} ValidationException */
export function scheduleOf(expression: string, anchor: number): Schedule {
  try {
    if (expression.startsWith('at(')) throw new InvalidSchedule('Parameter ScheduleExpression is not valid.');
    return parseSchedule(expression, anchor);
  } catch (error) {
    if (!(error instanceof InvalidSchedule)) throw error;
    throw invalid(error.message);
  }
}

/** @throws {AwsFault} ValidationException */
export function readTarget(target: JsonObject, region: string): Target {
  const read = members(target);
  const arn = read.string('Arn');
  if (!/^arn:aws:(lambda|sns|sqs|events):[\w-]+:\d{12}:.+$/.test(arn)) {
    throw invalid(`Provided Arn is not in correct format, or targets of its kind are not embedded: ${arn}`);
  }
  const roleArn = read.optionalString('RoleArn');
  if (arn.startsWith('arn:aws:events:') && roleArn === undefined) {
    throw invalid(`RoleArn is required for target ${arn}.`);
  }
  return {
    id: read.string('Id'),
    arn,
    roleArn,
    input: readTargetInput(target),
    retryPolicy: readRetryPolicy(target),
    deadLetterArn: readDeadLetterArn(target, region),
    description: target,
  };
}

export const describe = (rule: Rule, bus: Bus): JsonObject => ({
  Name: rule.name,
  Arn: rule.arn,
  State: rule.state,
  EventBusName: bus.name,
  ...(rule.description !== undefined && { Description: rule.description }),
  ...(rule.patternText !== undefined && { EventPattern: rule.patternText }),
  ...(rule.scheduleExpression !== undefined && { ScheduleExpression: rule.scheduleExpression }),
});

export const limitExceeded = (): AwsFault =>
  new AwsFault('LimitExceededException', 'The requested resource exceeds the maximum number allowed.');
