import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { compilePattern } from '../../local/eventbridge/pattern.ts';
import { packagedRegions } from './packaged-regions.ts';
import { eventRule, PREFIX, packagedTemplate } from './packaged-template.ts';
import { everyMetric, identityOf } from './published-metrics.ts';
import { alarm, watchedByAlarms, watchedByDashboard, widgetsOf } from './watched-metrics.ts';

let packaged: Awaited<ReturnType<typeof packagedTemplate>>;
beforeAll(async () => {
  packaged = await packagedTemplate();
});

const alarms = () => [...packaged.resources('AWS::CloudWatch::Alarm', alarm).values()];
const namesOf = (type: string, member: string) =>
  [...packaged.resources(type, z.looseObject({})).values()].map((properties) => String(properties[member]));
const functionNames = () => namesOf('AWS::Lambda::Function', 'FunctionName');
const queueNames = () => namesOf('AWS::SQS::Queue', 'QueueName');

const subscription = z.object({ TopicArn: z.object({ Ref: z.string() }), RedrivePolicy: z.unknown() });
/** Topics that have a dead-letter queue: those whose alerts a function answers. */
const redrivenTopics = () =>
  [...packaged.resources('AWS::SNS::Subscription', subscription).values()].flatMap(({ TopicArn, RedrivePolicy }) =>
    RedrivePolicy === undefined ? [] : [topicName(TopicArn.Ref)],
  );
const topicName = (id: string) =>
  z.object({ TopicName: z.string() }).parse(packaged.template.Resources[id]?.Properties).TopicName;

const onBus = z.object({ Name: z.string(), EventBusName: z.unknown().optional() });
const BUS = PREFIX.slice(0, -1);
/** "Metrics that specify only the RuleName dimension refer to the default event bus" (EventBridge user guide). */
const ruleDimensions = () =>
  [...packaged.resources('AWS::Events::Rule', onBus).values()].map(({ Name, EventBusName }) => ({
    RuleName: Name,
    ...(EventBusName === undefined ? {} : { EventBusName: BUS }),
  }));

/** Metrics of AWS itself, by namespace: name and the dimension that tells whose it is. */
const PUBLISHED_BY_AWS: Readonly<Record<string, { readonly names: readonly string[]; readonly dimension: string }>> = {
  // Lambda developer guide, "Types of metrics for Lambda functions".
  'AWS/Lambda': {
    names: ['Invocations', 'Errors', 'Throttles', 'Duration', 'DestinationDeliveryFailures'],
    dimension: 'FunctionName',
  },
  // SQS developer guide, "Available CloudWatch metrics for Amazon SQS".
  'AWS/SQS': { names: ['ApproximateNumberOfMessagesVisible', 'ApproximateAgeOfOldestMessage'], dimension: 'QueueName' },
};

function published(): Set<string> {
  const [environment] = packaged
    .resources(
      'AWS::Lambda::Function',
      z.object({ Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }) }),
    )
    .values();
  const variables = Object.fromEntries(
    Object.entries(environment?.Environment.Variables ?? {}).map(([name, value]) => [name, String(value)]),
  );
  const byAws = Object.entries(PUBLISHED_BY_AWS).flatMap(([namespace, { names, dimension }]) =>
    (dimension === 'QueueName' ? queueNames() : functionNames()).flatMap((owner) =>
      names.map((name) => identityOf(namespace, name, { [dimension]: owner })),
    ),
  );
  const lost = [
    ...ruleDimensions().map((dimensions) => identityOf('AWS/Events', 'InvocationsFailedToBeSentToDlq', dimensions)),
    // SNS developer guide, "Monitoring Amazon SNS topics using CloudWatch".
    ...redrivenTopics().map((TopicName) =>
      identityOf('AWS/SNS', 'NumberOfNotificationsFailedToRedriveToDlq', { TopicName }),
    ),
  ];
  return new Set([...everyMetric(variables).keys(), ...byAws, ...lost]);
}

