import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, severalTimes, withAws, withJson } from '../command-line.ts';
import { readPolicyFile } from '../policy-file.ts';
import type { PricesOptions } from './run.ts';

/** `prices check` is the only one for now: prices are kept in a package and in the policy, and changed there. */
export const prices = (program: Command): Command => {
  const group = program
    .command('prices')
    .summary('the prices that calls are priced by')
    .description('The prices that calls are priced by.');
  annotate(
    does(
      withJson(withAws(group.command('check')))
        .summary('where kept prices differ from those that AWS publishes')
        .description(
          'Compares the prices that calls are priced by, those of the policy included, with the AWS Price List. Changes nothing: AWS’s list says neither from when a price holds, nor which model id it is for.',
        )
        .option('--policy <file>', 'policy file, for the prices that it states')
        .option(
          '--of <region>',
          "Region whose prices are compared; may be given several times (default: the policy's, or us-east-1)",
          severalTimes,
        )
        .option('--detailed-exitcode', 'exit with 2 where prices differ, and with 1 on any failure'),
      async (options: PricesOptions & { readonly policy?: string }) => {
        const file = options.policy === undefined ? undefined : await readPolicyFile(fromWhereCalled(options.policy));
        return await (await import('./run.ts')).runPricesCheck(options, file);
      },
    ),
    {
      needs: ['pricing:GetProducts'],
      examples: [
        ['prices check', 'those of us-east-1'],
        ['prices check --policy governance.yaml --detailed-exitcode', 'for a pipeline'],
      ],
      json: 'One document: `{"type":"prices","at","regions":[{"region","same","differences":[…],"unmapped":[…],"unread":[…]}]}`. A difference: `model`, `name`, `source`, `meter`, `tier`, `isLongContext`, `usageType`, `publishedUsdPerMillion`, `keptUsdPerMillion` (or `null`).',
      exits: { 2: 'also, with --detailed-exitcode: prices differ. Mistakes are 1 then' },
    },
  );
  return group;
};
