import { anomalyDocuments } from '../../domain/budgets/anomaly-watch.ts';
import { costTagKeys } from '../../domain/budgets/cost-tags.ts';
import { tagActivationPart } from '../../domain/budgets/payer.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Deployment } from '../deployment.ts';
import { ACCOUNT_ID, type ForwardedRule, type Forwarder, type Template } from './forwarders.ts';
import { ALARM_CONDITION, ALARM_PARAMETER } from './forwarding-alarms.ts';
import { forwarding, onlyIn, outputsOf } from './region-template.ts';

/**
 * The stack of the payer's account, in us-east-1: what of billing an account cannot do that another one pays for. The
 * monitor and the subscription are those that the function `billing` would make if it might. Undefined where the policy
 * watches for no anomalies.
 */
export function payerTemplate(
  deployment: Deployment,
  forwarder: Forwarder,
  rules: readonly ForwardedRule[],
  policy: Policy,
): Template | undefined {
  if (policy.anomalies === 'off') return undefined;
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `bedrock-cost-governor: watches the tag ${policy.tenantTag} for cost anomalies in the account that pays, and forwards them to the governor in ${deployment.homeRegion} of the account that it governs`,
    ...onlyIn(forwarder.region),
    Parameters: {
      ...ALARM_PARAMETER,
      GovernorAccountId: {
        Type: 'String',
        AllowedPattern: '[0-9]{12}',
        Description: 'The account in which the governor is deployed',
        ConstraintDescription: 'an account id of 12 digits',
      },
    },
    Conditions: ALARM_CONDITION,
    Resources: {
      ...detection(deployment, policy, policy.anomalies.impact),
      ...forwarding(deployment, forwarder, rulesOfMonitor(rules), { Ref: 'GovernorAccountId' }),
    },
    Outputs: {
      ...outputsOf(forwarder),
      ...(policy.costAllocationTags === 'leave'
        ? {}
        : {
            ActivateCostAllocationTags: {
              Description: 'CloudFormation cannot activate tags: run this once, a day after they were first used',
              Value: tagActivationPart(costTagKeys(policy)).command,
            },
          }),
    },
  };
}

/** Other monitors of the payer are none of the governor's business. */
const rulesOfMonitor = (rules: readonly ForwardedRule[]): readonly ForwardedRule[] =>
  rules.map((rule) => ({ ...rule, pattern: { ...rule.pattern, resources: [{ Ref: 'AnomalyMonitor' }] } }));

function detection({ stage }: Deployment, policy: Policy, impact: Parameters<typeof anomalyDocuments>[1]): Template {
  const topic = { Ref: 'AnomaliesTopic' };
  const { monitor, subscription } = anomalyDocuments({ stage, policy, anomalyTopicArn: '' }, impact);
  return {
    // Alerts that come at once need a topic, and only for such does AWS send events (Cost Management user guide).
    AnomaliesTopic: {
      Type: 'AWS::SNS::Topic',
      Properties: { TopicName: `bedrock-cost-governor-${stage}-payer-anomalies` },
    },
    AnomaliesTopicPolicy: {
      Type: 'AWS::SNS::TopicPolicy',
      Properties: {
        Topics: [topic],
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Sid: 'AnomalyDetectionPublishes',
              Effect: 'Allow',
              Principal: { Service: 'costalerts.amazonaws.com' },
              Action: 'sns:Publish',
              Resource: topic,
              Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT_ID } },
            },
          ],
        },
      },
    },
    // The documents of both are JSON in a string here (CloudFormation user guide, AWS::CE::*).
    AnomalyMonitor: {
      Type: 'AWS::CE::AnomalyMonitor',
      Properties: { ...monitor, MonitorSpecification: JSON.stringify(monitor.MonitorSpecification) },
    },
    AnomalySubscription: {
      Type: 'AWS::CE::AnomalySubscription',
      DependsOn: ['AnomaliesTopicPolicy'],
      Properties: {
        ...subscription,
        MonitorArnList: [{ Ref: 'AnomalyMonitor' }],
        Subscribers: [{ Type: 'SNS', Address: topic }],
        ThresholdExpression: JSON.stringify(subscription.ThresholdExpression),
      },
    },
  };
}
