/**
 * What tells people that events of a Region do not arrive. By a topic of that Region: an alarm's actions must be in its own
 * Region, and forwarding its change of state would go the very way that does not work.
 */
import { FORWARDING_ALARMS_TOPIC, FORWARDING_QUEUE } from '../../domain/events/forwarding.ts';
import { ACCOUNT_ID, logicalName, sub, type Template } from './forwarders.ts';

/** As the home Region's alarm for what has been in a queue for ten days: infra/resources/alarms.yml. */
const EXPIRING_SECONDS = 864_000;

/** The parameter of a template that has {@link forwardingAlarms}. */
export const ALARM_PARAMETER: Template = {
  AlarmEmail: {
    Type: 'String',
    Default: '',
    Description:
      'Hears of events that do not arrive, once it has confirmed. Leave it empty to subscribe somebody by hand',
  },
};

export const ALARM_CONDITION: Template = {
  HasAlarmEmail: { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'AlarmEmail' }, ''] }] },
};

export const ALARM_OUTPUT: Template = {
  ForwardingAlarmsTopicArn: {
    Description: 'Subscribe here to hear of events that do not arrive',
    Value: { Ref: 'ForwardingAlarmsTopic' },
  },
};

/** Of events that could not be handed on, and could not be put into the dead-letter queue either. */
export const lettersLostAlarm = (
  ruleName: string,
  dimensions: readonly { readonly Name: string; readonly Value: unknown }[],
  { queue, topic }: { readonly queue: string; readonly topic: object },
): Template => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    AlarmName: `${ruleName}-letters-lost`,
    AlarmDescription: `What the rule ${ruleName} could not deliver could not be put into the queue ${queue}`,
    ActionsEnabled: true,
    AlarmActions: [topic],
    OKActions: [topic],
    // Source: "Monitoring Amazon EventBridge", EventBridge user guide. UNVERIFIED for this metric of a rule on a bus of its own.
    Namespace: 'AWS/Events',
    MetricName: 'InvocationsFailedToBeSentToDlq',
    Dimensions: dimensions,
    Statistic: 'Sum',
    Period: 300,
    EvaluationPeriods: 1,
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  },
});

/**
 * Topic and alarms of a Region that forwards.
 *
 * @param rules names of its rules
 * @param key ARN of the customer's key in this Region, if any
 */
export function forwardingAlarms(
  { prefix, homeRegion }: { readonly prefix: string; readonly homeRegion: string },
  rules: readonly string[],
  key: string | undefined,
): Template {
  const topic = { Ref: 'ForwardingAlarmsTopic' };
  const ofQueue = (properties: Readonly<Record<string, unknown>>): Template => ({
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      ActionsEnabled: true,
      AlarmActions: [topic],
      OKActions: [topic],
      Namespace: 'AWS/SQS',
      Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['UndeliveredForwardsQueue', 'QueueName'] } }],
      Statistic: 'Maximum',
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      // SQS tells nothing of a queue that has been idle for hours: then the last word stands.
      TreatMissingData: 'ignore',
      ...properties,
    },
  });
  return {
    ForwardingAlarmsTopic: {
      Type: 'AWS::SNS::Topic',
      Properties: {
        TopicName: `${prefix}-${FORWARDING_ALARMS_TOPIC}`,
        DisplayName: 'Bedrock Cost Governor',
        ...(key === undefined ? {} : { KmsMasterKeyId: key }),
      },
    },
    ForwardingAlarmsTopicPolicy: {
      Type: 'AWS::SNS::TopicPolicy',
      Properties: {
        Topics: [topic],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'AlarmsOfThisStackPublish',
              Effect: 'Allow',
              Principal: { Service: 'cloudwatch.amazonaws.com' },
              Action: 'sns:Publish',
              Resource: topic,
              Condition: {
                StringEquals: { 'aws:SourceAccount': ACCOUNT_ID },
                ArnLike: {
                  'aws:SourceArn': sub(
                    `arn:\${AWS::Partition}:cloudwatch:\${AWS::Region}:\${AWS::AccountId}:alarm:${prefix}-*`,
                  ),
                },
              },
            },
          ],
        },
      },
    },
    ForwardingAlarmsSubscription: {
      Type: 'AWS::SNS::Subscription',
      Condition: 'HasAlarmEmail',
      Properties: { TopicArn: topic, Protocol: 'email', Endpoint: { Ref: 'AlarmEmail' } },
    },
    UndeliveredForwardsAlarm: ofQueue({
      AlarmName: `${prefix}-${FORWARDING_QUEUE}`,
      AlarmDescription: `Events of this Region did not reach the governor in ${homeRegion}; redrive what is in the queue`,
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Period: 60,
      Threshold: 0,
    }),
    UndeliveredForwardsExpiringAlarm: ofQueue({
      AlarmName: `${prefix}-${FORWARDING_QUEUE}-expiring`,
      AlarmDescription: 'What has been in the queue undelivered-forwards for ten days is dropped in four; redrive it',
      MetricName: 'ApproximateAgeOfOldestMessage',
      Period: 300,
      Threshold: EXPIRING_SECONDS,
    }),
    ...Object.fromEntries(
      rules.map((name) => [
        `${logicalName(name.replace(`${prefix}-`, ''))}LettersLostAlarm`,
        lettersLostAlarm(name, [{ Name: 'RuleName', Value: name }], { queue: FORWARDING_QUEUE, topic }),
      ]),
    ),
  };
}
