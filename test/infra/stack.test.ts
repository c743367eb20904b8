import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { REDRIVEN_FUNCTIONS } from '../../domain/redrive/dead-letter.ts';
import { STANDING_TAG } from '../../domain/tags.ts';
import { packageStack } from '../../infra/package.ts';
import { compilePattern } from '../../local/eventbridge/pattern.ts';
import { copyProject } from './project-copy.ts';

/** What the packaged template says. osls and CloudFormation check less than a deployment needs. */
const statement = z.object({
  Effect: z.enum(['Allow', 'Deny']),
  Action: z.union([z.string(), z.array(z.string())]).transform((action) => [action].flat()),
  Principal: z.unknown().optional(),
  Resource: z.unknown().optional(),
  Condition: z.unknown().optional(),
});
type Statement = z.infer<typeof statement>;
const policy = z.object({ Statement: z.array(statement) });
const reference = z.object({ Ref: z.string() });
const attribute = z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) });

const lambdaFunction = z.object({
  FunctionName: z.string(),
  Handler: z.string(),
  Runtime: z.string(),
  Architectures: z.array(z.string()),
  Code: z.object({ S3Key: z.string() }),
  Role: attribute,
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }),
});
const rule = z.object({
  Name: z.string(),
  State: z.string(),
  EventBusName: z.union([reference, z.undefined()]).optional(),
  EventPattern: z.json().optional(),
  ScheduleExpression: z.string().optional(),
  Targets: z.array(
    z.object({ Arn: attribute, DeadLetterConfig: z.object({ Arn: attribute }), RetryPolicy: z.unknown().optional() }),
  ),
});
const queuePolicy = z.object({ Queues: z.array(reference), PolicyDocument: policy });
const invokeConfig = z.object({
  FunctionName: reference,
  DestinationConfig: z.object({ OnFailure: z.object({ Destination: attribute }) }),
});
const role = z.object({
  RoleName: z.string(),
  AssumeRolePolicyDocument: policy,
  ManagedPolicyArns: z.undefined().optional(),
  Policies: z.array(z.object({ PolicyDocument: policy })),
});
const template = z.object({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.unknown().optional(), DeletionPolicy: z.string().optional() }),
  ),
  Outputs: z.record(z.string(), z.object({ Value: z.unknown() })),
});

let project: Awaited<ReturnType<typeof copyProject>>;
let text: string;
let stack: z.infer<typeof template>;
beforeAll(async () => {
  project = await copyProject();
  const { templatePath } = await packageStack({ root: project.root });
  text = await readFile(templatePath, 'utf8');
  stack = template.parse(JSON.parse(text));
});
afterAll(() => project.remove());

function resources<T>(type: string, schema: z.ZodType<T>): Map<string, T> {
  const found = Object.entries(stack.Resources).filter(([, resource]) => resource.Type === type);
  return new Map(found.map(([id, resource]) => [id, schema.parse(resource.Properties)]));
}
const functions = () => resources('AWS::Lambda::Function', lambdaFunction);
const rules = () => resources('AWS::Events::Rule', rule);
const roles = () => resources('AWS::IAM::Role', role);

/** The short name of a function, by its logical id: `sweep`. */
const nameOf = (id: string) => functions().get(id)?.FunctionName.replace('bedrock-cost-governor-dev-', '');

function statementsOf(name: string): Statement[] {
  const found = [...functions()].find(([id]) => nameOf(id) === name);
  const own = found && roles().get(found[1].Role['Fn::GetAtt'][0]);
  return own?.Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement) ?? [];
}

const queuePoliciesOf = (queue: string) =>
  [...resources('AWS::SQS::QueuePolicy', queuePolicy).values()].filter(({ Queues }) =>
    Queues.some(({ Ref }) => Ref === queue),
  );

