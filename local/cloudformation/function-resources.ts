import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import type { Lambda } from '../lambda/lambda.ts';
import { pollQueue } from '../lambda/queue-poller.ts';
import { isObject } from '../members.ts';
import type { Json, JsonObject, World } from '../service.ts';
import type { Queues } from '../sqs.ts';
import { type Desired, optionalProperty, physicalName, type ResourceType, stringProperty } from './resource-type.ts';
import { TemplateError } from './template.ts';

export interface FunctionResourcesOptions {
  readonly world: World;
  readonly lambda: Lambda;
  readonly queues: Queues;
  /** Folder with the zips that `Code.S3Key` names. */
  readonly artifactsDir: string;
}

/** `AWS::Lambda::*`. */
export function functionResources(options: FunctionResourcesOptions): Readonly<Record<string, ResourceType>> {
  const { world, lambda, queues, artifactsDir } = options;

  const functionType: ResourceType = {
    used: [
      'FunctionName',
      'Code',
      'Role',
      'Handler',
      'Runtime',
      'Environment',
      'MemorySize',
      'Timeout',
      'ReservedConcurrentExecutions',
      'DeadLetterConfig',
    ],
    ignored: [
      'Architectures',
      'Description',
      'EphemeralStorage',
      'KmsKeyArn',
      'LoggingConfig',
      'RecursiveLoop',
      'RuntimeManagementConfig',
      'SnapStart',
      'Tags',
      'TracingConfig',
    ],
    async put(desired) {
      const name = stringProperty(desired, 'FunctionName', physicalName(desired));
      const runtime = stringProperty(desired, 'Runtime');
      if (!runtime.startsWith('nodejs'))
        throw new TemplateError(`${desired.logicalId}: runtime ${runtime} is not embedded`);
      const arn = await lambda.put({
        name,
        region: desired.region,
        runtime,
        roleArn: stringProperty(desired, 'Role'),
        handler: stringProperty(desired, 'Handler'),
        zip: await codeOf(desired, artifactsDir),
        variables: Object.fromEntries(
          Object.entries(member(member(desired.properties, 'Environment'), 'Variables')).map(([key, value]) => [
            key,
            String(value),
          ]),
        ),
        memoryMb: Number(desired.properties['MemorySize'] ?? 128),
        timeoutSeconds: Number(desired.properties['Timeout'] ?? 3),
        reservedConcurrency: optionalNumber(desired.properties['ReservedConcurrentExecutions']),
        deadLetterArn: optionalString(member(desired.properties, 'DeadLetterConfig')['TargetArn']),
      });
      return { ref: name, attributes: { Arn: arn }, remove: () => lambda.remove(arn) };
    },
  };

  const permission: ResourceType = {
    used: ['FunctionName', 'Action', 'Principal', 'SourceArn', 'SourceAccount'],
    ignored: ['EventSourceToken', 'FunctionUrlAuthType', 'PrincipalOrgID', 'InvokedViaFunctionUrl'],
    put(desired) {
      const arn = functionArn(desired);
      lambda.putPermission(arn, `${desired.stackName}/${desired.logicalId}`, {
        action: stringProperty(desired, 'Action'),
        principal: stringProperty(desired, 'Principal'),
        sourceArn: optionalProperty(desired, 'SourceArn'),
        sourceAccount: optionalProperty(desired, 'SourceAccount'),
      });
      return {
        ref: physicalName(desired),
        attributes: { Id: physicalName(desired) },
        remove: () => lambda.removePermission(arn, `${desired.stackName}/${desired.logicalId}`),
      };
    },
  };

  const eventInvokeConfig: ResourceType = {
    used: ['FunctionName', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds', 'DestinationConfig'],
    ignored: ['Qualifier'],
    put(desired) {
      const arn = functionArn(desired);
      const destinations = member(desired.properties, 'DestinationConfig');
      lambda.putAsyncConfiguration(arn, {
        maximumRetryAttempts: optionalNumber(desired.properties['MaximumRetryAttempts']) ?? 2,
        maximumEventAgeMs: (optionalNumber(desired.properties['MaximumEventAgeInSeconds']) ?? 21_600) * 1000,
        onSuccessArn: optionalString(member(destinations, 'OnSuccess')['Destination']),
        onFailureArn: optionalString(member(destinations, 'OnFailure')['Destination']),
      });
      return {
        ref: physicalName(desired),
        attributes: {},
        remove: () => lambda.putAsyncConfiguration(arn, undefined),
      };
    },
  };

  const eventSourceMapping: ResourceType = {
    used: ['EventSourceArn', 'FunctionName', 'BatchSize', 'Enabled', 'FunctionResponseTypes'],
    ignored: ['MaximumBatchingWindowInSeconds', 'ScalingConfig', 'Tags', 'MetricsConfig'],
    async put(desired) {
      await desired.previous?.remove?.();
      const queueArn = stringProperty(desired, 'EventSourceArn');
      if (!queueArn.startsWith('arn:aws:sqs:')) {
        throw new TemplateError(`${desired.logicalId}: event sources other than SQS queues are not embedded`);
      }
      const responseTypes = desired.properties['FunctionResponseTypes'];
      const enabled = desired.properties['Enabled'] !== false;
      const stop = enabled
        ? pollQueue(world, queues, lambda, {
            queueArn,
            functionArn: functionArn(desired),
            batchSize: optionalNumber(desired.properties['BatchSize']) ?? 10,
            reportsItemFailures: Array.isArray(responseTypes) && responseTypes.includes('ReportBatchItemFailures'),
          })
        : () => {};
      return { ref: physicalName(desired), attributes: { Id: physicalName(desired) }, remove: stop };
    },
  };

  const version: ResourceType = {
    used: ['FunctionName'],
    ignored: ['CodeSha256', 'Description', 'ProvisionedConcurrencyConfig', 'RuntimePolicy'],
    // A version is published once; for another one a template has another resource.
    put(desired) {
      if (desired.previous !== undefined) return desired.previous;
      const Version = lambda.publish(functionArn(desired));
      const arn = `${functionArn(desired)}:${Version}`;
      return { ref: arn, attributes: { Version, FunctionArn: arn } };
    },
  };

  const alias: ResourceType = {
    used: ['FunctionName', 'FunctionVersion', 'Name'],
    ignored: ['Description', 'ProvisionedConcurrencyConfig'],
    put(desired) {
      const name = stringProperty(desired, 'Name');
      const arn = lambda.putAlias(functionArn(desired), name, stringProperty(desired, 'FunctionVersion'));
      return { ref: arn, attributes: { AliasArn: arn }, remove: () => lambda.removeAlias(functionArn(desired), name) };
    },
  };

  return {
    'AWS::Lambda::Function': functionType,
    'AWS::Lambda::Permission': permission,
    'AWS::Lambda::EventInvokeConfig': eventInvokeConfig,
    'AWS::Lambda::EventSourceMapping': eventSourceMapping,
    'AWS::Lambda::Version': version,
    'AWS::Lambda::Alias': alias,
  };
}

/** `FunctionName` may be a name or an ARN. */
function functionArn(desired: Desired): string {
  const name = stringProperty(desired, 'FunctionName');
  return name.startsWith('arn:')
    ? name.split(':').slice(0, 7).join(':')
    : `arn:aws:lambda:${desired.region}:${desired.accountId}:function:${name}`;
}

async function codeOf(desired: Desired, artifactsDir: string): Promise<Uint8Array> {
  const code = member(desired.properties, 'Code');
  const inline = optionalString(code['ZipFile']);
  if (inline !== undefined) return zipSync({ 'index.js': strToU8(inline) });
  const key = optionalString(code['S3Key']);
  if (key === undefined) throw new TemplateError(`${desired.logicalId}: Code has neither S3Key nor ZipFile`);
  const file = join(artifactsDir, basename(key));
  try {
    return await readFile(file);
  } catch (error) {
    throw new TemplateError(
      `${desired.logicalId}: cannot read its code: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function member(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  return isObject(value) ? value : {};
}

const optionalString = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

const optionalNumber = (value: Json | undefined): number | undefined =>
  value === undefined || value === null ? undefined : Number(value);
