import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { EpochMs } from '../domain/clock.ts';
import { detailOf, EVENT_SOURCE } from '../domain/events/event-text.ts';
import type { GovernorEvent } from '../domain/events/governor-event.ts';
import { Fault } from '../domain/fault.ts';
import { asking } from './asking.ts';

/** The governor's events on its bus. An entry that EventBridge refuses inside an answer of 200 is a failure like any other. */
export const eventBus = (client: EventBridgeClient, busName: string) => ({
  async publish(event: GovernorEvent, occurredAt: EpochMs): Promise<void> {
    const doing = `putting the event ${event.id} on ${busName}`;
    const { FailedEntryCount: failed = 0, Entries: entries = [] } = await asking(doing, () =>
      client.send(
        new PutEventsCommand({
          Entries: [
            {
              EventBusName: busName,
              Source: EVENT_SOURCE,
              DetailType: event.type,
              Time: new Date(occurredAt),
              Resources: 'profile' in event.detail && event.detail.profile !== undefined ? [event.detail.profile] : [],
              Detail: JSON.stringify(detailOf(event)),
            },
          ],
        }),
      ),
    );
    const [entry] = entries;
    if (failed === 0 && entry?.ErrorCode === undefined) return;
    throw new Fault(entry?.ErrorCode ?? 'EventRefused', {
      doing,
      problem: entry?.ErrorMessage ?? 'EventBridge refused it',
      next: 'It waits in the outbox and is put again by the next event or sweep.',
    });
  },
});
