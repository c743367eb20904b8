import { UserError } from './user-error.ts';

/** Which AWS, as it was typed. */
export interface ConnectionOptions {
  readonly profile?: string;
  readonly region?: string;
  readonly endpointUrl?: string;
}

/** Source: "Configuration settings and precedence", AWS CLI user guide; "Service-specific endpoints", AWS SDKs reference guide. */
const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/**
 * Tells every AWS client of this process where AWS is, in the order of the AWS CLI: options, environment, configuration
 * files. Clients read the environment when they are made, so this comes before any of them.
 *
 * @throws {UserError} with everything that is wrong with what was typed
 */
export function connect(options: ConnectionOptions, environment: NodeJS.ProcessEnv = process.env): void {
  const problems: string[] = [];
  if (options.profile === '') problems.push('--profile: expected the name of a profile of the AWS configuration files');
  if (options.region !== undefined && !/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(options.region))
    problems.push(`--region: expected a Region such as us-east-1, not "${options.region}"`);
  if (options.endpointUrl !== undefined && !isHttp(options.endpointUrl))
    problems.push(`--endpoint-url: expected a URL such as http://127.0.0.1:4566, not "${options.endpointUrl}"`);
  if (problems.length > 0) throw new UserError(problems);
  if (options.profile !== undefined) {
    // A profile that was typed beats keys of the environment.
    for (const name of KEYS) delete environment[name];
    environment['AWS_PROFILE'] = options.profile;
  }
  // The CLI's own name for it, which the SDK does not read.
  const region = options.region ?? (environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']);
  if (region !== undefined && region !== '') environment['AWS_REGION'] = region;
  if (options.endpointUrl !== undefined) {
    for (const name of Object.keys(environment)) if (/^AWS_ENDPOINT_URL_/.test(name)) delete environment[name];
    delete environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'];
    environment['AWS_ENDPOINT_URL'] = options.endpointUrl;
  }
}

function isHttp(text: string): boolean {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}

/** As CloudFormation deploys it: see `custom.prefix` in infra/serverless.yml. */
export const PREFIX = 'bedrock-cost-governor';

/** What names the stack, as it was typed or is in the environment. */
export interface StackOptions {
  readonly table?: string;
  readonly stage?: string;
}

/** @throws {UserError} where neither the table nor the stage is named */
export function tableOf({ table, stage }: StackOptions): string {
  if (table !== undefined && table !== '') {
    if (/^[\w.-]{3,255}$/.test(table)) return table;
    throw new UserError([
      `--table: expected the name of a DynamoDB table (3 to 255 letters, digits, and _ . -), not "${table}"`,
    ]);
  }
  if (stage === undefined || stage === '')
    throw new UserError([
      'expected --table <name> or --stage <stage>, or GOVERNOR_TABLE in the environment: the output TableName of the stack',
    ]);
  return `${PREFIX}-${stageIn({ stage })}`;
}

/** @throws {UserError} where the stage is not named, and the table does not tell it */
export function stageIn({ table, stage }: StackOptions): string {
  const named = stage ?? (table?.startsWith(`${PREFIX}-`) === true ? table.slice(PREFIX.length + 1) : undefined);
  if (named !== undefined && /^[A-Za-z0-9-]{1,40}$/.test(named)) return named;
  throw new UserError([
    named === undefined
      ? `expected --stage <stage>, with --table ${table ?? '<name>'} beside it: the table is not named as the stack names it, and tells no stage`
      : `--stage: expected the stage of the stack such as prod, not "${named}"`,
  ]);
}
