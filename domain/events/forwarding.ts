import { partitionOf } from '../profiles/profile-arn.ts';
import { ANOMALIES_REGION } from '../signals/anomaly.ts';
import type { Origins } from './origin.ts';

/** What a stack calls things in a Region that forwards, after its prefix and a hyphen: infra/forwarding/. */
export const FORWARDING_QUEUE = 'undelivered-forwards';
export const FORWARDING_ALARMS_TOPIC = 'forwarding-alarms';

/** Rules whose events other Regions forward, by the function that answers them. */
export const ANSWERED_BY = {
  'profile-api-calls': 'profile-changed',
  'profile-tag-changes': 'profile-changed',
  'metric-alarms': 'metric-alarm',
  'cost-anomalies': 'cost-anomaly',
} as const satisfies Readonly<Record<string, string>>;

/** Where cost anomalies are told, if that is not the home Region: the partition `aws` alone has Cost Anomaly Detection's events. */
export const anomalyRegions = (homeRegion: string): readonly string[] =>
  partitionOf(homeRegion) === 'aws' && homeRegion !== ANOMALIES_REGION ? [ANOMALIES_REGION] : [];

/** The Regions of the account that forward events to the home Region, in alphabetical order. */
export const forwardingRegions = ({
  homeRegion,
  regions,
}: Pick<Origins, 'homeRegion' | 'regions'>): readonly string[] =>
  [...new Set([...regions, ...anomalyRegions(homeRegion)])].filter((region) => region !== homeRegion).sort();
