/**
 * Events arrive on the default bus of the account and Region in which something happened, and nowhere else. So each further
 * Region has a stack of its own that hands them to the governor's bus in the home Region, where the same functions answer.
 */
import * as yaml from 'yaml';
import * as z from 'zod';
import { anomalyRegions, forwardingRegions } from '../../domain/events/forwarding.ts';
import { ANOMALIES_REGION } from '../../domain/signals/anomaly.ts';
import type { Deployment } from '../deployment.ts';

/** A rule of `serverless.yml` whose events are forwarded too, and the function that answers them. */
export interface ForwardedRule {
  /** Its name after the prefix, such as `profile-api-calls`. */
  readonly name: string;
  /** As `serverless.yml` names the function, such as `profileChanged`. */
  readonly function: string;
  readonly description: string;
  readonly pattern: Readonly<Record<string, unknown>>;
  readonly retryPolicy: { readonly maximumEventAge: number; readonly maximumRetryAttempts: number };
}

/** A stack that forwards events from one Region. */
export interface Forwarder {
  readonly region: string;
  /** That of the payer, or the governor's own. */
  readonly account: 'own' | 'payer';
  /** Names of the rules whose events it forwards. */
  readonly rules: readonly string[];
}

const OF_PROFILES = ['profile-api-calls', 'profile-tag-changes', 'metric-alarms'];
const OF_BILLING = ['cost-anomalies'];

/** Every Region but the home Region that has events for the governor. */
export function forwardersOf({ homeRegion, regions, payerAccountId }: Deployment): readonly Forwarder[] {
  const billing = anomalyRegions(homeRegion);
  return [
    ...forwardingRegions({ homeRegion, regions }).map((region): Forwarder => {
      const rules = [...(regions.includes(region) ? OF_PROFILES : []), ...(billing.includes(region) ? OF_BILLING : [])];
      return { region, account: 'own', rules };
    }),
    ...(payerAccountId === undefined
      ? []
      : [{ region: ANOMALIES_REGION, account: 'payer', rules: OF_BILLING } satisfies Forwarder]),
  ];
}

export const prefixOf = ({ stage }: Pick<Deployment, 'stage'>): string => `bedrock-cost-governor-${stage}`;

/** The role by which a forwarder puts events on the governor's bus. The bus knows it by this name. */
export const forwarderRole = (deployment: Deployment, { region, account }: Forwarder): string =>
  `${prefixOf(deployment)}-${account === 'payer' ? 'payer' : region}-forward`;

const Service = z.object({
  functions: z.record(
    z.string(),
    z.object({
      events: z
        .array(
          z.object({
            eventBridge: z
              .object({
                name: z.string(),
                description: z.string(),
                pattern: z.record(z.string(), z.unknown()).optional(),
                retryPolicy: z.object({ maximumEventAge: z.number(), maximumRetryAttempts: z.number() }),
              })
              .optional(),
          }),
        )
        .optional(),
    }),
  ),
});

/**
 * The rules of `serverless.yml` that a forwarder may need: what is forwarded is what the home Region listens to.
 *
 * @throws an Error that names a rule which is not there, or which says something that only osls understands
 */
export function forwardedRules(serverlessYml: string, deployment: Pick<Deployment, 'stage'>): readonly ForwardedRule[] {
  const { functions } = Service.parse(yaml.parse(serverlessYml, { logLevel: 'silent' }));
  return [...OF_PROFILES, ...OF_BILLING].map((name) => {
    for (const [id, { events = [] }] of Object.entries(functions))
      for (const { eventBridge: rule } of events)
        if (rule?.pattern !== undefined && rule.name.endsWith(`}-${name}`)) {
          const { description, retryPolicy } = rule;
          return { name, function: id, description, pattern: resolved(rule.pattern, name, deployment), retryPolicy };
        }
    throw new Error(`infra/serverless.yml has no rule ${name}`);
  });
}

/** The pattern with the one variable of osls that patterns use; osls does not see the templates of other Regions. */
function resolved(
  pattern: ForwardedRule['pattern'],
  name: string,
  deployment: Pick<Deployment, 'stage'>,
): ForwardedRule['pattern'] {
  const text = JSON.stringify(pattern).replaceAll(`\${self:custom.prefix}`, prefixOf(deployment));
  if (text.includes(`\${`)) throw new Error(`the pattern of ${name} has a variable other than self:custom.prefix`);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}

/** CloudFormation. */
export type Template = Readonly<Record<string, unknown>>;

/** `profile-api-calls` → `ProfileApiCalls`. */
export const logicalName = (name: string): string =>
  name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

export const ACCOUNT_ID = { Ref: 'AWS::AccountId' };
export const sub = (text: string) => ({ 'Fn::Sub': text });
