import { parseObject } from '../members.ts';
import type { Json, JsonObject } from '../service.ts';
import type { Perform } from './messaging-resources.ts';
import { type Desired, type ResourceType, stringProperty } from './resource-type.ts';
import { TemplateError } from './template.ts';

/** `AWS::CE::*`: what they say of a monitor or a threshold is JSON in a string. An update makes them anew. */
export function costResources(perform: Perform): Readonly<Record<string, ResourceType>> {
  const resource = (
    kind: 'AnomalyMonitor' | 'AnomalySubscription',
    document: string,
    plain: readonly string[],
  ): ResourceType => ({
    used: [document, ...plain],
    ignored: ['ResourceTags'],
    async put(desired) {
      await desired.previous?.remove?.();
      const described: JsonObject = Object.fromEntries(
        plain.flatMap((name): [string, Json][] => {
          const value = desired.properties[name];
          return value === undefined ? [] : [[name, value]];
        }),
      );
      const inner = documentOf(desired, document);
      const answer = await perform('ce', `Create${kind}`, { [kind]: { ...described, ...inner } }, desired.region);
      const arnName = kind === 'AnomalyMonitor' ? 'MonitorArn' : 'SubscriptionArn';
      const arn = String(answer[arnName]);
      return {
        ref: arn,
        attributes: { [arnName]: arn },
        remove: async () => void (await perform('ce', `Delete${kind}`, { [arnName]: arn }, desired.region)),
      };
    },
  });
  return {
    'AWS::CE::AnomalyMonitor': resource('AnomalyMonitor', 'MonitorSpecification', [
      'MonitorName',
      'MonitorType',
      'MonitorDimension',
    ]),
    'AWS::CE::AnomalySubscription': resource('AnomalySubscription', 'ThresholdExpression', [
      'SubscriptionName',
      'MonitorArnList',
      'Subscribers',
      'Frequency',
    ]),
  };
}

function documentOf(desired: Desired, name: string): JsonObject {
  if (desired.properties[name] === undefined) return {};
  const document = parseObject(stringProperty(desired, name));
  if (document === undefined) throw new TemplateError(`${desired.logicalId}: ${name} must be JSON in a string`);
  return { [name]: document };
}
