import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { NoticePublisher } from '../domain/standing/notice.ts';
import { asking } from './asking.ts';

/** SNS takes subjects of at most 100 printable ASCII characters (Publish API). */
const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);

/** Notices as SNS messages, with attributes that subscriptions can filter on: kind, severity, tenant, budget. */
export function snsNotices(client: SNSClient, topicArn: string): NoticePublisher {
  const attribute = (value: string) => ({ DataType: 'String', StringValue: value });
  return {
    async publish(notice) {
      const command = new PublishCommand({
        TopicArn: topicArn,
        Subject: subjectOf(notice.subject),
        Message: notice.text,
        MessageAttributes: {
          id: attribute(notice.id),
          kind: attribute(notice.kind),
          severity: attribute(notice.severity),
          ...(notice.tenant === undefined ? {} : { tenant: attribute(notice.tenant) }),
          ...(notice.budget === undefined ? {} : { budget: attribute(notice.budget) }),
        },
      });
      await asking(`publishing notice ${notice.id}`, () => client.send(command));
    },
  };
}
