import * as z from 'zod';
import type { EpochMs } from '../clock.ts';
import { ANSWERED_BY, FORWARDING_QUEUE } from '../events/forwarding.ts';

/** The dead-letter queues of the home Region, by what follows the stack's prefix in their names. */
export const HOME_QUEUES = [
  'undelivered-events',
  'undelivered-alerts',
  'undelivered-anomalies',
  'failed-invocations',
] as const;
export const DEAD_LETTER_QUEUES = [...HOME_QUEUES, FORWARDING_QUEUE] as const;
export type DeadLetterQueueName = (typeof DEAD_LETTER_QUEUES)[number];

/** One queue. That for what could not be forwarded is in each Region that forwards, and holds events from there alone. */
export type DeadLetterQueue =
  | { readonly name: (typeof HOME_QUEUES)[number] }
  | {
      readonly name: typeof FORWARDING_QUEUE;
      readonly region: string;
      /** The governed account. */
      readonly accountId: string;
    };

/**
 * The functions whose calls end in dead-letter queues, by what follows the stack's prefix in their names. `lease` is not among
 * them: who asks for a lease asks again.
 */
export const REDRIVEN_FUNCTIONS: readonly string[] = [
  'billing',
  'budget-alert',
  'budget-hint',
  'cost-anomaly',
  'ledger-watch',
  'metric-alarm',
  'outlook',
  'profile-changed',
  'reopen-ended',
  'resolve-profile',
  'sweep',
];

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

/** An event as AWS writes it: where it is from is in it. */
const PlacedEvent = z.looseObject({ account: z.string(), region: z.string() });

const CALLED_BY_TOPIC = { 'undelivered-alerts': 'budget-alert', 'undelivered-anomalies': 'cost-anomaly' } as const;

/**
 * Reads which function would have been called, and with what. Never throws.
 *
 * @param prefix what the names of the stack's functions begin with, without the last hyphen: no other function is called
 */
export function readLetter(prefix: string, queue: DeadLetterQueue, letter: DeadLetter): ReadLetter {
  const body = jsonOf(letter.body);
  switch (queue.name) {
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
          functionName: `${prefix}-${CALLED_BY_TOPIC[queue.name]}`,
          payload: JSON.stringify(asLambdaGetsIt(notification.data)),
          isScheduled: false,
        },
      };
    }
    case 'undelivered-forwards':
      return forwarded(prefix, queue, letter.attributes['RULE_ARN'] ?? '', body);
  }
}

/**
 * Calls the function that answers such an event in the home Region, as the rule on the governor's bus would have. Nobody can
 * put an event of AWS's sources on the bus again. What the bus and its rule would have looked at is looked at here: which
 * rule has sent it, and that it is from there. The function looks at its origin itself, as ever.
 */
function forwarded(
  prefix: string,
  { region, accountId }: Extract<DeadLetterQueue, { readonly name: typeof FORWARDING_QUEUE }>,
  ruleArn: string,
  body: unknown,
): ReadLetter {
  const rule = /^arn:[\w-]+:events:([\w-]+):(\d{12}):rule\/([\w-]+)$/.exec(ruleArn);
  const [, ruleRegion, ruleAccount, ruleName = ''] = rule ?? [];
  const forwards = `${prefix}-forward-`;
  const name = ruleName.startsWith(forwards) ? ruleName.slice(forwards.length) : '';
  if (!isForwarded(name) || ruleRegion !== region || ruleAccount !== accountId)
    return unreadable(`no rule of this stack in ${region} has sent it, but "${ruleArn}"`);
  const event = PlacedEvent.safeParse(body);
  if (!event.success) return unreadable('it is no event of AWS');
  const { account, region: from } = event.data;
  if (account !== accountId || from !== region)
    return unreadable(`it says that it is from "${from}" of account "${account}", and is in the queue of ${region}`);
  const functionName = `${prefix}-${ANSWERED_BY[name]}`;
  return { kind: 'call', call: { functionName, payload: JSON.stringify(body), isScheduled: false } };
}

const isForwarded = (name: string): name is keyof typeof ANSWERED_BY => Object.hasOwn(ANSWERED_BY, name);

function called(prefix: string, functionArn: string, payload: unknown): ReadLetter {
  const name = /^arn:[\w-]+:lambda:[\w-]+:\d{12}:function:([\w-]+)(?::[\w$-]+)?$/.exec(functionArn)?.[1];
  if (name === undefined) return unreadable(`it was not meant for a function, but for "${functionArn}"`);
  // By its whole name: the functions of stage `prod-eu` begin as those of `prod` do.
  if (!REDRIVEN_FUNCTIONS.some((known) => name === `${prefix}-${known}`))
    return unreadable(`it was meant for ${name}, which is no function of this stack, or none any more`);
  const isScheduled = ScheduledEvent.safeParse(payload).success;
  return { kind: 'call', call: { functionName: name, payload: JSON.stringify(payload), isScheduled } };
}

/** Source: Lambda developer guide, "Invoking Lambda functions with Amazon SNS notifications". */
const asLambdaGetsIt = (notification: z.output<typeof Notification>) => ({
  Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', EventSubscriptionArn: '', Sns: notification }],
});

/** What it repeats of a letter may be of any length. */
const unreadable = (why: string): ReadLetter => ({ kind: 'unreadable', why: why.slice(0, 500) });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
