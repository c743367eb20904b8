import { parseObject } from '../members.ts';
import { AwsFault } from '../service.ts';

export type Topic = {
  readonly arn: string;
  readonly region: string;
  readonly attributes: Map<string, string>;
  readonly tags: Map<string, string>;
};

const TOPIC_ATTRIBUTES = new Set([
  'DeliveryPolicy',
  'DisplayName',
  'Policy',
  'TracingConfig',
  'KmsMasterKeyId',
  'SignatureVersion',
]);

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameter', `Invalid parameter: ${message}`);

/** @throws {AwsFault} InvalidParameter */
export function setTopicAttribute(topic: Topic, name: string, value: string): void {
  if (name === 'FifoTopic' && value === 'false') return;
  if (!TOPIC_ATTRIBUTES.has(name)) throw invalid('AttributeName');
  if (name === 'Policy' && parseObject(value) === undefined) throw invalid('Policy Error: null');
  if (value === '') topic.attributes.delete(name);
  else topic.attributes.set(name, value);
}

/** The policy that SNS gives a new topic: the account may do everything, AWS services nothing. */
export function defaultPolicy(arn: string, accountId: string): string {
  return JSON.stringify({
    Version: '2008-10-17',
    Id: '__default_policy_ID',
    Statement: [
      {
        Sid: '__default_statement_ID',
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'SNS:GetTopicAttributes',
          'SNS:SetTopicAttributes',
          'SNS:AddPermission',
          'SNS:RemovePermission',
          'SNS:DeleteTopic',
          'SNS:Subscribe',
          'SNS:ListSubscriptionsByTopic',
          'SNS:Publish',
        ],
        Resource: arn,
        Condition: { StringEquals: { 'AWS:SourceOwner': accountId } },
      },
    ],
  });
}
