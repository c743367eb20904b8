import type { Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import { membersOf } from '../members.ts';
import { AwsFault, type JsonObject, type World } from '../service.ts';
import { recur } from './recurrence.ts';
import type { Schedule } from './schedule.ts';
import { parseSchedule } from './schedule-expression.ts';
import { deliverToTarget, readDeadLetterArn, readRetryPolicy } from './target-delivery.ts';

/** EventBridge Scheduler, as far as templates use it: there is no API in front. */
export interface Scheduler {
  /**
   * Creates or replaces a schedule from the properties of `AWS::Scheduler::Schedule`, and returns its ARN. A flexible
   * time window is taken as none.
   *
   * @throws {AwsFault | InvalidSchedule}
   */
  put(region: string, name: string, properties: JsonObject): string;
  remove(arn: string): void;
}

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

export function createScheduler(world: World, destinations: Destinations, identifiers: Identifiers): Scheduler {
  const running = new Map<string, () => void>();
  const remove = (arn: string): void => {
    running.get(arn)?.();
    running.delete(arn);
  };
  return {
    remove,
    put(region, name, properties) {
      const read = membersOf(properties, invalid);
      const group = read.optionalString('GroupName') ?? 'default';
      const arn = `arn:aws:scheduler:${region}:${world.accountId}:schedule/${group}/${name}`;
      const schedule = within(
        parseSchedule(
          read.string('ScheduleExpression'),
          world.clock.now(),
          read.optionalString('ScheduleExpressionTimezone') ?? 'UTC',
        ),
        read.optionalString('StartDate'),
        read.optionalString('EndDate'),
      );
      const fire = readTarget(world, destinations, identifiers, { arn, region, target: read.object('Target') });
      remove(arn);
      if (read.optionalString('State') !== 'DISABLED') running.set(arn, recur(world.clock, schedule, fire));
      return arn;
    },
  };
}

function within(schedule: Schedule, startDate: string | undefined, endDate: string | undefined): Schedule {
  const start = startDate === undefined ? Number.NEGATIVE_INFINITY : Date.parse(startDate) - 1;
  const end = endDate === undefined ? Number.POSITIVE_INFINITY : Date.parse(endDate);
  return {
    next(after) {
      const due = schedule.next(Math.max(after, start));
      return due !== undefined && due <= end ? due : undefined;
    },
    last: (after, until) => schedule.last(Math.max(after, start), Math.min(until, end)),
  };
}

function readTarget(
  world: World,
  destinations: Destinations,
  identifiers: Identifiers,
  { arn, region, target }: { arn: string; region: string; target: JsonObject },
): (due: number) => void {
  const read = membersOf(target, invalid);
  const targetArn = read.string('Arn');
  const authority = { roleArn: read.string('RoleArn') };
  const input = read.optionalString('Input');
  const retryPolicy = readRetryPolicy(target);
  const deadLetterArn = readDeadLetterArn(target, region);
  return (due) => {
    const executionId = identifiers.uuid();
    const scheduledTime = new Date(due).toISOString().replace(/\.\d+Z$/, 'Z');
    // Context attributes of [docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes]; the attempt is always the first here.
    const body =
      input
        ?.replaceAll('<aws.scheduler.schedule-arn>', arn)
        .replaceAll('<aws.scheduler.scheduled-time>', scheduledTime)
        .replaceAll('<aws.scheduler.execution-id>', executionId)
        .replaceAll('<aws.scheduler.attempt-number>', '1') ??
      JSON.stringify(defaultEvent(world.accountId, region, arn, executionId, scheduledTime));
    const delivery = deliverToTarget(world, destinations, {
      targetArn,
      delivery: { authority, body },
      retryPolicy,
      ...(deadLetterArn !== undefined && {
        deadLetter: {
          queueArn: deadLetterArn,
          authority,
          body,
          // [docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq]
          attributes: ({ failure, retryAttempts, exhausted }) => ({
            SCHEDULE_ARN: arn,
            TARGET_ARN: targetArn,
            EXECUTION_ID: executionId,
            SCHEDULED_TIME: scheduledTime,
            IS_PAYLOAD_TRUNCATED: 'false',
            ERROR_CODE: failure.code,
            ERROR_MESSAGE: failure.message,
            RETRY_ATTEMPTS: String(retryAttempts),
            ...(exhausted !== undefined && { EXHAUSTED_RETRY_CONDITION: exhausted }),
          }),
        },
      }),
    });
    void world.activity.track(delivery);
  };
}

/** What a target without `Input` receives; `detail` is the text `{}`, as in public captures. */
function defaultEvent(account: string, region: string, arn: string, id: string, time: string): JsonObject {
  return {
    version: '0',
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.scheduler',
    account,
    time,
    region,
    resources: [arn],
    detail: '{}',
  };
}
