import type { Command } from 'commander';
import { annotate, does, severalTimes, wholeNumber, withJson, withTable } from '../command-line.ts';
import type { InvokeOptions } from './run.ts';

export const invoke = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('invoke [prompt]')))
        .summary('one governed model call, to see it work')
        .description(
          'Calls a model once through the helper, as a tenant’s process would: finds the profile by model and tags, reserves, calls, settles. Prints the answer, what it cost, and what is left. It costs what the call costs.',
        )
        .requiredOption('--model <id>', 'base model id, such as amazon.nova-lite-v1:0')
        .requiredOption(
          '--tag <key=value>',
          'a tag that the profile must carry; may be given several times',
          severalTimes,
        )
        .option('--max-tokens <count>', 'the longest answer', wholeNumber(1, 100_000), 256),

      async (options: InvokeOptions, prompt) => await (await import('./run.ts')).runInvoke(options, prompt),
    ),
    {
      examples: [
        ['invoke --model amazon.nova-lite-v1:0 --tag tenant=acme "Say hello"', 'one call'],
        ['invoke --model amazon.nova-lite-v1:0 --tag tenant=acme --json', 'what it cost, for programs'],
      ],
      json: 'One document: `{"type":"invoke","outcome":"answered","answer","stopReason","profile","model","insteadOf?","inputTokens","outputTokens","costUsd","budgets":[{"budget","period","leftUsd"}]}`, or `{"type":"invoke","outcome":"refused","code","message","details"}` with exit code 1.',
      exits: { 1: 'also: the call was refused; the code of the refusal is in docs/errors.md' },
    },
  );
