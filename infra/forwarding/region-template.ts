import { FORWARDING_QUEUE } from '../../domain/events/forwarding.ts';
import type { Deployment } from '../deployment.ts';
import {
  ACCOUNT_ID,
  type ForwardedRule,
  type Forwarder,
  forwarderRole,
  logicalName,
  prefixOf,
  sub,
  type Template,
} from './forwarders.ts';
import { ALARM_CONDITION, ALARM_OUTPUT, ALARM_PARAMETER, forwardingAlarms } from './forwarding-alarms.ts';

const RETENTION_SECONDS = 1_209_600;

/** The stack of a further Region, in the governor's own account. */
export function regionTemplate(
  deployment: Deployment,
  forwarder: Forwarder,
  rules: readonly ForwardedRule[],
): Template {
  const what = forwarder.rules.includes('profile-api-calls') ? 'events of profiles' : 'cost anomalies';
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `bedrock-cost-governor: forwards ${what} from ${forwarder.region} to the governor in ${deployment.homeRegion}. Profile events need a CloudTrail trail here that logs management events; without one the sweep does their work within five minutes.`,
    ...onlyIn(forwarder.region),
    Parameters: ALARM_PARAMETER,
    Conditions: ALARM_CONDITION,
    Resources: forwarding(deployment, forwarder, rules, ACCOUNT_ID),
    Outputs: outputsOf(forwarder),
  };
}

/** A template of one Region that is deployed in another would forward what the bus refuses. */
export const onlyIn = (region: string): Template => ({
  Rules: {
    OnlyInItsRegion: {
      Assertions: [
        {
          Assert: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, region] },
          AssertDescription: `This template was packaged for ${region}`,
        },
      ],
    },
  },
});

export function outputsOf({ rules }: Forwarder): Template {
  return {
    UndeliveredForwardsQueueUrl: {
      Description: 'Holds the events that did not reach the home Region',
      Value: { Ref: 'UndeliveredForwardsQueue' },
    },
    ...ALARM_OUTPUT,
    ...(rules.includes('profile-api-calls')
      ? {
          NeedsTrail: {
            Description: 'What has to be there besides this stack',
            Value:
              'A CloudTrail trail that logs management events in this Region. Without one no profile event comes; the sweep finds new and changed profiles within five minutes',
          },
        }
      : {}),
  };
}

/**
 * Rules on the default bus, the role by which they put events on the governor's bus, and the queue for what does not arrive,
 * which must be in the Region of the rule (EventBridge user guide, dead-letter queues), with what tells people of it.
 *
 * @param governorAccount in which the governor's bus is
 */
export function forwarding(
  deployment: Deployment,
  forwarder: Forwarder,
  rules: readonly ForwardedRule[],
  governorAccount: object,
): Template {
  const prefix = prefixOf(deployment);
  const bus = {
    'Fn::Join': [
      ':',
      ['arn', { Ref: 'AWS::Partition' }, 'events', deployment.homeRegion, governorAccount, `event-bus/${prefix}`],
    ],
  };
  const forwarded = rules.filter(({ name }) => forwarder.rules.includes(name));
  const nameOf = (rule: ForwardedRule): string => `${prefix}-forward-${rule.name}`;
  const ruleArns = forwarded.map((rule) =>
    sub(`arn:\${AWS::Partition}:events:\${AWS::Region}:\${AWS::AccountId}:rule/${nameOf(rule)}`),
  );
  const key = forwarder.account === 'own' ? deployment.kmsKeys[forwarder.region] : undefined;
  const queueArn = { 'Fn::GetAtt': ['UndeliveredForwardsQueue', 'Arn'] };
  return {
    ForwardRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: forwarderRole(deployment, forwarder),
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sts:AssumeRole',
              Condition: {
                StringEquals: { 'aws:SourceAccount': ACCOUNT_ID },
                ArnEquals: { 'aws:SourceArn': ruleArns },
              },
            },
          ],
        },
        Policies: [
          {
            PolicyName: 'forward',
            PolicyDocument: {
              Version: '2012-10-17',
              Statement: [
                { Sid: 'PutEventsOnGovernorsBus', Effect: 'Allow', Action: 'events:PutEvents', Resource: bus },
              ],
            },
          },
        ],
      },
    },
    ...Object.fromEntries(
      forwarded.map((rule) => [
        `Forward${logicalName(rule.name)}Rule`,
        {
          Type: 'AWS::Events::Rule',
          Properties: {
            Name: nameOf(rule),
            Description: rule.description,
            EventPattern: { ...rule.pattern, account: [ACCOUNT_ID] },
            State: 'ENABLED',
            Targets: [
              {
                Id: 'governor-bus',
                Arn: bus,
                RoleArn: { 'Fn::GetAtt': ['ForwardRole', 'Arn'] },
                RetryPolicy: {
                  MaximumEventAgeInSeconds: rule.retryPolicy.maximumEventAge,
                  MaximumRetryAttempts: rule.retryPolicy.maximumRetryAttempts,
                },
                DeadLetterConfig: { Arn: queueArn },
              },
            ],
          },
        },
      ]),
    ),
    UndeliveredForwardsQueue: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: `${prefix}-${FORWARDING_QUEUE}`,
        MessageRetentionPeriod: RETENTION_SECONDS,
        ...(key === undefined ? { SqsManagedSseEnabled: true } : { KmsMasterKeyId: key }),
      },
    },
    UndeliveredForwardsQueuePolicy: {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'UndeliveredForwardsQueue' }],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'RulesSendWhatTheyCannotForward',
              Effect: 'Allow',
              Principal: { Service: 'events.amazonaws.com' },
              Action: 'sqs:SendMessage',
              Resource: queueArn,
              Condition: { ArnEquals: { 'aws:SourceArn': ruleArns } },
            },
          ],
        },
      },
    },
    ...forwardingAlarms({ prefix, homeRegion: deployment.homeRegion }, forwarded.map(nameOf), key),
  };
}
