import { GetTopicAttributesCommand, type SNSClient } from '@aws-sdk/client-sns';
import { asking } from '../asking.ts';

/** The customer's key that a topic is encrypted with (API reference, GetTopicAttributes); undefined where there is none. */
export async function topicKey(client: SNSClient, topicArn: string): Promise<string | undefined> {
  return await asking(`reading the topic ${topicArn}`, async () => {
    const { Attributes = {} } = await client.send(new GetTopicAttributesCommand({ TopicArn: topicArn }));
    return Attributes['KmsMasterKeyId'] || undefined;
  });
}
