import { recur } from '../eventbridge/recurrence.ts';
import { isObject, parseObject } from '../members.ts';
import type { Json, JsonObject, Observation, World } from '../service.ts';
import type { Queues } from '../sqs.ts';
import { type MinutePoint, MinuteSeries } from './minute-series.ts';

/** A metric by everything that tells it from others. */
export interface MetricIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

const MINUTE_MS = 60_000;
/** Data points of a minute that are kept for each metric: a day and some more, longer than an alarm of short periods looks back. */
const KEPT_MS = 8 * 24 * 3_600_000;

/**
 * Metrics of the account's own doing: what functions write in the embedded metric format, what Lambda counts of its
 * functions, what SQS tells of its queues each minute, and what neither arrived nor came to a dead-letter queue. Only these of
 * AWS's: `Invocations`, `Errors`, `Throttles`, `Duration`, `DestinationDeliveryFailures`; `InvocationsFailedToBeSentToDlq`;
 * `ApproximateNumberOfMessagesVisible`, `ApproximateNumberOfMessagesNotVisible`, `ApproximateAgeOfOldestMessage`.
 *
 * SQS stops telling of a queue that nobody has used for hours; here it never does.
 */
export class AccountMetrics {
  readonly #world: World;
  readonly #points = new Map<string, MinuteSeries>();

  constructor(world: World, queues: Queues) {
    this.#world = world;
    recur(world.clock, EACH_MINUTE, () => {
      for (const { arn, name, visible, notVisible, oldestMs } of queues.counts()) {
        const region = arn.split(':')[3] ?? '';
        const dimensions = { QueueName: name };
        const told = {
          ApproximateNumberOfMessagesVisible: visible,
          ApproximateNumberOfMessagesNotVisible: notVisible,
          ApproximateAgeOfOldestMessage: Math.floor(oldestMs / 1_000),
        };
        for (const [metric, value] of Object.entries(told))
          this.#put(region, { namespace: 'AWS/SQS', name: metric, dimensions }, value);
      }
    });
  }

  /** In order of time. */
  points(region: string, metric: MetricIdentity): readonly MinutePoint[] {
    return this.#points.get(keyOf(region, metric))?.points ?? [];
  }

  observe(observation: Observation): void {
    if (observation.kind === 'log') this.#readEmbedded(observation.line);
    if (observation.kind === 'lost') this.#countLost(observation.from, observation.to);
    if (observation.kind !== 'invocation') return;
    const { functionName, error, durationMs } = observation;
    const told = { Invocations: 1, Errors: error === undefined ? 0 : 1, Throttles: 0, Duration: durationMs };
    for (const [name, value] of Object.entries(told)) {
      const dimensions = { FunctionName: functionName };
      this.#put(this.#world.homeRegion, { namespace: 'AWS/Lambda', name, dimensions }, value);
    }
  }

  /** [EventBridge user guide, monitoring: a rule of a custom bus has the bus as a dimension too; Lambda developer guide, metrics] */
  #countLost(from: string, to: string): void {
    if (!to.startsWith('arn:aws:sqs:')) return;
    const [, , service, region = '', , resource = '', name = ''] = from.split(':');
    if (service === 'lambda') {
      const metric = { namespace: 'AWS/Lambda', name: 'DestinationDeliveryFailures' };
      this.#put(region, { ...metric, dimensions: { FunctionName: name } }, 1);
    }
    if (service !== 'events' || !resource.startsWith('rule/')) return;
    const [RuleName = '', EventBusName] = resource.split('/').slice(1).reverse();
    const dimensions = { RuleName, ...(EventBusName === undefined ? {} : { EventBusName }) };
    this.#put(region, { namespace: 'AWS/Events', name: 'InvocationsFailedToBeSentToDlq', dimensions }, 1);
  }

  /** [CloudWatch user guide, embedded metric format specification]. Functions of other Regions are not told apart. */
  #readEmbedded(line: string): void {
    if (!line.includes('"CloudWatchMetrics"')) return;
    const document = parseObject(line);
    const metadata = document?.['_aws'];
    if (document === undefined || !isObject(metadata)) return;
    for (const directive of objects(metadata['CloudWatchMetrics'])) {
      const namespace = String(directive['Namespace']);
      for (const names of lists(directive['Dimensions'])) {
        const dimensions = Object.fromEntries(names.map((name) => [String(name), String(document[String(name)])]));
        for (const { Name } of objects(directive['Metrics'])) {
          const name = String(Name);
          for (const value of [document[name]].flat())
            if (typeof value === 'number') this.#put(this.#world.homeRegion, { namespace, name, dimensions }, value);
        }
      }
    }
  }

  #put(region: string, metric: MetricIdentity, value: number): void {
    const key = keyOf(region, metric);
    const series = this.#points.get(key) ?? new MinuteSeries();
    this.#points.set(key, series);
    const now = this.#world.clock.now();
    series.add(now, value);
    series.forget(now - KEPT_MS);
  }
}

const EACH_MINUTE = {
  next: (after: number): number => (Math.floor(after / MINUTE_MS) + 1) * MINUTE_MS,
  last(after: number, until: number): number | undefined {
    const last = Math.floor(until / MINUTE_MS) * MINUTE_MS;
    return last > after ? last : undefined;
  },
};

const keyOf = (region: string, { namespace, name, dimensions }: MetricIdentity): string =>
  JSON.stringify([region, namespace, name, Object.entries(dimensions).sort()]);

const objects = (value: Json | undefined): JsonObject[] => (Array.isArray(value) ? value.filter(isObject) : []);
const lists = (value: Json | undefined): Json[][] =>
  Array.isArray(value) ? value.flatMap((each) => (Array.isArray(each) ? [each] : [])) : [];
