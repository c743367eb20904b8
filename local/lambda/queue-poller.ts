import { isObject, parseObject } from '../members.ts';
import type { World } from '../service.ts';
import type { ReceivedMessage } from '../sqs/message.ts';
import type { Queues } from '../sqs.ts';
import type { Lambda } from './lambda.ts';

/** `AWS::Lambda::EventSourceMapping` from a queue. */
export interface QueueMapping {
  readonly queueArn: string;
  readonly functionArn: string;
  readonly batchSize: number;
  /** `ReportBatchItemFailures`: the function names the messages that failed; otherwise a batch fails as a whole. */
  readonly reportsItemFailures: boolean;
}

/**
 * Feeds a function from a queue as messages become visible, one batch at a time. Messages of a failed batch come back
 * after the queue's visibility timeout. Returns a function that stops it.
 */
export function pollQueue(world: World, queues: Queues, lambda: Lambda, mapping: QueueMapping): () => void {
  let running = false;
  const drain = async (): Promise<void> => {
    if (running) return;
    running = true;
    try {
      for (;;) {
        const batch = queues.receive(mapping.queueArn, mapping.batchSize);
        if (batch.length === 0) return;
        const failed = await process(batch);
        for (const message of batch) {
          if (!failed(message.messageId)) queues.delete(mapping.queueArn, message.receiptHandle);
        }
      }
    } finally {
      running = false;
    }
  };
  const process = async (batch: readonly ReceivedMessage[]): Promise<(messageId: string) => boolean> => {
    const event = { Records: batch.map((message) => recordOf(message, mapping.queueArn)) };
    const result = await lambda.invoke(mapping.functionArn, JSON.stringify(event));
    if (result.error !== undefined) return () => true;
    return mapping.reportsItemFailures ? failuresIn(result.payload) : () => false;
  };
  const start = (): void => void world.activity.track(drain());
  const stop = queues.onVisible(mapping.queueArn, start);
  start();
  return stop;
}

/** An answer that is not understood, or names an unknown kind of failure, fails the whole batch. [docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling] */
function failuresIn(payload: string): (messageId: string) => boolean {
  const answer = parseObject(payload);
  if (answer === undefined) return () => payload !== 'null' && payload !== '';
  const failures = answer['batchItemFailures'];
  if (failures === undefined || failures === null) return () => false;
  if (!Array.isArray(failures)) return () => true;
  const ids = failures.map((failure) => (isObject(failure) ? failure['itemIdentifier'] : undefined));
  if (ids.some((id) => typeof id !== 'string' || id === '')) return () => true;
  return (messageId) => ids.includes(messageId);
}

/** [@types/aws-lambda SQSRecord] */
function recordOf(message: ReceivedMessage, queueArn: string) {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.attributes,
    messageAttributes: Object.fromEntries(
      Object.entries(message.messageAttributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
        name,
        {
          dataType: DataType,
          stringValue: StringValue,
          binaryValue: BinaryValue,
          stringListValues: [],
          binaryListValues: [],
        },
      ]),
    ),
    md5OfBody: message.md5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}
