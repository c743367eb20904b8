import * as z from 'zod';
import type { EpochMs } from '../clock.ts';

/** What one of the stack's dead-letter queues holds, by what comes before it in the queue's name. */
export const DEAD_LETTER_QUEUES = [
  'undelivered-events',
  'undelivered-alerts',
  'undelivered-anomalies',
  'failed-invocations',
] as const;
export type DeadLetterQueueName = (typeof DEAD_LETTER_QUEUES)[number];

/** Work that got lost on its way, as a queue keeps it. It is an untrusted hint, as all events are. */
export interface DeadLetter {
  readonly id: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** When it came to the queue, by the queue's clock. */
  readonly sentAt: EpochMs;
}

/** A call of a function that makes up for what got lost. */
export interface Call {
  readonly functionName: string;
  /** JSON. */
  readonly payload: string;
  /** A call by the clock does all that there is to do: one makes up for any number of them. */
  readonly isScheduled: boolean;
}

export type ReadLetter =
  | { readonly kind: 'call'; readonly call: Call }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Source: Lambda developer guide, "Capturing records of Lambda asynchronous invocations". */
const InvocationRecord = z.object({
  requestContext: z.object({ functionArn: z.string() }),
  requestPayload: z.json(),
});

/** Source: SNS developer guide, "Amazon SNS message and JSON formats". UNVERIFIED that a dead letter has this form too. */
const Notification = z.looseObject({
  Type: z.literal('Notification'),
  MessageId: z.string(),
  TopicArn: z.string(),
  Message: z.string(),
  Timestamp: z.string(),
});

const ScheduledEvent = z.object({ source: z.literal('aws.events'), 'detail-type': z.literal('Scheduled Event') });

const CALLED_BY_TOPIC = { 'undelivered-alerts': 'budget-alert', 'undelivered-anomalies': 'cost-anomaly' } as const;

/**
 * Reads which function would have been called, and with what. Never throws.
 *
 * @param prefix what the names of the stack's functions begin with, without the last hyphen: no other function is called
 */
export function readLetter(prefix: string, queue: DeadLetterQueueName, letter: DeadLetter): ReadLetter {
  const body = jsonOf(letter.body);
  switch (queue) {
    case 'failed-invocations': {
      const record = InvocationRecord.safeParse(body);
      if (!record.success) return unreadable('it is no record of an invocation');
      const { requestContext, requestPayload } = record.data;
      return called(prefix, requestContext.functionArn, requestPayload);
    }
    case 'undelivered-events': {
      const event = z.record(z.string(), z.json()).safeParse(body);
      if (!event.success) return unreadable('it is no event');
      // Source: EventBridge user guide, "Using dead-letter queues": the attributes say where it should have gone.
      return called(prefix, letter.attributes['TARGET_ARN'] ?? '', event.data);
    }
    case 'undelivered-alerts':
    case 'undelivered-anomalies': {
      const notification = Notification.safeParse(body);
      if (!notification.success) return unreadable('it is no notification of SNS');
      return {
        kind: 'call',
        call: {
          functionName: `${prefix}-${CALLED_BY_TOPIC[queue]}`,
          payload: JSON.stringify(asLambdaGetsIt(notification.data)),
          isScheduled: false,
        },
      };
    }
  }
}

function called(prefix: string, functionArn: string, payload: unknown): ReadLetter {
  const name = /^arn:[\w-]+:lambda:[\w-]+:\d{12}:function:([\w-]+)(?::[\w$-]+)?$/.exec(functionArn)?.[1];
  if (name === undefined) return unreadable(`it was not meant for a function, but for "${functionArn}"`);
  if (!name.startsWith(`${prefix}-`)) return unreadable(`it was meant for ${name}, which is no function of this stack`);
  const isScheduled = ScheduledEvent.safeParse(payload).success;
  return { kind: 'call', call: { functionName: name, payload: JSON.stringify(payload), isScheduled } };
}

/** Source: Lambda developer guide, "Invoking Lambda functions with Amazon SNS notifications". */
const asLambdaGetsIt = (notification: z.output<typeof Notification>) => ({
  Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', EventSubscriptionArn: '', Sns: notification }],
});

const unreadable = (why: string): ReadLetter => ({ kind: 'unreadable', why });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
