import type { Context } from 'aws-lambda';
import { handler } from '../../handlers/lease.ts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';

const LEASE_FUNCTION = 'bedrock-cost-governor-dev-lease';

/** The function `lease` as Lambda invokes it for a request to its URL: the real handler, in this process. */
export class InvokedLease {
  readonly #aws: EmbeddedAws;

  constructor(aws: EmbeddedAws, table: string) {
    this.#aws = aws;
    // What the stack sets for its functions.
    Object.assign(process.env, aws.environment(), {
      GOVERNOR_TABLE: table,
      GOVERNOR_NOTICES_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:notices',
      GOVERNOR_CHAT_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:chat',
      GOVERNOR_BUS_NAME: 'governor',
      GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:alerts',
      GOVERNOR_ACCOUNT_ID: aws.accountId,
      GOVERNOR_INDEX_PARAMETER: '/bedrock-cost-governor-dev/index',
      GOVERNOR_STAGE: 'dev',
      GOVERNOR_REGIONS: aws.homeRegion,
      GOVERNOR_PAYER_ACCOUNT_ID: 'none',
      POWERTOOLS_SERVICE_NAME: 'bedrock-cost-governor',
      POWERTOOLS_METRICS_NAMESPACE: 'BedrockCostGovernor',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    });
  }

  /** What the function makes of a payload that was sent to an alias of it. */
  async invoke(qualifier: string | undefined, payload: string): Promise<{ value: unknown } | { error: object }> {
    const arn = `arn:aws:lambda:us-east-1:${this.#aws.accountId}:function:${LEASE_FUNCTION}`;
    const invokedFunctionArn = qualifier === undefined ? arn : `${arn}:${qualifier}`;
    try {
      return { value: await handler(JSON.parse(payload), contextOf(invokedFunctionArn)) };
    } catch (error) {
      return { error: { errorMessage: error instanceof Error ? error.message : String(error) } };
    }
  }
}

const contextOf = (invokedFunctionArn: string): Context => ({
  invokedFunctionArn,
  functionName: LEASE_FUNCTION,
  functionVersion: '$LATEST',
  awsRequestId: 'request-1',
  memoryLimitInMB: '512',
  logGroupName: `/aws/lambda/${LEASE_FUNCTION}`,
  logStreamName: 'stream',
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => 10_000,
  done() {},
  fail() {},
  succeed() {},
});
