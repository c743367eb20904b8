import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { asking } from '../aws/asking.ts';

/** Who AWS says that the environment's credentials are. */
export async function callerOf(
  config: STSClientConfig = {},
): Promise<{ readonly account: string; readonly arn: string }> {
  const { Account: account = '', Arn: arn = '' } = await asking('asking AWS which account this is', () =>
    new STSClient(config).send(new GetCallerIdentityCommand()),
  );
  return { account, arn };
}
