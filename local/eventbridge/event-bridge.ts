import { DeliveryFailure, type Destinations } from '../destinations.ts';
import type { Identifiers } from '../identifiers.ts';
import { type Members, membersOf, parseObject } from '../members.ts';
import { roleArnOf } from '../principals.ts';
import {
  AwsFault,
  type AwsServiceEvent,
  type Call,
  type Json,
  type JsonObject,
  type Operation,
  type Service,
  type World,
} from '../service.ts';
import { readBusPolicy, refusalOf, type Sender } from './bus-policy.ts';
import { checkPutEvents, type EventEntry } from './put-events.ts';
import { recur } from './recurrence.ts';
import {
  type Bus,
  describe,
  limitExceeded,
  patternOf,
  QUOTA,
  type Rule,
  reaches,
  readState,
  readTarget,
  type State,
  scheduleOf,
  type Target,
} from './rule.ts';
import { deliverToTarget } from './target-delivery.ts';

export interface EventBridge {
  readonly service: Service;
  /** Routes an event of an AWS service, as the default bus of its Region does. */
  putAwsEvent(region: string, event: AwsServiceEvent): void;
}

const invalid = (message: string): AwsFault => new AwsFault('ValidationException', message);
const noBus = (name: string): AwsFault =>
  new AwsFault('ResourceNotFoundException', `Event bus ${name} does not exist.`);
const members = (input: JsonObject): Members => membersOf(input, invalid);

/**
 * Amazon EventBridge: buses, rules and their targets. Rules match and deliver at once, each target by itself. Read-only
 * management events reach only rules in state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS. A rule may forward to the bus of
 * another Region, or account, whose policy decides; a forwarded event is not forwarded a second time. Lists are not paged.
 */
