import type { Deployment } from '../deployment.ts';
import {
  ACCOUNT_ID,
  type ForwardedRule,
  type Forwarder,
  forwarderRole,
  forwardersOf,
  logicalName,
  prefixOf,
  sub,
  type Template,
} from './forwarders.ts';
import { lettersLostAlarm } from './forwarding-alarms.ts';

/**
 * The home Region's side: who may forward events to the governor's bus, and rules on it that hand them to the functions
 * which answer the same events of the home Region. Both name accounts and Regions one by one.
 */
export function homeResources(deployment: Deployment, rules: readonly ForwardedRule[]): Template {
  const forwarders = forwardersOf(deployment);
  const heard = rules.map((rule) => resourcesOf(deployment, rule, forwarders));
  return {
    Resources: { ...Object.assign({}, ...heard), ...busPolicies(deployment, forwarders, rules) },
  };
}

function resourcesOf(deployment: Deployment, rule: ForwardedRule, forwarders: readonly Forwarder[]): Template {
  const from = forwarders.filter((forwarder) => forwarder.rules.includes(rule.name));
  if (from.length === 0) return {};
  const id = `Forwarded${logicalName(rule.name)}`;
  const name = `${prefixOf(deployment)}-forwarded-${rule.name}`;
  const fn = { 'Fn::GetAtt': [`${logicalName(rule.function)}LambdaFunction`, 'Arn'] };
  const accounts = [
    ...(from.some(({ account }) => account === 'own') ? [ACCOUNT_ID] : []),
    ...(from.some(({ account }) => account === 'payer') ? [deployment.payerAccountId] : []),
  ];
  return {
    [`${id}Rule`]: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: name,
        Description: `${rule.description}, in another Region`.slice(0, 512),
        EventBusName: { Ref: 'GovernorBus' },
        EventPattern: { ...rule.pattern, account: accounts, region: [...new Set(from.map(({ region }) => region))] },
        State: 'ENABLED',
        Targets: [
          {
            Id: rule.function,
            Arn: fn,
            RetryPolicy: {
              MaximumEventAgeInSeconds: rule.retryPolicy.maximumEventAge,
              MaximumRetryAttempts: rule.retryPolicy.maximumRetryAttempts,
            },
            DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['UndeliveredEventsQueue', 'Arn'] } },
          },
        ],
      },
    },
    [`${id}LettersLostAlarm`]: lettersLostAlarm(
      name,
      [
        { Name: 'EventBusName', Value: { Ref: 'GovernorBus' } },
        { Name: 'RuleName', Value: name },
      ],
      { queue: 'undelivered-events', topic: { Ref: 'NoticesTopic' } },
    ),
    [`${id}Permission`]: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        FunctionName: fn,
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
        SourceArn: {
          'Fn::Join': [
            ':',
            [
              'arn',
              { Ref: 'AWS::Partition' },
              'events',
              { Ref: 'AWS::Region' },
              ACCOUNT_ID,
              { 'Fn::Join': ['/', ['rule', { Ref: 'GovernorBus' }, name]] },
            ],
          ],
        },
      },
    },
  };
}

/**
 * The bus takes events of AWS's own sources from the listed forwarders' roles and from nobody else, whatever the account
 * allows its principals: EventBridge lets only a rule of some account bring such events here.
 *
 * UNVERIFIED that `events:source` and `aws:PrincipalArn` are there when a rule of another Region puts events by a role.
 */
function busPolicies(deployment: Deployment, forwarders: readonly Forwarder[], rules: readonly ForwardedRule[]) {
  const bus = { 'Fn::GetAtt': ['GovernorBus', 'Arn'] };
  // One after the other: each is a change of the one policy that the bus has.
  const statement = (id: string, Statement: object, after: readonly string[] = []): Template => ({
    [`GovernorBus${id}`]: {
      Type: 'AWS::Events::EventBusPolicy',
      ...(after.length === 0 ? {} : { DependsOn: after.map((each) => `GovernorBus${each}`) }),
      Properties: {
        EventBusName: { Ref: 'GovernorBus' },
        StatementId: id,
        Statement: { Action: 'events:PutEvents', Resource: bus, ...Statement },
      },
    },
  });
  const rootOf = (account: Forwarder['account']) => principal(deployment, account, 'root');
  const roles = (account: Forwarder['account']) =>
    forwarders.filter((each) => each.account === account).map((each) => roleArn(deployment, each));
  const sourcesFor = (account: Forwarder['account']) => {
    const names = forwarders.filter((each) => each.account === account).flatMap((each) => each.rules);
    return [...new Set(rules.filter(({ name }) => names.includes(name)).flatMap(({ pattern }) => pattern['source']))];
  };
  const admits = (account: Forwarder['account'], root: object) => ({
    Effect: 'Allow',
    Principal: { AWS: root },
    Condition: {
      'ForAllValues:StringEquals': { 'events:source': sourcesFor(account) },
      ArnEquals: { 'aws:PrincipalArn': roles(account) },
    },
  });
  const own = roles('own');
  const payers = roles('payer');
  const all = [...own, ...payers];
  const denial = {
    Effect: 'Deny',
    Principal: '*',
    Condition: {
      'ForAnyValue:StringLike': { 'events:source': ['aws.*'] },
      ...(all.length === 0 ? {} : { ArnNotEquals: { 'aws:PrincipalArn': all } }),
    },
  };
  return {
    ...statement('NobodyElseForwards', denial),
    ...(own.length === 0 ? {} : statement('OwnRegionsForward', admits('own', rootOf('own')), ['NobodyElseForwards'])),
    ...(payers.length === 0
      ? {}
      : statement('PayerForwards', admits('payer', rootOf('payer')), [
          'NobodyElseForwards',
          ...(own.length === 0 ? [] : ['OwnRegionsForward']),
        ])),
  };
}

function roleArn(deployment: Deployment, forwarder: Forwarder) {
  return principal(deployment, forwarder.account, `role/${forwarderRole(deployment, forwarder)}`);
}

const principal = (deployment: Deployment, account: Forwarder['account'], name: string) =>
  sub(`arn:\${AWS::Partition}:iam::${account === 'payer' ? deployment.payerAccountId : `\${AWS::AccountId}`}:${name}`);