describe('the functions', () => {
  it('are twelve, each with its own artifact, role and log group', () => {
    const all = [...functions()];
    expect(all.map(([id]) => nameOf(id)).sort()).toEqual([
      'billing',
      'budget-alert',
      'budget-hint',
      'cost-anomaly',
      'lease',
      'ledger-watch',
      'metric-alarm',
      'outlook',
      'profile-changed',
      'reopen-ended',
      'resolve-profile',
      'sweep',
    ]);
    for (const [id, fn] of all) {
      expect(fn.Handler).toBe('index.handler');
      expect(fn.Architectures).toEqual(['arm64']);
      expect(fn.Code.S3Key.split('/').at(-1)).toBe(`${nameOf(id)}.zip`);
      expect(roles().get(fn.Role['Fn::GetAtt'][0])?.RoleName).toBe(`bedrock-cost-governor-dev-us-east-1-${nameOf(id)}`);
    }
    expect(new Set(all.map(([, fn]) => fn.Role['Fn::GetAtt'][0])).size).toBe(all.length);
    expect(roles().size).toBe(all.length);

    const logGroup = z.object({ LogGroupName: z.string(), RetentionInDays: z.literal(90) });
    const logGroups = [...resources('AWS::Logs::LogGroup', logGroup).values()].map(({ LogGroupName }) => LogGroupName);
    expect(logGroups.sort()).toEqual(all.map(([, fn]) => `/aws/lambda/${fn.FunctionName}`).sort());
  });

  it('include every file of handlers/', () => {
    const files = readdirSync(new URL('../../handlers', import.meta.url)).filter((file) => file.endsWith('.ts'));
    const artifacts = [...functions().values()].map(({ Code }) => basename(Code.S3Key, '.zip'));
    expect(artifacts).toEqual(expect.arrayContaining(files.map((file) => basename(file, '.ts'))));
  });

  it('have a destination for what they fail to do, and may send there, but for the one whose callers wait for it', () => {
    const configs = [...resources('AWS::Lambda::EventInvokeConfig', invokeConfig).values()];
    const asynchronous = [...functions().keys()].filter((id) => nameOf(id) !== 'lease');
    expect(configs.map(({ FunctionName }) => FunctionName.Ref).sort()).toEqual(asynchronous.sort());
    expect(asynchronous.map((id) => nameOf(id)).sort()).toEqual([...REDRIVEN_FUNCTIONS].sort());
    for (const { FunctionName, DestinationConfig } of configs) {
      const destination = DestinationConfig.OnFailure.Destination;
      expect(stack.Resources[destination['Fn::GetAtt'][0]]?.Type).toBe('AWS::SQS::Queue');
      expect(statementsOf(nameOf(FunctionName.Ref) ?? '')).toContainEqual(
        expect.objectContaining({ Effect: 'Allow', Action: ['sqs:SendMessage'], Resource: destination }),
      );
    }
  });

  it('know where everything is from their environment, which holds no secret', () => {
    for (const fn of functions().values()) {
      expect(fn.Environment.Variables).toEqual({
        GOVERNOR_TABLE: { Ref: 'GovernorTable' },
        GOVERNOR_NOTICES_TOPIC_ARN: { Ref: 'NoticesTopic' },
        GOVERNOR_CHAT_TOPIC_ARN: { Ref: 'ChatNoticesTopic' },
        GOVERNOR_BUDGET_ALERTS_TOPIC_ARN: { Ref: 'BudgetAlertsTopic' },
        GOVERNOR_ANOMALIES_TOPIC_ARN: { Ref: 'AnomaliesTopic' },
        GOVERNOR_BUS_NAME: { Ref: 'GovernorBus' },
        GOVERNOR_ACCOUNT_ID: { Ref: 'AWS::AccountId' },
        GOVERNOR_INDEX_PARAMETER: '/bedrock-cost-governor-dev/index',
        GOVERNOR_STAGE: 'dev',
        GOVERNOR_REGIONS: 'us-east-1',
        GOVERNOR_PAYER_ACCOUNT_ID: 'none',
        POWERTOOLS_SERVICE_NAME: 'bedrock-cost-governor',
        POWERTOOLS_METRICS_NAMESPACE: 'BedrockCostGovernor',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      });
    }
    expect(text).not.toMatch(/AKIA|ASIA|aws_secret|password|BEGIN [A-Z ]*PRIVATE KEY|\b\d{12}\b/i);
  });
});