describe('alarms and dashboard', () => {
  it('look at nothing but metrics that are published, under the dimensions under which they are', () => {
    const known = published();
    const watched = [...watchedByAlarms(packaged), ...watchedByDashboard(packaged)];
    expect(watched.length).toBeGreaterThan(100);
    expect(watched.filter(({ identity }) => !known.has(identity))).toEqual([]);
  });

  it('compute expressions of metrics that are in the same graph', () => {
    const undefinedNames = widgetsOf(packaged).flatMap(({ title, metrics }) => {
      const options = metrics.flatMap((entry) => entry.filter((part) => typeof part !== 'string'));
      const ids = options.map(({ id }) => id);
      return options
        .flatMap(({ expression }) => expression?.match(/[a-z]\w*/g) ?? [])
        .filter((name) => !ids.includes(name))
        .map((name) => `${title}: ${name}`);
    });
    expect(undefinedNames).toEqual([]);
  });

  it('show spend, holds, refusals, standings, notices, dead letters, the sweep, errors and durations of every function', () => {
    const titles = widgetsOf(packaged).map(({ title }) => title.toLowerCase());
    for (const subject of ['spend', 'used', 'refusals', 'standings', 'notices', 'dead letters', 'sweep', 'errors'])
      expect(titles.some((title) => title.includes(subject))).toBe(true);
    const shown = new Set(watchedByDashboard(packaged).map(({ identity }) => identity));
    for (const FunctionName of functionNames())
      for (const metric of ['Errors', 'Throttles', 'Duration'])
        expect(shown).toContain(identityOf('AWS/Lambda', metric, { FunctionName }));
    for (const QueueName of queueNames())
      expect(shown).toContain(identityOf('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName }));
    const lost = watchedByAlarms(packaged).filter(({ by }) => by.endsWith('-letters-lost'));
    expect(lost.length).toBeGreaterThan(20);
    for (const { identity } of lost) expect(shown).toContain(identity);
  });
});

describe('the alarms', () => {
  it('carry the prefix of the stage, and tell the topic for notices of their beginning and end', () => {
    for (const { AlarmName, ActionsEnabled, AlarmActions, OKActions } of alarms()) {
      expect(AlarmName.startsWith(PREFIX)).toBe(true);
      expect([ActionsEnabled, AlarmActions, OKActions]).toEqual([
        true,
        [{ Ref: 'NoticesTopic' }],
        [{ Ref: 'NoticesTopic' }],
      ]);
    }
    expect(new Set(alarms().map(({ AlarmName }) => AlarmName)).size).toBe(alarms().length);
  });

  it('watch the dead letters of every queue, from the first one on', () => {
    for (const QueueName of queueNames()) {
      const identity = identityOf('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName });
      const [watching, ...others] = watchedByAlarms(packaged).filter((watched) => watched.identity === identity);
      expect(others).toEqual([]);
      expect(alarms().find(({ AlarmName }) => AlarmName === watching?.by)).toMatchObject({
        Statistic: 'Maximum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
      });
    }
  });

  it('warn of dead letters days before SQS drops them', () => {
    const queues = packaged.resources(
      'AWS::SQS::Queue',
      z.object({ QueueName: z.string(), MessageRetentionPeriod: z.number() }),
    );
    for (const { QueueName, MessageRetentionPeriod } of queues.values()) {
      const identity = identityOf('AWS/SQS', 'ApproximateAgeOfOldestMessage', { QueueName });
      const watching = watchedByAlarms(packaged).filter((watched) => watched.identity === identity);
      expect(watching.map(({ by }) => by)).toEqual([`${QueueName}-expiring`]);
      const { Threshold = 0 } = alarms().find(({ AlarmName }) => AlarmName === watching[0]?.by) ?? {};
      expect(MessageRetentionPeriod - Threshold).toBe(4 * 86_400);
    }
  });

  it.each(['Errors', 'Throttles'])('watch the %s of every function', (metric) => {
    const watched = watchedByAlarms(packaged);
    for (const FunctionName of functionNames()) {
      const identity = identityOf('AWS/Lambda', metric, { FunctionName });
      expect(watched.filter((each) => each.identity === identity).map(({ by }) => by)).toEqual([
        `${FunctionName}-${metric.toLowerCase()}`,
      ]);
    }
  });

  it('watch what did not even get to a dead-letter queue, of every function, rule and topic that has one', () => {
    const withDestination = [
      ...packaged
        .resources('AWS::Lambda::EventInvokeConfig', z.object({ FunctionName: z.object({ Ref: z.string() }) }))
        .values(),
    ].map(({ FunctionName }) =>
      z.object({ FunctionName: z.string() }).parse(packaged.template.Resources[FunctionName.Ref]?.Properties),
    );
    expect(withDestination.length).toBeGreaterThan(10);
    expect(redrivenTopics()).toHaveLength(2);
    const expected = [
      ...withDestination.map(({ FunctionName }) => [
        `${FunctionName}-letters-lost`,
        identityOf('AWS/Lambda', 'DestinationDeliveryFailures', { FunctionName }),
      ]),
      ...ruleDimensions().map((dimensions) => [
        `${dimensions.RuleName}-letters-lost`,
        identityOf('AWS/Events', 'InvocationsFailedToBeSentToDlq', dimensions),
      ]),
      ...redrivenTopics().map((TopicName) => [
        `${TopicName}-letters-lost`,
        identityOf('AWS/SNS', 'NumberOfNotificationsFailedToRedriveToDlq', { TopicName }),
      ]),
    ];
    const watched = watchedByAlarms(packaged).filter(({ by }) => by.endsWith('-letters-lost'));
    expect(watched.map(({ by, identity }) => [by, identity]).toSorted()).toEqual(expected.toSorted());
    for (const each of alarms().filter(({ AlarmName }) => AlarmName.endsWith('-letters-lost')))
      expect(each).toMatchObject({
        Statistic: 'Sum',
        EvaluationPeriods: 1,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'notBreaching',
      });
  });

  it('go off where what runs by the clock has never run, or no longer does', () => {
    const bySilence = alarms().filter(({ TreatMissingData }) => TreatMissingData === 'breaching');
    expect(
      bySilence.map(({ MetricName, Period, EvaluationPeriods }) => [MetricName, Period * EvaluationPeriods]),
    ).toEqual([
      ['SweepCompleted', 900],
      ['LedgerWatchCompleted', 300],
      ['ReopenCompleted', 300],
      ['OutlookCompleted', 10_800],
      ['BillingCompleted', 172_800],
      ['OutboxOldestSeconds', 600],
    ]);
    const scheduled = [
      ...packaged.resources('AWS::Events::Rule', z.object({ ScheduleExpression: z.string().optional() })).values(),
    ].filter(({ ScheduleExpression }) => ScheduleExpression !== undefined);
    expect(bySilence.filter(({ MetricName }) => MetricName.endsWith('Completed'))).toHaveLength(scheduled.length);
  });

  it('are evaluated over spans that CloudWatch allows', () => {
    // CloudWatch API reference, PutMetricAlarm, Period.
    for (const { Period, EvaluationPeriods, DatapointsToAlarm = EvaluationPeriods } of alarms()) {
      expect(Period % 60).toBe(0);
      expect(Period * EvaluationPeriods).toBeLessThanOrEqual(Period < 3_600 ? 86_400 : 604_800);
      expect(DatapointsToAlarm).toBeLessThanOrEqual(EvaluationPeriods);
    }
  });

  it('are no signals about a budget: their changes of state call no function', () => {
    const stateChange = z
      .object({ detail: z.looseObject({ alarmName: z.string() }) })
      .catchall(z.json())
      .parse(
        JSON.parse(
          readFileSync(new URL('../fixtures/events/aws.cloudwatch-AlarmStateChange.json', import.meta.url), 'utf8'),
        ),
      );
    const calledBy = (alarmName: string) =>
      [...packaged.resources('AWS::Events::Rule', eventRule).values()].flatMap(({ Name, EventPattern }) =>
        EventPattern !== undefined &&
        compilePattern(EventPattern).matches(
          z.record(z.string(), z.json()).parse({ ...stateChange, detail: { ...stateChange.detail, alarmName } }),
        )
          ? [Name]
          : [],
      );
    expect(calledBy('governor/dev/tenant-monthly/acme: tokens')).toEqual(['metric-alarms']);
    expect(alarms().map(({ AlarmName }) => [AlarmName, calledBy(AlarmName)])).toEqual(
      alarms().map(({ AlarmName }) => [AlarmName, []]),
    );
  });
});

describe('the alarms of other Regions and of the payer', () => {
  let regions: Awaited<ReturnType<typeof packagedRegions>>;
  beforeAll(async () => {
    regions = await packagedRegions();
  });
  afterAll(() => regions.remove());
  const placedAlarm = alarm.extend({ Dimensions: z.array(z.object({ Name: z.string(), Value: z.string() })) });
  const named = z.object({ Name: z.string() });

  it('tell a topic of their Region, because an action cannot be in another, of their beginning and end', () => {
    for (const { template, ofType } of regions.further) {
      const found = [...ofType('AWS::CloudWatch::Alarm', placedAlarm).values()];
      expect(found.length).toBeGreaterThanOrEqual(3);
      for (const { AlarmName, ActionsEnabled, AlarmActions, OKActions } of found)
        expect([AlarmName.startsWith(PREFIX), ActionsEnabled, AlarmActions, OKActions]).toEqual([
          true,
          true,
          ['ForwardingAlarmsTopic'],
          ['ForwardingAlarmsTopic'],
        ]);
      expect(template.Resources['ForwardingAlarmsTopic']?.Type).toBe('AWS::SNS::Topic');
      expect(template.Outputs['ForwardingAlarmsTopicArn']?.Value).toEqual({ Ref: 'ForwardingAlarmsTopic' });
    }
  });

  it('may publish there, those of their own account and stack alone', () => {
    for (const { region, accountId, ofType } of regions.further)
      expect([...ofType('AWS::SNS::TopicPolicy', z.looseObject({})).values()]).toContainEqual({
        Topics: ['ForwardingAlarmsTopic'],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'AlarmsOfThisStackPublish',
              Effect: 'Allow',
              Principal: { Service: 'cloudwatch.amazonaws.com' },
              Action: 'sns:Publish',
              Resource: 'ForwardingAlarmsTopic',
              Condition: {
                StringEquals: { 'aws:SourceAccount': accountId },
                ArnLike: { 'aws:SourceArn': `arn:aws:cloudwatch:${region}:${accountId}:alarm:${PREFIX}*` },
              },
            },
          ],
        },
      });
  });

  it('reach an address that is given when the stack is deployed, and nobody where none is', () => {
    for (const { template } of regions.further) {
      expect(template.Parameters['AlarmEmail']).toMatchObject({ Type: 'String', Default: '' });
      expect(template.Resources['ForwardingAlarmsSubscription']).toMatchObject({
        Condition: 'HasAlarmEmail',
        Properties: { Protocol: 'email', Endpoint: { Ref: 'AlarmEmail' } },
      });
    }
  });

  it('watch what is in the queue there, what SQS is about to drop, and what did not even get there', () => {
    for (const { ofType } of regions.further) {
      const rules = [...ofType('AWS::Events::Rule', named).values()].map(({ Name }) => Name);
      const found = [...ofType('AWS::CloudWatch::Alarm', placedAlarm).values()].map(
        ({ AlarmName, Namespace, MetricName, Dimensions, Threshold }) => [
          AlarmName.replace(PREFIX, ''),
          `${Namespace} ${MetricName} ${Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).join(',')}`,
          Threshold,
        ],
      );
      const QUEUE = 'QueueName=UndeliveredForwardsQueue.QueueName';
      expect(found).toEqual([
        ['undelivered-forwards', `AWS/SQS ApproximateNumberOfMessagesVisible ${QUEUE}`, 0],
        ['undelivered-forwards-expiring', `AWS/SQS ApproximateAgeOfOldestMessage ${QUEUE}`, 864_000],
        ...rules.map((name) => [
          `${name.replace(PREFIX, '')}-letters-lost`,
          `AWS/Events InvocationsFailedToBeSentToDlq RuleName=${name}`,
          0,
        ]),
      ]);
    }
  });

  it('are joined, in the home Region, by those of the rules that hear what is forwarded', () => {
    const bySuffix = [...regions.home.ofType('AWS::CloudWatch::Alarm', placedAlarm).values()].filter(({ AlarmName }) =>
      /-forwarded-.*-letters-lost$/.test(AlarmName),
    );
    const rules = [...regions.home.ofType('AWS::Events::Rule', named).values()].filter(({ Name }) =>
      Name.includes('-forwarded-'),
    );
    expect(rules).toHaveLength(4);
    expect(bySuffix.map(({ AlarmName, AlarmActions, Dimensions }) => [AlarmName, AlarmActions, Dimensions])).toEqual(
      rules.map(({ Name }) => [
        `${Name}-letters-lost`,
        ['NoticesTopic'],
        [
          { Name: 'EventBusName', Value: 'GovernorBus' },
          { Name: 'RuleName', Value: Name },
        ],
      ]),
    );
  });
});
