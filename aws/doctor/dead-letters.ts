import { GetQueueAttributesCommand, paginateListQueues, type SQSClient } from '@aws-sdk/client-sqs';
import { asking } from '../asking.ts';

/** The stack's queues by their names, and how many messages each holds, those that somebody looks at included. */
export async function deadLetters(
  client: SQSClient,
  prefix: string,
): Promise<readonly { readonly queue: string; readonly messages: number }[]> {
  return await asking(`reading the queues ${prefix}-…`, async () => {
    const found: { queue: string; messages: number }[] = [];
    for await (const { QueueUrls = [] } of paginateListQueues({ client }, { QueueNamePrefix: `${prefix}-` }))
      for (const QueueUrl of QueueUrls) {
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        );
        const messages =
          Number(Attributes['ApproximateNumberOfMessages'] ?? 0) +
          Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0);
        found.push({ queue: QueueUrl.split('/').at(-1) ?? QueueUrl, messages });
      }
    return found;
  });
}
