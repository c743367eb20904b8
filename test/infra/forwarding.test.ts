import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readDeployment } from '../../infra/deployment.ts';
import { forwardedRules } from '../../infra/forwarding/forwarders.ts';
import { homeResources } from '../../infra/forwarding/home-resources.ts';
import { type PackagedStack, packageStack } from '../../infra/package.ts';
import { evaluate } from '../../local/cloudformation/template.ts';
import { readBusPolicy, refusalOf } from '../../local/eventbridge/bus-policy.ts';
import { compilePattern } from '../../local/eventbridge/pattern.ts';
import type { Json, JsonObject } from '../../local/service.ts';
import { copyProject } from './project-copy.ts';

/** What the packaged templates say of events that other Regions, and the payer, forward. */
const ACCOUNT = '123456789012';
const PAYER = '999999999999';
const PREFIX = 'bedrock-cost-governor-dev';
const BUS = `arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/${PREFIX}`;
const json = z.record(z.string(), z.json());
const resource = z.looseObject({ Type: z.string(), Properties: json.default({}) });
const template = z.looseObject({ Resources: z.record(z.string(), resource), Description: z.string() });
type Template = z.infer<typeof template>;

let project: Awaited<ReturnType<typeof copyProject>>;
let packaged: PackagedStack;
let home: Template;
const further = new Map<string, Template>();
beforeAll(async () => {
  project = await copyProject();
  const policy = new URL('../../examples/insurer/governance.yaml', import.meta.url).pathname;
  const regions = ['--region', 'eu-west-1', '--regions', 'eu-west-1,us-east-1,us-west-2', '--policy', policy];
  const flags = [...regions, '--payer-account', PAYER];
  packaged = await packageStack({ root: project.root, flags });
  const read = async (path: string) => template.parse(JSON.parse(await readFile(path, 'utf8')));
  home = await read(packaged.templatePath);
  for (const { fileName, templatePath } of packaged.further) further.set(fileName, await read(templatePath));
});
afterAll(() => project.remove());

/** A part of a template as it is in a Region of an account; a reference to a resource becomes its logical id. */
function inPlace(value: Json, region: string, accountId = ACCOUNT): Json {
  const pseudo: Record<string, Json> = {
    'AWS::AccountId': accountId,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    GovernorAccountId: ACCOUNT,
  };
  return (
    evaluate(value, {
      ref: (name) => pseudo[name] ?? name,
      attribute: (id, name) => (id === 'GovernorBus' ? BUS : `${id}.${name}`),
      condition: () => true,
      mapping: () => '',
    }) ?? null
  );
}

const ofType = (from: Template, type: string, region: string, accountId?: string) =>
  Object.entries(from.Resources).flatMap(([id, { Type, Properties }]) =>
    Type === type ? [[id, json.parse(inPlace(Properties, region, accountId))] as const] : [],
  );
const rulesOf = (from: Template, region: string, accountId?: string) =>
  ofType(from, 'AWS::Events::Rule', region, accountId).flatMap(([, rule]) =>
    rule['EventPattern'] === undefined
      ? []
      : [{ name: String(rule['Name']).replace(`${PREFIX}-`, ''), bus: rule['EventBusName'], rule }],
  );
const fixture = (file: string, change: JsonObject = {}): JsonObject => {
  const text = readFileSync(new URL(`../fixtures/events/${file}.json`, import.meta.url), 'utf8');
  return { ...json.parse(JSON.parse(text)), ...change };
};
const matching = (rules: ReturnType<typeof rulesOf>, event: JsonObject) =>
  rules.filter(({ rule }) => compilePattern(rule['EventPattern'] ?? null).matches(event)).map(({ name }) => name);

