import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { mendedKeys } from '../../domain/policy/tag-keys.ts';
import { packageStack } from '../../infra/package.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { PROGRAM } from '../command-line.ts';
import { untilInterrupted } from '../interruption.ts';
import { print, printJson } from '../output/print.ts';
import { progress } from '../output/progress.ts';
import { styleOf } from '../output/style.ts';
import type { PolicyFile } from '../policy-file.ts';
import { EXIT_INTERRUPTED, UserError } from '../user-error.ts';

export interface LocalOptions {
  readonly port?: number;
  readonly data?: string;
  readonly json?: boolean;
}

/** Runs until somebody ends it. @returns the exit code */
export async function runLocal(options: LocalOptions, policy: PolicyFile | undefined): Promise<number> {
  const bar = progress(options);
  bar.at('packaging the stack …');
  // The roles of the functions may write the tags that the policy mends.
  const mendedTagKeys = policy === undefined ? {} : { mendedTagKeys: mendedKeys(policy.policy.tags) };
  const { templatePath, artifactsDir } = await packageStack(mendedTagKeys);
  const aws = await startEmbeddedAws({
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.data === undefined ? {} : { dynamoDbPath: options.data }),
  }).catch((error: unknown) => {
    throw portProblem(error) ?? error;
  });
  const interrupted = untilInterrupted();
  try {
    bar.at('deploying it into the embedded AWS …');
    const ready = deploy(aws, { templatePath, artifactsDir }, policy);
    const table = await Promise.race([ready, interrupted.then(() => undefined)]);
    bar.done();
    if (table === undefined) return EXIT_INTERRUPTED;
    tell(options, aws, table, policy !== undefined);
    await interrupted;
    return 0;
  } finally {
    await aws.close();
  }
}

async function deploy(
  aws: EmbeddedAws,
  stack: { readonly templatePath: string; readonly artifactsDir: string },
  policy: PolicyFile | undefined,
): Promise<string> {
  const { outputs } = await aws.deploy(stack);
  const table = outputs['TableName'];
  if (table === undefined) throw new Error('the stack has no output TableName');
  if (policy !== undefined) {
    const config = {
      endpoint: aws.endpoint,
      region: aws.homeRegion,
      credentials: { accessKeyId: 'local', secretAccessKey: 'not-verified' },
    };
    await policyTable(new DynamoDBClient(config), table).apply(policy.document);
  }
  return table;
}

function tell(options: LocalOptions, aws: EmbeddedAws, table: string, hasPolicy: boolean): void {
  const environment = { ...aws.environment(), GOVERNOR_TABLE: table };
  if (options.json === true) {
    printJson({ type: 'endpoint', url: aws.endpoint, table, at: new Date(aws.clock.now()).toISOString(), environment });
    return;
  }
  const style = styleOf();
  print(
    `${style.bold('The embedded AWS')} is at ${aws.endpoint}, with the governor deployed into it. In another terminal:\n`,
  );
  for (const [name, value] of Object.entries(environment)) print(`  export ${name}=${value}`);
  print(`\nThen, for instance: ${PROGRAM} ${hasPolicy ? 'status' : 'apply --policy governance.yaml'}`);
  print(
    `Its clock goes on by itself; to move it: curl -X POST ${aws.endpoint}/_embedded/clock -d '{"advance":"PT5M"}'`,
  );
  print('\nCtrl-C ends it.');
}

function portProblem(error: unknown): UserError | undefined {
  const { code, port } = error as { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE') return new UserError([`--port: ${String(port)} is in use; name another, or none`]);
  if (code === 'EACCES')
    return new UserError([`--port: ${String(port)} needs rights that you do not have; name another`]);
  return undefined;
}
