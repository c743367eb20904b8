import { createHash } from 'node:crypto';
import type { Destinations } from '../destinations.ts';
import { isObject, membersOf, parseObject } from '../members.ts';
import { AwsFault, type JsonObject, type Service, type World } from '../service.ts';
import type { AccountMetrics } from './account-metrics.ts';
import { alarmOperations } from './alarms.ts';
import { BEDROCK_NAMESPACE, BedrockMetrics } from './bedrock-metrics.ts';
import { invalid, type MetricQuery, type MetricRequest, readMetricRequest } from './metric-query.ts';
import { readStatisticsRequest, STATISTICS_ERROR_CODES } from './metric-statistics.ts';
import { type MinutePoint, together } from './minute-series.ts';

export interface CloudWatchOptions {
  /** From a model call until its metrics can be read. AWS gives no figure; minutes are seen. Default 3 min. */
  readonly metricsDelayMs?: number;
  /**
   * Whether the alarms of templates are made, and the metrics kept that functions, Lambda and SQS report. Otherwise alarms of
   * templates are only names: a story that does not ask for them is told faster, and without what they tell. Default: no.
   */
  readonly alarmsOfStacks?: boolean;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** "Data points that are published to CloudWatch in the past two weeks" [API reference, ListMetrics] */
const LISTED_MS = 14 * DAY_MS;
const LIST_PAGE = 500;

/**
 * CloudWatch metrics, to be read: those that the Bedrock runtime reports of itself, in the Region of the call, and where asked
 * those of functions and queues; and alarms on them. There are no expressions, and nobody can put metrics by the API.
 */
export function createCloudWatch(
  world: World,
  destinations: Destinations,
  own: AccountMetrics | undefined,
  options: CloudWatchOptions = {},
): Service {
  const delayMs = options.metricsDelayMs ?? 3 * MINUTE_MS;
  const metrics = new BedrockMetrics(world, delayMs);
  const pointsOf = (region: string, { metric, identity }: MetricQuery): readonly MinutePoint[] =>
    metric === undefined ? (own?.points(region, identity) ?? []) : metrics.points(region, metric);
  return {
    signingName: 'monitoring',
    protocol: {
      kind: 'json',
      targetPrefix: 'GraniteServiceVersion20100801',
      version: '1.0',
      queryErrorCodes: {
        InvalidNextToken: 'InvalidNextToken',
        ValidationException: 'ValidationError',
        ...STATISTICS_ERROR_CODES,
      },
    },
    operations: {
      ...alarmOperations({ world, destinations, metrics, own, delayMs }),

      GetMetricData(input, { region }) {
        const request = readMetricRequest(input);
        const series = request.queries
          .filter(({ isReturned }) => isReturned)
          .map((query) => seriesOf(pointsOf(region, query), query, request, world.clock.now()));
        return pageOf(series, request);
      },

      GetMetricStatistics(input, { region }) {
        const { query, unit, startMs, endMs, statistics } = readStatisticsRequest(input);
        const told = periodsOf(pointsOf(region, query), query.periodMs, { startMs, endMs }, world.clock.now());
        return {
          Label: query.label,
          Datapoints: told.map(([at, point]) => ({
            Timestamp: at / 1_000,
            ...Object.fromEntries(statistics.map(([name, of]) => [name, of(point)])),
            Unit: unit,
          })),
        };
      },

      ListMetrics(input, { region }) {
        const read = membersOf(input, invalid);
        const namespace = read.optionalString('Namespace');
        const name = read.optionalString('MetricName');
        const filters = read.objects('Dimensions').map((filter) => membersOf(filter, invalid));
        const recent = read.optionalString('RecentlyActive');
        if (recent !== undefined && recent !== 'PT3H') throw invalid('The parameter RecentlyActive must be PT3H.');
        const found = metrics
          .list(region, world.clock.now() - (recent === undefined ? LISTED_MS : 3 * 3_600_000))
          .filter(
            (metric) => (namespace ?? BEDROCK_NAMESPACE) === BEDROCK_NAMESPACE && (name ?? metric.name) === metric.name,
          )
          .filter((metric) =>
            filters.every(
              (filter) =>
                filter.string('Name') === 'ModelId' &&
                (filter.optionalString('Value') ?? metric.modelId) === metric.modelId,
            ),
          );
        const start = readToken(read.optionalString('NextToken'), 'metrics');
        const next = start + LIST_PAGE;
        return {
          Metrics: found.slice(start, next).map((metric) => ({
            Namespace: BEDROCK_NAMESPACE,
            MetricName: metric.name,
            Dimensions: [{ Name: 'ModelId', Value: metric.modelId }],
          })),
          ...(next < found.length ? { NextToken: makeToken(next, 'metrics') } : {}),
        };
      },
    },
  };
}

interface Series {
  readonly query: MetricQuery;
  /** In the order in which they are asked for; `at` in milliseconds, the beginning of the period. */
  readonly points: readonly { readonly at: number; readonly value: number }[];
}

/**
 * A period's data point holds everything that was reported in that period. UNVERIFIED for one that ends after `EndTime`:
 * whether it then holds what came after.
 */
function seriesOf(
  reported: readonly MinutePoint[],
  query: MetricQuery,
  { isAscending, ...span }: MetricRequest,
  now: number,
): Series {
  const points = periodsOf(reported, query.periodMs, span, now)
    .sort(([one], [other]) => (isAscending ? one - other : other - one))
    .map(([at, all]) => ({ at, value: query.statistic(all) }));
  return { query, points };
}

/** What was told in each period that has something, by its beginning. */
function periodsOf(
  reported: readonly MinutePoint[],
  periodMs: number,
  { startMs, endMs }: Pick<MetricRequest, 'startMs' | 'endMs'>,
  now: number,
): (readonly [at: number, told: MinutePoint])[] {
  const from = roundedStart(startMs, now);
  const kept = now - retentionMs(periodMs);
  const periods = new Map<number, MinutePoint>();
  for (const point of reported) {
    const period = Math.floor(point.at / periodMs) * periodMs;
    if (period < from || period >= endMs || point.at < kept) continue;
    const known = periods.get(period);
    periods.set(period, known === undefined ? point : together([known, point]));
  }
  return [...periods];
}

/** [API reference, GetMetricData: StartTime] */
function roundedStart(startMs: number, now: number): number {
  const age = now - startMs;
  const step = age < 15 * DAY_MS ? MINUTE_MS : age <= 63 * DAY_MS ? 5 * MINUTE_MS : 60 * MINUTE_MS;
  return Math.floor(startMs / step) * step;
}

/** How long data points can be had by periods this short [API reference, GetMetricData]. */
function retentionMs(periodMs: number): number {
  if (periodMs % (60 * MINUTE_MS) === 0) return 455 * DAY_MS;
  return periodMs % (5 * MINUTE_MS) === 0 ? 63 * DAY_MS : 15 * DAY_MS;
}

/** As many data points as a page holds; a series that does not fit is `PartialData` and goes on with the next page. */
function pageOf(series: readonly Series[], request: MetricRequest): JsonObject {
  const subject = createHash('sha256')
    .update(JSON.stringify([request.startMs, request.endMs, request.queries]))
    .digest('hex');
  let skip = readToken(request.nextToken, subject);
  let room = request.maxDatapoints;
  const start = skip;
  const results: JsonObject[] = [];
  for (const { query, points } of series) {
    const isOfEarlierPage = points.length > 0 ? skip >= points.length : start > 0 && skip > 0;
    const rest = points.slice(skip, skip + room);
    const isComplete = skip + rest.length >= points.length;
    skip = Math.max(0, skip - points.length);
    if (isOfEarlierPage) continue;
    room -= rest.length;
    results.push({
      Id: query.id,
      Label: query.label,
      Timestamps: rest.map(({ at }) => at / 1_000),
      Values: rest.map(({ value }) => value),
      StatusCode: isComplete ? 'Complete' : 'PartialData',
    });
  }
  const all = series.reduce((count, { points }) => count + points.length, 0);
  const next = start + request.maxDatapoints;
  return {
    MetricDataResults: results,
    Messages: [],
    ...(next < all ? { NextToken: makeToken(next, subject) } : {}),
  };
}

/** A token is of use only for the request that it was given out for. */
const makeToken = (next: number, subject: string): string =>
  Buffer.from(JSON.stringify({ next, subject })).toString('base64url');

function readToken(token: string | undefined, subject: string): number {
  if (token === undefined) return 0;
  const parsed = parseObject(Buffer.from(token, 'base64url').toString('utf8'));
  if (isObject(parsed) && parsed['subject'] === subject && typeof parsed['next'] === 'number') return parsed['next'];
  throw new AwsFault('InvalidNextToken', 'The next token specified is invalid.');
}
