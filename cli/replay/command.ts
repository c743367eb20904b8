import type { Command } from 'commander';
import { annotate, does, fromWhereCalled, READS_TABLE, withJson, withTable } from '../command-line.ts';
import type { ReplayOptions } from './run.ts';

export const replay = (program: Command): Command =>
  annotate(
    does(
      withJson(withTable(program.command('replay <event.json>')))
        .summary('what an event would do, and why, without doing it')
        .description(
          'Reads an event as EventBridge or SNS delivers it, and plays what the governor would answer: which function it reaches, what that would decide and why, and what it would write. What the event speaks of is read as it is now; nothing is written, by clients that refuse to. `-` reads from standard input.',
        )
        .option('--account <id>', 'the governed account, by which foreign events are told; without it AWS is asked'),
      async (options: ReplayOptions, file = '-') =>
        await (await import('./run.ts')).runReplay(options, file === '-' ? file : fromWhereCalled(file)),
    ),
    {
      needs: [
        ...READS_TABLE,
        'dynamodb:BatchGetItem',
        'dynamodb:DescribeTable',
        'lambda:GetFunctionConfiguration',
        'bedrock:GetInferenceProfile',
        'bedrock:ListInferenceProfiles',
        'bedrock:ListTagsForResource',
        'tag:GetResources',
        'cloudwatch:GetMetricData',
        'cloudwatch:ListMetrics',
        'cloudwatch:DescribeAlarms',
        'ce:GetAnomalies',
        'ce:GetAnomalyMonitors',
        'ce:GetAnomalySubscriptions',
        'ce:GetCostAndUsage',
        'ce:ListCostAllocationTags',
        'budgets:ViewBudget',
        'budgets:ListTagsForResource',
        'cloudtrail:LookupEvents',
        'iam:ListRoleTags',
      ],
      examples: [
        ['replay event.json', 'an event from a dead-letter queue or a log'],
        ['replay - --json < event.json', 'for programs'],
      ],
      json: 'One document: `{"type":"replay","at?","function","about?","outcome","decisions":[{"decision","facts"}],"counted":[{"metric","facts"}],"intentions":[{"to","what"}]}`. `function` is `null` where no rule takes the event.',
      exits: { 2: 'also: the file is no event, or not one as AWS writes it' },
    },
  );