describe('the stacks beside the governor', () => {
  it('have their queues on the dashboard of the home Region, and so have the rules that hand on what they forward', () => {
    const { 'Fn::Sub': text } = z
      .object({ DashboardBody: z.object({ 'Fn::Sub': z.string() }) })
      .parse(home.Resources['Dashboard']?.Properties).DashboardBody;
    const { widgets } = z
      .object({ widgets: z.array(z.object({ properties: z.looseObject({ title: z.string(), metrics: z.json() }) })) })
      .parse(JSON.parse(text));
    const metricsOf = (title: RegExp) =>
      widgets.find(({ properties }) => title.test(properties.title))?.properties.metrics;
    const queue = [
      'AWS/SQS',
      'ApproximateNumberOfMessagesVisible',
      'QueueName',
      `bedrock-cost-governor-dev-undelivered-forwards`,
    ];
    expect(metricsOf(/^Dead letters of other Regions$/)).toEqual(
      ['us-east-1', 'us-west-2'].map((region) => [...queue, { region, label: `undelivered-forwards in ${region}` }]),
    );
    expect(metricsOf(/^Letters that are lost/)).toContainEqual([
      ...['AWS/Events', 'InvocationsFailedToBeSentToDlq', 'EventBusName', `\${GovernorBus}`],
      ...[
        'RuleName',
        `bedrock-cost-governor-dev-forwarded-profile-api-calls`,
        { label: 'forwarded-profile-api-calls' },
      ],
    ]);
  });

  it('are one for each further Region, and one for the payer', () => {
    expect(packaged.further.map(({ fileName, region, account }) => [fileName, region, account])).toEqual([
      ['region-us-east-1.template.json', 'us-east-1', 'own'],
      ['region-us-west-2.template.json', 'us-west-2', 'own'],
      ['payer.template.json', 'us-east-1', 'payer'],
    ]);
  });

  it('forward what is about profiles from each governed Region, and anomalies from us-east-1', () => {
    const names = (file: string) => rulesOf(further.get(file) ?? home, 'any').map(({ name }) => name);
    const OF_PROFILES = ['forward-profile-api-calls', 'forward-profile-tag-changes', 'forward-metric-alarms'];
    expect(names('region-us-west-2.template.json')).toEqual(OF_PROFILES);
    expect(names('region-us-east-1.template.json')).toEqual([...OF_PROFILES, 'forward-cost-anomalies']);
    expect(names('payer.template.json')).toEqual(['forward-cost-anomalies']);
  });

  it('say that they need a trail, and what happens without one', () => {
    expect(further.get('region-us-west-2.template.json')?.Description).toMatch(/trail.*without one the sweep/);
    // The limit of CloudFormation.
    for (const { Description } of further.values()) expect(Description.length).toBeLessThanOrEqual(1024);
  });

  it.each([
    ['region-us-east-1.template.json', 'us-east-1', ACCOUNT, `${PREFIX}-us-east-1-forward`],
    ['region-us-west-2.template.json', 'us-west-2', ACCOUNT, `${PREFIX}-us-west-2-forward`],
    ['payer.template.json', 'us-east-1', PAYER, `${PREFIX}-payer-forward`],
  ])(
    '%s puts events on the bus by a role that may do nothing else, and keeps what does not arrive',
    (file, region, account, roleName) => {
      const stack = further.get(file) ?? home;
      const arns = rulesOf(stack, region, account).map(
        ({ name }) => `arn:aws:events:${region}:${account}:rule/${PREFIX}-${name}`,
      );
      const [[, role] = [], ...others] = ofType(stack, 'AWS::IAM::Role', region, account);
      expect(others).toEqual([]);
      expect(role).toEqual({
        RoleName: roleName,
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sts:AssumeRole',
              Condition: { StringEquals: { 'aws:SourceAccount': account }, ArnEquals: { 'aws:SourceArn': arns } },
            },
          ],
        },
        Policies: [
          {
            PolicyName: 'forward',
            PolicyDocument: {
              Version: '2012-10-17',
              Statement: [{ Sid: expect.any(String), Effect: 'Allow', Action: 'events:PutEvents', Resource: BUS }],
            },
          },
        ],
      });
      for (const { rule } of rulesOf(stack, region, account))
        expect(rule['Targets']).toEqual([
          expect.objectContaining({
            Arn: BUS,
            RoleArn: 'ForwardRole.Arn',
            DeadLetterConfig: { Arn: 'UndeliveredForwardsQueue.Arn' },
          }),
        ]);
      const policies = ofType(stack, 'AWS::SQS::QueuePolicy', region, account);
      expect(policies).toEqual([
        [
          'UndeliveredForwardsQueuePolicy',
          expect.objectContaining({
            PolicyDocument: expect.objectContaining({
              Statement: [
                expect.objectContaining({
                  Effect: 'Allow',
                  Principal: { Service: 'events.amazonaws.com' },
                  Action: 'sqs:SendMessage',
                  Condition: { ArnEquals: { 'aws:SourceArn': arns } },
                }),
              ],
            }),
          }),
        ],
      ]);
    },
  );

  it('forward no event of another account that was brought to their bus', () => {
    const stack = further.get('region-us-west-2.template.json') ?? home;
    const event = fixture('cloudtrail-TagResource', { region: 'us-west-2' });
    expect(matching(rulesOf(stack, 'us-west-2'), event)).toEqual(['forward-profile-api-calls']);
    expect(matching(rulesOf(stack, 'us-west-2'), { ...event, account: '222222222222' })).toEqual([]);
  });

  it('watch the tenant tag for anomalies in the account that pays, and forward those of this monitor alone', () => {
    const stack = further.get('payer.template.json') ?? home;
    const [[, monitor] = []] = ofType(stack, 'AWS::CE::AnomalyMonitor', 'us-east-1', PAYER);
    expect(monitor).toMatchObject({ MonitorDimension: 'TAG', MonitorSpecification: '{"Tags":{"Key":"tenant"}}' });
    const anomaly = fixture('aws.ce-AnomalyDetected-doc', { account: PAYER, resources: ['AnomalyMonitor'] });
    const rules = rulesOf(stack, 'us-east-1', PAYER);
    expect(matching(rules, anomaly)).toEqual(['forward-cost-anomalies']);
    expect(matching(rules, { ...anomaly, resources: ['another'] })).toEqual([]);
  });
});

