import { membersOf } from '../members.ts';
import { AwsFault, type JsonObject } from '../service.ts';
import type { MetricIdentity } from './account-metrics.ts';
import { BEDROCK_NAMESPACE, type Metric } from './bedrock-metrics.ts';
import type { MinutePoint } from './minute-series.ts';

export type Statistic = (told: MinutePoint) => number;

export const STATISTICS: Readonly<Record<string, Statistic>> = {
  Sum: ({ sum }) => sum,
  SampleCount: ({ samples }) => samples,
  Average: ({ sum, samples }) => sum / samples,
  Minimum: ({ minimum }) => minimum,
  Maximum: ({ maximum }) => maximum,
};

/** One query of GetMetricData. */
export interface MetricQuery {
  readonly id: string;
  readonly label: string;
  readonly periodMs: number;
  readonly statistic: Statistic;
  /** Undefined where the query names what nobody reports: such a metric has no data points, and is no error. */
  readonly metric: Metric | undefined;
  /** What the query names, whoever may report it. */
  readonly identity: MetricIdentity;
  readonly isReturned: boolean;
}

export interface MetricRequest {
  readonly queries: readonly MetricQuery[];
  readonly startMs: number;
  readonly endMs: number;
  readonly isAscending: boolean;
  readonly maxDatapoints: number;
  readonly nextToken: string | undefined;
}

/** [API reference, GetMetricData] */
const MAX_QUERIES = 500;
const MAX_DATAPOINTS = 100_800;
const HIGH_RESOLUTION_PERIODS: ReadonlySet<number> = new Set([1, 5, 10, 20, 30]);

/** UNVERIFIED in wording; the SDK knows this error by its older name in the Query protocol, `ValidationError`. */
export const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);

export function readMetricRequest(input: JsonObject): MetricRequest {
  const members = membersOf(input, invalid);
  const structures = members.objects('MetricDataQueries');
  if (structures.length === 0) throw invalid('The parameter MetricDataQueries is required.');
  if (structures.length > MAX_QUERIES)
    throw invalid(`The collection MetricDataQueries must not have a size greater than ${MAX_QUERIES}.`);
  const queries = structures.map(readQuery);
  const twice = queries.find(({ id }, index) => queries.findIndex((query) => query.id === id) !== index);
  if (twice !== undefined)
    throw invalid(`The values for parameter id in MetricDataQueries are not unique: ${twice.id}.`);
  const start = members.optionalNumber('StartTime');
  const end = members.optionalNumber('EndTime');
  if (start === undefined || end === undefined) throw invalid('The parameters StartTime and EndTime are required.');
  if (start >= end) throw invalid('The parameter StartTime must be less than the parameter EndTime.');
  const scanBy = members.optionalString('ScanBy') ?? 'TimestampDescending';
  if (scanBy !== 'TimestampDescending' && scanBy !== 'TimestampAscending')
    throw invalid(`The value ${scanBy} for parameter ScanBy is not supported.`);
  const maxDatapoints = members.optionalNumber('MaxDatapoints') ?? MAX_DATAPOINTS;
  if (!Number.isInteger(maxDatapoints) || maxDatapoints < 1 || maxDatapoints > MAX_DATAPOINTS)
    throw invalid(`The parameter MaxDatapoints must be between 1 and ${MAX_DATAPOINTS}.`);
  return {
    queries,
    startMs: start * 1_000,
    endMs: end * 1_000,
    isAscending: scanBy === 'TimestampAscending',
    maxDatapoints,
    nextToken: members.optionalString('NextToken'),
  };
}

function readQuery(structure: JsonObject): MetricQuery {
  const query = membersOf(structure, invalid);
  const id = query.string('Id');
  if (!/^[a-z][a-zA-Z0-9_]{0,254}$/.test(id))
    throw invalid(
      `The value ${id} for parameter Id must begin with a lower-case letter and have only letters, digits and _.`,
    );
  const stat = query.optionalObject('MetricStat');
  const expression = query.optionalString('Expression');
  if ((stat === undefined) === (expression === undefined))
    throw invalid(`The query ${id} must have either MetricStat or Expression.`);
  if (stat === undefined) throw invalid(`Expressions are not embedded: ${id} has one.`);
  const members = membersOf(stat, invalid);
  const { name, metric, identity } = readMetric(members.object('Metric'));
  const statistic = members.string('Stat');
  const compute = Object.hasOwn(STATISTICS, statistic) ? STATISTICS[statistic] : undefined;
  if (compute === undefined) throw invalid(`The value ${statistic} for parameter Stat is not supported.`);
  const unit = members.optionalString('Unit');
  return {
    id,
    label: query.optionalString('Label') ?? name,
    periodMs: readPeriod(members.optionalNumber('Period')) * 1_000,
    statistic: compute,
    metric: unit === undefined || unit === 'Count' ? metric : undefined,
    identity,
    isReturned: query.optionalBoolean('ReturnData') ?? true,
  };
}

/** A query by the members of an alarm or of GetMetricStatistics, which are not within `MetricStat`. */
export function readSingleQuery(members: JsonObject, Stat: JsonObject[string]): MetricQuery {
  const { MetricName, Namespace, Dimensions, Period, Unit } = members;
  const Metric = { MetricName, Namespace, Dimensions };
  return readQuery({ Id: 'm1', MetricStat: { Metric, Period, Stat, Unit } });
}

/** The one metric that an alarm looks at. */
export function readAlarmQuery(input: JsonObject): MetricQuery {
  if (input['Metrics'] !== undefined) throw invalid('Alarms on several metrics or expressions are not embedded.');
  if (input['ExtendedStatistic'] !== undefined) throw invalid('Alarms on percentiles are not embedded.');
  return readSingleQuery(input, input['Statistic']);
}

function readPeriod(period: number | undefined): number {
  if (period === undefined) throw invalid('The parameter Period is required.');
  const isWhole = Number.isInteger(period) && period >= 60 && period % 60 === 0;
  if (!isWhole && !HIGH_RESOLUTION_PERIODS.has(period))
    throw invalid('The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.');
  return period;
}

/** [API model, CloudWatch] */
function within(max: number, name: string, value: string): string {
  if (value === '' || value.length > max) throw invalid(`The parameter ${name} must have 1 to ${max} characters.`);
  return value;
}

function readMetric(structure: JsonObject): {
  name: string;
  metric: Metric | undefined;
  identity: MetricIdentity;
} {
  const members = membersOf(structure, invalid);
  const name = within(255, 'MetricName', members.string('MetricName'));
  const dimensions = members.objects('Dimensions').map((dimension) => membersOf(dimension, invalid));
  if (dimensions.length > 30) throw invalid('The collection Dimensions must not have a size greater than 30.');
  const pairs = dimensions.map(
    (dimension) =>
      [within(255, 'Name', dimension.string('Name')), within(1_024, 'Value', dimension.string('Value'))] as const,
  );
  const [first, ...others] = pairs;
  const namespace = within(255, 'Namespace', members.string('Namespace'));
  const isReported = namespace === BEDROCK_NAMESPACE && first?.[0] === 'ModelId' && others.length === 0;
  return {
    name,
    metric: isReported ? { name, modelId: first[1] } : undefined,
    identity: { namespace, name, dimensions: Object.fromEntries(pairs) },
  };
}
