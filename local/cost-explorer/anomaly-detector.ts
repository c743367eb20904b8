import { serviceOf } from '../budgets/filter.ts';
import { DeliveryFailure, type Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import type { BilledUsage, JsonObject, World } from '../service.ts';
import { type AnomalyRegister, isReached, type Monitor, watchedTag } from './anomaly-register.ts';
import type { CostAllocationTags } from './cost-allocation-tags.ts';

const DAY_MS = 86_400_000;
/** What is compared with: the mean of so many days. AWS learns, and asks for about ten days of history. */
const HISTORY_DAYS = 10;
/** A monitor begins to tell after a day. [docs: getting-started-ad] */
const WARM_UP_MS = DAY_MS;
/** An abnormal day: more than double of what was expected, by a dollar at least. */
const FACTOR = 2n;
/** How sure the detector is, from 0 to 1: always alike, because this one only compares. */
const SCORE = 0.7;
const LEAST_IMPACT = 1_000_000_000n;
/** Anomaly events come from here. [docs: cad-eventbridge] */
const HOME_REGION = 'us-east-1';

export interface Detection {
  readonly world: World;
  readonly destinations: Destinations;
  readonly identifiers: Identifiers;
  readonly tags: CostAllocationTags;
  readonly register: AnomalyRegister;
}

interface Anomaly {
  readonly monitor: Monitor;
  readonly value: string;
  readonly day: number;
  readonly actual: bigint;
  readonly expected: bigint;
  readonly spent: readonly BilledUsage[];
}

/**
 * Looks at the days that are whole now: a tag value that cost far more than in the ten days before is told, once, to the
 * immediate subscriptions of the monitor and with them to EventBridge. AWS's own detector learns, and tells again as an
 * anomaly grows; this one does not.
 */
export function watchForAnomalies(detection: Detection, visibleUntil: number): void {
  const lastWholeDay = Math.floor(visibleUntil / DAY_MS) * DAY_MS - DAY_MS;
  for (const monitor of detection.register.monitors.values()) {
    const key = watchedTag(monitor);
    if (key === undefined || detection.world.clock.now() - monitor.createdAt < WARM_UP_MS) continue;
    const first = monitor.evaluatedUntil === undefined ? lastWholeDay : monitor.evaluatedUntil + DAY_MS;
    for (let day = first; day <= lastWholeDay; day += DAY_MS) {
      for (const anomaly of anomaliesOf(detection, monitor, key, day)) tell(detection, anomaly);
      monitor.evaluatedUntil = day;
    }
  }
}

function anomaliesOf({ world, tags }: Detection, monitor: Monitor, key: string, day: number): Anomaly[] {
  const from = day - HISTORY_DAYS * DAY_MS;
  const byValue = new Map<string, BilledUsage[]>();
  for (const usage of world.billing) {
    const value = tags.asBilled(usage).tags[key];
    if (value === undefined || usage.at >= day + DAY_MS) continue;
    const usages = byValue.get(value) ?? [];
    byValue.set(value, usages);
    usages.push(usage);
  }
  return [...byValue].flatMap(([value, usages]) => {
    // Without a history there is nothing to compare with.
    if ((usages[0]?.at ?? day) >= from + DAY_MS) return [];
    const spent = usages.filter(({ at }) => at >= day);
    const actual = sum(spent);
    const expected = sum(usages.filter(({ at }) => at >= from && at < day)) / BigInt(HISTORY_DAYS);
    const isAbnormal = actual > expected * FACTOR && actual - expected >= LEAST_IMPACT;
    return isAbnormal ? [{ monitor, value, day, actual, expected, spent }] : [];
  });
}

const sum = (usages: readonly BilledUsage[]): bigint =>
  usages.reduce((total, { costNanoUsd }) => total + costNanoUsd, 0n);
const usd = (nano: bigint): number => Number(nano / 10_000n) / 100_000;
const iso = (at: number): string => new Date(at).toISOString().replace(/\.\d+/, '');

function tell({ world, destinations, identifiers, register }: Detection, anomaly: Anomaly): void {
  const { monitor, value, day, actual, expected, spent } = anomaly;
  const impact = usd(actual - expected);
  const percentage = expected === 0n ? undefined : Number(((actual - expected) * 100n) / expected);
  const id = identifiers.uuid();
  const dimensionValue = `${watchedTag(monitor)}:${value}`;
  const causes = [...new Set(spent.map((usage) => serviceOf(usage)))].map((service) => ({
    linkedAccount: world.accountId,
    linkedAccountName: 'embedded',
    region: spent.find((usage) => serviceOf(usage) === service)?.region ?? HOME_REGION,
    service,
  }));
  register.anomalies.push({
    id,
    monitorArn: monitor.arn,
    day,
    dimensionValue,
    score: SCORE,
    impact: {
      MaxImpact: impact,
      TotalImpact: impact,
      TotalActualSpend: usd(actual),
      TotalExpectedSpend: usd(expected),
      ...(percentage === undefined ? {} : { TotalImpactPercentage: percentage }),
    },
    rootCauses: causes.map(({ linkedAccount, linkedAccountName, region, service }) => ({
      Service: service,
      Region: region,
      LinkedAccount: linkedAccount,
      LinkedAccountName: linkedAccountName,
    })),
  });
  const told = [...register.subscriptions.values()].filter(
    ({ frequency, monitors, threshold }) =>
      frequency === 'IMMEDIATE' &&
      monitors.includes(monitor.arn) &&
      isReached(threshold, { absolute: impact, percentage: percentage ?? Number.POSITIVE_INFINITY }),
  );
  if (told.length === 0) return;
  const common: JsonObject = {
    accountId: world.accountId,
    anomalyId: id,
    anomalyScore: { currentScore: SCORE, maxScore: SCORE },
    anomalyStartDate: iso(day),
    anomalyDetailsLink: `https://console.aws.amazon.com/cost-management/home#/anomaly-detection/monitors/${monitor.arn.split('/')[1]}/anomalies/${id}`,
    monitorArn: monitor.arn,
    monitorName: monitor.name,
    impact: {
      maxImpact: impact,
      totalActualSpend: usd(actual),
      totalExpectedSpend: usd(expected),
      totalImpact: impact,
      ...(percentage === undefined ? {} : { totalImpactPercentage: percentage }),
    },
  };
  world.putAwsEvent(HOME_REGION, {
    source: 'aws.ce',
    'detail-type': 'Anomaly Detected',
    time: world.clock.now(),
    resources: [monitor.arn],
    detail: { ...common, accountName: 'embedded', dimensionValue, rootCauses: causes },
  });
  for (const subscription of told) {
    // The copy for SNS names some members differently, and has no subject. [recorded messages]
    const body = JSON.stringify({
      ...common,
      dimensionalValue: dimensionValue,
      monitorType: monitor.type,
      rootCauses: causes,
      subscriptionId: subscription.arn,
      subscriptionName: subscription.name,
    });
    const authority = { service: 'costalerts.amazonaws.com', sourceArn: subscription.arn };
    for (const { address } of subscription.subscribers) {
      const sent = destinations.send(address, { authority, body }).catch((failure: unknown) => {
        if (!(failure instanceof DeliveryFailure)) throw failure;
        world.observe({ kind: 'lost', from: subscription.arn, to: address, reason: failure.message });
      });
      void world.activity.track(sent);
    }
  }
}
