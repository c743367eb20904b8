import type { Deployment, ExaminedAccount } from './account.ts';
import { bad, type Finding } from './finding.ts';

/** What others have to admit and the doctor cannot look at: said by name, with how somebody looks who may. */

/** Of a stack with a key of the customer's: whether the key's own policy admits AWS's services is in no answer that is asked for. */
export async function checkKey(account: ExaminedAccount, { topics, prefix }: Deployment): Promise<readonly Finding[]> {
  const key = await account.keyOf(topics.notices);
  if (key === undefined) return [];
  return [
    bad(
      'key',
      'warning',
      `topics and queues are encrypted with ${key}; whether its policy admits the services that send to them is not looked at`,
      `aws kms get-key-policy --key-id ${key} --policy-name default --output text: it needs the statements of docs/deploying.md ("A key of your own"). Then aws cloudwatch set-alarm-state --alarm-name ${prefix}-index-drift --state-value ALARM --state-reason test, and see that the mail comes.`,
    ),
  ];
}

/** Of a member account: the payer's stack is in another account, where nobody of this one may look. */
export function checkPayer({ payerAccountId, prefix }: Deployment): readonly Finding[] {
  if (payerAccountId === undefined) return [];
  return [
    bad(
      'payer',
      'warning',
      `cost anomalies are to come from account ${payerAccountId}, which pays; whether its stack is deployed is not seen from here`,
      `In that account: aws cloudformation describe-stacks --region us-east-1 --stack-name ${prefix}-payer. If it is missing, deploy infra/.build/payer.template.json there (docs/getting-started.md, "The payer's part").`,
    ),
  ];
}