describe('the bus in the home Region', () => {
  const EVENTS: readonly [string, string, string][] = [
    ['cloudtrail-CreateInferenceProfile', 'us-west-2', 'forwarded-profile-api-calls'],
    ['cloudtrail-DeleteInferenceProfile', 'us-east-1', 'forwarded-profile-api-calls'],
    ['aws.cloudwatch-AlarmStateChange', 'us-west-2', 'forwarded-metric-alarms'],
    ['aws.ce-AnomalyDetected-doc', 'us-east-1', 'forwarded-cost-anomalies'],
  ];
  const onBus = () => rulesOf(home, 'eu-west-1').filter(({ bus }) => bus === 'GovernorBus');

  it.each(EVENTS)('hands %s of %s to the function that answers it in the home Region', (file, region, name) => {
    expect(matching(onBus(), fixture(file, { region }))).toEqual([name]);
    const targetOf = (wanted: string) =>
      rulesOf(home, 'eu-west-1')
        .filter((each) => each.name === wanted)
        .flatMap(({ rule }) => z.array(z.looseObject({ Arn: z.string() })).parse(rule['Targets']))
        .map(({ Arn }) => Arn);
    expect(targetOf(name)).toEqual(targetOf(name.replace('forwarded-', '')));
  });

  it.each(EVENTS)('hands on no %s of another account or Region', (file) => {
    for (const region of ['eu-west-1', 'eu-north-1', 'us-west-1'])
      expect(matching(onBus(), fixture(file, { region }))).toEqual([]);
    for (const region of ['us-east-1', 'us-west-2'])
      expect(matching(onBus(), fixture(file, { region, account: '222222222222' }))).toEqual([]);
  });

  it('hands on the anomalies of the payer, and nothing else of its account', () => {
    const of = (file: string) => matching(onBus(), fixture(file, { region: 'us-east-1', account: PAYER }));
    expect(of('aws.ce-AnomalyDetected-doc')).toEqual(['forwarded-cost-anomalies']);
    expect(of('cloudtrail-TagResource')).toEqual([]);
  });

  const policy = (from: Template) =>
    readBusPolicy({
      Statement: ofType(from, 'AWS::Events::EventBusPolicy', 'eu-west-1').map(([, { Statement }]) => Statement ?? null),
    });
  const role = (name: string, account = ACCOUNT) => `arn:aws:iam::${account}:role/${name}`;

  it.each<[string, string, string, 'takes' | 'refuses']>([
    ['aws.bedrock', 'a listed Region', role(`${PREFIX}-us-west-2-forward`), 'takes'],
    ['aws.tag', 'a listed Region', role(`${PREFIX}-us-west-2-forward`), 'takes'],
    ['aws.ce', 'us-east-1', role(`${PREFIX}-us-east-1-forward`), 'takes'],
    ['aws.ce', 'the payer', role(`${PREFIX}-payer-forward`, PAYER), 'takes'],
    ['aws.bedrock', 'a Region that is not listed', role(`${PREFIX}-eu-north-1-forward`), 'refuses'],
    ['aws.bedrock', 'another stage', role('bedrock-cost-governor-test-us-west-2-forward'), 'refuses'],
    ['aws.bedrock', 'an administrator', role('admin'), 'refuses'],
    ['aws.bedrock', 'the payer', role(`${PREFIX}-payer-forward`, PAYER), 'refuses'],
    ['aws.ce', 'another role of the payer', role('admin', PAYER), 'refuses'],
    ['aws.bedrock', 'another account', role(`${PREFIX}-us-west-2-forward`, '222222222222'), 'refuses'],
    ['governor.helper', 'another account', role('tenant', '222222222222'), 'refuses'],
    // By their own permissions: docs/security.md.
    ['governor.helper', 'a tenant of this account', role('tenant'), 'takes'],
  ])('of %s from %s: %s %s', (source, _whom, principalArn, verdict) => {
    const refusal = refusalOf(policy(home), BUS, { principalArn, source, detailType: 'x' });
    expect(refusal === undefined ? 'takes' : 'refuses').toBe(verdict);
  });

  it('takes no event of AWS from anybody, and has no rule for one, where nothing is forwarded', async () => {
    const alone = await copyProject();
    try {
      const { templatePath, further: none } = await packageStack({ root: alone.root });
      const stack = template.parse(JSON.parse(await readFile(templatePath, 'utf8')));
      expect(none).toEqual([]);
      const sender = { principalArn: role('admin'), detailType: 'x' };
      expect(refusalOf(policy(stack), BUS, { ...sender, source: 'aws.bedrock' })).toMatch(/explicit deny/);
      expect(refusalOf(policy(stack), BUS, { ...sender, source: 'governor.helper' })).toBeUndefined();
      expect(rulesOf(stack, 'us-east-1').filter(({ name }) => name.startsWith('forward'))).toEqual([]);
    } finally {
      await alone.remove();
    }
  });
});

