import { createHash } from 'node:crypto';
import { DeliveryFailure, type Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import { AwsFault, type Call, type JsonObject, type Operation, type Service, type World } from '../service.ts';
import { createAsynchronousInvocations } from './asynchronous.ts';
import { createCodeStore } from './code.ts';
import type { InvocationResult } from './execution-environment.ts';
import {
  type AsyncConfiguration,
  admits,
  type Deployed,
  type FunctionConfiguration,
  type Permission,
  THROTTLED,
} from './function.ts';
import { FunctionPool } from './function-pool.ts';

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

/**
 * Payload limits. [docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits] That asynchronous invocations take 1 MB,
 * where older pages say 256 KB, is UNVERIFIED.
 */
const PAYLOAD_LIMIT_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 } as const;

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

  const invokeAsync = createAsynchronousInvocations({
    world,
    destinations,
    identifiers,
    deployedAt: (arn) => functions.get(arn),
    configurationOf: (arn) => asyncConfigurations.get(arn),
    run,
  });

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
          // The SDK warns of the Node version of this process, which is not that of the function's runtime.
          AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
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

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