describe('the rules', () => {
  it('call the right function, on the right bus, and may', () => {
    const targets = [...rules().values()].flatMap(({ Name, State, Targets }) =>
      Targets.map(({ Arn }) => [Name.replace('bedrock-cost-governor-dev-', ''), State, nameOf(Arn['Fn::GetAtt'][0])]),
    );
    expect(targets.sort()).toEqual([
      ['billing-schedule', 'ENABLED', 'billing'],
      ['budget-hints', 'ENABLED', 'budget-hint'],
      ['cost-anomalies', 'ENABLED', 'cost-anomaly'],
      ['ledger-watch-schedule', 'ENABLED', 'ledger-watch'],
      ['metric-alarms', 'ENABLED', 'metric-alarm'],
      ['outlook-schedule', 'ENABLED', 'outlook'],
      ['profile-api-calls', 'ENABLED', 'profile-changed'],
      ['profile-tag-changes', 'ENABLED', 'profile-changed'],
      ['reopen-schedule', 'ENABLED', 'reopen-ended'],
      ['sweep-schedule', 'ENABLED', 'sweep'],
    ]);
    const ownBus = [...rules().values()].filter(({ EventBusName }) => EventBusName !== undefined);
    expect(ownBus.map(({ Name, EventBusName }) => [Name, EventBusName])).toEqual([
      ['bedrock-cost-governor-dev-budget-hints', { Ref: 'GovernorBus' }],
    ]);
    const permission = z.object({ FunctionName: attribute, Principal: z.string(), SourceArn: z.unknown().optional() });
    const permitted = [...resources('AWS::Lambda::Permission', permission).values()];
    for (const { Name, Targets } of rules().values()) {
      const own = permitted.filter(({ SourceArn }) => JSON.stringify(SourceArn).includes(`"${Name}"`));
      expect(own.map(({ FunctionName, Principal }) => [FunctionName, Principal])).toEqual(
        Targets.map(({ Arn }) => [Arn, 'events.amazonaws.com']),
      );
    }
  });

  /** The ARN of a rule on a bus of its own names the bus as well. */
  const pathOf = (name: string) => (/hints$/.test(name) ? `bedrock-cost-governor-dev/${name}` : name);

  it('keep what they cannot deliver in a queue that lets exactly them send', () => {
    expect(rules().size).toBe(10);
    for (const { Name, Targets } of rules().values()) {
      for (const { DeadLetterConfig } of Targets) {
        const policies = queuePoliciesOf(DeadLetterConfig.Arn['Fn::GetAtt'][0]);
        // Two policies on one queue overwrite each other.
        expect(policies).toHaveLength(1);
        const [only, ...others] = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
        expect(others).toEqual([]);
        expect(only).toMatchObject({
          Effect: 'Allow',
          Principal: { Service: 'events.amazonaws.com' },
          Action: ['sqs:SendMessage'],
          Resource: DeadLetterConfig.Arn,
          Condition: {
            ArnEquals: {
              'aws:SourceArn': expect.arrayContaining([
                {
                  'Fn::Sub': `arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/${pathOf(Name)}`,
                },
              ]),
            },
          },
        });
      }
    }
  });

  const event = (file: string): z.infer<typeof looseEvent> =>
    looseEvent.parse(JSON.parse(readFileSync(new URL(`../fixtures/events/${file}.json`, import.meta.url), 'utf8')));
  const looseEvent = z.object({ detail: z.record(z.string(), z.json()) }).catchall(z.json());
  const matchedBy = (given: z.infer<typeof looseEvent>) =>
    [...rules().values()].flatMap(({ Name, EventPattern }) =>
      EventPattern !== undefined && compilePattern(EventPattern).matches(given)
        ? [Name.replace('bedrock-cost-governor-dev-', '')]
        : [],
    );

  it.each([
    'cloudtrail-CreateInferenceProfile',
    'cloudtrail-CreateInferenceProfile-untagged',
    'cloudtrail-DeleteInferenceProfile',
    'cloudtrail-TagResource',
    'cloudtrail-UntagResource',
  ])('match %s', (file) => {
    expect(matchedBy(event(file))).toEqual(['profile-api-calls']);
  });

  it('match a tagging call that spells the member resourceArn', () => {
    const { requestParameters, ...detail } = event('cloudtrail-TagResource').detail;
    const { resourceARN } = z.object({ resourceARN: z.string() }).parse(requestParameters);
    const respelt = {
      ...event('cloudtrail-TagResource'),
      detail: { ...detail, requestParameters: { resourceArn: resourceARN } },
    };
    expect(matchedBy(respelt)).toEqual(['profile-api-calls']);
  });

  it.each(['cloudtrail-TagResource-guardrail-decoy', 'cloudtrail-Converse-failed', 'aws.tag-TagChange-ec2-doc'])(
    'ignore %s',
    (file) => {
      expect(matchedBy(event(file))).toEqual([]);
    },
  );

  it.each(['cloudtrail-CreateInferenceProfile', 'cloudtrail-TagResource'])('ignore %s when the call failed', (file) => {
    const { detail, ...envelope } = event(file);
    expect(
      matchedBy({ ...envelope, detail: { ...detail, errorCode: 'AccessDenied', requestParameters: null } }),
    ).toEqual([]);
    expect(matchedBy({ ...envelope, detail: { ...detail, errorCode: 'ThrottlingException' } })).toEqual([]);
  });

  it('match a tag change of an application inference profile', () => {
    const { detail, ...envelope } = event('aws.tag-TagChange-ec2-doc');
    const ofProfile = { ...detail, service: 'bedrock', 'resource-type': 'application-inference-profile' };
    expect(matchedBy({ ...envelope, detail: ofProfile })).toEqual(['profile-tag-changes']);
    expect(matchedBy({ ...envelope, detail: { ...ofProfile, 'resource-type': 'guardrail' } })).toEqual([]);
  });

  it.each(['aws.ce-AnomalyDetected-doc', 'aws.ce-AnomalyDetected-tag-monitor'])('match %s', (file) => {
    expect(matchedBy(event(file))).toEqual(['cost-anomalies']);
  });

  it('match an alarm that is in alarm and one that is over, and none that has no data', () => {
    const { detail, ...envelope } = event('aws.cloudwatch-AlarmStateChange');
    expect(matchedBy({ ...envelope, detail })).toEqual(['metric-alarms']);
    expect(matchedBy({ ...envelope, detail: { ...detail, state: { value: 'OK' } } })).toEqual(['metric-alarms']);
    expect(matchedBy({ ...envelope, detail: { ...detail, state: { value: 'INSUFFICIENT_DATA' } } })).toEqual([]);
  });

  it('call the sweep every five minutes, the watch and what has ended every minute, look ahead every hour, and look at billing every day', () => {
    const scheduled = [...rules().values()].flatMap(({ Name, ScheduleExpression }) =>
      ScheduleExpression === undefined
        ? []
        : [`${Name.replace('bedrock-cost-governor-dev-', '')} ${ScheduleExpression}`],
    );
    expect(scheduled.sort()).toEqual([
      'billing-schedule rate(1 day)',
      'ledger-watch-schedule rate(1 minute)',
      'outlook-schedule rate(1 hour)',
      'reopen-schedule rate(1 minute)',
      'sweep-schedule rate(5 minutes)',
    ]);
  });
});

