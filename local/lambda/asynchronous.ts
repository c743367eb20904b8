import { DeliveryFailure, type Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import type { World } from '../service.ts';
import type { InvocationResult } from './execution-environment.ts';
import { type AsyncConfiguration, THROTTLED } from './function.ts';
import type { Invocable } from './functions.ts';

const DEFAULT_ASYNC: AsyncConfiguration = {
  maximumRetryAttempts: 2,
  maximumEventAgeMs: 21_600_000,
  onSuccessArn: undefined,
  onFailureArn: undefined,
};

/** Delays before the first and second retry. [docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling] */
const RETRY_DELAYS_MS = [60_000, 120_000] as const;

export interface AsynchronousOptions {
  readonly world: World;
  readonly destinations: Destinations;
  readonly identifiers: Identifiers;
  /** What is deployed under an ARN now, with its qualifier if it has one. */
  readonly deployedAt: (invokedArn: string) => Invocable | undefined;
  readonly configurationOf: (arn: string) => AsyncConfiguration | undefined;
  readonly run: (deployed: Invocable, payload: string, requestId: string) => Promise<InvocationResult>;
}

type Outcome = { deployed: Invocable; requestId: string; payload: string; result: InvocationResult; count: number };

/**
 * Takes events for functions and returns at once. Failed ones are retried after one and two minutes of virtual time,
 * then go to the function's failure destination and dead-letter queue.
 */
export function createAsynchronousInvocations(
  options: AsynchronousOptions,
): (deployed: Invocable, payload: string) => void {
  const { world, destinations, identifiers, deployedAt, configurationOf, run } = options;

  const invokeAsync = (deployed: Invocable, payload: string): void => {
    const requestId = identifiers.uuid();
    const received = world.clock.now();
    const attempt = async (count: number): Promise<void> => {
      // A later attempt runs what is deployed by then, as on AWS.
      const current = deployedAt(deployed.invokedArn);
      if (current === undefined) return;
      const config = configurationOf(deployed.arn) ?? DEFAULT_ASYNC;
      if (current.configuration.reservedConcurrency === 0) {
        // Such events go to the failure destination without a retry (UNVERIFIED, as is the condition in the record).
        const result = { payload: 'null', error: { type: THROTTLED.code, message: THROTTLED.message } };
        await fail(config, 'RetriesExhausted', { deployed: current, requestId, payload, result, count: 0 });
        return;
      }
      const result = await run(current, payload, requestId);
      const outcome = { deployed: current, requestId, payload, result, count };
      if (result.error === undefined) {
        if (config.onSuccessArn !== undefined) await sendRecord(config.onSuccessArn, 'Success', outcome);
        return;
      }
      const delay = RETRY_DELAYS_MS[count - 1];
      const due = world.clock.now() + (delay ?? 0);
      if (delay === undefined || count > config.maximumRetryAttempts) await fail(config, 'RetriesExhausted', outcome);
      else if (due - received > config.maximumEventAgeMs) await fail(config, 'EventAgeExceeded', outcome);
      else world.clock.at(due, () => void world.activity.track(attempt(count + 1)));
    };
    void world.activity.track(attempt(1));
  };

  const fail = async (config: AsyncConfiguration, condition: string, outcome: Outcome): Promise<void> => {
    const { deployed, requestId, payload, result } = outcome;
    const { deadLetterArn } = deployed.configuration;
    const reason = `${condition}: ${result.error?.type}: ${result.error?.message}`;
    if (config.onFailureArn === undefined && deadLetterArn === undefined) {
      world.observe({ kind: 'lost', from: deployed.arn, to: 'no destination for failed events', reason });
    }
    if (config.onFailureArn !== undefined) {
      world.observe({ kind: 'dead-letter', queueArn: config.onFailureArn, reason });
      await sendRecord(config.onFailureArn, condition, outcome);
    }
    if (deadLetterArn === undefined) return;
    world.observe({ kind: 'dead-letter', queueArn: deadLetterArn, reason });
    await send(deployed, deadLetterArn, payload, {
      RequestID: { DataType: 'String', StringValue: requestId },
      ErrorCode: { DataType: 'Number', StringValue: '200' },
      ErrorMessage: { DataType: 'String', StringValue: (result.error?.message ?? '').slice(0, 1024) || 'unknown' },
    });
  };

  /** The invocation record of a destination. [docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records] */
  const sendRecord = async (arn: string, condition: string, outcome: Outcome): Promise<void> => {
    const { deployed, requestId, payload, result, count } = outcome;
    const record = {
      version: '1.0',
      timestamp: new Date(world.clock.now()).toISOString(),
      requestContext: {
        requestId,
        functionArn: deployed.invokedArn === deployed.arn ? `${deployed.arn}:$LATEST` : deployed.invokedArn,
        condition,
        approximateInvokeCount: count,
      },
      requestPayload: JSON.parse(payload),
      responseContext: {
        statusCode: 200,
        executedVersion: deployed.version,
        ...(result.error !== undefined && { functionError: 'Unhandled' }),
      },
      responsePayload: JSON.parse(result.payload),
    };
    await send(deployed, arn, JSON.stringify(record), {});
  };

  const send: (
    deployed: Invocable,
    arn: string,
    body: string,
    attributes: Readonly<Record<string, { DataType: string; StringValue: string }>>,
  ) => Promise<void> = async (deployed, arn, body, attributes) => {
    try {
      await destinations.send(arn, { authority: { roleArn: deployed.configuration.roleArn }, body, attributes });
    } catch (error) {
      if (!(error instanceof DeliveryFailure)) throw error;
      world.observe({ kind: 'lost', from: deployed.arn, to: arn, reason: error.message });
    }
  };

  return invokeAsync;
}
