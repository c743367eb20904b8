import { CreateEventBusCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventBus } from '../../aws/event-bus.ts';
import { epochMs } from '../../domain/clock.ts';
import type { EventId, GovernorEvent } from '../../domain/events/governor-event.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

const PROFILE = 'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc';
const EVENT: GovernorEvent = {
  id: 'released|x|1' as EventId,
  type: 'ProfileReleased',
  detail: { tenant: 'acme', profile: PROFILE, name: 'chat' },
};

describe("the governor's bus", () => {
  let aws: EmbeddedAws;
  let events: EventBridgeClient;
  let seen: JsonObject[];
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    events = new EventBridgeClient({ ...clientConfig(aws), maxAttempts: 1 });
    await events.send(new CreateEventBusCommand({ Name: 'governor' }));
    seen = [];
    aws.observe((observation) => {
      if (observation.kind === 'event' && observation.bus === 'governor') seen.push(observation.event);
    });
  });
  afterEach(() => aws.close());

  it('carries an event with its version, its id and the time of the occasion', async () => {
    await eventBus(events, 'governor').publish(EVENT, epochMs(Date.UTC(2026, 10, 1)));
    expect(seen).toMatchObject([
      {
        source: 'governor',
        'detail-type': 'ProfileReleased',
        time: '2026-11-01T00:00:00Z',
        resources: [PROFILE],
        detail: { version: 1, id: EVENT.id, tenant: 'acme', profile: PROFILE, name: 'chat' },
      },
    ]);
  });

  it('says of an entry that was refused inside an answer of 200 that it failed, and why', async () => {
    aws.intercept(() => ({
      answer: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'Slower.' }] },
    }));
    await expect(eventBus(events, 'governor').publish(EVENT, epochMs(0))).rejects.toMatchObject({
      name: 'Fault',
      code: 'ThrottlingException',
      doing: 'putting the event released|x|1 on governor',
    });
  });

  it('fails while EventBridge is out, and works again afterwards', async () => {
    const from = aws.clock.now();
    aws.planOutage({ service: 'events', operation: 'PutEvents', from, until: from + 60_000 });
    const publish = () => eventBus(events, 'governor').publish(EVENT, epochMs(0));
    await expect(publish()).rejects.toMatchObject({ name: 'Fault', code: 'ServiceUnavailable' });
    await aws.clock.advance(60_000);
    await publish();
    expect(seen).toHaveLength(1);
  });
});
