import { like } from '../resource-policy.ts';
import { AwsFault } from '../service.ts';
import type { FunctionPool } from './function-pool.ts';

/** A function as it is deployed. */
export interface FunctionConfiguration {
  readonly name: string;
  readonly region: string;
  readonly roleArn: string;
  readonly handler: string;
  readonly runtime: string;
  readonly zip: Uint8Array;
  readonly variables: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  readonly reservedConcurrency: number | undefined;
  readonly deadLetterArn: string | undefined;
}

/** `AWS::Lambda::Permission`: who may invoke a function besides the account's own principals. */
export interface Permission {
  readonly principal: string;
  readonly action: string;
  readonly sourceArn: string | undefined;
  readonly sourceAccount: string | undefined;
}

/** `AWS::Lambda::EventInvokeConfig`: how asynchronous invocations are retried and where failures go. */
export interface AsyncConfiguration {
  readonly maximumRetryAttempts: number;
  readonly maximumEventAgeMs: number;
  readonly onSuccessArn: string | undefined;
  readonly onFailureArn: string | undefined;
}

/** The version of a function that is as it was last deployed. */
export const LATEST = '$LATEST';

/** A version of a function that can be invoked. */
export interface Deployed {
  readonly configuration: FunctionConfiguration;
  /** Of the function, without a version. */
  readonly arn: string;
  /** A number, or {@link LATEST}. */
  readonly version: string;
  readonly codeSha256: string;
  /** Of the unpacked code. */
  readonly folder: string;
  readonly pool: FunctionPool;
}

/** What a function whose reserved concurrency is 0 answers. */
export const THROTTLED = new AwsFault('TooManyRequestsException', 'Rate Exceeded.', 429, {
  Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
});

export function admits(permission: Permission, service: string, sourceArn: string, sourceAccount: string): boolean {
  return (
    permission.principal === service &&
    like(permission.action, 'lambda:InvokeFunction', 'ignoring-case') &&
    (permission.sourceArn === undefined || like(permission.sourceArn, sourceArn)) &&
    (permission.sourceAccount === undefined || permission.sourceAccount === sourceAccount)
  );
}
