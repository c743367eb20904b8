import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import * as z from 'zod';
import { chatOutboxTable, eventOutboxTable, noticeOutboxTable } from '../aws/dynamodb/notice-outbox-table.ts';
import { eventBus } from '../aws/event-bus.ts';
import { chatNotices, snsNotices } from '../aws/sns-notices.ts';
import type { Clock } from '../domain/clock.ts';
import { type Delivery, deliveryOf } from '../domain/outbox.ts';
import type { NoticeOutbox } from '../domain/standing/notice.ts';
import { noticeOutbox } from '../domain/standing/notice-outbox.ts';
import type { Surroundings } from './surroundings.ts';

/** Where people, chat and programs are told; see `provider.environment` in infra/serverless.yml. */
export const TellingSettings = z.object({
  GOVERNOR_NOTICES_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_CHAT_TOPIC_ARN: z.string().startsWith('arn:'),
  GOVERNOR_BUS_NAME: z.string().min(1),
});

export interface Telling {
  readonly outbox: NoticeOutbox;
  readonly deliveries: readonly Delivery[];
}

/** The outboxes in the table, and the topics and the bus where they go. */
export function telling(
  { client }: Pick<Surroundings, 'client'>,
  dynamo: DynamoDBClient,
  table: string,
  clock: Clock,
  settings: z.output<typeof TellingSettings>,
): Telling {
  const outboxes = {
    notices: noticeOutboxTable(dynamo, table, clock),
    chat: chatOutboxTable(dynamo, table, clock),
    events: eventOutboxTable(dynamo, table, clock),
  };
  const sns = client(SNSClient);
  const toPeople = snsNotices(sns, settings.GOVERNOR_NOTICES_TOPIC_ARN);
  const toChat = chatNotices(sns, settings.GOVERNOR_CHAT_TOPIC_ARN);
  const toBus = eventBus(client(EventBridgeClient), settings.GOVERNOR_BUS_NAME);
  return {
    outbox: noticeOutbox(outboxes),
    deliveries: [
      deliveryOf('notices', outboxes.notices, toPeople.publish, ({ kind }) => kind),
      deliveryOf('chat', outboxes.chat, toChat.publish, ({ kind }) => kind),
      deliveryOf('events', outboxes.events, toBus.publish, ({ type }) => type),
    ],
  };
}
