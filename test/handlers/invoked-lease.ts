import { Readable } from 'node:stream';
import { LambdaClient } from '@aws-sdk/client-lambda';
import type { Context } from 'aws-lambda';
import { handler } from '../../handlers/lease.ts';
import type { EmbeddedAws } from '../../local/embedded-aws.ts';
import { clientConfig } from '../aws/client-config.ts';

export const LEASE_FUNCTION = 'bedrock-cost-governor-dev-lease';

/** What a role may invoke, by its access key: aliases of the function, as its IAM policy would name them. */
export type InvokePermissions = Readonly<Record<string, readonly string[]>>;

/** What became of an invocation before the caller hears of it. */
export type Mishap = 'no answer' | 'fails after its work' | 'throttled' | undefined;

interface Invocation {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string | string[] | null> | undefined;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

const textOf = (body: unknown): string =>
  body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : typeof body === 'string' ? body : '';

/**
 * The function `lease` as Lambda invokes it: the real handler, in this process, behind a real client. Lambda tells it which
 * ARN was invoked, and IAM decides beforehand who may.
 */
export class InvokedLease {
  readonly #aws: EmbeddedAws;
  readonly #permissions: InvokePermissions;
  /** The payloads that reached the function, in order. */
  readonly payloads: string[] = [];
  /** Decides about the next invocations. */
  mishap: () => Mishap = () => undefined;

  constructor(aws: EmbeddedAws, table: string, permissions: InvokePermissions) {
    this.#aws = aws;
    this.#permissions = permissions;
    // What the stack sets for its functions.
    Object.assign(process.env, aws.environment(), {
      GOVERNOR_TABLE: table,
      GOVERNOR_NOTICES_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:notices',
      GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: 'arn:aws:sns:us-east-1:123456789012:alerts',
      GOVERNOR_ACCOUNT_ID: aws.accountId,
      GOVERNOR_STAGE: 'dev',
      POWERTOOLS_SERVICE_NAME: 'bedrock-cost-governor',
      POWERTOOLS_METRICS_NAMESPACE: 'BedrockCostGovernor',
      POWERTOOLS_LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    });
  }

  client(accessKeyId: string, maxAttempts = 1): LambdaClient {
    return new LambdaClient({
      ...clientConfig(this.#aws),
      credentials: { accessKeyId, secretAccessKey: 'not-verified' },
      maxAttempts,
      requestHandler: {
        handle: async (request: Invocation) => ({ response: await this.#answer(request, accessKeyId) }),
      },
    });
  }

  async #answer({ path, query, body }: Invocation, accessKeyId: string) {
    const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path) ?? [];
    const alias = query?.['Qualifier'];
    const qualifier = typeof alias === 'string' ? alias : undefined;
    if (name !== LEASE_FUNCTION) return respond(404, { Message: 'Function not found' }, 'ResourceNotFoundException');
    if (!this.#permissions[accessKeyId]?.includes(qualifier ?? '(unqualified)'))
      return respond(403, { Message: 'not authorized to perform: lambda:InvokeFunction' }, 'AccessDeniedException');
    const mishap = this.mishap();
    if (mishap === 'throttled') return respond(429, { Message: 'Rate Exceeded.' }, 'TooManyRequestsException');
    const result = await this.invoke(qualifier, textOf(body));
    if (mishap === 'no answer') throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
    if (mishap === 'fails after its work') return respond(200, { errorMessage: 'out of memory' }, undefined, true);
    return 'value' in result ? respond(200, result.value) : respond(200, result.error, undefined, true);
  }

  /** What the function makes of a payload that was sent to an alias of it. */
  async invoke(qualifier: string | undefined, payload: string): Promise<{ value: unknown } | { error: object }> {
    this.payloads.push(payload);
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

function respond(statusCode: number, body: unknown, errorType?: string, isFailure = false) {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (errorType !== undefined) headers['x-amzn-errortype'] = errorType;
  if (isFailure) headers['x-amz-function-error'] = 'Unhandled';
  return { statusCode, headers, body: Readable.from([JSON.stringify(body)]) };
}
