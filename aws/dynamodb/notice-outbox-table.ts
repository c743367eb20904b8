import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { serialiseEvent } from '../../domain/events/event-text.ts';
import type { GovernorEvent } from '../../domain/events/governor-event.ts';
import type { Outbox } from '../../domain/outbox.ts';
import { NOTICE_KINDS, type Notice, type NoticeId, SEVERITIES } from '../../domain/standing/notice.ts';
import { outboxTable } from './outbox-table.ts';

const Stored = z.lazy(() =>
  z.object({
    id: z.string().transform((id) => id as NoticeId),
    kind: z.enum(NOTICE_KINDS),
    severity: z.enum(SEVERITIES),
    tenant: z.string().exactOptional(),
    budget: z.string().exactOptional(),
    subject: z.string(),
    text: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number()])).exactOptional(),
  }),
);

const parsed = (document: string): unknown => {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
};

const notices = {
  prefix: 'NOTICE',
  attribute: 'notice',
  // The event has an item of its own.
  serialise: ({ event: _, ...notice }: Notice) => JSON.stringify(notice),
  parse: (document: string): Notice | undefined => Stored.safeParse(parsed(document)).data,
};

/** Notices for the topic that people and programs subscribe to. */
export const noticeOutboxTable = (client: DynamoDBClient, table: string, clock: Clock): Outbox<Notice> =>
  outboxTable(client, table, clock, { ...notices, sort: 'NOTICE', mark: 'unsent' });

/** The same notices for the chat's topic, apart: what one topic does not take is not repeated at the other. */
export const chatOutboxTable = (client: DynamoDBClient, table: string, clock: Clock): Outbox<Notice> =>
  outboxTable(client, table, clock, { ...notices, sort: 'CHAT', mark: 'unsent-chat' });

/** Events for the governor's bus. */
export const eventOutboxTable = (client: DynamoDBClient, table: string, clock: Clock): Outbox<GovernorEvent> =>
  outboxTable(client, table, clock, {
    prefix: 'EVENT',
    sort: 'EVENT',
    mark: 'unsent-event',
    attribute: 'event',
    serialise: serialiseEvent,
    async parse(document) {
      // The schemas of all events are loaded where there is one to read.
      const { parseEvent } = await import('../../domain/events/governor-event.ts');
      return parseEvent(parsed(document));
    },
  });
