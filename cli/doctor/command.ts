import type { Command } from 'commander';
import { annotate, does, READS_TABLE, withJson, withTable } from '../command-line.ts';
import type { DoctorOptions } from './run.ts';

export const doctor = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('doctor')))
        .summary('whether everything is there that the governor needs, and the fix for what is not')
        .description(
          "Looks at each precondition in the account, by the real names of the deployed stack: stack, stored policy, table, the Regions that it governs and that forward to it, trails, subscriptions, dead letters, a key of yours, the payer, cost allocation tags, AWS budgets, age of the index, clock, guard policies, and which tag keys the governor's roles may write. Says for each what was found, and what to do. Changes nothing.",
        ),
      async (options: DoctorOptions) => await (await import('./run.ts')).runDoctor(options),
    ),
    {
      needs: [
        ...READS_TABLE,
        'dynamodb:DescribeTable',
        'lambda:GetFunctionConfiguration',
        'cloudtrail:DescribeTrails',
        'cloudtrail:GetEventSelectors',
        'cloudtrail:GetTrailStatus',
        'sns:GetTopicAttributes',
        'sns:ListSubscriptionsByTopic',
        'sqs:ListQueues',
        'sqs:GetQueueAttributes',
        'ce:ListCostAllocationTags',
        'budgets:ViewBudget',
        'budgets:ListTagsForResource',
        'iam:GetAccountAuthorizationDetails',
        'iam:ListRolePolicies',
        'iam:GetRolePolicy',
      ],
      examples: [
        ['doctor --stage prod', 'after a deployment, or when something is odd'],
        ['doctor --json', 'for a pipeline'],
      ],
      json: 'One document: `{"type":"doctor","at","account","stage","findings":[{"check","state","what","fix?"}],"ok","warning","failed","unknown"}`. `check` is `stack`, `policy`, `table`, `regions`, `trail`, `subscriptions`, `dead-letters`, `key`, `payer`, `cost-allocation-tags`, `aws-budgets`, `index-age`, `clock`, `guard-policies` or `role-tag-keys`; `state` is `ok`, `warning`, `failed` or `unknown`, of each of which there is a count.',
      exits: { 1: 'also: something does not work, or could not be looked at. Warnings are no failure' },
    },
  );
