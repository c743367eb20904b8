import { GetQueueAttributesCommand, paginateListQueues, type SQSClient } from '@aws-sdk/client-sqs';
import { DEAD_LETTER_QUEUES } from '../../domain/redrive/dead-letter.ts';
import { asking } from '../asking.ts';

/** The stack's queues in a Region, that of the client, by their names, and how many messages each holds, those that somebody looks at included. */
export async function deadLetters(
  client: SQSClient,
  prefix: string,
  region: string,
): Promise<readonly { readonly queue: string; readonly messages: number }[]> {
  return await asking(`reading the queues ${prefix}-… in ${region}`, async () => {
    const found: { queue: string; messages: number }[] = [];
    for await (const { QueueUrls = [] } of paginateListQueues({ client }, { QueueNamePrefix: `${prefix}-` }))
      for (const QueueUrl of QueueUrls) {
        const queue = QueueUrl.split('/').at(-1) ?? '';
        // Another stage's name may begin with this one's.
        if (!DEAD_LETTER_QUEUES.some((name) => queue === `${prefix}-${name}`)) continue;
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        );
        const messages =
          Number(Attributes['ApproximateNumberOfMessages'] ?? 0) +
          Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0);
        found.push({ queue, messages });
      }
    return found;
  });
}
