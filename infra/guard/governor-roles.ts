/**
 * The functions whose roles may tag profiles, as infra/resources/roles.yml has them. Named one by one: a wildcard would
 * let whoever may create a role of a fitting name be the governor.
 */
const TAGGING_FUNCTIONS = [
  'profile-changed',
  'sweep',
  'budget-alert',
  'budget-hint',
  'ledger-watch',
  'reopen-ended',
  'cost-anomaly',
  'metric-alarm',
] as const;

/** Where the stack was deployed: its `--stage` and `--region`. */
export interface DeployedStack {
  readonly stage: string;
  readonly region: string;
}

/** Names of the roles of the stack that may set and remove `governor:*` tags. */
export const governorRoles = ({ stage, region }: DeployedStack): readonly string[] =>
  TAGGING_FUNCTIONS.map((name) => `bedrock-cost-governor-${stage}-${region}-${name}`);
