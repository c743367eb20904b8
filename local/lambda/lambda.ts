import { createHash } from 'node:crypto';
import { DeliveryFailure, type Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import { like } from '../resource-policy.ts';
import { AwsFault, type Call, type JsonObject, type Operation, type Service, type World } from '../service.ts';
import { createCodeStore } from './code.ts';
import type { InvocationResult } from './execution-environment.ts';
import { FunctionPool } from './function-pool.ts';

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

export interface Lambda {
  readonly service: Service;
  /** Creates or replaces a function and returns its ARN. */
  put(configuration: FunctionConfiguration): Promise<string>;
  remove(arn: string): Promise<void>;
  /** @param id names the permission, so that putting it again replaces it */
  putPermission(functionArn: string, id: string, permission: Permission): void;
  removePermission(functionArn: string, id: string): void;
  putAsyncConfiguration(functionArn: string, configuration: AsyncConfiguration | undefined): void;
  /** Invokes and waits for the result. @throws {AwsFault} if there is no such function */
  invoke(functionNameOrArn: string, payload: string, region?: string): Promise<InvocationResult>;
  /** Log lines so far, oldest first. */
  logs(functionName: string): readonly string[];
  /** Ends all workers, busy ones too. */
  close(): Promise<void>;
}

type Deployed = {
  readonly configuration: FunctionConfiguration;
  readonly arn: string;
  readonly codeSha256: string;
  readonly pool: FunctionPool;
};

const DEFAULT_ASYNC: AsyncConfiguration = {
  maximumRetryAttempts: 2,
  maximumEventAgeMs: 21_600_000,
  onSuccessArn: undefined,
  onFailureArn: undefined,
};

/** Delays before the first and second retry. [D:lambda/latest/dg/invocation-async-error-handling: one and two minutes] */
const RETRY_DELAYS_MS = [60_000, 120_000] as const;

/** Payload limits. [D:lambda/latest/dg/gettingstarted-limits; 1 MB for asynchronous invocations since October 2025] */
const PAYLOAD_LIMIT_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 } as const;

const THROTTLED = new AwsFault('TooManyRequestsException', 'Rate Exceeded.', 429, {
  Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
});

/** Log lines kept of each function. */
const LOG_LIMIT = 10_000;

/**
 * AWS Lambda for Node.js functions: the deployed zip runs in worker threads with the function's own environment and
 * credentials of its role. `Date` in a function shows the virtual clock. Time-outs are counted in real time; the delays
 * between retries of asynchronous invocations in virtual time.
 */
