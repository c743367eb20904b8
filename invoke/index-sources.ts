import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { IndexSource } from '../domain/profiles/index-source.ts';
import type { Tags } from '../domain/tags.ts';

/** What a governor has that a source of its index may need. */
export interface IndexContext {
  readonly table: string;
  readonly dynamodb: DynamoDBClient;
  readonly region: string | undefined;
  /** The tags that all calls of the governor carry: profiles without them need not be known. */
  readonly tags: Tags;
}

/** Where a governor reads its index from: the option `index` of `costGovernor`. */
export type IndexChoice = (context: IndexContext) => IndexSource;

/** The governor's own table: the default, kept by events. Reads all profiles; the process must be allowed to. */
export const tableIndex =
  (): IndexChoice =>
  ({ dynamodb, table }) =>
    onFirstUse(`the table ${table}`, async () => {
      const { tableSource } = await import('../aws/dynamodb/table-source.ts');
      return tableSource(dynamodb, table);
    });

export interface TaggingIndexOptions {
  /** Regions whose profiles are used; by default the governor's. */
  readonly regions?: readonly string[];
  /** A client for each Region; by default made from the environment. */
  readonly clientFor?: (region: string) => ResourceGroupsTaggingAPIClient;
}

/**
 * Tags as AWS has them now, from Resource Groups Tagging, and everything else from the governor's entries of just these
 * profiles: reads little where a tenant has few profiles of many. A profile whose tags the governor has not seen yet is
 * refused with `ProfileUnsettled`.
 *
 * @throws {RangeError} from the first call where no Region is known
 */
export const taggingIndex =
  (options: TaggingIndexOptions = {}): IndexChoice =>
  ({ dynamodb, table, region, tags }) => {
    const regions = options.regions ?? (region === undefined ? [] : [region]);
    if (regions.length === 0)
      throw new RangeError(
        'taggingIndex: expected `regions`, or the `region` of the governor; the tagging API is regional',
      );
    return onFirstUse(`the tagging API in ${regions.join(', ')}`, async () => {
      const { tableEntries } = await import('../aws/dynamodb/table-source.ts');
      const { taggingSource } = await import('../aws/tagging-profiles.ts');
      const { ResourceGroupsTaggingAPIClient } = await (await import('../aws/sdk-packages.ts')).taggingSdk();
      const clients = new Map<string, ResourceGroupsTaggingAPIClient>();
      const clientFor = (name: string): ResourceGroupsTaggingAPIClient => {
        const client =
          clients.get(name) ??
          options.clientFor?.(name) ??
          new ResourceGroupsTaggingAPIClient({ requestHandler: TIME_OUTS, region: name });
        clients.set(name, client);
        return client;
      };
      return taggingSource({ clientFor, regions, tags, known: tableEntries(dynamodb, table) });
    });
  };

/**
 * A document in Parameter Store: what the governor's sweep writes (`/<stack>/index`), or one written by hand. Its age is
 * that of the document.
 */
export const parameterIndex =
  (options: { readonly name: string; readonly client?: SSMClient }): IndexChoice =>
  ({ region }) =>
    onFirstUse(`the parameter ${options.name}`, async () => {
      const { parameterSource } = await import('../aws/parameter-index.ts');
      const { SSMClient } = await (await import('../aws/sdk-packages.ts')).ssmSdk();
      return parameterSource(options.client ?? new SSMClient(configOf(region)), options.name);
    });

/** A document in Secrets Manager. */
export const secretIndex =
  (options: {
    /** Name or ARN. */
    readonly secretId: string;
    readonly client?: SecretsManagerClient;
  }): IndexChoice =>
  ({ region }) =>
    onFirstUse(`the secret ${options.secretId}`, async () => {
      const { secretSource } = await import('../aws/secret-index.ts');
      const { SecretsManagerClient } = await (await import('../aws/sdk-packages.ts')).secretsManagerSdk();
      return secretSource(options.client ?? new SecretsManagerClient(configOf(region)), options.secretId);
    });

/** The function `resolve-profile` of the governor's stack, asked for the profiles that carry the governor's tags. */
export const resolverIndex =
  (options: {
    /** Name or ARN. */
    readonly functionName: string;
    readonly client?: LambdaClient;
  }): IndexChoice =>
  ({ region, tags }) =>
    onFirstUse(`the function ${options.functionName}`, async () => {
      const { resolverSource } = await import('../aws/lambda-resolver.ts');
      const { LambdaClient } = await (await import('../aws/sdk-packages.ts')).lambdaSdk();
      return resolverSource(options.client ?? new LambdaClient(configOf(region)), options.functionName, tags);
    });

/** The SDK's own clients wait for as long as the connection stands, and so would every call at a source that is silent. */
const TIME_OUTS = { connectionTimeout: 1_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

const configOf = (region: string | undefined) => ({
  requestHandler: TIME_OUTS,
  ...(region === undefined ? {} : { region }),
});

/** A source whose client is loaded when it is first read: a program that does not use it does not pay for its import. */
function onFirstUse(name: string, make: () => Promise<IndexSource>): IndexSource {
  let source: IndexSource | undefined;
  return {
    name,
    async read() {
      source ??= await make();
      return await source.read();
    },
  };
}
