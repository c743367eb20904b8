/** What a stack is packaged for: the options of `npm run package`, checked as a whole before anything is built. */
import { parseArgs } from 'node:util';
import { forwardingRegions } from '../domain/events/forwarding.ts';
import { partitionOf } from '../domain/profiles/profile-arn.ts';
import { UserError } from './user-error.ts';

/** Where and how a stack is to be deployed. */
export interface Deployment {
  readonly stage: string;
  /** The Region of the stack, its table and its bus. */
  readonly homeRegion: string;
  /** Whose profiles are governed, in alphabetical order. The home Region need not be one of them. */
  readonly regions: readonly string[];
  /** Of the organisation that this account is a member of; undefined: the account pays for itself, or does not say. */
  readonly payerAccountId: string | undefined;
  /** ARN of the customer's key by Region. Where there is none, AWS's own keys encrypt. */
  readonly kmsKeys: Readonly<Record<string, string>>;
  readonly logRetentionInDays: number;
  readonly logLevel: string;
}

/** What was typed, before the policy file has been read that it may name. */
export interface DeploymentOptions {
  /** Packages for what this policy file says: its Regions, and the payer's part. */
  readonly policyFile: string | undefined;
  /** @throws {UserError} with everything that does not go together */
  deployment(policyRegions?: readonly string[]): Deployment;
}

