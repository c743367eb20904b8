import { DeliveryFailure, type Destinations } from '../destinations.ts';
import { recur } from '../eventbridge/recurrence.ts';
import { membersOf } from '../members.ts';
import { AwsFault, type JsonObject, type Operation, type World } from '../service.ts';
import type { AccountMetrics } from './account-metrics.ts';
import type { BedrockMetrics } from './bedrock-metrics.ts';
import { type MetricQuery, readAlarmQuery } from './metric-query.ts';
import { together } from './minute-series.ts';

type State = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

interface Alarm {
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  readonly input: JsonObject;
  readonly query: MetricQuery;
  readonly periods: number;
  readonly datapoints: number;
  readonly breaches: (value: number) => boolean;
  readonly missing: string;
  readonly isEnabled: boolean;
  state: State;
  reason: string;
  changedAt: number;
  evaluatedUntil: number;
  stop: () => void;
}

const MINUTE_MS = 60_000;
/** After a jump of the clock, as far back as minutes are looked at one by one: a day. */
const MOST_MINUTES = 1_440;

const COMPARISONS: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  GreaterThanThreshold: (value, threshold) => value > threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
};
const MISSING = ['missing', 'notBreaching', 'breaching', 'ignore'];
const STATES: readonly string[] = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] satisfies State[];

const invalid = (message: string): AwsFault => new AwsFault('ValidationError', message);
const isState = (text: string): text is State => STATES.includes(text);

export interface AlarmOptions {
  readonly world: World;
  readonly destinations: Destinations;
  readonly metrics: BedrockMetrics;
  /** Absent where nobody keeps the metrics of functions and queues. */
  readonly own: AccountMetrics | undefined;
  /** How late the metrics of Bedrock are; others are there at once. */
  readonly delayMs: number;
}

/** Which member of an alarm names what is told of a state. */
const ACTIONS = { OK: 'OKActions', ALARM: 'AlarmActions', INSUFFICIENT_DATA: 'InsufficientDataActions' } as const;

/**
 * Alarms on one metric with a static threshold, evaluated each minute over periods whose data points are visible. A change
 * of state is an event on the default bus of the alarm's Region, and is told to the topics of its actions. No expressions,
 * percentiles, bands, composite alarms and other actions. UNVERIFIED how far behind AWS evaluates a metric that comes minutes late; here it waits for it.
 */
