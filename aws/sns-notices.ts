import { PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notice, NoticePublisher } from '../domain/standing/notice.ts';
import { asking } from './asking.ts';

/** SNS takes subjects of at most 100 printable ASCII characters (Publish API). */
const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);

/** Notices as SNS messages, with attributes that subscriptions can filter on: kind, severity, tenant, budget. */
export function snsNotices(client: SNSClient, topicArn: string): NoticePublisher {
  return {
    async publish(notice) {
      const command = new PublishCommand({
        TopicArn: topicArn,
        Subject: subjectOf(notice.subject),
        Message: notice.text,
        MessageAttributes: attributesOf(notice),
      });
      await asking(`publishing notice ${notice.id}`, () => client.send(command));
    },
  };
}

/** SNS refuses a message with an empty attribute, and a tenant tag may be empty: what is empty is left out. */
function attributesOf({ id, kind, severity, tenant = '', budget = '' }: Notice) {
  return Object.fromEntries(
    Object.entries({ id, kind, severity, tenant, budget })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );
}
