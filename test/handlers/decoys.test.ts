import { CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { DescribeRuleCommand, TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../local/service.ts';
import { EVENTS, event, mutationsOf } from '../domain/event-fixtures.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, RULES } from '../end-to-end/deployed-governor.ts';

const SEED = 20_261_123;
const MUTANTS_PER_EVENT = 24;

/** The fixtures that are about an application inference profile: none of their profiles exists here. */
const PROFILE_EVENTS = [
  'cloudtrail-CreateInferenceProfile',
  'cloudtrail-CreateInferenceProfile-untagged',
  'cloudtrail-DeleteInferenceProfile',
  'cloudtrail-TagResource',
  'cloudtrail-UntagResource',
];
/** EventBridge events about something else. */
const OTHER_EVENTS = [
  'aws.ce-AnomalyDetected-doc',
  'aws.ce-AnomalyDetected-tag-monitor',
  'aws.cloudwatch-AlarmStateChange',
  'aws.tag-TagChange-ec2-doc',
  'cloudtrail-Converse-failed',
  'cloudtrail-TagResource-guardrail-decoy',
];
/** Real alerts of AWS Budgets about budgets that are not the governor's. */
const ALERTS = ['sns-budget-ACTUAL-daily', 'sns-budget-ACTUAL-monthly', 'sns-budget-FORECASTED-monthly'];

const NAMES = [...EVENTS.keys()];

/** As a handler receives it: what JSON cannot say is not in an event. */
const json = (value: unknown): Json => JSON.parse(JSON.stringify(value) ?? 'null') as Json;

describe('events that are none of the governor’s, or that say what is not so', () => {
  let governor: DeployedGovernor;
  let profileArn: string;
  let watch: ReturnType<DeployedGovernor['watchWrites']>;
  let before: Awaited<ReturnType<typeof everything>>;

  /** All that the governor has written anywhere: the table but for the record of what it answered, the profile's tags, the AWS budgets. */
  const everything = async () => {
    const items: unknown[] = [];
    for await (const page of paginateScan({ client: governor.dynamodb }, { TableName: governor.table }))
      items.push(...(page.Items ?? []));
    return {
      items: items
        .map((item) => JSON.stringify(item))
        .filter((item) => !item.includes('"AUDIT#'))
        .sort(),
      tags: await governor.tagsOf(profileArn),
      awsBudget: await governor.awsBudget('governor/dev/tenant-monthly/alpine-re'),
    };
  };

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-20T10:01:00Z');
    await governor.stopSweeping();
    const { inferenceProfileArn = '' } = await governor.bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'alpine-claims-triage',
        modelSource: { copyFrom: governor.foundationModel(NOVA_PRO) },
        tags: Object.entries({
          dept: 'claims',
          team: 'intake',
          app: 'triage',
          tenant: 'alpine-re',
          environment: 'prod',
          costcenter: 'cc-1042',
        }).map(([key, value]) => ({ key, value })),
      }),
    );
    profileArn = inferenceProfileArn;
    await governor.aws.settled();
    await governor.sweep();
    before = await everything();
    watch = governor.watchWrites();
  });

  afterAll(async () => {
    await governor.close();
  });

  const expectNothingDone = async () => {
    await governor.aws.settled();
    // The audit trail is written so, and nothing else; what it holds is no part of `everything`.
    expect(watch.writes.map(({ what }) => what).filter((what) => what !== 'dynamodb BatchWriteItem')).toEqual([]);
    expect(await everything()).toEqual(before);
    expect(await governor.newNotices()).toEqual([]);
  };

  /** Delivers an event and returns the result of the handler, and the metrics that it raised, from its log. */
  const deliver = async (functionName: string, payload: Json) => {
    const seen = governor.aws.logs(functionName).length;
    const { payload: result, error } = await governor.aws.invoke(functionName, payload);
    const metrics: string[] = [];
    for (const line of governor.aws.logs(functionName).slice(seen)) {
      const { _aws: embedded } = (line.startsWith('{') ? JSON.parse(line) : {}) as { _aws?: EmbeddedMetrics };
      metrics.push(...(embedded?.CloudWatchMetrics ?? []).flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name)));
    }
    return { result: JSON.parse(result) as { kind?: string; unreadable?: number }, error, metrics };
  };

  describe('the rules of the bus', () => {
    const isRouted = async (rule: string, name: string): Promise<boolean | undefined> => {
      const { EventPattern } = await governor.events.send(new DescribeRuleCommand({ Name: rule }));
      const test = new TestEventPatternCommand({ EventPattern, Event: JSON.stringify(event(name)) });
      return (await governor.events.send(test)).Result;
    };

    it.each(PROFILE_EVENTS)('let %s pass', async (name) => {
      expect(await isRouted(RULES.apiCalls, name)).toBe(true);
    });

    it.each(OTHER_EVENTS)('keep %s away', async (name) => {
      expect(await isRouted(RULES.apiCalls, name)).toBe(false);
      expect(await isRouted(RULES.tagChanges, name)).toBe(false);
    });
  });

  describe('the function for profiles', () => {
    it.each(PROFILE_EVENTS)('finds no profile to govern behind %s', async (name) => {
      const { result, error, metrics } = await deliver(FUNCTIONS.profileChanged, json(event(name)));
      expect(error).toBeUndefined();
      expect(result.kind).toBe('gone');
      expect(metrics).toEqual([]);
      await expectNothingDone();
    });

    it.each(OTHER_EVENTS)('counts %s as ignored', async (name) => {
      const { result, error, metrics } = await deliver(FUNCTIONS.profileChanged, json(event(name)));
      expect(error).toBeUndefined();
      expect(result.kind).toBe('not-ours');
      expect(metrics).toEqual(['EventIgnored']);
      await expectNothingDone();
    });

    it.each(NAMES.filter((name) => !PROFILE_EVENTS.includes(name) && !OTHER_EVENTS.includes(name)))(
      'counts %s as unreadable',
      async (name) => {
        const { result, error, metrics } = await deliver(FUNCTIONS.profileChanged, json(event(name)));
        expect(error).toBeUndefined();
        expect(result.kind).toBe('unreadable');
        expect(metrics).toEqual(['EventUnreadable']);
        await expectNothingDone();
      },
    );

    it('believes no tags in an event: it reads them', async () => {
      const lie = JSON.stringify(event('cloudtrail-TagResource')).replaceAll(
        /arn:aws:bedrock:us-east-1:123456789012:application-inference-profile\/[a-z0-9]+/g,
        profileArn,
      );
      const { result, error } = await deliver(FUNCTIONS.profileChanged, JSON.parse(lie) as Json);
      expect(error).toBeUndefined();
      // What it reads is what it has governed it by: nothing is to be done.
      expect(result.kind).toMatch(/^(settled|governed)$/);
      await expectNothingDone();
    });

    it('survives damaged events, acts on none, and says which it could not read', async () => {
      const real = json(
        JSON.parse(
          JSON.stringify(event('cloudtrail-CreateInferenceProfile')).replaceAll(
            /arn:aws:bedrock:us-east-1:123456789012:application-inference-profile\/[a-z0-9]+/g,
            profileArn,
          ),
        ),
      );
      const bases = [real, ...[...PROFILE_EVENTS, ...OTHER_EVENTS].map((name) => json(event(name)))];
      const kinds = new Set<string | undefined>();
      for (const base of bases)
        for (const mutant of fc.sample(mutationsOf(base), { numRuns: MUTANTS_PER_EVENT, seed: SEED })) {
          const { result, error, metrics } = await deliver(FUNCTIONS.profileChanged, json(mutant));
          expect(error, `for ${JSON.stringify(mutant)?.slice(0, 2_000)}`).toBeUndefined();
          expect(metrics).toEqual(METRICS[result.kind ?? 'none']);
          // Governed a moment ago, or some seconds.
          kinds.add(result.kind === 'settled' ? 'governed' : result.kind);
        }
      await expectNothingDone();
      expect([...kinds].sort()).toEqual(['gone', 'governed', 'not-ours', 'unreadable']);
    });
  });

  describe('the function for budget alerts', () => {
    it.each(ALERTS)('counts %s as ignored: its budget is another team’s', async (name) => {
      const { error, metrics } = await deliver(FUNCTIONS.budgetAlert, json(event(name)));
      expect(error).toBeUndefined();
      expect(metrics).toEqual(['EventIgnored']);
      await expectNothingDone();
    });

    it.each(NAMES.filter((name) => !ALERTS.includes(name)))('counts %s as unreadable', async (name) => {
      const { result, error, metrics } = await deliver(FUNCTIONS.budgetAlert, json(event(name)));
      expect(error).toBeUndefined();
      expect(result.unreadable).toBe(1);
      expect(metrics).toEqual(['EventUnreadable']);
      await expectNothingDone();
    });

    const forged = (): Json =>
      JSON.parse(
        JSON.stringify(event('sns-budget-ACTUAL-monthly'))
          .replaceAll('Test Budget', 'governor/dev/tenant-monthly/alpine-re')
          .replaceAll('$0.59', '$999,999.00'),
      ) as Json;

    it('believes no figures in an alert: it reads them', async () => {
      const { result, error, metrics } = await deliver(FUNCTIONS.budgetAlert, forged());
      expect(error).toBeUndefined();
      expect(result).toEqual({ reviewed: 1, unreadable: 0 });
      expect(metrics).toEqual([]);
      await expectNothingDone();
    });

    it('survives damaged alerts and acts on none', async () => {
      const bases = [forged(), ...ALERTS.map((name) => json(event(name)))];
      const metricsSeen = new Set<string>();
      for (const base of bases)
        for (const mutant of fc.sample(mutationsOf(base), { numRuns: 2 * MUTANTS_PER_EVENT, seed: SEED })) {
          const { result, error, metrics } = await deliver(FUNCTIONS.budgetAlert, json(mutant));
          expect(error, `for ${JSON.stringify(mutant)?.slice(0, 2_000)}`).toBeUndefined();
          expect(metrics.includes('EventUnreadable')).toBe((result.unreadable ?? 0) > 0);
          for (const metric of metrics) metricsSeen.add(metric);
        }
      await expectNothingDone();
      expect([...metricsSeen].sort()).toEqual(['EventIgnored', 'EventUnreadable']);
    });
  });

  describe('the functions for hints, anomalies and alarms', () => {
    const OWN: Readonly<Record<string, RegExp>> = {
      [FUNCTIONS.budgetHint]: /^$/,
      [FUNCTIONS.costAnomaly]: /^aws\.ce-/,
      [FUNCTIONS.metricAlarm]: /^aws\.cloudwatch-/,
    };
    const others = Object.entries(OWN).flatMap(([name, own]) =>
      NAMES.filter((file) => !own.test(file)).map((file) => [name, file] as const),
    );

    it.each(others)('%s counts %s as unreadable', async (name, file) => {
      const { error, metrics } = await deliver(name, json(event(file)));
      expect(error).toBeUndefined();
      expect(metrics).toEqual(['EventUnreadable']);
      await expectNothingDone();
    });

    const hint = (budget: string): Json => ({
      version: '0',
      id: 'x',
      source: 'governor.helper',
      'detail-type': 'BudgetThresholdHint',
      account: governor.aws.accountId,
      time: '2026-11-20T10:01:00Z',
      region: 'us-east-1',
      resources: [],
      detail: { version: 1, budget, period: '2026-11', percent: 100 },
    });

    it('believe no hint: a budget that has crossed nothing stays as it is', async () => {
      const { result, error, metrics } = await deliver(FUNCTIONS.budgetHint, hint('tenant-monthly/alpine-re'));
      expect([result.kind, error, metrics]).toEqual(['nothing-new', undefined, []]);
      await expectNothingDone();
    });

    it.each(['tenant-monthly/nobody', 'no-such-budget', 'tenant-monthly/', '__proto__/x'])(
      'make no budget of a hint about %s',
      async (budget) => {
        const { result, metrics } = await deliver(FUNCTIONS.budgetHint, hint(budget));
        expect([result.kind, metrics]).toEqual(['unknown-budget', ['EventIgnored']]);
        await expectNothingDone();
      },
    );

    const alarm = (alarmName: string): Json =>
      json({
        ...(event('aws.cloudwatch-AlarmStateChange') as object),
        detail: { alarmName, state: { value: 'ALARM' } },
      });

    it.each([
      ['bcg-acme-input-tokens', 'unknown-alarm', 'EventIgnored'],
      ['governor/dev/tenant-monthly/alpine-re', 'unconfirmed', 'SignalUnconfirmed'],
    ])('believe no alarm %s that CloudWatch does not have', async (name, kind, metric) => {
      const { result, error, metrics } = await deliver(FUNCTIONS.metricAlarm, alarm(name));
      expect([result.kind, error, metrics]).toEqual([kind, undefined, [metric]]);
      await expectNothingDone();
    });

    it('survive damaged events and act on none', async () => {
      const bases = [
        [FUNCTIONS.budgetHint, hint('tenant-monthly/alpine-re')],
        [FUNCTIONS.metricAlarm, alarm('governor/dev/tenant-monthly/alpine-re')],
      ] as const;
      const seen = new Set<string>();
      for (const [name, base] of bases)
        for (const mutant of fc.sample(mutationsOf(base), { numRuns: 2 * MUTANTS_PER_EVENT, seed: SEED })) {
          const { result, error } = await deliver(name, json(mutant));
          expect(error, `for ${JSON.stringify(mutant)?.slice(0, 2_000)}`).toBeUndefined();
          seen.add(result.kind ?? '');
        }
      await expectNothingDone();
      expect([...seen].sort()).toEqual(['nothing-new', 'unconfirmed', 'unknown-alarm', 'unknown-budget', 'unreadable']);
    });
  });

  describe('the sweep', () => {
    it('does the same whatever event calls it: nothing, where nothing differs', async () => {
      for (const name of NAMES) {
        const { result, error } = await deliver(FUNCTIONS.sweep, json(event(name)));
        expect(error, name).toBeUndefined();
        expect(result, name).toMatchObject({ profiles: 1, cleared: 1, drifted: 0, failed: [], ended: 0 });
      }
      await expectNothingDone();
    });
  });
});

/** CloudWatch embedded metric format. */
interface EmbeddedMetrics {
  readonly CloudWatchMetrics: readonly { readonly Metrics: readonly { readonly Name: string }[] }[];
}

const METRICS: Readonly<Record<string, readonly string[]>> = {
  gone: [],
  governed: [],
  settled: [],
  'not-ours': ['EventIgnored'],
  unreadable: ['EventUnreadable'],
};
