import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, withJson } from '../command-line.ts';
import type { InitOptions } from './run.ts';

export const init = (program: Command): Command =>
  annotate(
    does(
      withJson(program.command('init'))
        .summary('writes a first policy file, with comments')
        .description(
          'Writes a policy file with comments, and beside it the JSON Schema by which editors complete and check it. Asks what it must know; --yes takes what is typed or usual. Asks AWS nothing.',
        )
        .option('--out <file>', 'the policy file to write', 'governance.yaml')
        .option('--tenant-tag <key>', 'the tag that says whose money it is (default: tenant)')
        .option('--limit <amount>', 'what each tenant may spend in a month (default: "500 USD")')
        .option('--regions <list>', "Regions of the profiles, with commas (default: the environment's)")
        .option('--time-zone <zone>', "where a month turns (default: this machine's)")
        .option('--yes', 'do not ask')
        .option('--force', 'write over files that are there'),
      async (options: InitOptions) =>
        await (await import('./run.ts')).runInit({ ...options, path: fromWhereCalled(options.out) }),
    ),
    {
      examples: [
        ['init', 'asks four questions'],
        ['init --yes --limit "200 USD" --regions us-east-1,eu-west-1', 'asks nothing'],
      ],
      json: 'One document: `{"type":"init","policy","schema"}`, the paths that were written.',
      exits: { 2: 'also: a file is there already' },
    },
  );