export function createEventBridge(world: World, destinations: Destinations, identifiers: Identifiers): EventBridge {
  const buses = new Map<string, Bus>();

  const busArn = (region: string, name: string): string =>
    `arn:aws:events:${region}:${world.accountId}:event-bus/${name}`;
  const findBus = (nameOrArn: string | undefined, region: string): Bus | undefined => {
    const name = nameOrArn ?? 'default';
    const arn = name.startsWith('arn:') ? name : busArn(region, name);
    const found = buses.get(arn);
    if (found !== undefined || arn !== busArn(region, 'default')) return found;
    return addBus('default', region);
  };
  const addBus = (name: string, region: string): Bus => {
    const arn = busArn(region, name);
    const bus: Bus = { name, arn, region, rules: new Map(), policyDocument: { Statement: [] }, policy: [] };
    buses.set(arn, bus);
    return bus;
  };
  const busAt = (nameOrArn: string | undefined, call: Call): Bus => {
    const bus = findBus(nameOrArn, call.region);
    if (bus === undefined) throw noBus(nameOrArn ?? 'default');
    return bus;
  };
  const ruleAt = (input: JsonObject, member: 'Name' | 'Rule', call: Call): Rule => {
    const read = members(input);
    const bus = busAt(read.optionalString('EventBusName'), call);
    const name = read.string(member);
    const rule = bus.rules.get(name);
    if (rule === undefined) {
      throw new AwsFault('ResourceNotFoundException', `Rule ${name} does not exist on EventBus ${bus.name}.`);
    }
    return rule;
  };

  const deliver = (rule: Rule, target: Target, event: JsonObject, forwarded: boolean): void => {
    if (forwarded && /^arn:aws:events:[^:]*:\d*:event-bus\//.test(target.arn)) {
      const reason = 'a forwarded event is not forwarded again';
      world.observe({ kind: 'lost', from: rule.arn, to: target.arn, reason });
      return;
    }
    const authority = { service: 'events.amazonaws.com', sourceArn: rule.arn };
    const { deadLetterArn } = target;
    const delivery = deliverToTarget(world, destinations, {
      targetArn: target.arn,
      delivery: {
        authority: target.roleArn === undefined ? authority : { roleArn: target.roleArn },
        body: target.input(event, { arn: rule.arn, name: rule.name, at: world.clock.now() }),
      },
      retryPolicy: target.retryPolicy,
      ...(deadLetterArn !== undefined && {
        deadLetter: {
          queueArn: deadLetterArn,
          authority,
          body: JSON.stringify(event),
          // [docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq]
          attributes: ({ failure, retryAttempts, exhausted }) => ({
            RULE_ARN: rule.arn,
            TARGET_ARN: target.arn,
            ERROR_CODE: failure.code,
            ERROR_MESSAGE: failure.message,
            RETRY_ATTEMPTS: String(retryAttempts),
            ...(exhausted !== undefined && { EXHAUSTED_RETRY_CONDITION: exhausted }),
          }),
        },
      }),
    });
    void world.activity.track(delivery);
  };

  const route = (bus: Bus, event: JsonObject, forwarded = false): void => {
    const matched = [...bus.rules.values()].filter((rule) => reaches(rule, event) && rule.pattern?.matches(event));
    world.observe({
      kind: 'event',
      region: bus.region,
      bus: bus.name,
      event,
      matchedRules: matched.map((rule) => rule.name),
    });
    for (const rule of matched) {
      for (const target of rule.targets.values()) deliver(rule, target, event, forwarded);
    }
  };

  const envelope = (
    region: string,
    event: Omit<AwsServiceEvent, 'resources'> & { resources: readonly Json[] },
  ): JsonObject => ({
    version: '0',
    id: identifiers.uuid(),
    'detail-type': event['detail-type'],
    source: event.source,
    account: world.accountId,
    time: new Date(event.time).toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [...event.resources],
    detail: event.detail,
  });

  const startSchedule = (rule: Rule, region: string): void => {
    rule.stopSchedule();
    rule.stopSchedule = () => {};
    if (rule.scheduleExpression === undefined || rule.state === 'DISABLED') return;
    rule.stopSchedule = recur(world.clock, scheduleOf(rule.scheduleExpression, world.clock.now()), (due) => {
      const event = envelope(region, {
        source: 'aws.events',
        'detail-type': 'Scheduled Event',
        time: due,
        resources: [rule.arn],
        detail: {},
      });
      world.observe({ kind: 'event', region, bus: 'default', event, matchedRules: [rule.name] });
      for (const target of rule.targets.values()) deliver(rule, target, event, false);
    });
  };

  const setState =
    (state: State): Operation =>
    (input, call) => {
      const rule = ruleAt(input, 'Name', call);
      rule.state = state;
      startSchedule(rule, call.region);
      return {};
    };

  const operations: Readonly<Record<string, Operation>> = {
    CreateEventBus(input, call) {
      const name = members(input).string('Name');
      if (!/^[/.\-_A-Za-z0-9]{1,256}$/.test(name) || name === 'default') {
        throw invalid(`Parameter Name is not valid: ${name}`);
      }
      const arn = busArn(call.region, name);
      if (buses.has(arn)) throw new AwsFault('ResourceAlreadyExistsException', `Event bus ${name} already exists.`);
      addBus(name, call.region);
      return { EventBusArn: arn };
    },
    DeleteEventBus(input, call) {
      const name = members(input).string('Name');
      if (name === 'default') throw invalid('Cannot delete event bus default.');
      const bus = findBus(name, call.region);
      if (bus !== undefined && bus.rules.size > 0) throw invalid(`Cannot delete event bus ${name} since it has rules.`);
      buses.delete(busArn(call.region, name));
      return {};
    },
    DescribeEventBus(input, call) {
      const bus = busAt(members(input).optionalString('Name'), call);
      const hasPolicy = bus.policy.length > 0;
      return { Name: bus.name, Arn: bus.arn, ...(hasPolicy && { Policy: JSON.stringify(bus.policyDocument) }) };
    },
    PutPermission(input, call) {
      const read = members(input);
      const bus = busAt(read.optionalString('EventBusName'), call);
      const document = parseObject(read.string('Policy'));
      if (document === undefined) throw invalid('Parameter Policy is not valid: it must be a JSON object.');
      try {
        bus.policy = readBusPolicy(document);
        bus.policyDocument = document;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw invalid(`Parameter Policy is not valid: ${error.message}`);
      }
      return {};
    },
    ListEventBuses(input, call) {
      const prefix = members(input).optionalString('NamePrefix') ?? '';
      busAt('default', call);
      const here = [...buses.values()].filter((bus) => bus.region === call.region && bus.name.startsWith(prefix));
      return { EventBuses: here.map((bus) => ({ Name: bus.name, Arn: bus.arn })) };
    },
    PutRule(input, call) {
      const read = members(input);
      const name = read.string('Name');
      if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name)) throw invalid(`Parameter Name is not valid: ${name}`);
      const bus = busAt(read.optionalString('EventBusName'), call);
      const patternText = read.optionalString('EventPattern');
      const scheduleExpression = read.optionalString('ScheduleExpression');
      if (patternText === undefined && scheduleExpression === undefined) {
        throw invalid('Parameter(s) EventPattern or ScheduleExpression must be specified.');
      }
      if (scheduleExpression !== undefined && bus.name !== 'default') {
        throw invalid('ScheduleExpression is supported only on the default event bus.');
      }
      const state = readState(read.optionalString('State') ?? 'ENABLED');
      const pattern = patternText === undefined ? undefined : patternOf(patternText);
      if (scheduleExpression !== undefined) scheduleOf(scheduleExpression, 0);
      if (!bus.rules.has(name) && bus.rules.size >= QUOTA.rulesPerBus) throw limitExceeded();
      const infix = bus.name === 'default' ? '' : `${bus.name}/`;
      const rule: Rule = bus.rules.get(name) ?? {
        name,
        arn: `arn:aws:events:${call.region}:${world.accountId}:rule/${infix}${name}`,
        state,
        description: undefined,
        patternText,
        pattern,
        scheduleExpression,
        stopSchedule: () => {},
        targets: new Map(),
      };
      rule.state = state;
      rule.description = read.optionalString('Description');
      rule.patternText = patternText;
      rule.pattern = pattern;
      rule.scheduleExpression = scheduleExpression;
      bus.rules.set(name, rule);
      startSchedule(rule, call.region);
      return { RuleArn: rule.arn };
    },
    DescribeRule(input, call) {
      const rule = ruleAt(input, 'Name', call);
      return describe(rule, busAt(members(input).optionalString('EventBusName'), call));
    },
    ListRules(input, call) {
      const read = members(input);
      const bus = busAt(read.optionalString('EventBusName'), call);
      const prefix = read.optionalString('NamePrefix') ?? '';
      const rules = [...bus.rules.values()].filter((rule) => rule.name.startsWith(prefix));
      return { Rules: rules.map((rule) => describe(rule, bus)) };
    },
    DeleteRule(input, call) {
      const read = members(input);
      const bus = busAt(read.optionalString('EventBusName'), call);
      const rule = bus.rules.get(read.string('Name'));
      if (rule === undefined) return {};
      if (rule.targets.size > 0) throw invalid("Rule can't be deleted since it has targets.");
      rule.stopSchedule();
      bus.rules.delete(rule.name);
      return {};
    },
    EnableRule: setState('ENABLED'),
    DisableRule: setState('DISABLED'),
    PutTargets(input, call) {
      const rule = ruleAt(input, 'Rule', call);
      const targets = members(input)
        .objects('Targets')
        .map((target) => readTarget(target, call.region));
      if (targets.length === 0) throw invalid('At least one target is required.');
      const ids = new Set([...rule.targets.keys(), ...targets.map((target) => target.id)]);
      if (ids.size > QUOTA.targetsPerRule) throw limitExceeded();
      for (const target of targets) rule.targets.set(target.id, target);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    ListTargetsByRule(input, call) {
      const rule = ruleAt(input, 'Rule', call);
      return { Targets: [...rule.targets.values()].map((target) => target.description) };
    },
    RemoveTargets(input, call) {
      const rule = ruleAt(input, 'Rule', call);
      const FailedEntries: JsonObject[] = [];
      for (const TargetId of members(input).strings('Ids')) {
        if (rule.targets.delete(TargetId)) continue;
        FailedEntries.push({
          TargetId,
          ErrorCode: 'ResourceNotFoundException',
          ErrorMessage: `Rule ${rule.name} does not have a target with the Id ${TargetId}.`,
        });
      }
      return { FailedEntryCount: FailedEntries.length, FailedEntries };
    },
    PutEvents(input, call) {
      const results = checkPutEvents(members(input).objects('Entries'), world.clock.now());
      // A request is authorised as a whole, before any of its events goes anywhere.
      for (const result of results) if (!('ErrorCode' in result)) checkPermission(result, call);
      const Entries = results.map((result) => ('ErrorCode' in result ? { ...result } : accept(result, call)));
      return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries };
    },
    TestEventPattern(input) {
      const read = members(input);
      const pattern = patternOf(read.string('EventPattern'));
      const event = parseObject(read.string('Event'));
      if (event === undefined) throw invalid('Parameter Event is not valid. Reason: it must be a JSON object.');
      const absent = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type'].find(
        (name) => !(name in event),
      );
      if (absent !== undefined) throw invalid(`Parameter Event is not valid. Reason: ${absent} is a required field.`);
      return { Result: pattern.matches(event) };
    },
  };

  const checkPermission = (entry: EventEntry, call: Call): void => {
    const bus = findBus(entry.busName, call.region);
    const sender = senderOf(
      { source: entry.source, 'detail-type': entry['detail-type'] },
      roleArnOf(call.principal.arn),
    );
    const refusal = bus === undefined ? undefined : refusalOf(bus.policy, bus.arn, sender);
    if (refusal !== undefined) throw new AwsFault('AccessDeniedException', refusal);
  };

  const accept = (entry: EventEntry, call: Call): JsonObject => {
    const event = envelope(call.region, entry);
    const bus = findBus(entry.busName, call.region);
    if (bus === undefined) {
      const reason = 'the event bus does not exist';
      world.observe({ kind: 'lost', from: entry.source, to: entry.busName ?? 'default', reason });
    } else route(bus, event);
    return { EventId: event['id'] ?? null };
  };

  // What a rule forwards, of whichever account and Region.
  destinations.register('events', (arn, { authority, body }) => {
    const bus = findBus(arn, arn.split(':')[3] ?? '');
    const event = parseObject(body);
    if (bus === undefined) throw new DeliveryFailure('NO_RESOURCE', `Event bus ${arn} does not exist.`);
    if (event === undefined || !('roleArn' in authority))
      throw new DeliveryFailure('INVALID_PAYLOAD', 'a bus takes events by a role, and nothing else');
    const refusal = refusalOf(bus.policy, bus.arn, senderOf(event, authority.roleArn));
    if (refusal !== undefined) throw new DeliveryFailure('NO_PERMISSIONS', refusal);
    route(bus, event, true);
  });

  return {
    service: {
      signingName: 'events',
      protocol: { kind: 'json', targetPrefix: 'AWSEvents', version: '1.1' },
      operations,
    },
    putAwsEvent(region, event) {
      const bus = findBus('default', region);
      if (bus !== undefined) route(bus, envelope(region, event));
    },
  };
}

const senderOf = (event: JsonObject, principalArn: string): Sender => ({
  principalArn,
  source: String(event['source']),
  detailType: String(event['detail-type']),
});
