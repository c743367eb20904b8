import type { DescribeAlarmsCommandInput } from '@aws-sdk/client-cloudwatch';
import type { GetAnomaliesCommandInput } from '@aws-sdk/client-cost-explorer';
import { ACCOUNT, REGION } from './profiles.ts';

/** A state of an alarm, and since when. */
interface AlarmState {
  readonly at: number;
  readonly isInAlarm: boolean;
}

interface SeenAnomaly {
  readonly id: string;
  /** `tenant$acme`: Cost Explorer's way to write a tag. */
  readonly dimension: string;
  /** UTC day. */
  readonly day: string;
}

export const MONITOR = `arn:aws:ce::${ACCOUNT}:anomalymonitor/of-tenants`;

/** AWS's watchers of what is spent: alarms of CloudWatch, and Cost Anomaly Detection. Events only say that they are to be asked. */
export class Watchers {
  readonly #alarms = new Map<string, AlarmState[]>();
  readonly anomalies = new Map<string, SeenAnomaly>();

  /** All states that an alarm was in. */
  statesOf(alarm: string): readonly AlarmState[] {
    return this.#alarms.get(alarm) ?? [];
  }

  change(alarm: string, state: AlarmState): void {
    const states = this.#alarms.get(alarm) ?? [];
    states.push(state);
    this.#alarms.set(alarm, states);
  }

  find(anomaly: SeenAnomaly): void {
    this.anomalies.set(anomaly.id, anomaly);
  }

  /** Of CloudWatch. */
  readonly alarmOperations = {
    DescribeAlarmsCommand: ({ AlarmNames = [] }: DescribeAlarmsCommandInput) => ({
      MetricAlarms: AlarmNames.flatMap((AlarmName) => {
        const state = this.#alarms.get(AlarmName)?.at(-1);
        return state === undefined
          ? []
          : [
              {
                AlarmName,
                StateValue: state.isInAlarm ? 'ALARM' : 'OK',
                StateTransitionedTimestamp: new Date(state.at),
              },
            ];
      }),
      CompositeAlarms: [],
    }),
  };

  /** Of Cost Explorer. */
  readonly anomalyOperations = {
    GetAnomaliesCommand: ({ MonitorArn, DateInterval }: GetAnomaliesCommandInput) => ({
      Anomalies: [...this.anomalies.values()]
        .filter(({ day }) => MonitorArn === MONITOR && day >= (DateInterval?.StartDate ?? ''))
        .map(({ id, dimension, day }) => ({
          AnomalyId: id,
          MonitorArn,
          DimensionValue: dimension,
          AnomalyStartDate: `${day}T00:00:00Z`,
          AnomalyEndDate: `${day}T00:00:00Z`,
          Impact: { MaxImpact: 41.5, TotalImpact: 41.5 },
        })),
    }),
  };
}

export const alarmEvent = (alarmName: string): object => ({
  source: 'aws.cloudwatch',
  'detail-type': 'CloudWatch Alarm State Change',
  account: ACCOUNT,
  region: REGION,
  detail: { alarmName },
});

/** Its figures are of no account: whoever hears of it asks for them. */
export const anomalyEvent = (anomalyId: string, day: string): object => ({
  source: 'aws.ce',
  'detail-type': 'Anomaly Detected',
  account: ACCOUNT,
  region: 'us-east-1',
  detail: { anomalyId, monitorArn: MONITOR, anomalyStartDate: `${day}T00:00:00Z` },
});
