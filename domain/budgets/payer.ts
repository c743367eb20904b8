import { activations, type CostTagKey, inBatches } from './cost-tag-key.ts';
import { shortHash } from './short-hash.ts';

/**
 * In an organisation, billing belongs to the management account: it alone activates cost allocation tags and watches tags
 * for anomalies, and it decides whether linked accounts may ask what they cost.
 */
export interface Refused {
  readonly kind: 'refused';
  /** AWS's own words. */
  readonly why: string;
}

export const isRefused = (answer: unknown): answer is Refused =>
  typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'refused';

/** Something of billing that this account could not do for itself. */
export interface PayersPart {
  /** Names it for good: it is told once. */
  readonly id: string;
  /** As in "activate the cost allocation tags tenant, team". */
  readonly what: string;
  /** What whoever administers the management account runs; several lines where there are several commands. */
  readonly command: string;
}

/** Cost Explorer's one endpoint. */
const REGION = '--region us-east-1';

/** JSON in single quotes, as a POSIX shell hands it on unchanged. */
const quoted = (document: unknown): string => `'${JSON.stringify(document).replaceAll("'", `'\\''`)}'`;

export const tagActivationPart = (keys: readonly CostTagKey[]): PayersPart => ({
  id: `cost-tags|${shortHash(keys.join('|'))}`,
  what: `activate the cost allocation tag${keys.length === 1 ? '' : 's'} ${keys.join(', ')}`,
  command: inBatches(keys)
    .map(
      (batch) =>
        `aws ce update-cost-allocation-tags-status --cost-allocation-tags-status ${quoted(activations(batch))} ${REGION}`,
    )
    .join('\n'),
});

export const anomalyPart = (documents: { readonly monitor: object; readonly subscription: object }): PayersPart => ({
  id: `anomalies|${shortHash(JSON.stringify(documents))}`,
  what: 'watch the tenant tag for anomalies',
  command: [
    `MONITOR_ARN=$(aws ce create-anomaly-monitor --anomaly-monitor ${quoted(documents.monitor)} --query MonitorArn --output text ${REGION})`,
    `aws ce create-anomaly-subscription --anomaly-subscription ${quoted({ ...documents.subscription, MonitorArnList: ['MONITOR_ARN'] }).replace('"MONITOR_ARN"', `"'"$MONITOR_ARN"'"`)} ${REGION}`,
  ].join('\n'),
});

export const costsPart = (accountId: string): PayersPart => ({
  id: `costs|${accountId}`,
  what: 'let linked accounts see their own costs',
  command: `In the management account: Billing and Cost Management, Cost Management preferences, "Linked account access" on. Then, in account ${accountId}, this must answer: aws ce get-cost-and-usage --time-period Start=2026-01-01,End=2026-01-02 --granularity DAILY --metrics UnblendedCost ${REGION}`,
});