export function alarmOperations({
  world,
  destinations,
  metrics,
  own,
  delayMs,
}: AlarmOptions): Readonly<Record<string, Operation>> {
  const alarms = new Map<string, Alarm>();
  const keyOf = (region: string, name: string): string => `${region} ${name}`;

  const change = (alarm: Alarm, to: State, reason: string, at: number): void => {
    if (to === alarm.state) return;
    const previous = stateOf(alarm);
    alarm.state = to;
    alarm.reason = reason;
    alarm.changedAt = at;
    world.putAwsEvent(alarm.region, {
      source: 'aws.cloudwatch',
      'detail-type': 'CloudWatch Alarm State Change',
      time: at,
      resources: [alarm.arn],
      detail: {
        alarmName: alarm.name,
        configuration: configurationOf(alarm),
        previousState: previous,
        state: stateOf(alarm),
      },
    });
    if (alarm.isEnabled) void world.activity.track(act(alarm));
  };

  /** [CloudWatch user guide, "Notify users on alarm changes": the form of the message] */
  const act = async (alarm: Alarm): Promise<void> => {
    const arns = membersOf(alarm.input, invalid).strings(ACTIONS[alarm.state]);
    const body = {
      AlarmName: alarm.name,
      AlarmDescription: alarm.input['AlarmDescription'] ?? null,
      AWSAccountId: world.accountId,
      AlarmArn: alarm.arn,
      NewStateValue: alarm.state,
      NewStateReason: alarm.reason,
      StateChangeTime: timestamp(alarm.changedAt),
    };
    for (const arn of arns) {
      try {
        await destinations.send(arn, {
          authority: { service: 'cloudwatch.amazonaws.com', sourceArn: alarm.arn },
          subject: `${alarm.state}: "${alarm.name}"`.slice(0, 100),
          body: JSON.stringify(body),
        });
      } catch (error) {
        if (!(error instanceof DeliveryFailure)) throw error;
        world.observe({ kind: 'lost', from: alarm.arn, to: arn, reason: error.message });
      }
    }
  };

  const evaluate = (alarm: Alarm, at: number): void => {
    const { periodMs, metric, identity, statistic } = alarm.query;
    // A sliding window, which is the default [API reference, EvaluationWindow].
    const end = Math.floor((at - (metric === undefined ? 0 : delayMs)) / MINUTE_MS) * MINUTE_MS;
    const points =
      metric === undefined ? (own?.points(alarm.region, identity) ?? []) : metrics.points(alarm.region, metric);
    const values = Array.from({ length: alarm.periods }, (_, back) => {
      const from = end - (back + 1) * periodMs;
      const within = points.filter((point) => point.at >= from && point.at < from + periodMs);
      const [first, ...others] = within;
      return first === undefined ? undefined : statistic(together([first, ...others]));
    });
    const isSilent = values.every((value) => value === undefined);
    if (isSilent && alarm.missing === 'missing') {
      change(alarm, 'INSUFFICIENT_DATA', 'Insufficient Data: no datapoints were received', at);
      return;
    }
    if (isSilent && alarm.missing === 'ignore') return;
    const breaching = values.filter((value) =>
      value === undefined ? alarm.missing === 'breaching' : alarm.breaches(value),
    ).length;
    if (breaching >= alarm.datapoints)
      change(alarm, 'ALARM', `Threshold Crossed: ${breaching} datapoints crossed the threshold`, at);
    else change(alarm, 'OK', `Threshold Crossed: ${breaching} datapoints crossed the threshold`, at);
  };

  const watch = (alarm: Alarm): (() => void) =>
    recur(world.clock, EACH_MINUTE, (due) => {
      const first = Math.max(alarm.evaluatedUntil + MINUTE_MS, due - MOST_MINUTES * MINUTE_MS);
      for (let at = first; at <= due; at += MINUTE_MS) evaluate(alarm, at);
      alarm.evaluatedUntil = due;
    });

  const find = (region: string, name: string): Alarm => {
    const alarm = alarms.get(keyOf(region, name));
    if (alarm === undefined) throw new AwsFault('ResourceNotFound', `Unknown alarm: ${name}`, 404);
    return alarm;
  };

  return {
    PutMetricAlarm(input, { region }) {
      const read = membersOf(input, invalid);
      const name = read.string('AlarmName');
      if (name.length < 1 || name.length > 255) throw invalid('AlarmName must have 1 to 255 characters.');
      const compare = COMPARISONS[read.string('ComparisonOperator')];
      if (compare === undefined) throw invalid('The value of ComparisonOperator is not embedded.');
      const threshold = read.optionalNumber('Threshold');
      if (threshold === undefined) throw invalid('The parameter Threshold is required.');
      const periods = read.optionalNumber('EvaluationPeriods') ?? 0;
      const datapoints = read.optionalNumber('DatapointsToAlarm') ?? periods;
      if (!Number.isInteger(periods) || periods < 1 || datapoints < 1 || datapoints > periods)
        throw invalid('EvaluationPeriods must be at least 1, and DatapointsToAlarm within it.');
      const missing = read.optionalString('TreatMissingData') ?? 'missing';
      if (!MISSING.includes(missing)) throw invalid(`The value ${missing} for TreatMissingData is not supported.`);
      const before = alarms.get(keyOf(region, name));
      before?.stop();
      const now = world.clock.now();
      const alarm: Alarm = {
        name,
        arn: `arn:aws:cloudwatch:${region}:${world.accountId}:alarm:${name}`,
        region,
        input,
        query: readAlarmQuery(input),
        periods,
        datapoints,
        breaches: (value) => compare(value, threshold),
        missing,
        isEnabled: read.optionalBoolean('ActionsEnabled') ?? true,
        state: before?.state ?? 'INSUFFICIENT_DATA',
        reason: before?.reason ?? 'Unchecked: Initial alarm creation',
        changedAt: before?.changedAt ?? now,
        evaluatedUntil: Math.floor(now / MINUTE_MS) * MINUTE_MS,
        stop: () => {},
      };
      alarm.stop = watch(alarm);
      alarms.set(keyOf(region, name), alarm);
      return {};
    },

    DescribeAlarms(input, { region }) {
      const read = membersOf(input, invalid);
      const names = read.strings('AlarmNames');
      const prefix = read.optionalString('AlarmNamePrefix') ?? '';
      const state = read.optionalString('StateValue');
      if (names.length > 0 && prefix !== '') throw invalid('AlarmNames and AlarmNamePrefix cannot both be given.');
      const found = [...alarms.values()].filter(
        (alarm) =>
          alarm.region === region &&
          (names.length === 0 || names.includes(alarm.name)) &&
          alarm.name.startsWith(prefix) &&
          (state ?? alarm.state) === alarm.state,
      );
      return { MetricAlarms: found.map(describe), CompositeAlarms: [] };
    },

    DeleteAlarms(input, { region }) {
      for (const name of membersOf(input, invalid).strings('AlarmNames')) {
        find(region, name).stop();
        alarms.delete(keyOf(region, name));
      }
      return {};
    },

    SetAlarmState(input, { region }) {
      const read = membersOf(input, invalid);
      const to = read.string('StateValue');
      if (!isState(to)) throw invalid(`The value ${to} for StateValue is not supported.`);
      change(find(region, read.string('AlarmName')), to, read.string('StateReason'), world.clock.now());
      return {};
    },
  };
}

const EACH_MINUTE = {
  next: (after: number): number => (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS,
  last(after: number, until: number): number | undefined {
    const last = Math.floor(until / MINUTE_MS) * MINUTE_MS;
    return last > after ? last : undefined;
  },
};

/** `2026-11-20T10:05:00.000+0000`, as these events have it. */
const timestamp = (at: number): string => new Date(at).toISOString().replace('Z', '+0000');

const stateOf = ({ state, reason, changedAt }: Alarm): JsonObject => ({
  value: state,
  reason,
  timestamp: timestamp(changedAt),
});

function configurationOf({ input, query }: Alarm): JsonObject {
  const description = membersOf(input, invalid).optionalString('AlarmDescription');
  return {
    ...(description === undefined ? {} : { description }),
    metrics: [
      {
        id: query.id,
        metricStat: {
          metric: {
            namespace: input['Namespace'] ?? '',
            name: input['MetricName'] ?? '',
            dimensions: { ...query.identity.dimensions },
          },
          period: query.periodMs / 1_000,
          stat: input['Statistic'] ?? '',
        },
        returnData: true,
      },
    ],
  };
}

const describe = (alarm: Alarm): JsonObject => ({
  ...alarm.input,
  AlarmName: alarm.name,
  AlarmArn: alarm.arn,
  ActionsEnabled: alarm.isEnabled,
  StateValue: alarm.state,
  StateReason: alarm.reason,
  StateUpdatedTimestamp: alarm.changedAt / 1_000,
  StateTransitionedTimestamp: alarm.changedAt / 1_000,
});
