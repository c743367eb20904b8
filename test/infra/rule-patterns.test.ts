import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { compilePattern } from '../../local/eventbridge/pattern.ts';
import type { JsonObject } from '../../local/service.ts';
import { HOME, type PlacedTemplate, packagedRegions } from './packaged-regions.ts';
import { eventRule, packagedTemplate } from './packaged-template.ts';

/**
 * Every rule of the packaged template against every sample of what AWS sends and answers, and against variations of it.
 * A sample that is no event at all is matched by nothing.
 */
const MATCHES: Readonly<Record<string, readonly string[]>> = {
  'cloudtrail-CreateInferenceProfile': ['profile-api-calls'],
  'cloudtrail-CreateInferenceProfile-untagged': ['profile-api-calls'],
  'cloudtrail-DeleteInferenceProfile': ['profile-api-calls'],
  'cloudtrail-TagResource': ['profile-api-calls'],
  'cloudtrail-UntagResource': ['profile-api-calls'],
  'cloudtrail-TagResource-guardrail-decoy': [],
  'cloudtrail-Converse-failed': [],
  'aws.tag-TagChange-ec2-doc': [],
  'aws.ce-AnomalyDetected-doc': ['cost-anomalies'],
  'aws.ce-AnomalyDetected-tag-monitor': ['cost-anomalies'],
  'aws.cloudwatch-AlarmStateChange': ['metric-alarms'],
  'sns-budget-ACTUAL-daily': [],
  'sns-budget-ACTUAL-monthly': [],
  'sns-budget-FORECASTED-monthly': [],
  'api-ListInferenceProfiles': [],
  'api-bedrock-ListTagsForResource': [],
  'api-errors-DeleteInferenceProfile': [],
  'api-tagging-GetResources': [],
  'bedrock-invocation-log-record': [],
  'budgets-DescribeBudget-response': [],
  'eventbridge-PutEvents-partial-failure': [],
  'runtime-Converse-response': [],
  'runtime-ConverseStream-events': [],
  'runtime-InvokeModel-response-headers': [],
  'runtime-InvokeModelWithResponseStream-last-chunk': [],
};

const FOLDER = new URL('../fixtures/events/', import.meta.url);
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const sample = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));

let rules: readonly z.infer<typeof eventRule>[];
beforeAll(async () => {
  rules = [...(await packagedTemplate()).resources('AWS::Events::Rule', eventRule).values()];
});

const matching = (event: unknown): string[] => matchingOf(rules, event);
const matchingOf = (tried: typeof rules, event: unknown): string[] =>
  tried
    .filter(
      ({ EventPattern }) =>
        EventPattern !== undefined && isObject(event) && compilePattern(EventPattern).matches(event),
    )
    .map(({ Name }) => Name);

/** A sample with some members of its detail, or of itself, put in the place of what it has. */
function altered(name: string, detail: JsonObject, envelope: JsonObject = {}): JsonObject {
  const event = sample(name);
  if (!isObject(event) || !isObject(event['detail'])) throw new Error(`${name} is no event`);
  return { ...event, ...envelope, detail: { ...event['detail'], ...detail } };
}

