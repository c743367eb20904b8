/**
 * A program of somebody else: plain AWS SDK clients that know nothing but the environment. It creates a profile without
 * a tag that has a default, waits until it is governed, and prints what it found as JSON.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { BedrockClient, CreateInferenceProfileCommand, ListTagsForResourceCommand } from '@aws-sdk/client-bedrock';
import { BudgetsClient, DescribeBudgetsCommand } from '@aws-sdk/client-budgets';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

const bedrock = new BedrockClient();
const budgets = new BudgetsClient();
const { Account: AccountId } = await new STSClient().send(new GetCallerIdentityCommand());

const { inferenceProfileArn: resourceARN } = await bedrock.send(
  new CreateInferenceProfileCommand({
    inferenceProfileName: 'foreign',
    modelSource: { copyFrom: 'arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0' },
    tags: Object.entries({ dept: 'support', team: 'desk', app: 'answers', tenant: 'foreign-broker' }).map(
      ([key, value]) => ({ key, value }),
    ),
  }),
);

for (;;) {
  const { tags = [] } = await bedrock.send(new ListTagsForResourceCommand({ resourceARN }));
  const { Budgets = [] } = await budgets.send(new DescribeBudgetsCommand({ AccountId }));
  const names = Budgets.map(({ BudgetName }) => BudgetName).filter((name) => name?.includes('foreign'));
  if (tags.length > 4 && names.length > 0) {
    const governed = { tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])), budgets: names };
    process.stdout.write(JSON.stringify(governed));
    break;
  }
  await wait(20);
}
