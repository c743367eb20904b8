import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { compilePattern } from '../../local/eventbridge/pattern.ts';
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

/** Metrics of AWS itself, by namespace: name and the dimension that tells whose it is. */
const PUBLISHED_BY_AWS: Readonly<Record<string, { readonly names: readonly string[]; readonly dimension: string }>> = {
  // Lambda developer guide, "Types of metrics for Lambda functions".
  'AWS/Lambda': { names: ['Invocations', 'Errors', 'Throttles', 'Duration'], dimension: 'FunctionName' },
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
  return new Set([...everyMetric(variables).keys(), ...byAws]);
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
