/** What a function is held against: a bundle of just the SDK clients that are in its own, which asks the same first question. */
import { basename, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import type { Call, JsonObject } from '../../local/service.ts';
import { ROOT } from './packaged-function.ts';

export interface FirstCall {
  readonly call: Pick<Call, 'service' | 'operation' | 'region'>;
  readonly input: JsonObject;
}

/** The SDK's package by the name in signatures. */
const PACKAGES: Readonly<Record<string, string>> = {
  dynamodb: 'dynamodb',
  bedrock: 'bedrock',
  ssm: 'ssm',
  ce: 'cost-explorer',
};

/** The clients of AWS that the bundle of a handler holds: `dynamodb`, `sns`. */
export async function clientsOf(handler: string, plugins: readonly Plugin[]): Promise<string[]> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`handlers/${handler}.ts`],
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    plugins: [...plugins],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const [output] = Object.values(metafile.outputs);
  const clients = Object.entries(output?.inputs ?? {}).flatMap(([path, { bytesInOutput }]) => {
    const client = /node_modules\/@aws-sdk\/client-([a-z-]+)\/dist-es\/\w+Client\.js$/.exec(path)?.[1];
    return client === undefined || bytesInOutput === 0 ? [] : [client];
  });
  return [...new Set(clients)].sort();
}

/**
 * Writes the bundle as a build of the SDK alone would: the same bundler and settings, every client's own default credentials,
 * each client made when it is first needed.
 */
export async function bundleBareClients(clients: readonly string[], first: FirstCall, outDir: string): Promise<string> {
  const asked = PACKAGES[first.call.service];
  if (asked === undefined) throw new Error(`the first call is of ${first.call.service}, which this does not know`);
  const nameOf = (client: string): string =>
    CLIENT_CLASSES[client] ??
    `${client.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())}Client`;
  const imports = clients.map((client) => {
    const command = client === asked ? `, ${first.call.operation}Command` : '';
    return `import { ${nameOf(client)}${command} } from '@aws-sdk/client-${client}';`;
  });
  const source = `${imports.join('\n')}
export const others = () => [${clients.map(nameOf).join(', ')}];
let client;
export async function handler() {
  client ??= new ${nameOf(asked)}({ region: ${JSON.stringify(first.call.region)} });
  return await client.send(new ${first.call.operation}Command(${JSON.stringify(first.input)}));
}
`;
  const outfile = join(outDir, `${basename(outDir)}-bare.mjs`);
  await build({
    stdin: { contents: source, resolveDir: ROOT, loader: 'js' },
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    logLevel: 'silent',
  });
  return outfile;
}

/** Where the class is not named as its package. */
const CLIENT_CLASSES: Readonly<Record<string, string>> = {
  dynamodb: 'DynamoDBClient',
  cloudtrail: 'CloudTrailClient',
  cloudwatch: 'CloudWatchClient',
  eventbridge: 'EventBridgeClient',
  iam: 'IAMClient',
  sns: 'SNSClient',
  ssm: 'SSMClient',
  'resource-groups-tagging-api': 'ResourceGroupsTaggingAPIClient',
};
