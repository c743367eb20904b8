import type { Scheduler } from '../eventbridge/scheduler.ts';
import { isObject, parseObject } from '../members.ts';
import type { JsonObject } from '../service.ts';
import type { Perform } from './messaging-resources.ts';
import { asText, optionalProperty, physicalName, type ResourceType, stringProperty } from './resource-type.ts';
import { TemplateError } from './template.ts';

/** `AWS::Events::*` and `AWS::Scheduler::*`. */
export function eventResources(perform: Perform, scheduler: Scheduler): Readonly<Record<string, ResourceType>> {
  const bus: ResourceType = {
    used: ['Name'],
    ignored: ['Tags', 'Description', 'KmsKeyIdentifier', 'DeadLetterConfig', 'LogConfig', 'Policy'],
    async put(desired) {
      const Name = stringProperty(desired, 'Name');
      if (desired.previous === undefined) await perform('events', 'CreateEventBus', { Name }, desired.region);
      const Arn = `arn:aws:events:${desired.region}:${desired.accountId}:event-bus/${Name}`;
      return {
        ref: Name,
        attributes: { Arn, Name },
        remove: async () => void (await perform('events', 'DeleteEventBus', { Name }, desired.region)),
      };
    },
  };

  const rule: ResourceType = {
    used: ['Name', 'EventBusName', 'EventPattern', 'ScheduleExpression', 'State', 'Description', 'Targets'],
    ignored: ['RoleArn', 'Tags'],
    async put(desired) {
      const { region, properties } = desired;
      const Name = stringProperty(desired, 'Name', physicalName(desired));
      const EventBusName = optionalProperty(desired, 'EventBusName');
      const ofRule: JsonObject = { Rule: Name, EventBusName };
      const output = await perform(
        'events',
        'PutRule',
        {
          Name,
          EventBusName,
          ScheduleExpression: properties['ScheduleExpression'],
          State: properties['State'],
          Description: properties['Description'],
          EventPattern: properties['EventPattern'] === undefined ? undefined : asText(properties['EventPattern']),
        },
        region,
      );
      const Targets = Array.isArray(properties['Targets']) ? properties['Targets'].filter(isObject) : [];
      const clear = async (keep: ReadonlySet<unknown>): Promise<void> => {
        const listed = (await perform('events', 'ListTargetsByRule', ofRule, region))['Targets'];
        const ids = (Array.isArray(listed) ? listed : []).flatMap((target) =>
          isObject(target) ? [target['Id'] ?? ''] : [],
        );
        const Ids = ids.filter((id) => !keep.has(id));
        if (Ids.length > 0) await perform('events', 'RemoveTargets', { ...ofRule, Ids }, region);
      };
      await clear(new Set(Targets.map((target) => target['Id'])));
      if (Targets.length > 0) await perform('events', 'PutTargets', { ...ofRule, Targets }, region);
      return {
        ref: EventBusName === undefined ? Name : `${EventBusName}|${Name}`,
        attributes: { Arn: String(output['RuleArn']) },
        async remove() {
          await clear(new Set());
          await perform('events', 'DeleteRule', { Name, EventBusName }, region);
        },
      };
    },
  };

  const schedule: ResourceType = {
    used: [
      'Name',
      'GroupName',
      'ScheduleExpression',
      'ScheduleExpressionTimezone',
      'StartDate',
      'EndDate',
      'State',
      'Target',
    ],
    ignored: ['Description', 'FlexibleTimeWindow', 'KmsKeyArn'],
    put(desired) {
      const name = stringProperty(desired, 'Name', physicalName(desired));
      const arn = scheduler.put(desired.region, name, desired.properties);
      return { ref: name, attributes: { Arn: arn }, remove: () => scheduler.remove(arn) };
    },
  };

  /** One statement of a bus's policy. */
  const busPolicy: ResourceType = {
    used: ['EventBusName', 'StatementId', 'Statement'],
    ignored: [],
    async put(desired) {
      const Sid = stringProperty(desired, 'StatementId');
      const bus = { EventBusName: optionalProperty(desired, 'EventBusName') };
      const statement = desired.properties['Statement'];
      if (!isObject(statement))
        throw new TemplateError(`${desired.logicalId}: AWS::Events::EventBusPolicy needs a Statement`);
      const replace = async (by: readonly JsonObject[]): Promise<void> => {
        const described = await perform('events', 'DescribeEventBus', { Name: bus.EventBusName }, desired.region);
        const before = parseObject(String(described['Policy'] ?? '{}'))?.['Statement'] ?? [];
        const others = (Array.isArray(before) ? before : [before]).filter(
          (each) => isObject(each) && each['Sid'] !== Sid,
        );
        const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [...others, ...by] });
        await perform('events', 'PutPermission', { ...bus, Policy }, desired.region);
      };
      await replace([{ Sid, ...statement }]);
      return { ref: physicalName(desired), attributes: {}, remove: () => replace([]) };
    },
  };

  return {
    'AWS::Events::EventBus': bus,
    'AWS::Events::EventBusPolicy': busPolicy,
    'AWS::Events::Rule': rule,
    'AWS::Scheduler::Schedule': schedule,
  };
}
