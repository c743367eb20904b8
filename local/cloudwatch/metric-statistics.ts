import { membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import { type MetricQuery, readSingleQuery, STATISTICS, type Statistic } from './metric-query.ts';

/** What GetMetricStatistics asks for: one metric, and of each period several statistics. */
export interface StatisticsRequest {
  readonly query: MetricQuery;
  readonly unit: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly statistics: readonly (readonly [name: string, of: Statistic])[];
}

/** [API reference, GetMetricStatistics] */
const MOST_DATAPOINTS = 1_440;

/** As the SDK knows these errors in the Query protocol. [API model, CloudWatch] */
export const STATISTICS_ERROR_CODES = {
  InvalidParameterCombinationException: 'InvalidParameterCombination',
  InvalidParameterValueException: 'InvalidParameterValue',
  MissingRequiredParameterException: 'MissingParameter',
} as const;

const wrong = (message: string): AwsFault => new AwsFault('InvalidParameterValueException', message);
const together = (message: string): AwsFault => new AwsFault('InvalidParameterCombinationException', message);

export function readStatisticsRequest(input: JsonObject): StatisticsRequest {
  const members = membersOf(input, wrong);
  if (members.strings('ExtendedStatistics').length > 0) throw wrong('Percentiles are not embedded.');
  const names = [...new Set(members.strings('Statistics'))];
  const [first] = names;
  if (first === undefined)
    throw new AwsFault('MissingRequiredParameterException', 'The parameter Statistics is required.');
  const statistics = names.map((name): StatisticsRequest['statistics'][number] => {
    const of = Object.hasOwn(STATISTICS, name) ? STATISTICS[name] : undefined;
    if (of === undefined) throw wrong(`The value ${name} for parameter Statistics is not supported.`);
    return [name, of];
  });
  const [start, end] = [members.optionalNumber('StartTime'), members.optionalNumber('EndTime')];
  if (start === undefined || end === undefined)
    throw new AwsFault('MissingRequiredParameterException', 'The parameters StartTime and EndTime are required.');
  if (start >= end) throw together('The parameter StartTime must be less than the parameter EndTime.');
  const query = readSingleQuery(input, first);
  const most = Math.ceil(((end - start) * 1_000) / query.periodMs);
  if (most > MOST_DATAPOINTS)
    throw together(
      `You have requested up to ${most} datapoints, which exceeds the limit of ${MOST_DATAPOINTS}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
    );
  // What functions tell has a unit of its own, which is not kept.
  const unit = query.metric === undefined ? 'None' : 'Count';
  return { query, unit, startMs: start * 1_000, endMs: end * 1_000, statistics };
}
