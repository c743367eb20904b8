import {
  type Authority,
  type Delivery,
  DeliveryFailure,
  type Destinations,
  type MessageAttribute,
} from '../destinations.ts';
import { isObject } from '../members.ts';
import { AwsFault, type JsonObject, type World } from '../service.ts';

/** How a rule's or a schedule's target is tried. */
export interface RetryPolicy {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeMs: number;
}

/** Why a delivery was given up. */
export interface GivenUp {
  readonly failure: DeliveryFailure;
  readonly retryAttempts: number;
  /** Set when retrying ended it, not the kind of failure. */
  readonly exhausted?: 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds';
}

export interface TargetDelivery {
  readonly targetArn: string;
  readonly delivery: Delivery;
  readonly retryPolicy: RetryPolicy;
  readonly deadLetter?: {
    readonly queueArn: string;
    readonly authority: Authority;
    readonly body: string;
    attributes(givenUp: GivenUp): Readonly<Record<string, string>>;
  };
}

/** The longest wait between two attempts. AWS's own backoff is not published: 185 attempts in a day average 8 minutes. */
const LONGEST_WAIT_MS = 600_000;

/**
 * Delivers, and retries retryable failures in virtual time with exponential backoff (1 s, 2 s, 4 s … 10 min; without
 * AWS's jitter) up to the policy; then, or when retrying is pointless, the dead-letter queue gets it.
 */
export async function deliverToTarget(world: World, destinations: Destinations, target: TargetDelivery): Promise<void> {
  const begun = world.clock.now();
  const attempt = async (retryAttempts: number): Promise<void> => {
    try {
      await destinations.send(target.targetArn, target.delivery);
    } catch (failure) {
      if (!(failure instanceof DeliveryFailure)) throw failure;
      const wait = Math.min(1000 * 2 ** retryAttempts, LONGEST_WAIT_MS);
      const due = world.clock.now() + wait;
      if (!failure.retryable) await giveUp(world, destinations, target, { failure, retryAttempts });
      else if (retryAttempts >= target.retryPolicy.maximumRetryAttempts) {
        await giveUp(world, destinations, target, { failure, retryAttempts, exhausted: 'MaximumRetryAttempts' });
      } else if (due - begun > target.retryPolicy.maximumEventAgeMs) {
        await giveUp(world, destinations, target, { failure, retryAttempts, exhausted: 'MaximumEventAgeInSeconds' });
      } else {
        world.clock.at(due, () => void world.activity.track(attempt(retryAttempts + 1)));
      }
    }
  };
  await attempt(0);
}

async function giveUp(
  world: World,
  destinations: Destinations,
  target: TargetDelivery,
  givenUp: GivenUp,
): Promise<void> {
  const reason = `${givenUp.failure.code}: ${givenUp.failure.message}`;
  const { deadLetter } = target;
  if (deadLetter === undefined) {
    world.observe({ kind: 'lost', from: sourceOf(target.delivery.authority), to: target.targetArn, reason });
    return;
  }
  const attributes: Record<string, MessageAttribute> = Object.fromEntries(
    Object.entries(deadLetter.attributes(givenUp)).map(([name, StringValue]) => [
      name,
      { DataType: 'String', StringValue },
    ]),
  );
  try {
    await destinations.send(deadLetter.queueArn, {
      authority: deadLetter.authority,
      body: deadLetter.body,
      attributes,
    });
    world.observe({ kind: 'dead-letter', queueArn: deadLetter.queueArn, reason });
  } catch (failure) {
    if (!(failure instanceof DeliveryFailure)) throw failure;
    world.observe({
      kind: 'lost',
      from: sourceOf(deadLetter.authority),
      to: deadLetter.queueArn,
      reason: `${failure.message} It would have held what could not be delivered because of ${reason}`,
    });
  }
}

const sourceOf = (authority: Authority): string => ('service' in authority ? authority.sourceArn : authority.roleArn);

/**
 * Reads `RetryPolicy` as rules and schedules have it; absent members take AWS's defaults of 185 attempts and 24 hours.
 *
 * @throws {AwsFault} ValidationException
 */
export function readRetryPolicy(target: JsonObject): RetryPolicy {
  const policy = target['RetryPolicy'];
  const read = (name: string, otherwise: number, low: number, high: number): number => {
    const value = isObject(policy) ? (policy[name] ?? otherwise) : otherwise;
    const number = Number(value);
    if (Number.isInteger(number) && number >= low && number <= high) return number;
    throw new AwsFault(
      'ValidationException',
      `1 validation error detected: Value '${value}' at 'retryPolicy.${name.charAt(0).toLowerCase()}${name.slice(1)}' failed to satisfy constraint: Member must have a value between ${low} and ${high}`,
    );
  };
  return {
    maximumRetryAttempts: read('MaximumRetryAttempts', 185, 0, 185),
    maximumEventAgeMs: read('MaximumEventAgeInSeconds', 86_400, 60, 86_400) * 1000,
  };
}

/** The queue of `DeadLetterConfig`, if any. @throws {AwsFault} ValidationException */
export function readDeadLetterArn(target: JsonObject, region: string): string | undefined {
  const config = target['DeadLetterConfig'];
  const arn = isObject(config) ? config['Arn'] : undefined;
  if (arn === undefined || arn === null) return undefined;
  if (typeof arn !== 'string' || !arn.startsWith(`arn:aws:sqs:${region}:`) || arn.endsWith('.fifo')) {
    throw new AwsFault(
      'ValidationException',
      'Parameter DeadLetterConfig.Arn is not valid. Reason: it must be a standard SQS queue in the same Region.',
    );
  }
  return arn;
}
