import { describe, expect, it } from 'vitest';
import { createActivity } from '../../local/activity.ts';
import { type Delivery, DeliveryFailure, Destinations } from '../../local/destinations.ts';
import { deliverToTarget } from '../../local/eventbridge/target-delivery.ts';
import type { Observation, World } from '../../local/service.ts';
import { VirtualClock } from '../../local/virtual-clock.ts';

const TARGET = 'arn:aws:test:us-east-1:123456789012:target';
const QUEUE = 'arn:aws:sqs:us-east-1:123456789012:dead';
const AUTHORITY = { service: 'events.amazonaws.com', sourceArn: 'arn:aws:events:us-east-1:123456789012:rule/r' };

/** A target that fails a number of times, and a dead-letter queue. */
function setUp(failures: number) {
  const activity = createActivity();
  const clock = new VirtualClock(0, () => activity.settled());
  const observed: Observation[] = [];
  const world: World = {
    accountId: '123456789012',
    homeRegion: 'us-east-1',
    clock,
    activity,
    observe: (observation) => observed.push(observation),
    endpoint: () => '',
    registerPrincipal: () => {},
    billing: [],
    putAwsEvent: () => {},
  };
  const attempts: number[] = [];
  const dead: Delivery[] = [];
  const destinations = new Destinations();
  destinations.register('test', () => {
    attempts.push(Math.round(clock.now() / 1000));
    if (attempts.length <= failures) throw new DeliveryFailure('THROTTLING', 'busy', true);
  });
  destinations.register('sqs', (_, delivery) => void dead.push(delivery));
  const deliver = (maximumRetryAttempts: number, maximumEventAgeMs: number) =>
    deliverToTarget(world, destinations, {
      targetArn: TARGET,
      delivery: { authority: AUTHORITY, body: '{}' },
      retryPolicy: { maximumRetryAttempts, maximumEventAgeMs },
      deadLetter: {
        queueArn: QUEUE,
        authority: AUTHORITY,
        body: '{"dead":true}',
        attributes: ({ retryAttempts, exhausted }) => ({ RETRIES: `${retryAttempts}`, WHY: exhausted ?? '' }),
      },
    });
  return { clock, attempts, dead, deliver };
}

describe('delivery to a target that is busy', () => {
  it('is retried with growing waits in virtual time until it succeeds', async () => {
    const { clock, attempts, dead, deliver } = setUp(4);
    await deliver(185, 86_400_000);
    await clock.advance(3_600_000);
    expect(attempts).toEqual([0, 1, 3, 7, 15]);
    expect(dead).toEqual([]);
  });

  it('ends at the dead-letter queue after the last retry that the policy allows', async () => {
    const { clock, attempts, dead, deliver } = setUp(100);
    await deliver(2, 86_400_000);
    await clock.advance(3_600_000);
    expect(attempts).toHaveLength(3);
    expect(dead).toMatchObject([
      {
        body: '{"dead":true}',
        attributes: { RETRIES: { StringValue: '2' }, WHY: { StringValue: 'MaximumRetryAttempts' } },
      },
    ]);
  });

  it('ends at the dead-letter queue when the event has grown too old', async () => {
    const { clock, attempts, dead, deliver } = setUp(100);
    await deliver(185, 60_000);
    await clock.advance(3_600_000);
    expect(attempts).toEqual([0, 1, 3, 7, 15, 31]);
    expect(dead).toMatchObject([{ attributes: { WHY: { StringValue: 'MaximumEventAgeInSeconds' } } }]);
  });
});
