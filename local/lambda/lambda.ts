import { createHash } from 'node:crypto';
import { DeliveryFailure, type Destinations, type RoleMay } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import { AwsFault, type Service, type World } from '../service.ts';
import { createAsynchronousInvocations } from './asynchronous.ts';
import { createCodeStore } from './code.ts';
import type { InvocationResult } from './execution-environment.ts';
import { type AsyncConfiguration, admits, type FunctionConfiguration, type Permission } from './function.ts';
import { FunctionPool } from './function-pool.ts';
import { Functions, type Invocable, type OpenPool } from './functions.ts';
import { createLambdaApi } from './lambda-api.ts';

export interface Lambda {
  readonly service: Service;
  /** Creates or replaces a function and returns its ARN. */
  put(configuration: FunctionConfiguration): Promise<string>;
  remove(arn: string): Promise<void>;
  /** Freezes a function as a version, if it has changed since the last one; returns the version's number. */
  publish(functionArn: string): string;
  /** Creates an alias or points it to another version; returns its ARN. */
  putAlias(functionArn: string, name: string, functionVersion: string): string;
  removeAlias(functionArn: string, name: string): void;
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

/** Log lines kept of each function. */
const LOG_LIMIT = 10_000;

/**
 * AWS Lambda for Node.js functions: the deployed zip runs in worker threads with the function's own environment and
 * credentials of its role. `Date` in a function shows the virtual clock. Time-outs are counted in real time; the delays
 * between retries of asynchronous invocations in virtual time.
 */
export function createLambda(
  world: World,
  destinations: Destinations,
  identifiers: Identifiers,
  roleMay: RoleMay,
): Lambda {
  const code = createCodeStore();
  const permissions = new Map<string, Map<string, Permission>>();
  const asyncConfigurations = new Map<string, AsyncConfiguration>();
  const logs = new Map<string, string[]>();

  const run = async (deployed: Invocable, payload: string, requestId: string): Promise<InvocationResult> => {
    const { configuration, version, invokedArn, pool } = deployed;
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
        functionVersion: version,
        invokedFunctionArn: invokedArn,
        memoryLimitInMB: String(configuration.memoryMb),
        awsRequestId: requestId,
        logGroupName: `/aws/lambda/${configuration.name}`,
        logStreamName: `embedded/[${version}]${trace.slice(0, 32)}`,
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
    deployedAt: (arn) => resolveArn(arn),
    configurationOf: (arn) => asyncConfigurations.get(arn),
    run,
  });

  destinations.register('lambda', (arn, delivery) => {
    const deployed = resolveArn(arn);
    if (deployed === undefined) throw new DeliveryFailure('NO_RESOURCE', `Function not found: ${arn}`);
    if ('service' in delivery.authority) {
      const { service, sourceArn } = delivery.authority;
      const granted = [...(permissions.get(deployed.arn)?.values() ?? [])];
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
    return functions.put(configuration, await code.unpack(configuration.zip)).arn;
  };

  const openPool: OpenPool = (configuration, folder, version) => {
    const arn = functions.arnOf(configuration.region, configuration.name);
    const roleName = configuration.roleArn.split('/').at(-1) ?? '';
    const secret = createHash('sha256').update(`${arn}/${roleName}`).digest('hex');
    const accessKeyId = `ASIA${secret.slice(0, 16).toUpperCase()}`;
    world.registerPrincipal({
      accountId: world.accountId,
      accessKeyId,
      arn: `arn:aws:sts::${world.accountId}:assumed-role/${roleName}/${configuration.name}`,
      userId: `AROA${secret.slice(16, 33).toUpperCase()}:${configuration.name}`,
    });
    const logStream = `embedded/[${version}]${secret.slice(0, 32)}`;
    const logArn = `arn:aws:logs:${configuration.region}:${world.accountId}:log-group:/aws/lambda/${configuration.name}:log-stream:${logStream}`;
    // Lambda writes what a function says by the right of the function's role, and drops it without a word otherwise.
    let keepsLog: boolean | undefined;
    const log = (line: string): void => {
      keepsLog ??= ['logs:CreateLogStream', 'logs:PutLogEvents'].every((action) =>
        roleMay(configuration.roleArn, action, logArn),
      );
      if (!keepsLog) return;
      const lines = logs.get(configuration.name) ?? [];
      lines.push(line);
      if (lines.length > LOG_LIMIT) lines.shift();
      logs.set(configuration.name, lines);
      world.observe({ kind: 'log', functionName: configuration.name, line });
    };
    return new FunctionPool(
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
          AWS_LAMBDA_FUNCTION_VERSION: version,
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMb),
          AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
          AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${configuration.name}`,
          AWS_LAMBDA_LOG_STREAM_NAME: logStream,
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
  };

  const functions = new Functions(world.accountId, openPool);

  /** `undefined`: there is none. */
  const resolveArn = (arn: string): Invocable | undefined => {
    try {
      return functions.resolve(arn, arn.split(':')[3] ?? '');
    } catch (error) {
      if (error instanceof AwsFault) return undefined;
      throw error;
    }
  };

  return {
    service: createLambdaApi({
      functions,
      run: (target, payload, requestId) => world.activity.track(run(target, payload, requestId)),
      runLater: invokeAsync,
    }),
    put,
    async remove(arn) {
      permissions.delete(arn);
      asyncConfigurations.delete(arn);
      await functions.remove(arn);
    },
    publish: (functionArn) => functions.publish(functionArn).version,
    putAlias: (functionArn, name, functionVersion) =>
      functions.putAlias(functionArn, { name, functionVersion, description: '' }).arn,
    removeAlias: (functionArn, name) => functions.removeAlias(functionArn, name),
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
      return world.activity.track(run(functions.resolve(functionNameOrArn, region), payload, identifiers.uuid()));
    },
    logs: (functionName) => logs.get(functionName) ?? [],
    async close() {
      await functions.close();
      await code.close();
    },
  };
}
