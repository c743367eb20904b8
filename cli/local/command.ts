import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, wholeNumber, withJson } from '../command-line.ts';
import { readPolicyFile } from '../policy-file.ts';
import type { LocalOptions } from './run.ts';

const EXAMPLE = 'examples/insurer/governance.yaml';

export const local = (program: Command): Command =>
  annotate(
    does(
      withJson(program.command('local'), 'tell where it is as one line of JSON')
        .summary('runs the embedded AWS with the governor deployed, until Ctrl-C')
        .description(
          'Starts the embedded AWS on this machine, deploys the packaged stack into it, stores a policy, and prints what any AWS client needs in its environment to talk to it. Nothing of it leaves this machine, and nothing is kept when it ends, unless --data names a folder for its tables.',
        )
        .option('--policy <file>', 'the policy that is stored', EXAMPLE)
        .option('--no-policy', 'store none: the functions fail until you apply one')
        .option('--port <port>', 'port of the endpoint (default: any free one)', wholeNumber(0, 65_535))
        .option('--data <dir>', 'folder that keeps the tables'),
      async (options: LocalOptions & { readonly policy: string | false; readonly data?: string }) => {
        const { policy, data } = options;
        const path = policy === EXAMPLE || policy === false ? policy : fromWhereCalled(policy);
        const file = path === false ? undefined : await readPolicyFile(path);
        const { runLocal } = await import('./run.ts');
        return await runLocal({ ...options, ...(data === undefined ? {} : { data: fromWhereCalled(data) }) }, file);
      },
    ),
    {
      examples: [
        ['local', 'prints the lines to export in another terminal'],
        ['local --port 4566 --policy governance.yaml', 'at a port of your own, under your policy'],
      ],
      json: 'One line when it is ready: `{"type":"endpoint","url","table","at","environment":{…}}`.',
      exits: { 0: 'Ctrl-C or SIGTERM', 2: 'also: the port is in use' },
    },
  );