describe('the rules', () => {
  it('are these, of which those with a pattern are tried here', () => {
    expect(rules.flatMap(({ Name, EventPattern }) => (EventPattern === undefined ? [] : [Name])).toSorted()).toEqual([
      'budget-hints',
      'cost-anomalies',
      'metric-alarms',
      'profile-api-calls',
      'profile-tag-changes',
    ]);
  });

  it('are tried with every sample', () => {
    const files = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.json') ? [file.replace('.json', '')] : []));
    expect(Object.keys(MATCHES).toSorted()).toEqual(files.toSorted());
  });

  it('match exactly what the table says, each rule with each sample', () => {
    const found = Object.fromEntries(Object.keys(MATCHES).map((name) => [name, matching(sample(name))]));
    expect(found).toEqual(MATCHES);
  });

  const PROFILE_CALLS = Object.keys(MATCHES).filter((name) => MATCHES[name]?.includes('profile-api-calls'));

  it.each(PROFILE_CALLS)('ignore %s where the call failed', (name) => {
    expect(matching(altered(name, { errorCode: 'AccessDenied', requestParameters: null }))).toEqual([]);
    expect(matching(altered(name, { errorCode: 'ThrottlingException' }))).toEqual([]);
    expect(matching(altered(name, { errorCode: 'ValidationException', responseElements: null }))).toEqual([]);
  });

  it.each(PROFILE_CALLS)('ignore %s of another service, source or kind', (name) => {
    expect(matching(altered(name, { eventSource: 'bedrock-agent.amazonaws.com' }))).toEqual([]);
    expect(matching(altered(name, {}, { source: 'governor.helper' }))).toEqual([]);
    expect(matching(altered(name, {}, { 'detail-type': 'AWS Console Sign In via CloudTrail' }))).toEqual([]);
    expect(matching(altered(name, { eventName: 'GetInferenceProfile' }))).toEqual([]);
  });

  const OTHER_RESOURCES = [
    'guardrail/gr12ab34cd56',
    'custom-model/amazon.titan-text-lite-v1:0:4k/abcdef123456',
    'provisioned-model/abcdef123456',
    'inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    'prompt-router/abcdef123456',
    'agent/ABCDEFGHIJ',
    'knowledge-base/ABCDEFGHIJ',
    'model-customization-job/amazon.titan-text-lite-v1:0:4k/abcdef123456',
  ];
  it.each(['cloudtrail-TagResource', 'cloudtrail-UntagResource'])(
    'match %s of an application inference profile by either spelling of its member, and of no other resource',
    (name) => {
      const arnOf = (resource: string) => `arn:aws:bedrock:us-east-1:123456789012:${resource}`;
      for (const member of ['resourceARN', 'resourceArn']) {
        const of = (arn: string) => matching(altered(name, { requestParameters: { [member]: arn } }));
        expect(of(arnOf('application-inference-profile/06vsfs68yb4g'))).toEqual(['profile-api-calls']);
        expect(
          of('arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:application-inference-profile/06vsfs68yb4g'),
        ).toEqual(['profile-api-calls']);
        expect(OTHER_RESOURCES.filter((resource) => of(arnOf(resource)).length > 0)).toEqual([]);
      }
      expect(matching(altered(name, { requestParameters: null }))).toEqual([]);
    },
  );

  it('match the change of tags of an application inference profile, and of nothing else', () => {
    const of = (service: string, type: string) =>
      matching(altered('aws.tag-TagChange-ec2-doc', { service, 'resource-type': type }));
    expect(of('bedrock', 'application-inference-profile')).toEqual(['profile-tag-changes']);
    expect(of('bedrock', 'inference-profile')).toEqual([]);
    expect(of('bedrock', 'guardrail')).toEqual([]);
    expect(of('ec2', 'application-inference-profile')).toEqual([]);
  });

  it('match an alarm that is in alarm and one that is over, and none that lacks data or is of this stack', () => {
    const of = (detail: JsonObject) => matching(altered('aws.cloudwatch-AlarmStateChange', detail));
    expect(of({ state: { value: 'ALARM' } })).toEqual(['metric-alarms']);
    expect(of({ state: { value: 'OK' } })).toEqual(['metric-alarms']);
    expect(of({ state: { value: 'INSUFFICIENT_DATA' } })).toEqual([]);
    expect(of({ alarmName: 'bedrock-cost-governor-dev-metric-alarm-errors' })).toEqual([]);
    // Of another stage, and of a budget: the function finds out which budget is meant, if any.
    expect(of({ alarmName: 'bedrock-cost-governor-prod-sweep-stalled' })).toEqual(['metric-alarms']);
    expect(of({ alarmName: 'governor/dev/tenant-monthly/acme' })).toEqual(['metric-alarms']);
  });

  it('match what a process says of a budget, and not what the governor says on the same bus', () => {
    const event = (source: string, type: string): JsonObject => ({ source, 'detail-type': type, detail: {} });
    expect(matching(event('governor.helper', 'BudgetThresholdHint'))).toEqual(['budget-hints']);
    expect(matching(event('governor.helper', 'TenantClosed'))).toEqual([]);
    expect(matching(event('bedrock.cost-governor', 'BudgetThresholdHint'))).toEqual([]);
  });

  it('ignore an anomaly that somebody else tells of', () => {
    expect(matching(altered('aws.ce-AnomalyDetected-doc', {}, { source: 'governor.helper' }))).toEqual([]);
  });
});

