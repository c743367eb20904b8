import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, severalTimes, withAws, withJson } from '../command-line.ts';
import { readPolicyFile } from '../policy-file.ts';
import type { GuardOptions } from './run.ts';

export const guard = (program: Command): Command =>
  annotate(
    does(
      withJson(withAws(program.command('guard')))
        .description('Writes IAM and service control policies that let models be called only as the policy says.')
        .requiredOption('--policy <file>', 'policy file')
        .requiredOption('--out <dir>', 'folder to write the documents to')
        .option('--account <id>', 'the governed account; without it AWS is asked whose credentials these are')
        .option('--stage <stage>', "the stack's stage, by which its roles are named", 'dev')
        .option('--home-region <region>', "the stack's Region, by which its roles are named", 'us-east-1')
        .option(
          '--operator-role <name>',
          'a role that runs apply, disable, enable or raise, and so writes tags; may be given several times',
          severalTimes,
          [],
        ),
      async (options: GuardOptions) => {
        const policy = await readPolicyFile(fromWhereCalled(options.policy));
        const { runGuard } = await import('./run.ts');
        return await runGuard(policy, { ...options, out: fromWhereCalled(options.out) });
      },
    ),
    {
      examples: [['guard --policy governance.yaml --out guard', 'documents to attach: docs/guard-policies.md']],
      json: 'One document: `{"type":"guard","account","documents":[{"name","characters","most"}],"taggingRoles":[…]}`.',
      exits: { 2: 'also: a document is longer than AWS takes, or the folder cannot be written to' },
    },
  );
