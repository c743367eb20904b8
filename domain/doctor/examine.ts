import { howMany } from '../how-many.ts';
import type { Policy } from '../policy/policy.ts';
import type { TableState } from '../recovery/tend-table.ts';
import type { Deployment, ExaminedAccount } from './account.ts';
import { attempt, bad, type CheckName, type Finding, ok } from './finding.ts';
import { checkAwsBudgets, checkClock, checkCostTags, checkIndexAge } from './money-is-seen.ts';
import { checkKey, checkPayer } from './others-admit.ts';
import { checkGuardPolicies, checkRoleTagKeys } from './permissions-hold.ts';
import { checkForwarding, checkPackagedRegions, forwardingTo } from './regions-forward.ts';
import { checkDeadLetters, checkSubscriptions, checkTrails } from './signals-arrive.ts';

/**
 * Looks at every precondition of the governor in an account, one after the other, and says of each what was found and
 * what to do. Changes nothing. A check that cannot be made is a finding, and keeps no other from being made.
 *
 * @param told is told what is looked at
 */
export async function examine(
  account: ExaminedAccount,
  told: (check: CheckName) => void = () => {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const run = async (check: CheckName, look: () => Promise<readonly Finding[]>): Promise<void> => {
    told(check);
    findings.push(...(await attempt(check, look)));
  };
  let deployment: Deployment | undefined;
  let policy: Policy | undefined;
  await run('stack', async () => {
    deployment = await account.deployment();
    return [stackFinding(account, deployment)];
  });
  await run('policy', async () => {
    policy = await account.policy();
    return [
      ok(
        'policy',
        `stored: ${howMany(policy.budgets.length, 'budget')} in ${policy.regions.join(', ')}, mode ${policy.mode}`,
      ),
    ];
  });
  await run('table', async () => [tableFinding(await account.tableState())]);
  const [stack, rules] = [deployment, policy];
  if (stack !== undefined && rules !== undefined) await run('regions', async () => checkPackagedRegions(rules, stack));
  if (stack !== undefined) {
    for (const region of forwardingTo(stack)) await run('regions', () => checkForwarding(account, stack, region));
    await run('trail', () => checkTrails(account, stack));
    await run('subscriptions', () => checkSubscriptions(account, stack));
    for (const region of [stack.region, ...forwardingTo(stack)])
      await run('dead-letters', () => checkDeadLetters(account, stack, region));
    await run('key', () => checkKey(account, stack));
    await run('payer', async () => checkPayer(stack));
  }
  if (rules !== undefined) await run('cost-allocation-tags', () => checkCostTags(account, rules));
  if (stack !== undefined && rules !== undefined)
    await run('aws-budgets', () => checkAwsBudgets(account, rules, stack));
  await run('index-age', () => checkIndexAge(account));
  await run('clock', async () => checkClock(account));
  if (stack !== undefined && rules !== undefined) {
    await run('guard-policies', () => checkGuardPolicies(account, rules, stack));
    await run('role-tag-keys', () => checkRoleTagKeys(account, rules, stack));
  }
  return findings;
}

const stackFinding = ({ stage }: ExaminedAccount, deployment: Deployment | undefined): Finding =>
  deployment === undefined
    ? bad(
        'stack',
        'failed',
        `no function of the stage ${stage} is deployed in this account and Region`,
        'Check --profile, --region and --stage; else package and deploy the stack.',
      )
    : ok(
        'stack',
        `stage ${stage} is deployed in ${deployment.region} of account ${deployment.accountId}, table ${deployment.table}`,
      );

function tableFinding(state: TableState): Finding {
  if (state === 'open') return ok('table', 'the table is the one that its items were written in');
  if (state === 'untold')
    return bad(
      'table',
      'warning',
      'DynamoDB tells no id of the table: one that is restored from a backup would not be noticed',
      'AWS tells one: look again. Of a server that stands in for DynamoDB nothing else is to be expected.',
    );
  return bad(
    'table',
    'failed',
    'the table was restored from a backup or rolled back: nothing is lent from it',
    'governor recover: it counts what was spent since, and opens it (docs/ledger.md, "Restored tables").',
  );
}