export function createLambda(world: World, destinations: Destinations, identifiers: Identifiers): Lambda {
  const code = createCodeStore();
  const functions = new Map<string, Deployed>();
  const permissions = new Map<string, Map<string, Permission>>();
  const asyncConfigurations = new Map<string, AsyncConfiguration>();
  const logs = new Map<string, string[]>();
  /** Pools of replaced functions that may still be busy. */
  const retiring = new Set<Promise<void>>();

  const arnOf = (region: string, name: string): string =>
    `arn:aws:lambda:${region}:${world.accountId}:function:${name}`;

  const find = (nameOrArn: string, region: string): Deployed => {
    const arn = nameOrArn.startsWith('arn:') ? nameOrArn.split(':').slice(0, 7).join(':') : arnOf(region, nameOrArn);
    const found = functions.get(arn);
    if (found === undefined) throw new AwsFault('ResourceNotFoundException', `Function not found: ${arn}`, 404);
    return found;
  };

  const run = async (deployed: Deployed, payload: string, requestId: string): Promise<InvocationResult> => {
    const { configuration, arn, pool } = deployed;
    const begun = performance.now();
    const now = world.clock.now();
    const trace = createHash('sha256').update(requestId).digest('hex');
    const result = await pool.run({
      requestId,
      payload,
      traceId: `Root=1-${Math.floor(now / 1000).toString(16)}-${trace.slice(0, 24)};Parent=${trace.slice(24, 40)};Sampled=0`,
      clockOffset: now - Date.now(),
      timeoutMs: configuration.timeoutSeconds * 1000,
      context: {
        functionName: configuration.name,
        functionVersion: '$LATEST',
        invokedFunctionArn: arn,
        memoryLimitInMB: String(configuration.memoryMb),
        awsRequestId: requestId,
        logGroupName: `/aws/lambda/${configuration.name}`,
        logStreamName: `embedded/[$LATEST]${trace.slice(0, 32)}`,
      },
    });
    world.observe({
      kind: 'invocation',
      functionName: configuration.name,
      requestId,
      durationMs: Math.round(performance.now() - begun),
      ...(result.error !== undefined && { error: `${result.error.type}: ${result.error.message}` }),
    });
    return result;
  };

  const invokeAsync = (deployed: Deployed, payload: string): string => {
    const requestId = identifiers.uuid();
    const received = world.clock.now();
    const attempt = async (count: number): Promise<void> => {
      // A later attempt runs what is deployed by then, as on AWS.
      const current = functions.get(deployed.arn);
      if (current === undefined) return;
      const config = asyncConfigurations.get(deployed.arn) ?? DEFAULT_ASYNC;
      if (current.configuration.reservedConcurrency === 0) {
        // Such events go to the failure destination without a retry. [D:lambda/latest/dg/invocation-async-error-handling]
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
    return requestId;
  };

  type Outcome = { deployed: Deployed; requestId: string; payload: string; result: InvocationResult; count: number };

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

  /** The invocation record of a destination. [D:lambda/latest/dg/invocation-async-retain-records] */
  const sendRecord = async (arn: string, condition: string, outcome: Outcome): Promise<void> => {
    const { deployed, requestId, payload, result, count } = outcome;
    const record = {
      version: '1.0',
      timestamp: new Date(world.clock.now()).toISOString(),
      requestContext: {
        requestId,
        functionArn: `${deployed.arn}:$LATEST`,
        condition,
        approximateInvokeCount: count,
      },
      requestPayload: JSON.parse(payload),
      responseContext: {
        statusCode: 200,
        executedVersion: '$LATEST',
        ...(result.error !== undefined && { functionError: 'Unhandled' }),
      },
      responsePayload: JSON.parse(result.payload),
    };
    await send(deployed, arn, JSON.stringify(record), {});
  };

  const send: (
    deployed: Deployed,
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

  destinations.register('lambda', (arn, delivery) => {
    const functionArn = arn.split(':').slice(0, 7).join(':');
    const deployed = functions.get(functionArn);
    if (deployed === undefined) throw new DeliveryFailure('NO_RESOURCE', `Function not found: ${arn}`);
    if ('service' in delivery.authority) {
      const { service, sourceArn } = delivery.authority;
      const granted = [...(permissions.get(functionArn)?.values() ?? [])];
      if (!granted.some((permission) => admits(permission, service, sourceArn, world.accountId))) {
        throw new DeliveryFailure(
          'NO_PERMISSIONS',
          `No AWS::Lambda::Permission lets ${service} invoke ${arn} for ${sourceArn}.`,
        );
      }
    }
    invokeAsync(deployed, delivery.body);
  });

  const put = async (configuration: FunctionConfiguration): Promise<string> => {
    const arn = arnOf(configuration.region, configuration.name);
    const { folder, sha256 } = await code.unpack(configuration.zip);
    const previous = functions.get(arn);
    if (previous !== undefined) {
      const retired = previous.pool.retire().finally(() => retiring.delete(retired));
      retiring.add(retired);
    }
    const roleName = configuration.roleArn.split('/').at(-1) ?? '';
    const secret = createHash('sha256').update(`${arn}/${roleName}`).digest('hex');
    const accessKeyId = `ASIA${secret.slice(0, 16).toUpperCase()}`;
    world.registerPrincipal({
      accountId: world.accountId,
      accessKeyId,
      arn: `arn:aws:sts::${world.accountId}:assumed-role/${roleName}/${configuration.name}`,
      userId: `AROA${secret.slice(16, 33).toUpperCase()}:${configuration.name}`,
    });
    const log = (line: string): void => {
      const lines = logs.get(configuration.name) ?? [];
      lines.push(line);
      if (lines.length > LOG_LIMIT) lines.shift();
      logs.set(configuration.name, lines);
      world.observe({ kind: 'log', functionName: configuration.name, line });
    };
    const pool = new FunctionPool(
      {
        taskRoot: folder,
        handler: configuration.handler,
        memoryMb: configuration.memoryMb,
        log,
        variables: {
          PATH: '/usr/local/bin:/usr/bin:/bin',
          LANG: 'en_US.UTF-8',
          TZ: ':UTC',
          LAMBDA_TASK_ROOT: folder,
          _HANDLER: configuration.handler,
          AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.runtime}`,
          AWS_LAMBDA_FUNCTION_NAME: configuration.name,
          AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMb),
          AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
          AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${configuration.name}`,
          AWS_LAMBDA_LOG_STREAM_NAME: `embedded/[$LATEST]${secret.slice(0, 32)}`,
          AWS_REGION: configuration.region,
          AWS_DEFAULT_REGION: configuration.region,
          AWS_ACCESS_KEY_ID: accessKeyId,
          AWS_SECRET_ACCESS_KEY: secret,
          AWS_SESSION_TOKEN: `embedded-${secret.slice(0, 24)}`,
          AWS_ENDPOINT_URL: world.endpoint(),
          ...configuration.variables,
        },
      },
      configuration.reservedConcurrency,
    );
    functions.set(arn, { configuration, arn, codeSha256: sha256, pool });
    return arn;
  };

  const Invoke: Operation = async (input, call) => {
    const deployed = find(String(input['FunctionName']), call.region);
    const payload = typeof input['Payload'] === 'string' && input['Payload'] !== '' ? input['Payload'] : '{}';
    const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (!isJson(payload)) {
      throw new AwsFault('InvalidRequestContentException', 'Could not parse request body into json.');
    }
    if (type !== 'RequestResponse' && type !== 'Event' && type !== 'DryRun') {
      throw new AwsFault('InvalidParameterValueException', `Invalid InvocationType: ${type}`);
    }
    const limit = type === 'Event' ? PAYLOAD_LIMIT_BYTES.Event : PAYLOAD_LIMIT_BYTES.RequestResponse;
    if (Buffer.byteLength(payload) > limit) {
      throw new AwsFault(
        'RequestTooLargeException',
        `Request must be smaller than ${limit} bytes for the ${type} operation`,
        413,
      );
    }
    if (type === 'DryRun') return { StatusCode: 204 };
    if (type === 'Event') {
      invokeAsync(deployed, payload);
      return { StatusCode: 202 };
    }
    if (deployed.configuration.reservedConcurrency === 0) throw THROTTLED;
    const result = await world.activity.track(run(deployed, payload, call.requestId));
    return {
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      Payload: result.payload,
      ...(result.error !== undefined && { FunctionError: 'Unhandled' }),
    };
  };

  const GetFunctionConfiguration: Operation = (input, call: Call): JsonObject => {
    const { configuration, arn, codeSha256 } = find(String(input['FunctionName']), call.region);
    return {
      FunctionName: configuration.name,
      FunctionArn: arn,
      Runtime: configuration.runtime,
      Role: configuration.roleArn,
      Handler: configuration.handler,
      Timeout: configuration.timeoutSeconds,
      MemorySize: configuration.memoryMb,
      CodeSize: configuration.zip.byteLength,
      CodeSha256: codeSha256,
      Version: '$LATEST',
      State: 'Active',
      LastUpdateStatus: 'Successful',
      Environment: { Variables: { ...configuration.variables } },
    };
  };

  return {
    service: {
      signingName: 'lambda',
      protocol: {
        kind: 'rest-json',
        routes: [
          {
            operation: 'Invoke',
            method: 'POST',
            path: '/2015-03-31/functions/{FunctionName}/invocations',
            payload: 'Payload',
            responseHeaders: { FunctionError: 'x-amz-function-error', ExecutedVersion: 'x-amz-executed-version' },
          },
          {
            operation: 'GetFunctionConfiguration',
            method: 'GET',
            path: '/2015-03-31/functions/{FunctionName}/configuration',
          },
        ],
      },
      operations: { Invoke, GetFunctionConfiguration },
    },
    put,
    async remove(arn) {
      const deployed = functions.get(arn);
      functions.delete(arn);
      permissions.delete(arn);
      asyncConfigurations.delete(arn);
      await deployed?.pool.retire();
    },
    putPermission(functionArn, id, permission) {
      const granted = permissions.get(functionArn) ?? new Map<string, Permission>();
      granted.set(id, permission);
      permissions.set(functionArn, granted);
    },
    removePermission(functionArn, id) {
      permissions.get(functionArn)?.delete(id);
    },
    putAsyncConfiguration(functionArn, configuration) {
      if (configuration === undefined) asyncConfigurations.delete(functionArn);
      else asyncConfigurations.set(functionArn, configuration);
    },
    async invoke(functionNameOrArn, payload, region = world.homeRegion) {
      return world.activity.track(run(find(functionNameOrArn, region), payload, identifiers.uuid()));
    },
    logs: (functionName) => logs.get(functionName) ?? [],
    async close() {
      await Promise.all([...functions.values()].map(({ pool }) => pool.terminate()));
      await Promise.all(retiring);
      await code.close();
    },
  };
}

function admits(permission: Permission, service: string, sourceArn: string, sourceAccount: string): boolean {
  return (
    permission.principal === service &&
    like(permission.action, 'lambda:InvokeFunction', 'ignoring-case') &&
    (permission.sourceArn === undefined || like(permission.sourceArn, sourceArn)) &&
    (permission.sourceAccount === undefined || permission.sourceAccount === sourceAccount)
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
