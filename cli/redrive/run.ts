import { LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { AwsClock } from '../../aws/aws-clock.ts';
import { deadLetterQueue } from '../../aws/dead-letter-queue.ts';
import { stackDeployment } from '../../aws/doctor/stack-deployment.ts';
import { functionCalls } from '../../aws/function-calls.ts';
import { FORWARDING_QUEUE, forwardingRegions } from '../../domain/events/forwarding.ts';
import {
  DEAD_LETTER_QUEUES,
  type DeadLetterQueue,
  type DeadLetterQueueName,
  HOME_QUEUES,
} from '../../domain/redrive/dead-letter.ts';
import { type Redriven, redrive } from '../../domain/redrive/redrive.ts';
import { PREFIX, type StackOptions, stageIn } from '../connection.ts';
import { unlessTwice } from '../interruption.ts';
import { complain, harmless, print, printJson } from '../output/print.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, UserError } from '../user-error.ts';

export interface RedriveOptions extends StackOptions {
  /** All queues where it is not given. */
  readonly queue?: readonly DeadLetterQueueName[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Calls the functions again for what is in the dead-letter queues. @returns the exit code */
export async function runRedrive(options: RedriveOptions): Promise<number> {
  const { queue: names = DEAD_LETTER_QUEUES, dryRun = false, json } = options;
  // The table may have another name: one that was adopted.
  const prefix = `${PREFIX}-${stageIn(options)}`;
  const clock = new AwsClock();
  const lambda = new LambdaClient();
  const home = clock.listenTo(new SQSClient());
  let isInterrupted = false;
  const ports = {
    prefix,
    clock,
    letters: (queue: DeadLetterQueue) => {
      const name = `${prefix}-${queue.name}`;
      if (!('region' in queue)) return deadLetterQueue(home, name);
      const { region } = queue;
      return deadLetterQueue(clock.listenTo(new SQSClient({ region })), name, region);
    },
    call: functionCalls(lambda),
  };
  const queues: readonly DeadLetterQueue[] = [
    ...HOME_QUEUES.filter((name) => names.includes(name)).map((name) => ({ name })),
    ...(names.includes(FORWARDING_QUEUE) ? await forwardingQueues(lambda, prefix, names.length === 1) : []),
  ];
  if (queues.length === 0 && json !== true) print(`${FORWARDING_QUEUE}: no other Region forwards to this stack`);
  const told = (report: Redriven): void => {
    if (json === true) printJson({ type: 'redrive', ...report, called: Object.fromEntries(report.called), dryRun });
    else for (const line of linesOf(report, dryRun)) print(line);
  };
  const reports = await unlessTwice(
    () => {
      isInterrupted = true;
      complain('Interrupted: it ends with the letter in hand. The same command goes on from there.');
    },
    () => redrive(ports, queues, { dryRun, isInterrupted: () => isInterrupted, told }),
  );
  if (isInterrupted) return EXIT_INTERRUPTED;
  return reports.some(({ kept, isMissing }) => kept.length > 0 || isMissing) ? EXIT_FAILED : 0;
}

/** Those of the Regions for which the stack was packaged, as its functions know them. */
async function forwardingQueues(
  lambda: LambdaClient,
  prefix: string,
  alone: boolean,
): Promise<readonly DeadLetterQueue[]> {
  const deployment = await stackDeployment(lambda, prefix);
  // Where the queues of the home Region are asked for too, they are found missing.
  if (deployment === undefined && !alone) return [];
  if (deployment === undefined)
    throw new UserError([
      `no function of the stack ${prefix} is deployed in this account and Region: look at --profile, --region and --stage`,
    ]);
  const { accountId, region: homeRegion, regions } = deployment;
  return forwardingRegions({ homeRegion, regions }).map((region) => ({ name: FORWARDING_QUEUE, region, accountId }));
}

function linesOf({ queue, region, isMissing, called, kept, left }: Redriven, dryRun: boolean): string[] {
  const name = region === undefined ? queue : `${queue} in ${region}`;
  if (isMissing === true)
    return [`${name}: there is no such queue: deploy the stack of that Region (docs/deploying.md)`];
  const letters = [...called.values()].reduce((sum, count) => sum + count, 0);
  if (letters + kept.length + left === 0) return [`${name}: empty`];
  return [
    `${name}: ${letters} ${dryRun ? 'would be redriven' : 'redriven'}`,
    ...[...called].map(([functionName, count]) => `  ${functionName} for ${count}`),
    ...kept.map(({ id, why }) => `  stays: ${id}: ${harmless(why)}`),
    ...(left > 0 ? [`  about ${left} are left: look whether the cause is gone, and run this again`] : []),
  ];
}
