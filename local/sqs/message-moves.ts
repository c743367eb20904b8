import { type Members, membersOf } from '../members.ts';
import { AwsFault, type JsonObject, type Operation } from '../service.ts';
import { redriveOf } from './queue-attributes.ts';

/** What a move has to know of a queue. */
interface Movable<Message> {
  readonly arn: string;
  readonly attributes: ReadonlyMap<string, string>;
  messages: Message[];
}

export interface MessageMovesOptions<Message, Queue extends Movable<Message>> {
  readonly queues: ReadonlyMap<string, Queue>;
  readonly now: () => number;
  readonly newHandle: () => string;
  /** The queue out of which a message came to its dead-letter queue. */
  readonly originOf: (message: Message) => string | undefined;
  readonly put: (queue: Queue, message: Message) => void;
}

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterValue', message);
const missing = (message: string): AwsFault => new AwsFault('MissingParameter', message);
const notFound = (message: string): AwsFault => new AwsFault('ResourceNotFoundException', message);

/**
 * Moves out of dead-letter queues [SQS API reference, StartMessageMoveTask]. "Limited to supporting message redrive from
 * queues that are configured as dead-letter queues of other Amazon SQS queues only": what Lambda, SNS or EventBridge has put
 * into a queue cannot be moved. Everything moves at once, whatever speed is asked for. The wording of errors is UNVERIFIED.
 */
export function messageMoves<Message, Queue extends Movable<Message>>({
  queues,
  now,
  newHandle,
  originOf,
  put,
}: MessageMovesOptions<Message, Queue>): Readonly<Record<string, Operation>> {
  const tasks: { readonly sourceArn: string; readonly told: JsonObject }[] = [];
  const members = (input: JsonObject): Members => membersOf(input, missing);

  const queueOf = (arn: string): Queue => {
    const queue = queues.get(arn);
    if (queue === undefined)
      throw notFound("The resource that you specified for the SourceArn parameter doesn't exist.");
    return queue;
  };
  const sourcesOf = (deadLetterArn: string): Queue[] =>
    [...queues.values()].filter(
      ({ attributes }) => redriveOf(attributes.get('RedrivePolicy'))?.deadLetterTargetArn === deadLetterArn,
    );

  return {
    StartMessageMoveTask(input) {
      const read = members(input);
      const source = queueOf(read.string('SourceArn'));
      const destinationArn = read.optionalString('DestinationArn');
      if (sourcesOf(source.arn).length === 0) throw invalid('Source queue must be configured as a Dead Letter Queue.');
      const destination = destinationArn === undefined ? undefined : queueOf(destinationArn);
      const stays: Message[] = [];
      let moved = 0;
      for (const message of source.messages) {
        const to = destination ?? queues.get(originOf(message) ?? '');
        if (to === undefined) stays.push(message);
        else {
          put(to, message);
          moved++;
        }
      }
      source.messages = stays;
      const handle = newHandle();
      const told = {
        ...(stays.length === 0
          ? { Status: 'COMPLETED' }
          : { Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' }),
        SourceArn: source.arn,
        ...(destinationArn === undefined ? {} : { DestinationArn: destinationArn }),
        ApproximateNumberOfMessagesMoved: moved,
        ApproximateNumberOfMessagesToMove: moved + stays.length,
        StartedTimestamp: now(),
      };
      tasks.unshift({ sourceArn: source.arn, told });
      return { TaskHandle: handle };
    },

    ListMessageMoveTasks(input) {
      const read = members(input);
      const { arn } = queueOf(read.string('SourceArn'));
      const most = read.optionalNumber('MaxResults') ?? 1;
      if (!Number.isInteger(most) || most < 1 || most > 10)
        throw invalid('Value for parameter MaxResults is invalid. Reason: Must be between 1 and 10.');
      return {
        Results: tasks
          .filter(({ sourceArn }) => sourceArn === arn)
          .slice(0, most)
          .map(({ told }) => told),
      };
    },

    // No task is ever found running: each has ended when it is answered.
    CancelMessageMoveTask(input) {
      members(input).string('TaskHandle');
      throw notFound('Task does not exist.');
    },
  };
}
