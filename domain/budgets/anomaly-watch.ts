import type { Journal } from '../journal.ts';
import { awsAmount, type NanoUsd } from '../money.ts';
import type { Policy } from '../policy/policy.ts';
import type { CostTagKey } from './cost-tag-key.ts';
import { isRefused, type Refused } from './payer.ts';

/** A monitor of Cost Anomaly Detection. */
export interface AnomalyMonitor {
  readonly arn: string;
  readonly name: string;
  /** The tag key whose values it watches, each on its own; absent on a monitor of another kind. */
  readonly tagKey?: CostTagKey;
}

export interface AnomalySubscription {
  readonly arn: string;
  readonly name: string;
  readonly frequency: string;
  readonly monitors: readonly string[];
  /** ARNs of SNS topics. */
  readonly topics: readonly string[];
  /** The total impact in US dollars from which on it tells, where that is all that its threshold says. */
  readonly impact?: NanoUsd;
}

/** What a subscription that tells at once is made of. */
export type WantedSubscription = Required<Pick<AnomalySubscription, 'name' | 'monitors' | 'topics' | 'impact'>>;

/** Cost Anomaly Detection. Every call may throw. */
export interface AnomalyDetection {
  monitors(): Promise<readonly AnomalyMonitor[] | Refused>;
  /** @returns its ARN */
  watchTag(name: string, tagKey: CostTagKey): Promise<string | Refused>;
  subscriptions(): Promise<readonly AnomalySubscription[] | Refused>;
  subscribe(wanted: WantedSubscription): Promise<'subscribed' | Refused>;
  /** Other members of it stay as they are. */
  resubscribe(arn: string, wanted: WantedSubscription): Promise<'subscribed' | Refused>;
}

export type AnomalyWatch =
  | 'off'
  /** The tenant tag is not active yet, or the policy only observes. */
  | 'waiting'
  | 'unchanged'
  | 'changed'
  /** Others have something else under our name: it is left alone. */
  | 'taken';

export interface AnomalyPorts {
  readonly policy: Policy;
  readonly stage: string;
  readonly anomalyTopicArn: string;
  readonly anomalies: AnomalyDetection;
  readonly journal: Journal;
}

const monitorName = ({ stage, policy }: Pick<AnomalyPorts, 'stage' | 'policy'>): string =>
  `governor-${stage}-${policy.tenantTag}`;
const subscriptionName = (stage: string): string => `governor-${stage}-anomalies`;

/**
 * One monitor on the tenant tag, which watches up to 5,000 values, and one subscription that tells our topic at once.
 * Found by name, or the monitor by what it watches; made where they are missing; the subscription is put right where it
 * differs, and what others have added to it stays.
 */
export async function watchForAnomalies(ports: AnomalyPorts): Promise<AnomalyWatch | Refused> {
  const { policy, journal } = ports;
  if (policy.anomalies === 'off') return 'off';
  const monitor = await provideMonitor(ports);
  if (typeof monitor === 'string' || isRefused(monitor)) return monitor;
  const subscriptions = await ports.anomalies.subscriptions();
  if (isRefused(subscriptions)) return subscriptions;
  const existing = subscriptions.find(({ name }) => name === subscriptionName(ports.stage));
  const wanted: WantedSubscription = {
    name: subscriptionName(ports.stage),
    monitors: union(existing?.monitors ?? [], monitor.arn),
    topics: union(existing?.topics ?? [], ports.anomalyTopicArn),
    impact: policy.anomalies.impact,
  };
  if (existing !== undefined && existing.frequency !== 'IMMEDIATE')
    return taken(ports, `subscription ${existing.arn} is ${existing.frequency}, and a topic takes IMMEDIATE alone`);
  const isRight =
    existing !== undefined &&
    existing.impact === wanted.impact &&
    existing.monitors.length === wanted.monitors.length &&
    existing.topics.length === wanted.topics.length;
  if (isRight) return monitor.isNew ? 'changed' : 'unchanged';
  if (policy.mode === 'observe') {
    journal.decided('would subscribe to anomalies', { subscription: wanted.name });
    return 'waiting';
  }
  const outcome = await (existing === undefined
    ? ports.anomalies.subscribe(wanted)
    : ports.anomalies.resubscribe(existing.arn, wanted));
  if (isRefused(outcome)) return outcome;
  journal.counted('AnomalyMonitorChanged', {
    subscription: wanted.name,
    outcome: existing === undefined ? 'created' : 'updated',
  });
  return 'changed';
}

async function provideMonitor(
  ports: AnomalyPorts,
): Promise<{ readonly arn: string; readonly isNew: boolean } | 'taken' | 'waiting' | Refused> {
  const { policy, journal } = ports;
  const monitors = await ports.anomalies.monitors();
  if (isRefused(monitors)) return monitors;
  const name = monitorName(ports);
  const ofName = monitors.filter((each) => each.name === name);
  const watching =
    ofName.find(({ tagKey }) => tagKey === policy.tenantTag) ??
    monitors.find(({ tagKey }) => tagKey === policy.tenantTag);
  if (watching !== undefined) return { arn: watching.arn, isNew: false };
  const [other] = ofName;
  if (other !== undefined) return taken(ports, `monitor ${other.arn} has our name and watches something else`);
  if (policy.mode === 'observe') {
    journal.decided('would watch tag for anomalies', { tag: policy.tenantTag, monitor: name });
    return 'waiting';
  }
  const arn = await ports.anomalies.watchTag(name, policy.tenantTag);
  if (isRefused(arn)) return arn;
  journal.counted('AnomalyMonitorChanged', { monitor: name, outcome: 'created' });
  return { arn, isNew: true };
}

function taken({ journal }: AnomalyPorts, because: string): 'taken' {
  journal.decided('leave foreign anomaly detection', { because });
  return 'taken';
}

const union = (list: readonly string[], one: string): readonly string[] => (list.includes(one) ? list : [...list, one]);

/** What the payer is to create where this account may not; in the shape of the API. */
export const anomalyDocuments = (
  ports: Pick<AnomalyPorts, 'stage' | 'policy' | 'anomalyTopicArn'>,
  impact: NanoUsd,
) => ({
  monitor: {
    MonitorName: monitorName(ports),
    MonitorType: 'DIMENSIONAL',
    MonitorDimension: 'TAG',
    MonitorSpecification: { Tags: { Key: ports.policy.tenantTag } },
  },
  subscription: {
    SubscriptionName: subscriptionName(ports.stage),
    Subscribers: [{ Type: 'SNS', Address: ports.anomalyTopicArn }],
    Frequency: 'IMMEDIATE',
    ThresholdExpression: {
      Dimensions: {
        Key: 'ANOMALY_TOTAL_IMPACT_ABSOLUTE',
        MatchOptions: ['GREATER_THAN_OR_EQUAL'],
        Values: [awsAmount(impact)],
      },
    },
  },
});