describe('the topics', () => {
  it('for alerts are each open to the one service that raises them, for this account, and to no one else', () => {
    const topicPolicy = z.object({ Topics: z.array(reference), PolicyDocument: policy });
    const policies = [...resources('AWS::SNS::TopicPolicy', topicPolicy).values()];
    expect(policies.map(({ Topics }) => Topics)).toEqual([
      [{ Ref: 'BudgetAlertsTopic' }],
      [{ Ref: 'AnomaliesTopic' }],
      [{ Ref: 'NoticesTopic' }],
    ]);
    expect(policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)).toEqual([
      expect.objectContaining({
        Effect: 'Allow',
        Principal: { Service: 'budgets.amazonaws.com' },
        Action: ['sns:Publish'],
        Resource: { Ref: 'BudgetAlertsTopic' },
        Condition: {
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          ArnLike: { 'aws:SourceArn': { 'Fn::Sub': `arn:\${AWS::Partition}:budgets::\${AWS::AccountId}:*` } },
        },
      }),
      expect.objectContaining({
        Effect: 'Allow',
        Principal: { Service: 'costalerts.amazonaws.com' },
        Action: ['sns:Publish'],
        Resource: { Ref: 'AnomaliesTopic' },
        // `none` is no account: a payer is named when the stack is packaged.
        Condition: { StringEquals: { 'aws:SourceAccount': [{ Ref: 'AWS::AccountId' }, 'none'] } },
      }),
      // Not for alerts: the stack's own alarms tell people here.
      expect.objectContaining({
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: ['sns:Publish'],
        Resource: { Ref: 'NoticesTopic' },
        Condition: {
          StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
          ArnLike: {
            'aws:SourceArn': {
              'Fn::Sub': `arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:bedrock-cost-governor-dev-*`,
            },
          },
        },
      }),
    ]);
  });

  it('hand an alert to its function, or keep it in a queue that lets the topic send', () => {
    const subscription = z.object({
      TopicArn: reference,
      Protocol: z.literal('lambda'),
      Endpoint: attribute,
      RedrivePolicy: z.object({ deadLetterTargetArn: attribute }),
    });
    const subscriptions = [...resources('AWS::SNS::Subscription', subscription).values()];
    const ends = subscriptions.map(({ TopicArn, Endpoint }) => [TopicArn.Ref, nameOf(Endpoint['Fn::GetAtt'][0])]);
    expect(ends.sort()).toEqual([
      ['AnomaliesTopic', 'cost-anomaly'],
      ['BudgetAlertsTopic', 'budget-alert'],
    ]);
    for (const { TopicArn, RedrivePolicy } of subscriptions) {
      const policies = queuePoliciesOf(RedrivePolicy.deadLetterTargetArn['Fn::GetAtt'][0]);
      expect(policies).toHaveLength(1);
      expect(policies[0]?.PolicyDocument.Statement).toEqual([
        expect.objectContaining({
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: ['sqs:SendMessage'],
          Resource: RedrivePolicy.deadLetterTargetArn,
          Condition: { ArnEquals: { 'aws:SourceArn': TopicArn } },
        }),
      ]);
    }
  });
});

