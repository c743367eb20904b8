import { parseObject } from '../members.ts';
import { AwsFault } from '../service.ts';
import { compileFilterPolicy, type FilterPolicyScope } from './filter-policy.ts';
import type { SnsMessage } from './message.ts';

export type Subscription = {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: string;
  readonly endpoint: string;
  /** An endpoint of another kind has to confirm first, which nobody does here. */
  readonly confirmed: boolean;
  attributes: Map<string, string>;
  accepts: (message: SnsMessage) => boolean;
};

const SUBSCRIPTION_ATTRIBUTES = new Set([
  'DeliveryPolicy',
  'FilterPolicy',
  'FilterPolicyScope',
  'RawMessageDelivery',
  'RedrivePolicy',
]);

const invalid = (message: string): AwsFault => new AwsFault('InvalidParameter', `Invalid parameter: ${message}`);

/** @throws {AwsFault} InvalidParameter */
export function setSubscriptionAttribute(subscription: Subscription, name: string, value: string): void {
  if (!SUBSCRIPTION_ATTRIBUTES.has(name)) throw invalid('AttributeName');
  if (name === 'RawMessageDelivery' && value !== 'true' && value !== 'false') {
    throw invalid('Attributes Reason: RawMessageDelivery: Invalid value');
  }
  if (name === 'RawMessageDelivery' && subscription.protocol === 'lambda' && value === 'true') {
    throw invalid('Attributes Reason: Delivery protocol [lambda] does not support raw message delivery.');
  }
  if (name === 'RedrivePolicy' && value !== '' && typeof parseObject(value)?.['deadLetterTargetArn'] !== 'string') {
    throw invalid('RedrivePolicy: must contain deadLetterTargetArn');
  }
  if (name === 'FilterPolicyScope' && value !== 'MessageAttributes' && value !== 'MessageBody') {
    throw invalid(
      'Attributes Reason: FilterPolicyScope: Invalid value. Please use either MessageBody or MessageAttributes',
    );
  }
  const attributes = new Map(subscription.attributes);
  if (value === '' || (name === 'FilterPolicy' && value === '{}')) attributes.delete(name);
  else attributes.set(name, value);
  const policy = attributes.get('FilterPolicy');
  const scope: FilterPolicyScope =
    attributes.get('FilterPolicyScope') === 'MessageBody' ? 'MessageBody' : 'MessageAttributes';
  subscription.accepts = policy === undefined ? () => true : compileFilterPolicy(policy, scope);
  subscription.attributes = attributes;
}
