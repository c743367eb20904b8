import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { AwsClock } from '../../aws/aws-clock.ts';
import { deadLetterQueue } from '../../aws/dead-letter-queue.ts';
import { functionCalls } from '../../aws/function-calls.ts';
import type { DeadLetterQueueName } from '../../domain/redrive/dead-letter.ts';
import { type Redriven, redrive } from '../../domain/redrive/redrive.ts';
import { callerOf } from '../caller.ts';
import { EXIT_FAILED } from '../user-error.ts';

export interface RedriveOptions {
  /** The stack's table, after which its queues and functions are named. */
  readonly table: string;
  readonly queues: readonly DeadLetterQueueName[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Calls the functions again for what is in the dead-letter queues. @returns the exit code */
export async function runRedrive({ table, queues, dryRun = false, json }: RedriveOptions): Promise<number> {
  // First, because it explains what is missing in the environment.
  await callerOf();
  const clock = new AwsClock();
  const sqs = clock.listenTo(new SQSClient());
  const ports = {
    prefix: table,
    clock,
    letters: (queue: DeadLetterQueueName) => deadLetterQueue(sqs, `${table}-${queue}`),
    call: functionCalls(new LambdaClient()),
  };
  const reports = await redrive(ports, queues, { dryRun });
  const write = (text: string) => void process.stdout.write(`${text}\n`);
  for (const report of reports) {
    if (json === true) write(JSON.stringify({ ...report, called: Object.fromEntries(report.called), dryRun }));
    else for (const line of told(report, dryRun)) write(line);
  }
  return reports.some(({ kept }) => kept.length > 0) ? EXIT_FAILED : 0;
}

function told({ queue, called, kept, left }: Redriven, dryRun: boolean): string[] {
  const letters = [...called.values()].reduce((sum, count) => sum + count, 0);
  if (letters + kept.length + left === 0) return [`${queue}: empty`];
  return [
    `${queue}: ${letters} ${dryRun ? 'would be redriven' : 'redriven'}`,
    ...[...called].map(([name, count]) => `  ${name} for ${count}`),
    ...kept.map(({ id, why }) => `  stays: ${id}: ${why}`),
    ...(left > 0 ? [`  about ${left} came in meanwhile: look whether the cause is gone, and run this again`] : []),
  ];
}
