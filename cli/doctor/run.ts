import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { CostExplorerClient } from '@aws-sdk/client-cost-explorer';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { IAMClient } from '@aws-sdk/client-iam';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import { AwsClock } from '../../aws/aws-clock.ts';
import { costExplorerTags } from '../../aws/cost-explorer.ts';
import { deadLetters } from '../../aws/doctor/dead-letters.ts';
import { attachedPolicies, roleStatements } from '../../aws/doctor/iam-policies.ts';
import { stackDeployment } from '../../aws/doctor/stack-deployment.ts';
import { topicKey } from '../../aws/doctor/topic-key.ts';
import { topicSubscriptions } from '../../aws/doctor/topic-subscriptions.ts';
import { trailsOf } from '../../aws/doctor/trails.ts';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { profileIndexTable } from '../../aws/dynamodb/profile-index-table.ts';
import { tableIdentities } from '../../aws/dynamodb/recovery-table.ts';
import { BUDGETS_PACE, COST_EXPLORER_PACE, Pace } from '../../aws/pace.ts';
import { epochMs, isoTime } from '../../domain/clock.ts';
import type { ExaminedAccount } from '../../domain/doctor/account.ts';
import { examine } from '../../domain/doctor/examine.ts';
import type { Finding } from '../../domain/doctor/finding.ts';
import { howMany } from '../../domain/how-many.ts';
import { tableState } from '../../domain/recovery/tend-table.ts';
import { guardPolicies } from '../../infra/guard/guard-policies.ts';
import { callerOf } from '../caller.ts';
import { commandLine } from '../command-line.ts';
import { PREFIX, type StackOptions, stageIn, tableOf } from '../connection.ts';
import { unbroken } from '../output/fold.ts';
import { forPeople, harmless, print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { type Style, styleOf } from '../output/style.ts';
import { EXIT_FAILED } from '../user-error.ts';

export interface DoctorOptions extends StackOptions {
  readonly json?: boolean;
}

/** @returns the exit code: 1 where anything does not work or could not be looked at */
export async function runDoctor(options: DoctorOptions): Promise<number> {
  const account = accountFor(options);
  // A mistake in the environment is one message, and not as many as there are checks.
  const { account: id } = await callerOf();
  const bar = progress(options);
  const findings = await examine(account, (check) => bar.at(`looking at ${check.replaceAll('-', ' ')} …`));
  bar.done();
  const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
  const counts = { ok: count('ok'), warning: count('warning'), failed: count('failed'), unknown: count('unknown') };
  if (options.json === true)
    printJson({
      type: 'doctor',
      at: isoTime(account.clock.now()),
      account: id,
      stage: account.stage,
      findings,
      ...counts,
    });
  else tell(findings, counts, styleOf());
  return counts.failed + counts.unknown > 0 ? EXIT_FAILED : 0;
}

function accountFor(options: StackOptions): ExaminedAccount {
  const [stage, table] = [stageIn(options), tableOf(options)];
  const prefix = `${PREFIX}-${stage}`;
  const clock = new AwsClock();
  const dynamo = clock.listenTo(new DynamoDBClient());
  const iam = new IAMClient();
  const policies = policyTable(dynamo, table);
  return {
    stage,
    clock,
    machine: { now: () => epochMs(Date.now()) },
    policy: () => policies.current(),
    tableState: () => tableState(tableIdentities(dynamo, table)),
    deployment: () => stackDeployment(new LambdaClient(), prefix),
    trails: (region) => trailsOf(new CloudTrailClient({ region })),
    subscriptions: (topic) => topicSubscriptions(new SNSClient({ region: topic.split(':')[3] ?? '' }), topic),
    keyOf: (topic) => topicKey(new SNSClient({ region: topic.split(':')[3] ?? '' }), topic),
    deadLetters: (region) => deadLetters(new SQSClient({ region }), prefix, region),
    costTags: costExplorerTags(new CostExplorerClient({ region: 'us-east-1' }), new Pace(COST_EXPLORER_PACE)),
    awsBudgets: ({ accountId, topics }) =>
      awsBudgets(new BudgetsClient(), { accountId, alertTopicArn: topics['budget alerts'] }, new Pace(BUDGETS_PACE)),
    index: profileIndexTable(dynamo, table),
    attachedPolicies: () => attachedPolicies(iam),
    guardDocuments: (policy, accountId) => {
      const reading = guardPolicies({ accountId, policy, taggingRoles: [] });
      return reading.kind === 'impossible'
        ? []
        : reading.policies.filter(({ kind }) => kind === 'managed').map(({ document }) => document);
    },
    statementsOf: (role) => roleStatements(iam, role),
  };
}

function tell(findings: readonly Finding[], counts: Readonly<Record<Finding['state'], number>>, style: Style): void {
  const symbols: Record<Finding['state'], string> = {
    ok: style.green('ok     '),
    warning: style.yellow('warning'),
    failed: style.red('failed '),
    unknown: style.magenta('unknown'),
  };
  for (const { check, state, what, fix } of findings) {
    print(`${symbols[state]}  ${style.bold(check.replaceAll('-', ' '))}: ${forPeople(what)}`);
    if (fix !== undefined) print(`         ${style.dim(`→ ${fixOf(fix)}`)}`);
  }
  print(
    `\n${counts.ok} ok, ${howMany(counts.warning, 'warning')}, ${counts.failed} failed, ${counts.unknown} could not be looked at`,
  );
}

/** A fix that is a command is copied. */
const fixOf = (fix: string): string =>
  harmless(fix)
    .replace(/^governor ([^,]*)/, (_, line: string) => commandLine(line))
    .replace(/^aws [^,]*/, unbroken);