const REGION = /^[a-z]{2}(-[a-z]+)+-\d$/;
const ACCOUNT = /^\d{12}$/;
const KEY =
  /^arn:aws[a-z-]*:kms:(?<region>[a-z0-9-]+):\d{12}:key\/(?<id>mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
/** Those that CloudWatch Logs knows. Source: API reference, PutRetentionPolicy. */
const RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'];

/** Parameters of the stack that were set by `--param` before they had an option of their own. */
const PARAMETERS: Readonly<Record<string, 'log-retention' | 'log-level' | 'payer-account'>> = {
  logRetentionInDays: 'log-retention',
  logLevel: 'log-level',
  payerAccountId: 'payer-account',
};

/** The longest names that are made of stage and Region. Names of roles and rules have at most 64 characters (IAM and EventBridge API references). */
const LONGEST_NAME = 64;
const longestNames = ({ stage, homeRegion, regions }: Pick<Deployment, 'stage' | 'homeRegion' | 'regions'>) => [
  `bedrock-cost-governor-${stage}-${homeRegion}-profile-changed`,
  `bedrock-cost-governor-${stage}-ledger-watch-schedule`,
  ...regions.map((region) => `bedrock-cost-governor-${stage}-${region}-forward`),
  ...(regions.some((region) => region !== homeRegion)
    ? [`bedrock-cost-governor-${stage}-forwarded-profile-tag-changes`]
    : []),
];

/**
 * Reads the options of `npm run package`.
 *
 * @throws {UserError} with a line for each option that is unknown or malformed
 */
export function readDeployment(args: readonly string[]): DeploymentOptions {
  const { problems, values } = typed(args);
  const expect = (holds: boolean, place: string, expected: string, found: string): void => {
    if (!holds) problems.push(`${place}: expected ${expected}, not "${found}"`);
  };
  const { stage = 'dev', region: homeRegion = 'us-east-1', 'log-level': logLevel = 'INFO' } = values;
  const { 'log-retention': retention = '90', 'payer-account': payer = 'none', policy: policyFile } = values;
  const regions = values.regions?.flatMap((list) => list.split(',')).map((name) => name.trim());

  expect(/^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/.test(stage), '--stage', 'letters, digits and "-", such as prod', stage);
  const oneRegion = 'a Region of AWS such as eu-west-1';
  expect(REGION.test(homeRegion), '--region', oneRegion, homeRegion);
  for (const name of regions ?? [])
    expect(REGION.test(name), '--regions', `${oneRegion}, or several with commas`, name);
  for (const name of regions ?? [])
    if (REGION.test(name) && REGION.test(homeRegion) && partitionOf(name) !== partitionOf(homeRegion))
      problems.push(`--regions: expected Regions of one partition: ${name} and ${homeRegion} exchange no events`);
  expect(payer === 'none' || ACCOUNT.test(payer), '--payer-account', 'an account id of 12 digits', payer);
  expect(
    RETENTIONS.map(String).includes(retention),
    '--log-retention',
    `days, one of ${RETENTIONS.join(', ')}`,
    retention,
  );
  expect(LOG_LEVELS.includes(logLevel), '--log-level', `one of ${LOG_LEVELS.join(', ')}`, logLevel);
  const keys = values['kms-key'] ?? [];
  for (const key of keys) expect(KEY.test(key), '--kms-key', 'the ARN of a key (an alias will not do)', key);
  if (problems.length > 0) throw new UserError(problems);

  const logging = { logRetentionInDays: Number(retention), logLevel };
  return {
    policyFile,
    deployment(policyRegions) {
      const governed = [...new Set(regions ?? policyRegions ?? [homeRegion])].sort();
      const found = [
        ...(policyRegions ?? [])
          .filter((name) => !governed.includes(name))
          .map((name) => `--regions: expected every Region of ${policyFile}: ${name} is missing`),
        ...governed
          .filter((name) => partitionOf(name) !== partitionOf(homeRegion))
          .map((name) => `--region: expected a Region of the partition of ${name}, which the policy governs`),
        ...longestNames({ stage, homeRegion, regions: governed })
          .filter((name) => name.length > LONGEST_NAME)
          .slice(0, 1)
          .map((name) => `--stage: expected a shorter name: ${name} has more than ${LONGEST_NAME} characters`),
      ];
      const kmsKeys = keysByRegion(keys, [homeRegion, ...forwardingRegions({ homeRegion, regions: governed })], found);
      if (keys.length > 0 && kmsKeys[homeRegion] === undefined && found.length === 0)
        found.push(`--kms-key: expected a key in the Region of the stack, ${homeRegion}`);
      if (found.length > 0) throw new UserError([...new Set(found)]);
      return {
        stage,
        homeRegion,
        regions: governed,
        payerAccountId: payer === 'none' ? undefined : payer,
        kmsKeys,
        ...logging,
      };
    },
  };
}

/** A multi-Region key stands for its replicas, which have its id (KMS developer guide, multi-Region keys). */
function keysByRegion(keys: readonly string[], regions: readonly string[], problems: string[]): Record<string, string> {
  const byRegion: Record<string, string> = {};
  const several = keys.filter((key) => key.includes(':key/mrk-'));
  for (const key of keys) {
    const region = KEY.exec(key)?.groups?.['region'] ?? '';
    if (!regions.includes(region))
      problems.push(`--kms-key: ${key}: expected a key of a governed Region, or of ${regions[0]}`);
    else if (byRegion[region] !== undefined) problems.push(`--kms-key: expected one key in ${region}, not two`);
    else byRegion[region] = key;
  }
  const [replicated] = several;
  if (replicated !== undefined) {
    const own = KEY.exec(replicated)?.groups?.['region'] ?? '';
    for (const region of regions) byRegion[region] ??= replicated.replace(`:kms:${own}:`, `:kms:${region}:`);
  }
  return byRegion;
}

const OPTIONS = {
  stage: { type: 'string', short: 's' },
  region: { type: 'string', short: 'r' },
  regions: { type: 'string', multiple: true },
  policy: { type: 'string' },
  'payer-account': { type: 'string' },
  'kms-key': { type: 'string', multiple: true },
  'log-retention': { type: 'string' },
  'log-level': { type: 'string' },
  param: { type: 'string', multiple: true },
} as const;

/** What `--help` says. */
export const packagingHelp = (): string =>
  `npm run package -- [options]: ${[...Object.keys(OPTIONS), 'adopt-table'].map((name) => `--${name}`).join(', ')}. What they mean: docs/deploying.md`;

function typed(args: readonly string[]) {
  const problems: string[] = [];
  try {
    const { values } = parseArgs({
      args: [...args],
      options: OPTIONS,
    });
    for (const text of values.param ?? []) {
      const [name = '', value = ''] = text.split(/=(.*)/s);
      const option = PARAMETERS[name];
      if (option === undefined)
        problems.push(`--param: expected ${Object.keys(PARAMETERS).join(', ')} and "=", not "${text}"`);
      else if (values[option] !== undefined && values[option] !== value)
        problems.push(`--${option}: expected one value, and --param ${text} says another`);
      else values[option] = value;
    }
    return { problems, values };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError([`${error.message.split('. ')[0]}. The options are in docs/deploying.md`]);
  }
}
