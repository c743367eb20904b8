import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { AwsClock } from '../../aws/aws-clock.ts';
import { deadLetterQueue } from '../../aws/dead-letter-queue.ts';
import { functionCalls } from '../../aws/function-calls.ts';
import { DEAD_LETTER_QUEUES, type DeadLetterQueueName } from '../../domain/redrive/dead-letter.ts';
import { type Redriven, redrive } from '../../domain/redrive/redrive.ts';
import { type StackOptions, tableOf } from '../connection.ts';
import { unlessTwice } from '../interruption.ts';
import { print, printJson } from '../output/print.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED } from '../user-error.ts';

export interface RedriveOptions extends StackOptions {
  /** All queues where it is not given. */
  readonly queue?: readonly DeadLetterQueueName[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Calls the functions again for what is in the dead-letter queues. @returns the exit code */
export async function runRedrive(options: RedriveOptions): Promise<number> {
  const { queue: queues = DEAD_LETTER_QUEUES, dryRun = false, json } = options;
  // The stack's queues and functions are named after its table.
  const prefix = tableOf(options);
  const clock = new AwsClock();
  const sqs = clock.listenTo(new SQSClient());
  let isInterrupted = false;
  const ports = {
    prefix,
    clock,
    letters: (queue: DeadLetterQueueName) => deadLetterQueue(sqs, `${prefix}-${queue}`),
    call: functionCalls(new LambdaClient()),
  };
  const reports = await unlessTwice(
    () => {
      isInterrupted = true;
      process.stderr.write('Interrupted: it ends with the letter in hand. The same command goes on from there.\n');
    },
    () => redrive(ports, queues, { dryRun, isInterrupted: () => isInterrupted }),
  );
  for (const report of reports) {
    if (json === true) printJson({ type: 'redrive', ...report, called: Object.fromEntries(report.called), dryRun });
    else for (const line of told(report, dryRun)) print(line);
  }
  if (isInterrupted) return EXIT_INTERRUPTED;
  return reports.some(({ kept }) => kept.length > 0) ? EXIT_FAILED : 0;
}

function told({ queue, called, kept, left }: Redriven, dryRun: boolean): string[] {
  const letters = [...called.values()].reduce((sum, count) => sum + count, 0);
  if (letters + kept.length + left === 0) return [`${queue}: empty`];
  return [
    `${queue}: ${letters} ${dryRun ? 'would be redriven' : 'redriven'}`,
    ...[...called].map(([name, count]) => `  ${name} for ${count}`),
    ...kept.map(({ id, why }) => `  stays: ${id}: ${why}`),
    ...(left > 0 ? [`  about ${left} are left: look whether the cause is gone, and run this again`] : []),
  ];
}
