import type { Perform } from './messaging-resources.ts';
import { physicalName, type ResourceType, stringProperty } from './resource-type.ts';

/** `AWS::CloudWatch::Alarm` as an alarm that is evaluated. */
export function alarmResources(perform: Perform): Readonly<Record<string, ResourceType>> {
  const alarm: ResourceType = {
    // The names of its properties are those of the API, which reads them all and refuses what is not embedded.
    used: [],
    ignored: ['*'],
    async put(desired) {
      const AlarmName = stringProperty(desired, 'AlarmName', physicalName(desired, 255));
      await perform('monitoring', 'PutMetricAlarm', { ...desired.properties, AlarmName }, desired.region);
      return {
        ref: AlarmName,
        attributes: { Arn: `arn:aws:cloudwatch:${desired.region}:${desired.accountId}:alarm:${AlarmName}` },
        remove: async () =>
          void (await perform('monitoring', 'DeleteAlarms', { AlarmNames: [AlarmName] }, desired.region)),
      };
    },
  };
  return { 'AWS::CloudWatch::Alarm': alarm };
}
