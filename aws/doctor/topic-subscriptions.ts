import { paginateListSubscriptionsByTopic, type SNSClient } from '@aws-sdk/client-sns';
import type { Subscription } from '../../domain/doctor/account.ts';
import { asking } from '../asking.ts';

/** SNS shows this instead of an ARN until the subscription is confirmed (API reference, Subscribe). */
const PENDING = 'PendingConfirmation';
/** And this after it was taken back, for some days. */
const DELETED = 'Deleted';

export async function topicSubscriptions(client: SNSClient, topicArn: string): Promise<readonly Subscription[]> {
  return await asking(`reading the subscriptions of ${topicArn}`, async () => {
    const found: Subscription[] = [];
    for await (const { Subscriptions = [] } of paginateListSubscriptionsByTopic({ client }, { TopicArn: topicArn }))
      for (const { Protocol = '', Endpoint = '', SubscriptionArn } of Subscriptions)
        if (SubscriptionArn !== DELETED)
          found.push({ protocol: Protocol, endpoint: Endpoint, isConfirmed: SubscriptionArn !== PENDING });
    return found;
  });
}