describe('the table', () => {
  it('has the keys pk and sk and an index of unsent notices, is paid per request, restorable, encrypted, and outlives the stack', () => {
    const tables = Object.values(stack.Resources).filter(({ Type }) => Type === 'AWS::DynamoDB::Table');
    expect(tables).toEqual([
      expect.objectContaining({
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: {
          TableName: 'bedrock-cost-governor-dev',
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'sk', AttributeType: 'S' },
            { AttributeName: 'outbox', AttributeType: 'S' },
            { AttributeName: 'enteredAt', AttributeType: 'N' },
          ],
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
          GlobalSecondaryIndexes: [
            {
              IndexName: 'outbox',
              KeySchema: [
                { AttributeName: 'outbox', KeyType: 'HASH' },
                { AttributeName: 'enteredAt', KeyType: 'RANGE' },
              ],
              Projection: { ProjectionType: 'ALL' },
            },
          ],
          TimeToLiveSpecification: { AttributeName: 'auditExpiresAt', Enabled: true },
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: { Ref: 'AWS::NoValue' } },
          DeletionProtectionEnabled: true,
        },
      }),
    ]);
  });
});

describe('the roles', () => {
  const allowed = (name: string) => statementsOf(name).flatMap(({ Action }) => Action);
  const leading = z.record(z.string(), z.object({ 'dynamodb:LeadingKeys': z.array(z.string()) }));
  /** Partition keys of the table by action; a statement about the table without them fails. */
  const keysOf = (name: string, actions: RegExp): Record<string, string[]> => {
    const keys: Record<string, string[]> = {};
    for (const { Action, Condition, Resource } of statementsOf(name)) {
      if (JSON.stringify(Resource).includes('/index/')) continue;
      for (const action of Action.filter((each) => actions.test(each))) {
        const own = Object.values(leading.parse(Condition)).flatMap((condition) => condition['dynamodb:LeadingKeys']);
        keys[action] = [...(keys[action] ?? []), ...own].sort();
      }
    }
    return keys;
  };
  const writesOf = (name: string) => keysOf(name, /^dynamodb:(Put|Update|Delete|BatchWrite)/);

  it('allow Lambda to assume them, and nothing by wildcard', () => {
    const actions = [...roles().values()].flatMap(({ AssumeRolePolicyDocument, Policies }) => {
      expect(AssumeRolePolicyDocument.Statement).toMatchObject([
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: ['sts:AssumeRole'] },
      ]);
      return Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement).flatMap(({ Action }) => Action);
    });
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => action.includes('*'))).toEqual([]);
  });

  it('never call a model, and name no action that does not exist', () => {
    expect(text).not.toMatch(/bedrock:(Invoke|Converse|CreateApplicationInferenceProfile)/);
    expect(text).not.toMatch(/budgets:(Create|Describe|Update|Delete)Budget/);
  });

  it('may act on every resource only where IAM knows no resource to name', () => {
    const everywhere = [...functions().keys()].flatMap((id) =>
      statementsOf(nameOf(id) ?? '').filter(({ Resource }) => [Resource].flat().includes('*')),
    );
    expect([...new Set(everywhere.flatMap(({ Action }) => Action))].sort()).toEqual([
      'bedrock:ListInferenceProfiles',
      'ce:CreateAnomalyMonitor',
      'ce:CreateAnomalySubscription',
      'ce:GetAnomalies',
      'ce:GetAnomalyMonitors',
      'ce:GetAnomalySubscriptions',
      'ce:GetCostAndUsage',
      'ce:ListCostAllocationTags',
      'ce:UpdateAnomalySubscription',
      'ce:UpdateCostAllocationTagsStatus',
      'cloudtrail:LookupEvents',
      'cloudwatch:GetMetricData',
      'tag:GetResources',
    ]);
  });

  it('let the sweep alone delete profiles, and those who mend alone ask who created one', () => {
    const who = (action: string) =>
      [...functions().keys()].map((id) => nameOf(id) ?? '').filter((name) => allowed(name).includes(action));
    expect(who('bedrock:DeleteInferenceProfile')).toEqual(['sweep']);
    for (const action of ['cloudtrail:LookupEvents', 'iam:ListRoleTags'])
      expect(who(action)).toEqual(['profile-changed', 'sweep']);
  });

  it('let the look at billing write its own memory and what it tells in the table, and nothing else', () => {
    expect(writesOf('billing')).toEqual({
      'dynamodb:BatchWriteItem': ['AUDIT#*'],
      'dynamodb:DeleteItem': ['BILLING'],
      'dynamodb:PutItem': ['BILLING', 'EVENT#*', 'NOTICE#*'],
      'dynamodb:UpdateItem': ['EVENT#*', 'NOTICE#*'],
    });
    expect(allowed('billing').filter((action) => /^(bedrock|budgets|tag):/.test(action))).toEqual([]);
  });

  it("change tags on this account's application inference profiles alone", () => {
    const profiles = {
      'Fn::Sub': `arn:\${AWS::Partition}:bedrock:*:\${AWS::AccountId}:application-inference-profile/*`,
    };
    for (const name of ['profile-changed', 'budget-alert', 'sweep', 'reopen-ended']) {
      const tagging = statementsOf(name).filter(({ Action }) =>
        Action.some((action) => /^bedrock:(Unt|T)agResource$/.test(action)),
      );
      expect(tagging.length).toBeGreaterThan(0);
      for (const { Resource } of tagging) expect(Resource).toEqual(profiles);
    }
  });

  it('let those who mend write the standing and the tags that the policy mends, and remove the standing alone', () => {
    for (const name of ['profile-changed', 'sweep']) {
      const keysOf = (action: string) =>
        statementsOf(name).flatMap(({ Action, Condition }) => (Action.includes(action) ? [Condition] : []));
      expect(keysOf('bedrock:TagResource')).toEqual([
        { 'ForAllValues:StringEquals': { 'aws:TagKeys': [STANDING_TAG, 'costcenter', 'environment'] } },
      ]);
      expect(keysOf('bedrock:UntagResource')).toEqual([
        { 'ForAllValues:StringEquals': { 'aws:TagKeys': [STANDING_TAG] } },
      ]);
    }
  });

  it('and the stack say which tags of a tenant they may write', () => {
    expect(stack.Resources['MendedTagKeys']).toMatchObject({
      Type: 'AWS::SSM::Parameter',
      Properties: { Name: '/bedrock-cost-governor-dev/mended-tag-keys', Value: '["costcenter","environment"]' },
    });
  });

  it('let the lease function write ledger items and usage records, read policy, index and histories, and nothing else', () => {
    expect(keysOf('lease', /^dynamodb:(?!DescribeTable)/)).toEqual({
      'dynamodb:GetItem': ['LEDGER#*', 'POLICY', 'TABLE', 'TAGS'],
      'dynamodb:UpdateItem': ['LEDGER#*'],
      'dynamodb:Query': ['INDEX'],
      'dynamodb:PutItem': ['USAGE#*'],
    });
    expect(allowed('lease').filter((action) => !/^(dynamodb|logs):/.test(action))).toEqual([]);
  });

  const SIGNALS = ['budget-alert', 'budget-hint', 'cost-anomaly', 'ledger-watch', 'metric-alarm', 'reopen-ended'];

  it("let those who follow money show a standing, but neither change a tenant's tags nor a budget", () => {
    for (const name of SIGNALS) {
      const tagging = statementsOf(name).find(({ Action }) => Action.includes('bedrock:TagResource'));
      expect(tagging?.Action).toEqual(['bedrock:TagResource', 'bedrock:UntagResource']);
      expect(tagging?.Condition).toEqual({ 'ForAllValues:StringEquals': { 'aws:TagKeys': [STANDING_TAG] } });
      const ofBudgets = allowed(name).filter((action) => action.startsWith('budgets:'));
      expect(ofBudgets).toEqual(/alert|anomaly/.test(name) ? ['budgets:ViewBudget'] : []);
    }
  });

  it('let who answers an alert, a hint, an anomaly, an alarm or the clock write neither the policy nor usage', () => {
    for (const name of [...SIGNALS, 'outlook']) {
      const keys = Object.values(writesOf(name)).flat();
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(key).not.toMatch(/^(POLICY|OVERRIDES|USAGE|SWEEP|\*)/);
      // It alone says which table this is.
      expect(keys.includes('TABLE')).toBe(name === 'ledger-watch');
    }
  });

  it('write each kind of item by the operation that it is ever written by', () => {
    for (const name of ['profile-changed', 'sweep', ...SIGNALS]) {
      const writes = writesOf(name);
      expect(writes['dynamodb:BatchWriteItem']).toEqual(['AUDIT#*']);
      expect(writes['dynamodb:UpdateItem']).toEqual(['EVENT#*', 'LEDGER#*', 'NOTICE#*', 'OPENING#*']);
      expect(writes['dynamodb:PutItem']).toEqual(expect.arrayContaining(['EVENT#*', 'INDEX', 'NOTICE#*', 'TAGS']));
      expect(writes['dynamodb:PutItem']?.filter((key) => /^(LEDGER|OPENING|AUDIT)/.test(key))).toEqual([]);
    }
  });

  it('delete no item, but for the claim of billing', () => {
    const deleting = [...functions().keys()].filter((id) => allowed(nameOf(id) ?? '').includes('dynamodb:DeleteItem'));
    expect(deleting.map(nameOf)).toEqual(['billing']);
  });

  it('let who looks ahead touch no profile and no budget', () => {
    expect(allowed('outlook').filter((action) => !/^(dynamodb|logs|sns|sqs):/.test(action))).toEqual([]);
    expect(writesOf('outlook')).toEqual({
      'dynamodb:PutItem': ['NOTICE#*', 'PACE#*'],
      'dynamodb:UpdateItem': ['NOTICE#*'],
    });
  });

  it("change only the governor's own budgets", () => {
    for (const name of ['profile-changed', 'sweep']) {
      const changing = statementsOf(name).filter(({ Action }) => Action.includes('budgets:ModifyBudget'));
      expect(changing.map(({ Resource }) => Resource)).toEqual([
        { 'Fn::Sub': `arn:\${AWS::Partition}:budgets::\${AWS::AccountId}:budget/governor/dev/*` },
      ]);
    }
  });

  it('let whoever asks for a profile be answered from the index alone, and write nothing', () => {
    expect(allowed('resolve-profile').sort()).toEqual([
      'dynamodb:Query',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sqs:SendMessage',
      'ssm:GetParameters',
    ]);
    const [reading] = statementsOf('resolve-profile').filter(({ Action }) => Action.includes('dynamodb:Query'));
    expect(reading?.Condition).toEqual({ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['INDEX'] } });
  });

  it('publish the index in one place, where the resolver finds it', () => {
    const parameters = {
      'Fn::Sub': `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/bedrock-cost-governor-dev/index/*`,
    };
    const publishing = [...functions().keys()].flatMap((id) =>
      statementsOf(nameOf(id) ?? '').filter(({ Action }) => Action.some((action) => action.startsWith('ssm:'))),
    );
    expect(publishing.map(({ Resource }) => Resource)).toEqual([parameters, parameters]);
    expect(allowed('sweep')).toContain('ssm:PutParameter');
  });

  it('write to the log group of their own function', () => {
    for (const name of [...functions().keys()].map((id) => nameOf(id) ?? '')) {
      const logging = statementsOf(name).filter(({ Action }) => Action.includes('logs:PutLogEvents'));
      expect(logging.map(({ Resource }) => Resource)).toEqual([
        {
          'Fn::Sub': `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:log-group:/aws/lambda/bedrock-cost-governor-dev-${name}:*`,
        },
      ]);
    }
  });
});

describe('the outputs', () => {
  it('name what a client or an operator needs', () => {
    expect(stack.Outputs).toMatchObject({
      TableName: { Value: { Ref: 'GovernorTable' } },
      NoticesTopicArn: { Value: { Ref: 'NoticesTopic' } },
      ChatNoticesTopicArn: { Value: { Ref: 'ChatNoticesTopic' } },
      BudgetAlertsTopicArn: { Value: { Ref: 'BudgetAlertsTopic' } },
      AnomaliesTopicArn: { Value: { Ref: 'AnomaliesTopic' } },
      BusName: { Value: { Ref: 'GovernorBus' } },
      LeaseFunctionName: { Value: { Ref: 'LeaseLambdaFunction' } },
      DashboardName: { Value: { Ref: 'Dashboard' } },
      NeedsTrail: { Value: expect.stringMatching(/CloudTrail trail.*Without one no profile event comes/) },
    });
  });
});