describe('what is made for every Region of AWS', () => {
  const SERVERLESS = readFileSync(new URL('../../infra/serverless.yml', import.meta.url), 'utf8');
  /** More than there are, with names as long as they come. */
  const REGIONS = Array.from({ length: 40 }, (_, i) =>
    `ap-southeast-${i % 10}`.replace('southeast', `southeast${'a'.repeat(i / 10)}`),
  );

  it('is not more than a pattern and the policy of a bus may hold', () => {
    const { deployment } = readDeployment([
      '--region',
      'eu-west-1',
      '--regions',
      REGIONS.join(),
      '--payer-account',
      PAYER,
    ]);
    const { Resources } = template
      .omit({ Description: true })
      .parse(homeResources(deployment(), forwardedRules(SERVERLESS, { stage: 'dev' })));
    const made = Object.values(Resources).map(({ Type, Properties }) => ({
      Type,
      Properties: inPlace(Properties, 'eu-west-1'),
    }));
    const lengths = (type: string, member: string) =>
      made
        .filter(({ Type }) => Type === type)
        .map(({ Properties }) => JSON.stringify(json.parse(Properties)[member]).length);
    expect(Math.max(...lengths('AWS::Events::Rule', 'EventPattern'))).toBeLessThanOrEqual(2_048);
    const policy = lengths('AWS::Events::EventBusPolicy', 'Statement').reduce((sum, length) => sum + length, 0);
    expect(policy).toBeLessThanOrEqual(10_240);
  });

  it('has the prefix of the stack where a pattern names it, and refuses any other variable', () => {
    const withVariable = (name: string) =>
      SERVERLESS.replace('eventSource: [bedrock.amazonaws.com]', `eventSource: ["\${${name}}-x"]`);
    const [rule] = forwardedRules(withVariable('self:custom.prefix'), { stage: 'prod' });
    expect(rule?.pattern).toMatchObject({ detail: { eventSource: ['bedrock-cost-governor-prod-x'] } });
    expect(() => forwardedRules(withVariable('param:x'), { stage: 'prod' })).toThrow(
      'the pattern of profile-api-calls',
    );
    expect(() => forwardedRules(SERVERLESS.replace('-profile-api-calls', '-other'), { stage: 'prod' })).toThrow(
      'no rule profile-api-calls',
    );
  });
});
