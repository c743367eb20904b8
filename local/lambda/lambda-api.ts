/** AWS Lambda as its clients see it: invoking, versions, aliases, and what a function is like. */
import { type Members, membersOf } from '../members.ts';
import { pageOf } from '../page.ts';
import { AwsFault, type JsonObject, type Operation, type Service } from '../service.ts';
import type { InvocationResult } from './execution-environment.ts';
import { failedInvocation } from './execution-environment.ts';
import { type Deployed, THROTTLED } from './function.ts';
import type { Alias, Functions, Invocable } from './functions.ts';

/**
 * Payload limits. [docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits] That asynchronous invocations take 1 MB,
 * where older pages say 256 KB, is UNVERIFIED.
 */
const PAYLOAD_LIMIT_BYTES = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 } as const;

export interface LambdaApiOptions {
  readonly functions: Functions;
  readonly run: (target: Invocable, payload: string, requestId: string) => Promise<InvocationResult>;
  readonly runLater: (target: Invocable, payload: string) => void;
}

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameterValueException', message);

export function createLambdaApi({ functions, run, runLater }: LambdaApiOptions): Service {
  const targetOf = (members: Members, region: string): Invocable =>
    functions.resolve(members.string('FunctionName'), region, members.optionalString('Qualifier'));

  const Invoke: Operation = async (input, call) => {
    const target = targetOf(membersOf(input, invalid), call.region);
    const payload = typeof input['Payload'] === 'string' && input['Payload'] !== '' ? input['Payload'] : '{}';
    const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (!isJson(payload)) {
      throw new AwsFault('InvalidRequestContentException', 'Could not parse request body into json.');
    }
    if (type !== 'RequestResponse' && type !== 'Event' && type !== 'DryRun') {
      throw invalid(`Invalid InvocationType: ${type}`);
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
      runLater(target, payload);
      return { StatusCode: 202 };
    }
    if (target.configuration.reservedConcurrency === 0) throw THROTTLED;
    const result = withinLimit(await run(target, payload, call.requestId));
    return {
      StatusCode: 200,
      ExecutedVersion: target.version,
      Payload: result.payload,
      ...(result.error !== undefined && { FunctionError: 'Unhandled' }),
    };
  };

  const CreateAlias: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const { arn } = functions.resolve(members.string('FunctionName'), region);
    const name = members.string('Name');
    if (functions.alias(arn, name) !== undefined) {
      throw new AwsFault('ResourceConflictException', `Alias already exists: ${arn}:${name}`, 409, { Type: 'User' });
    }
    const functionVersion = members.string('FunctionVersion');
    const description = members.optionalString('Description') ?? '';
    return describeAlias(functions.putAlias(arn, { name, functionVersion, description }));
  };

  const GetAlias: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const { arn } = functions.resolve(members.string('FunctionName'), region);
    const alias = functions.alias(arn, members.string('Name'));
    if (alias !== undefined) return describeAlias(alias);
    const message = `Cannot find alias arn: ${arn}:${members.string('Name')}`;
    throw new AwsFault('ResourceNotFoundException', message, 404, { Type: 'User' });
  };

  const PublishVersion: Operation = (input, { region }) => {
    const { arn } = functions.resolve(membersOf(input, invalid).string('FunctionName'), region);
    const published = functions.publish(arn);
    return describe({ ...published, invokedArn: `${arn}:${published.version}` });
  };

  const GetFunctionConfiguration: Operation = (input, { region }) =>
    describe(targetOf(membersOf(input, invalid), region));

  const ListFunctions: Operation = (input, { region }) => {
    const members = membersOf(input, invalid);
    const versions = members.optionalString('FunctionVersion');
    if (versions !== undefined && versions !== 'ALL') throw invalid(`Invalid FunctionVersion: ${versions}`);
    const size = Number(members.optionalString('MaxItems') ?? LISTED);
    if (!Number.isInteger(size) || size < 1 || size > 10_000) throw invalid(`Invalid MaxItems: ${size}`);
    const all = functions.list(region, versions === 'ALL');
    const page = pageOf(all, Math.min(size, LISTED), members.optionalString('Marker'));
    if (page === undefined) throw invalid('Invalid Marker');
    return {
      Functions: page.items.map((deployed) => settingsOf({ ...deployed, invokedArn: listedArn(deployed, versions) })),
      ...(page.next === undefined ? {} : { NextMarker: page.next }),
    };
  };

  const functionPath = '/2015-03-31/functions/{FunctionName}';
  return {
    signingName: 'lambda',
    protocol: {
      kind: 'rest-json',
      routes: [
        {
          operation: 'Invoke',
          method: 'POST',
          path: `${functionPath}/invocations`,
          payload: 'Payload',
          responseHeaders: { FunctionError: 'x-amz-function-error', ExecutedVersion: 'x-amz-executed-version' },
        },
        { operation: 'GetFunctionConfiguration', method: 'GET', path: `${functionPath}/configuration` },
        { operation: 'ListFunctions', method: 'GET', path: '/2015-03-31/functions' },
        { operation: 'GetFunction', method: 'GET', path: functionPath },
        { operation: 'PublishVersion', method: 'POST', path: `${functionPath}/versions`, successStatus: 201 },
        { operation: 'CreateAlias', method: 'POST', path: `${functionPath}/aliases`, successStatus: 201 },
        { operation: 'GetAlias', method: 'GET', path: `${functionPath}/aliases/{Name}` },
      ],
    },
    operations: {
      Invoke,
      CreateAlias,
      GetAlias,
      PublishVersion,
      GetFunctionConfiguration,
      ListFunctions,
      GetFunction: async (input, call) => ({ Configuration: await GetFunctionConfiguration(input, call) }),
    },
  };
}

/** "up to 50 functions per call" [API reference, ListFunctions] */
const LISTED = 50;

/** UNVERIFIED that where versions are listed, what is not published has its version in its ARN too. */
const listedArn = ({ arn, version }: Deployed, versions: string | undefined): string =>
  versions === 'ALL' ? `${arn}:${version}` : arn;

const describe = (deployed: Parameters<typeof settingsOf>[0]): JsonObject => ({
  ...settingsOf(deployed),
  State: 'Active',
  LastUpdateStatus: 'Successful',
});

/** What a list tells of a function, which is not its state. [API reference, ListFunctions] */
function settingsOf({
  configuration,
  invokedArn,
  version,
  codeSha256,
}: Deployed & Pick<Invocable, 'invokedArn'>): JsonObject {
  return {
    FunctionName: configuration.name,
    FunctionArn: invokedArn,
    Runtime: configuration.runtime,
    Role: configuration.roleArn,
    Handler: configuration.handler,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    CodeSize: configuration.zip.byteLength,
    CodeSha256: codeSha256,
    Version: version,
    Environment: { Variables: { ...configuration.variables } },
  };
}

function describeAlias({ arn, name, functionVersion, description }: Alias): JsonObject {
  return { AliasArn: arn, Name: name, FunctionVersion: functionVersion, Description: description };
}

function withinLimit(result: InvocationResult): InvocationResult {
  if (Buffer.byteLength(result.payload) <= PAYLOAD_LIMIT_BYTES.RequestResponse) return result;
  return failedInvocation(
    'Function.ResponseSizeTooLarge',
    `Response payload size exceeded maximum allowed payload size (${PAYLOAD_LIMIT_BYTES.RequestResponse} bytes).`,
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
