import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { asking, errorName } from '../aws/asking.ts';
import { Fault } from '../domain/fault.ts';
import { UserError } from './user-error.ts';

/** Who AWS says that the environment's credentials are. */
export async function callerOf(
  config: STSClientConfig = {},
): Promise<{ readonly account: string; readonly arn: string }> {
  const { Account: account = '', Arn: arn = '' } = await asking('asking AWS which account this is', () =>
    new STSClient(config).send(new GetCallerIdentityCommand()),
  ).catch(explainEnvironment);
  return { account, arn };
}

/** The SDK tells in these two ways that the environment says too little. */
function explainEnvironment(fault: unknown): never {
  const cause = fault instanceof Fault ? fault.cause : undefined;
  if (
    cause instanceof Error &&
    (errorName(cause) === 'CredentialsProviderError' || cause.message === 'Region is missing')
  )
    throw new UserError([
      `expected AWS credentials and a Region in the environment, as any AWS client takes them (AWS_PROFILE, AWS_REGION): ${cause.message}`,
    ]);
  throw fault;
}
