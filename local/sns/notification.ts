/** The forms in which SNS hands a message to its subscribers. Signatures are placeholders: nothing here signs. */
import type { MessageAttribute } from '../destinations.ts';
import type { JsonObject } from '../service.ts';
import type { SnsMessage } from './message.ts';

/** The event that a subscribed Lambda function receives. [@types/aws-lambda SNSEvent, recorded events] */
export function lambdaEvent(subscriptionArn: string, message: SnsMessage): JsonObject {
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: subscriptionArn,
        Sns: {
          Type: 'Notification',
          MessageId: message.id,
          TopicArn: message.topicArn,
          Subject: message.subject ?? null,
          Message: message.byProtocol['lambda'] ?? message.text,
          Timestamp: new Date(message.at).toISOString(),
          SignatureVersion: '1',
          Signature: 'EXAMPLE',
          SigningCertUrl: signingCertificateUrl(message),
          UnsubscribeUrl: unsubscribeUrl(subscriptionArn, message),
          MessageAttributes: attributesOf(message),
        },
      },
    ],
  };
}

/** The body of the message that a subscribed queue receives, unless delivery is raw. [docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats] */
export function queueBody(subscriptionArn: string, message: SnsMessage): JsonObject {
  const attributes = attributesOf(message);
  return {
    Type: 'Notification',
    MessageId: message.id,
    TopicArn: message.topicArn,
    ...(message.subject !== undefined && { Subject: message.subject }),
    Message: message.byProtocol['sqs'] ?? message.text,
    Timestamp: new Date(message.at).toISOString(),
    SignatureVersion: '1',
    Signature: 'EXAMPLE',
    SigningCertURL: signingCertificateUrl(message),
    UnsubscribeURL: unsubscribeUrl(subscriptionArn, message),
    ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
  };
}

/** With raw delivery the attributes become those of the queue's message, which knows no arrays. */
export function rawAttributes(message: SnsMessage): Record<string, MessageAttribute> {
  return Object.fromEntries(
    Object.entries(message.attributes).map(([name, value]) => [
      name,
      value.DataType === 'String.Array' ? { ...value, DataType: 'String' } : value,
    ]),
  );
}

function attributesOf(message: SnsMessage): JsonObject {
  return Object.fromEntries(
    Object.entries(message.attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      { Type: DataType, Value: StringValue ?? BinaryValue ?? '' },
    ]),
  );
}

const regionOf = (message: SnsMessage): string => message.topicArn.split(':')[3] ?? '';

const signingCertificateUrl = (message: SnsMessage): string =>
  `https://sns.${regionOf(message)}.amazonaws.com/SimpleNotificationService-0000000000000000000000.pem`;

const unsubscribeUrl = (subscriptionArn: string, message: SnsMessage): string =>
  `https://sns.${regionOf(message)}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}`;
