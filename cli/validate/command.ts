import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, withJson } from '../command-line.ts';

export const validate = (program: Command): Command =>
  annotate(
    does(
      withJson(program.command('validate'))
        .summary('checks a policy file, without AWS')
        .description(
          'Checks a policy file as a whole: each problem on a line, with its file, line, place and what was expected. Also tells what AWS Budgets can only approximate, and which Regions and models are not known here: they may be new, or mistyped. Asks no one and needs no credentials.',
        )
        .requiredOption('--policy <file>', 'policy file'),
      async (options: import('./run.ts').ValidateOptions) =>
        await (await import('./run.ts')).runValidate({ ...options, path: fromWhereCalled(options.policy) }),
    ),
    {
      examples: [
        ['validate --policy governance.yaml', 'before a plan'],
        ['validate --policy governance.yaml --json', 'for an editor or a pipeline'],
      ],
      json: 'One document: `{"type":"validation","policy","valid","problems":[{"line?","place?","message"}],"approximations":[{"budget?","text"}],"doubts":[{"place","text"}],"budgets","declaredProfiles"}`. The last four only where it is valid.',
      exits: { 2: 'also: the policy is invalid' },
    },
  );