describe('the rules of other Regions and of the payer, and those that hear them on the bus', () => {
  let regions: Awaited<ReturnType<typeof packagedRegions>>;
  beforeAll(async () => {
    regions = await packagedRegions();
  });
  afterAll(() => regions.remove());

  const rulesIn = (placed: PlacedTemplate) => [...placed.ofType('AWS::Events::Rule', eventRule).values()];
  const named = (placed: PlacedTemplate, prefix: string) =>
    rulesIn(placed).filter(({ Name }) => Name.startsWith(prefix));
  /** As AWS writes a sample in that place. An anomaly of the payer's is of the monitor of its stack. */
  const sampleIn = ({ region, accountId: account, name: stack }: PlacedTemplate, name: string): unknown => {
    const event = sample(name);
    if (!isObject(event)) return event;
    return { ...event, region, account, ...(stack === 'payer' ? { resources: ['AnomalyMonitor'] } : {}) };
  };
  const FORWARDED: Readonly<Record<string, readonly string[]>> = {
    'region-us-east-1': ['cost-anomalies'],
    'region-us-west-2': ['profile-api-calls', 'profile-tag-changes', 'metric-alarms'],
    payer: ['cost-anomalies'],
  };
  const expected = (stack: string, prefix: string) =>
    Object.fromEntries(
      Object.entries(MATCHES).map(([name, matched]) => [
        name,
        matched.filter((rule) => FORWARDED[stack]?.includes(rule)).map((rule) => `${prefix}${rule}`),
      ]),
    );
  const found = (tried: typeof rules, placed: PlacedTemplate, change: JsonObject = {}) =>
    Object.fromEntries(
      Object.keys(MATCHES).map((name) => {
        const event = sampleIn(placed, name);
        return [name, matchingOf(tried, isObject(event) ? { ...event, ...change } : event)];
      }),
    );
  const NOTHING = Object.fromEntries(Object.keys(MATCHES).map((name) => [name, []]));

  it('are these', () => {
    expect(
      Object.fromEntries(regions.further.map((each) => [each.name, rulesIn(each).map(({ Name }) => Name)])),
    ).toEqual(
      Object.fromEntries(Object.entries(FORWARDED).map(([name, all]) => [name, all.map((rule) => `forward-${rule}`)])),
    );
  });

  it('match exactly what those of the home Region do, each rule with each sample of its place', () => {
    for (const placed of regions.further) {
      expect([placed.name, found(rulesIn(placed), placed)]).toEqual([placed.name, expected(placed.name, 'forward-')]);
      const heard = named(regions.home, 'forwarded-');
      expect([placed.name, found(heard, placed)]).toEqual([placed.name, expected(placed.name, 'forwarded-')]);
    }
  });

  it('match nothing of another account, and on the bus nothing of a Region that forwards nothing', () => {
    for (const placed of regions.further)
      expect(found(rulesIn(placed), placed, { account: '222222222222' })).toEqual(NOTHING);
    const heard = named(regions.home, 'forwarded-');
    expect(heard).toHaveLength(4);
    for (const placed of regions.further)
      for (const region of [HOME, 'eu-north-1']) expect(found(heard, placed, { region })).toEqual(NOTHING);
  });

  it("match no alarm of the governor's own stacks, and no change of tags of other resources", () => {
    for (const placed of regions.further) {
      const put = (event: JsonObject) => ({ ...event, region: placed.region, account: placed.accountId });
      const own = put(
        altered('aws.cloudwatch-AlarmStateChange', { alarmName: 'bedrock-cost-governor-dev-undelivered-forwards' }),
      );
      const other = put(altered('aws.tag-TagChange-ec2-doc', { service: 'bedrock', 'resource-type': 'guardrail' }));
      const failed = put(altered('cloudtrail-TagResource', { errorCode: 'AccessDenied' }));
      for (const event of [own, other, failed])
        expect(matchingOf([...rulesIn(placed), ...rulesIn(regions.home)], event)).toEqual([]);
    }
  });
});
