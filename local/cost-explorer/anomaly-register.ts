/** Monitors and subscriptions of Cost Anomaly Detection. */
import type { Identifiers } from '../identifiers.ts';
import { isObject } from '../members.ts';
import { AwsFault, type Json, type JsonObject, type Operation, type World } from '../service.ts';
import { cutPage, invalid, members, pageSize } from './refusals.ts';

export interface Monitor {
  readonly arn: string;
  name: string;
  readonly type: string;
  readonly dimension: string | undefined;
  readonly specification: JsonObject | undefined;
  readonly createdAt: number;
  /** Days up to this one were looked at; milliseconds since the epoch. */
  evaluatedUntil: number | undefined;
}

export interface Subscription {
  readonly arn: string;
  name: string;
  monitors: readonly string[];
  subscribers: readonly { readonly type: string; readonly address: string }[];
  frequency: string;
  threshold: JsonObject;
}

/** What was found; whether anyone was told of it is for the subscriptions. */
export interface FoundAnomaly {
  readonly id: string;
  readonly monitorArn: string;
  /** The start of the abnormal day; milliseconds since the epoch. */
  readonly day: number;
  /** `tenant:acme` */
  readonly dimensionValue: string;
  readonly score: number;
  /** The members `MaxImpact` to `TotalImpactPercentage`, and the causes, as the API answers them. */
  readonly impact: JsonObject;
  readonly rootCauses: readonly JsonObject[];
}

export interface AnomalyRegister {
  /** In the order in which they were found. */
  readonly anomalies: FoundAnomaly[];
  readonly monitors: Map<string, Monitor>;
  readonly subscriptions: Map<string, Subscription>;
}

export const newAnomalyRegister = (): AnomalyRegister => ({
  anomalies: [],
  monitors: new Map(),
  subscriptions: new Map(),
});

/** The tag key that a monitor watches value by value; undefined for any other monitor. */
export function watchedTag({ dimension, specification }: Monitor): string | undefined {
  const tags = dimension === 'TAG' ? specification?.['Tags'] : undefined;
  return isObject(tags) && typeof tags['Key'] === 'string' ? tags['Key'] : undefined;
}

/** Quotas of the Cost Management user guide: one monitor of services, 500 others, 100 subscriptions. */
const MAX_MONITORS = 500;
const MAX_SUBSCRIPTIONS = 100;
const limitExceeded = (what: string): AwsFault =>
  new AwsFault('LimitExceededException', `You have exceeded the limit for ${what}.`);

interface AnomalyOptions {
  readonly world: World;
  readonly identifiers: Identifiers;
  readonly register: AnomalyRegister;
  readonly isLinked: boolean;
}

