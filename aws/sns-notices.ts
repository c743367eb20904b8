import { type MessageAttributeValue, PublishCommand, type SNSClient } from '@aws-sdk/client-sns';
import type { Notice } from '../domain/standing/notice.ts';
import { chatForm, machineForm } from '../domain/standing/notice-forms.ts';
import { asking, foreignAnswer } from './asking.ts';

export interface NoticePublisher {
  publish(notice: Notice): Promise<void>;
}

/** "Less than 100 characters long" (Publish API); printable ASCII passes every reading of what else it says. */
const subjectOf = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 99);

/** A message is 256 KB at most with all its forms (Publish API), and a character up to three bytes in each of six. */
const MAX_TEXT = 8_000;

const bounded = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);

/** Protocols by which programs subscribe (Publish API, MessageStructure): they get JSON, everyone else the text. */
const MACHINES = ['lambda', 'sqs', 'firehose', 'http', 'https'];

/**
 * Notices as SNS messages, with attributes that subscriptions can filter on: kind, severity, tenant, budget. People
 * (e-mail, SMS) get the text, programs the notice as JSON.
 */
export function snsNotices(client: SNSClient, topicArn: string): NoticePublisher {
  return {
    async publish(notice) {
      const text = bounded(notice.text);
      const forMachines = JSON.stringify(machineForm({ ...notice, text }));
      const forms = {
        default: text,
        ...Object.fromEntries(MACHINES.map((protocol) => [protocol, forMachines])),
      };
      const command = new PublishCommand({
        TopicArn: topicArn,
        Subject: subjectOf(notice.subject),
        Message: JSON.stringify(forms),
        MessageStructure: 'json',
        MessageAttributes: attributesOf(notice),
      });
      await publish(client, command, `publishing notice ${notice.id}`);
    },
  };
}

/** The same notices for a topic of their own that Amazon Q Developer in chat applications is subscribed to: ADR 10. */
export function chatNotices(client: SNSClient, topicArn: string): NoticePublisher {
  return {
    async publish(notice) {
      const command = new PublishCommand({
        TopicArn: topicArn,
        Message: JSON.stringify(chatForm({ ...notice, text: bounded(notice.text) })),
        MessageAttributes: attributesOf(notice),
      });
      await publish(client, command, `publishing notice ${notice.id} for chat`);
    },
  };
}

/** A page of a proxy is XML enough for the SDK to read an empty answer from it. SNS gives each message an id. */
async function publish(client: SNSClient, command: PublishCommand, doing: string): Promise<void> {
  const { MessageId, $metadata } = await asking(doing, () => client.send(command));
  if (MessageId === undefined) throw foreignAnswer(doing, $metadata.httpStatusCode);
}

/** SNS refuses a message with an empty attribute, and a tenant tag may be empty: what is empty is left out. */
function attributesOf({ id, kind, severity, tenant = '', budget = '' }: Notice): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries({ id, kind, severity, tenant, budget })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );
}
