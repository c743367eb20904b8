import { type Command, Option } from 'commander';
import { DEAD_LETTER_QUEUES } from '../../domain/redrive/dead-letter.ts';
import { annotate, does, withJson, withTable } from '../command-line.ts';
import type { RedriveOptions } from './run.ts';

export const redrive = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('redrive')))
        .summary('makes up for what is in the dead-letter queues')
        .description(
          "Calls the functions again for what is in the stack's dead-letter queues, those of other Regions included, once the cause is gone, and empties them. Nothing is counted twice.",
        )
        .addOption(new Option('--queue <name...>', 'only these queues').choices(DEAD_LETTER_QUEUES))
        .option('--dry-run', 'only tell what would be called'),
      async (options: RedriveOptions) => await (await import('./run.ts')).runRedrive(options),
    ),
    {
      needs: [
        'sqs:GetQueueUrl',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'lambda:InvokeFunction',
        'lambda:GetFunctionConfiguration',
      ],
      examples: [
        ['redrive --stage prod --dry-run', 'what is there, and which functions it is for'],
        ['redrive --stage prod', 'when the cause is mended: docs/runbook.md'],
      ],
      json: 'Lines, one for each queue: `{"type":"redrive","queue","region?","isMissing?","called":{…},"kept":[{"id","why"}],"left","dryRun"}`. `called` has the number of letters of each function; `left` is about how many came in meanwhile. `undelivered-forwards` has a line for each Region that forwards, with `isMissing` where its stack is not deployed.',
      exits: { 1: 'also: a letter stays, because it is no work of this stack; or a Region has no queue' },
    },
  );