export function anomalyOperations(options: AnomalyOptions): Readonly<Record<string, Operation>> {
  const { world, identifiers, register, isLinked } = options;
  const { monitors, subscriptions } = register;
  const arn = (kind: string) => `arn:aws:ce::${world.accountId}:${kind}/${identifiers.uuid()}`;
  const monitorAt = (input: JsonObject): Monitor => {
    const found = monitors.get(members(input).string('MonitorArn'));
    if (found === undefined) throw new AwsFault('UnknownMonitorException', 'The cost anomaly monitor does not exist.');
    return found;
  };
  const subscriptionAt = (input: JsonObject): Subscription => {
    const found = subscriptions.get(members(input).string('SubscriptionArn'));
    if (found === undefined)
      throw new AwsFault('UnknownSubscriptionException', 'The cost anomaly subscription does not exist.');
    return found;
  };
  const readMonitors = (arns: readonly string[]): readonly string[] => {
    for (const each of arns)
      if (!monitors.has(each)) throw new AwsFault('UnknownMonitorException', `${each} does not exist.`);
    if (arns.length === 0) throw invalid('MonitorArnList must not be empty.');
    return arns;
  };

  return {
    CreateAnomalyMonitor(input) {
      const given = members(input).object('AnomalyMonitor');
      const read = members(given);
      const name = readName(read.string('MonitorName'));
      const type = read.string('MonitorType');
      const dimension = read.optionalString('MonitorDimension');
      const specification = read.optionalObject('MonitorSpecification');
      checkMonitor(type, dimension, specification);
      // That AWS refuses in these words is UNVERIFIED; that only the management account has tag monitors is documented.
      if (isLinked && dimension !== 'SERVICE')
        throw invalid('Linked accounts can create AWS services monitors only: ask the management account.');
      const others = [...monitors.values()].filter(
        (each) => (each.dimension === 'SERVICE') === (dimension === 'SERVICE'),
      );
      if (others.length >= (dimension === 'SERVICE' ? 1 : MAX_MONITORS)) throw limitExceeded('monitors');
      const created: Monitor = {
        arn: arn('anomalymonitor'),
        name,
        type,
        dimension,
        specification,
        createdAt: world.clock.now(),
        evaluatedUntil: undefined,
      };
      monitors.set(created.arn, created);
      return { MonitorArn: created.arn };
    },
    GetAnomalyMonitors(input) {
      const wanted = members(input).strings('MonitorArnList');
      if (wanted.length > 0) readMonitors(wanted);
      const listed = [...monitors.values()].filter(({ arn: each }) => wanted.length === 0 || wanted.includes(each));
      return paged(input, 'AnomalyMonitors', listed.map(describeMonitor));
    },
    UpdateAnomalyMonitor(input) {
      const monitor = monitorAt(input);
      const name = members(input).optionalString('MonitorName');
      if (name !== undefined) monitor.name = readName(name);
      return { MonitorArn: monitor.arn };
    },
    DeleteAnomalyMonitor(input) {
      monitors.delete(monitorAt(input).arn);
      return {};
    },

    CreateAnomalySubscription(input) {
      const read = members(members(input).object('AnomalySubscription'));
      if (subscriptions.size >= MAX_SUBSCRIPTIONS) throw limitExceeded('subscriptions');
      const created: Subscription = {
        arn: arn('anomalysubscription'),
        name: readName(read.string('SubscriptionName')),
        monitors: readMonitors(read.strings('MonitorArnList')),
        subscribers: readSubscribers(read.objects('Subscribers')),
        frequency: read.string('Frequency'),
        threshold: readThreshold(read.optionalObject('ThresholdExpression')),
      };
      checkFrequency(created);
      subscriptions.set(created.arn, created);
      return { SubscriptionArn: created.arn };
    },
    GetAnomalySubscriptions(input) {
      const read = members(input);
      const wanted = read.strings('SubscriptionArnList');
      const monitor = read.optionalString('MonitorArn');
      const listed = [...subscriptions.values()].filter(
        (each) =>
          (wanted.length === 0 || wanted.includes(each.arn)) &&
          (monitor === undefined || each.monitors.includes(monitor)),
      );
      return paged(
        input,
        'AnomalySubscriptions',
        listed.map((each) => describeSubscription(each, world.accountId)),
      );
    },
    UpdateAnomalySubscription(input) {
      const subscription = subscriptionAt(input);
      const read = members(input);
      const changed: Subscription = {
        ...subscription,
        name: read.optionalString('SubscriptionName') ?? subscription.name,
        frequency: read.optionalString('Frequency') ?? subscription.frequency,
        ...(input['MonitorArnList'] === undefined ? {} : { monitors: readMonitors(read.strings('MonitorArnList')) }),
        ...(input['Subscribers'] === undefined ? {} : { subscribers: readSubscribers(read.objects('Subscribers')) }),
        ...(input['ThresholdExpression'] === undefined
          ? {}
          : { threshold: readThreshold(read.optionalObject('ThresholdExpression')) }),
      };
      checkFrequency(changed);
      subscriptions.set(changed.arn, changed);
      return { SubscriptionArn: changed.arn };
    },
    DeleteAnomalySubscription(input) {
      subscriptions.delete(subscriptionAt(input).arn);
      return {};
    },
  };
}

export function paged(input: JsonObject, name: string, items: readonly JsonObject[]): JsonObject {
  const { items: shown, next } = cutPage(
    items,
    pageSize(input, 100, 100),
    members(input).optionalString('NextPageToken'),
  );
  return { [name]: [...shown], ...(next === undefined ? {} : { NextPageToken: next }) };
}

/** `[\S\s]*`, at most 1024. [API reference] */
function readName(name: string): string {
  if (name.length > 1024) throw invalid('A name has 1024 characters at most.');
  return name;
}

