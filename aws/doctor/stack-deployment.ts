import { GetFunctionConfigurationCommand, type LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import type { Deployment } from '../../domain/doctor/account.ts';
import { Fault } from '../../domain/fault.ts';
import { asking } from '../asking.ts';

/** What the stack tells its functions: `provider.environment` in infra/serverless.yml. */
const Environment = z.object({
  GOVERNOR_TABLE: z.string(),
  GOVERNOR_ACCOUNT_ID: z.string(),
  GOVERNOR_NOTICES_TOPIC_ARN: z.string(),
  GOVERNOR_CHAT_TOPIC_ARN: z.string(),
  GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: z.string(),
  GOVERNOR_ANOMALIES_TOPIC_ARN: z.string(),
  GOVERNOR_REGIONS: z.string().min(1),
  GOVERNOR_PAYER_ACCOUNT_ID: z.string().optional(),
});

/** The functions that mend tags: see `governProfiles` in infra/resources/roles.yml. */
const MENDING = ['profile-changed', 'sweep'] as const;

/**
 * The stack by what its functions are deployed with, so that names are those that are there and not those that should be.
 *
 * @param prefix what the names of its functions begin with, without the last hyphen
 * @returns undefined where none of them is there
 */
export async function stackDeployment(client: LambdaClient, prefix: string): Promise<Deployment | undefined> {
  const found = [];
  for (const name of MENDING) {
    const configuration = await configurationOf(client, `${prefix}-${name}`);
    if (configuration !== undefined) found.push(configuration);
  }
  const [first] = found;
  if (first === undefined) return undefined;
  const settings = Environment.safeParse(first.Environment?.Variables ?? {});
  if (!settings.success)
    throw new Fault('NotConfigured', {
      doing: `reading the settings of ${first.FunctionName ?? prefix}`,
      problem: z.prettifyError(settings.error),
      next: 'Deploy the stack of infra/serverless.yml; it sets these variables.',
    });
  const variables = settings.data;
  const payer = variables.GOVERNOR_PAYER_ACCOUNT_ID;
  return {
    prefix,
    region: variables.GOVERNOR_NOTICES_TOPIC_ARN.split(':')[3] ?? '',
    accountId: variables.GOVERNOR_ACCOUNT_ID,
    table: variables.GOVERNOR_TABLE,
    regions: variables.GOVERNOR_REGIONS.split(','),
    ...(payer === undefined || payer === 'none' ? {} : { payerAccountId: payer }),
    topics: {
      notices: variables.GOVERNOR_NOTICES_TOPIC_ARN,
      chat: variables.GOVERNOR_CHAT_TOPIC_ARN,
      'budget alerts': variables.GOVERNOR_BUDGET_ALERTS_TOPIC_ARN,
      anomalies: variables.GOVERNOR_ANOMALIES_TOPIC_ARN,
    },
    mendingRoles: [...new Set(found.flatMap(({ Role }) => Role?.split('/').at(-1) ?? []))],
  };
}

const configurationOf = async (client: LambdaClient, name: string) =>
  await asking(`reading the function ${name}`, async () => {
    try {
      return await client.send(new GetFunctionConfigurationCommand({ FunctionName: name }));
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined;
      throw error;
    }
  });
