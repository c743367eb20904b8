import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, READS_TABLE, withJson, withTable } from '../command-line.ts';
import { readPolicyFile } from '../policy-file.ts';
import type { ApplyOptions, PlanOptions } from './run.ts';

interface OfPolicy {
  readonly policy: string;
}

const READS_ACCOUNT = [
  ...READS_TABLE,
  'ssm:GetParameter',
  'bedrock:GetInferenceProfile',
  'bedrock:ListInferenceProfiles',
  'bedrock:ListTagsForResource',
];

const LINES =
  'Lines, each with `type`: `policy`, then a `profile` for each (`action`: `create`, `adopt`, `keep`, `conflict`, `surplus`), a `budget` for each that begins, changes or ends (`action`: `begin`, `change`, `end`) and a `standing` for each profile that is `quarantined` (`from` a time on where it has a grace) or `released`, `doubt` (`place`, `text`) for each Region or model that is not known here, `approximation` for what AWS Budgets cannot do as the policy says, and `plan` with the counts.';

export const plan = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('plan')))
        .summary('what an apply would do, in AWS and in standings')
        .description(
          'Shows what an apply would do, and what follows for the budgets and profiles that are there. Changes nothing.',
        )
        .requiredOption('--policy <file>', 'policy file')
        .option('--detailed-exitcode', 'exit with 0 where all is as declared, 2 where it is not, 1 on any failure'),
      async (options: PlanOptions) => {
        const policy = await readPolicyFile(fromWhereCalled(options.policy));
        return await (await import('./run.ts')).runPlan(policy, options);
      },
    ),
    {
      needs: READS_ACCOUNT,
      examples: [
        ['plan --policy governance.yaml', 'what an apply would do'],
        ['plan --policy governance.yaml --detailed-exitcode', 'for pipelines'],
      ],
      json: LINES,
      exits: { 2: 'also, with --detailed-exitcode: not all is as declared. Mistakes are 1 then' },
    },
  );

export const apply = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('apply')))
        .summary('puts a policy file in force')
        .description(
          'Stores the policy, creates the declared profiles that are missing, and adopts those that are there. Deletes nothing.',
        )
        .requiredOption('--policy <file>', 'policy file')
        .option('--yes', 'do not ask'),
      async (options: ApplyOptions & OfPolicy) => {
        const policy = await readPolicyFile(fromWhereCalled(options.policy));
        return await (await import('./run.ts')).runApply(policy, options);
      },
    ),
    {
      needs: [...READS_ACCOUNT, 'dynamodb:PutItem', 'bedrock:CreateInferenceProfile', 'bedrock:TagResource'],
      examples: [
        ['apply --policy governance.yaml', 'shows the plan and asks'],
        ['apply --policy governance.yaml --yes', 'for pipelines'],
      ],
      json: `${LINES} Then \`stored\`, an \`applied\` for each profile, and \`end\` with the counts.`,
      exits: { 1: 'also: a declared profile could not be had' },
    },
  );