function checkMonitor(type: string, dimension: string | undefined, specification: JsonObject | undefined): void {
  if (type !== 'DIMENSIONAL') throw invalid(`MonitorType ${type} is not embedded.`);
  if (dimension === 'SERVICE' && specification === undefined) return;
  const tags = specification?.['Tags'];
  const isOneKey = isObject(tags) && typeof tags['Key'] === 'string' && (tags['Values'] ?? null) === null;
  if (dimension !== 'TAG' || !isOneKey || Object.keys(specification ?? {}).length !== 1)
    throw invalid(
      'A monitor of dimension TAG needs a MonitorSpecification with the tag key; other dimensions are not embedded.',
    );
}

function readSubscribers(given: readonly JsonObject[]): Subscription['subscribers'] {
  if (given.length === 0) throw invalid('Subscribers must not be empty.');
  return given.map((each) => ({ type: members(each).string('Type'), address: members(each).string('Address') }));
}

/** Immediate alerts go to topics, summaries to mailboxes. [API reference, AnomalySubscription, Frequency] */
function checkFrequency({ frequency, subscribers }: Subscription): void {
  const type = frequency === 'IMMEDIATE' ? 'SNS' : 'EMAIL';
  if (!['IMMEDIATE', 'DAILY', 'WEEKLY'].includes(frequency)) throw invalid('Frequency is DAILY, IMMEDIATE or WEEKLY.');
  if (subscribers.some((each) => each.type !== type))
    throw invalid(`Frequency ${frequency} takes ${type} subscribers.`);
}

function readThreshold(expression: JsonObject | undefined): JsonObject {
  if (expression === undefined)
    throw invalid('ThresholdExpression is missing; the deprecated Threshold is not embedded.');
  isReached(expression, { absolute: 0, percentage: 0 });
  return expression;
}

/** Whether an anomaly is to be told by a threshold expression. @throws {AwsFault} ValidationException where it is malformed */
export function isReached(
  expression: JsonObject,
  impact: { readonly absolute: number; readonly percentage: number },
): boolean {
  const read = members(expression);
  const [and, or] = [read.objects('And'), read.objects('Or')];
  if (and.length > 0) return and.map((part) => isReached(part, impact)).every(Boolean);
  if (or.length > 0) return or.map((part) => isReached(part, impact)).some(Boolean);
  const dimension = members(read.object('Dimensions'));
  const [value, ...more] = dimension.strings('Values');
  const figure: Json | undefined = {
    ANOMALY_TOTAL_IMPACT_ABSOLUTE: impact.absolute,
    ANOMALY_TOTAL_IMPACT_PERCENTAGE: impact.percentage,
  }[dimension.string('Key')];
  if (figure === undefined) throw invalid(`${dimension.string('Key')} is no dimension of a threshold.`);
  if (dimension.strings('MatchOptions').join() !== 'GREATER_THAN_OR_EQUAL')
    throw invalid('The match option GREATER_THAN_OR_EQUAL is required.');
  const bound = Number(value);
  if (value === undefined || more.length > 0 || !(bound >= 0 && bound <= 10_000_000_000))
    throw invalid('Values must hold one number between 0 and 10,000,000,000.');
  return figure >= bound;
}

const isoSeconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+/, '');

const describeMonitor = (monitor: Monitor): JsonObject => ({
  MonitorArn: monitor.arn,
  MonitorName: monitor.name,
  MonitorType: monitor.type,
  ...(monitor.dimension === undefined ? {} : { MonitorDimension: monitor.dimension }),
  ...(monitor.specification === undefined ? {} : { MonitorSpecification: monitor.specification }),
  CreationDate: isoSeconds(monitor.createdAt),
  DimensionalValueCount: 0,
});

const describeSubscription = (subscription: Subscription, accountId: string): JsonObject => ({
  SubscriptionArn: subscription.arn,
  SubscriptionName: subscription.name,
  AccountId: accountId,
  MonitorArnList: [...subscription.monitors],
  Subscribers: subscription.subscribers.map(({ type, address }) => ({
    Type: type,
    Address: address,
    Status: 'CONFIRMED',
  })),
  Frequency: subscription.frequency,
  ThresholdExpression: subscription.threshold,
});
