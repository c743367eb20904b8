import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListEventBusesCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  type PutRuleCommandInput,
  PutTargetsCommand,
  RemoveTargetsCommand,
  type Target,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Observation } from '../../local/service.ts';

const START = Date.UTC(2026, 10, 20, 9, 15, 30);
const arnOfQueue = (name: string) => `arn:aws:sqs:us-east-1:123456789012:${name}`;

describe('EventBridge over the wire', () => {
  let aws: EmbeddedAws;
  let events: EventBridgeClient;
  let sqs: SQSClient;
  let seen: Observation[];

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    const client = {
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    };
    events = new EventBridgeClient(client);
    sqs = new SQSClient(client);
    seen = [];
    aws.observe((observation) => seen.push(observation));
  });
  afterEach(async () => {
    events.destroy();
    sqs.destroy();
    await aws.close();
  });

  /** A queue that lets EventBridge in. */
  const queue = async (QueueName: string): Promise<string> => {
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: arnOfQueue(QueueName),
      Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:events:us-east-1:123456789012:rule/*' } },
    };
    const Attributes = { Policy: JSON.stringify({ Statement: [statement] }) };
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return arnOfQueue(QueueName);
  };
  const received = async (name: string) => {
    await aws.settled();
    const QueueUrl = `${aws.endpoint}/123456789012/${name}`;
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    return Messages;
  };
  const bodies = async (name: string) => (await received(name)).map((message) => JSON.parse(message.Body ?? ''));
  const rule = async (input: Omit<PutRuleCommandInput, 'Name'> & { Name?: string }, ...Targets: Target[]) => {
    const Name = input.Name ?? 'orders';
    await events.send(new PutRuleCommand({ ...input, Name }));
    if (Targets.length === 0) return;
    await events.send(new PutTargetsCommand({ Rule: Name, EventBusName: input.EventBusName, Targets }));
  };
  const put = (...entries: Partial<PutEventsRequestEntry>[]) =>
    events.send(
      new PutEventsCommand({
        Entries: entries.map((entry) => ({ Source: 'test.orders', DetailType: 'Order', Detail: '{}', ...entry })),
      }),
    );
  const ORDERS = JSON.stringify({ source: ['test.orders'] });

  it('delivers an event that matches in the envelope of EventBridge', async () => {
    await rule({ EventPattern: ORDERS }, { Id: 'q', Arn: await queue('inbox') });
    const { Entries } = await put(
      { Detail: '{"size":3}', Resources: ['arn:x'], Time: new Date('2026-11-19T01:02:03.456Z') },
      { Source: 'test.other' },
    );
    expect(await bodies('inbox')).toEqual([
      {
        version: '0',
        id: Entries?.[0]?.EventId,
        'detail-type': 'Order',
        source: 'test.orders',
        account: '123456789012',
        time: '2026-11-19T01:02:03Z',
        region: 'us-east-1',
        resources: ['arn:x'],
        detail: { size: 3 },
      },
    ]);
  });

  it('answers entries one by one, in order, with HTTP 200', async () => {
    const { FailedEntryCount, Entries } = await put(
      {},
      { Source: 'aws.bedrock' },
      { Detail: '[1]' },
      { DetailType: undefined },
    );
    expect(FailedEntryCount).toBe(3);
    expect(Entries?.map((entry) => entry.ErrorCode)).toEqual([
      undefined,
      'NotAuthorizedForSourceException',
      'MalformedDetail',
      'InvalidArgument',
    ]);
    expect(Entries?.[0]?.EventId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('accepts an event for a bus that does not exist, and drops it', async () => {
    const { FailedEntryCount } = await put({ EventBusName: 'nowhere' });
    expect(FailedEntryCount).toBe(0);
    expect(seen).toContainEqual(expect.objectContaining({ kind: 'lost', to: 'nowhere' }));
  });

  it('keeps buses apart', async () => {
    await events.send(new CreateEventBusCommand({ Name: 'orders' }));
    await rule({ EventPattern: ORDERS, EventBusName: 'orders' }, { Id: 'q', Arn: await queue('inbox') });
    await put({ Detail: '{"bus":"default"}' }, { Detail: '{"bus":"orders"}', EventBusName: 'orders' });
    expect((await bodies('inbox')).map((event) => event.detail)).toEqual([{ bus: 'orders' }]);
    const { EventBuses } = await events.send(new ListEventBusesCommand({}));
    expect(EventBuses?.map((bus) => bus.Name)).toEqual(['orders', 'default']);
    await expect(events.send(new DeleteEventBusCommand({ Name: 'orders' }))).rejects.toThrow(/has rules/);
  });

  it('forwards an event to another bus once, not on from there', async () => {
    const RoleArn = 'arn:aws:iam::123456789012:role/forward';
    for (const Name of ['second', 'third']) await events.send(new CreateEventBusCommand({ Name }));
    const busArn = (name: string) => `arn:aws:events:us-east-1:123456789012:event-bus/${name}`;
    await rule({ EventPattern: ORDERS }, { Id: 'b', Arn: busArn('second'), RoleArn });
    await rule(
      { EventPattern: ORDERS, EventBusName: 'second' },
      { Id: 'b', Arn: busArn('third'), RoleArn },
      { Id: 'q', Arn: await queue('at-second') },
    );
    await rule({ EventPattern: ORDERS, EventBusName: 'third' }, { Id: 'q', Arn: await queue('at-third') });
    await put({});
    expect(await bodies('at-second')).toHaveLength(1);
    expect(await bodies('at-third')).toEqual([]);
  });

  it('gives a target its own input: fixed, a part, or a template', async () => {
    const Arn = await queue('inbox');
    await rule(
      { EventPattern: ORDERS },
      { Id: 'fixed', Arn, Input: '{"a":1}' },
      { Id: 'part', Arn, InputPath: '$.detail.items[1]' },
      {
        Id: 'template',
        Arn,
        InputTransformer: {
          InputPathsMap: { state: '$.detail.state', items: '$.detail.items', none: '$.detail.none' },
          InputTemplate:
            '{"state": <state>, "text": "is <state>, not <none>", "items": <items>, "rule": "<aws.events.rule-name>"}',
        },
      },
    );
    await put({ Detail: '{"state":"a \\"b\\"","items":[1,{"x":2}]}' });
    expect(await bodies('inbox')).toEqual([
      { a: 1 },
      { x: 2 },
      { state: 'a "b"', text: 'is a "b", not ', items: [1, { x: 2 }], rule: 'orders' },
    ]);
  });

  it('puts what a target does not admit into the dead-letter queue without a retry', async () => {
    await sqs.send(new CreateQueueCommand({ QueueName: 'closed' }));
    await rule(
      { EventPattern: ORDERS },
      { Id: 'q', Arn: arnOfQueue('closed'), DeadLetterConfig: { Arn: await queue('dead') } },
    );
    await put({ Detail: '{"size":3}' });
    const [message] = await received('dead');
    expect(JSON.parse(message?.Body ?? '')).toMatchObject({ detail: { size: 3 } });
    expect(message?.MessageAttributes).toMatchObject({
      RULE_ARN: { StringValue: 'arn:aws:events:us-east-1:123456789012:rule/orders' },
      TARGET_ARN: { StringValue: arnOfQueue('closed') },
      ERROR_CODE: { StringValue: 'NO_PERMISSIONS' },
      RETRY_ATTEMPTS: { StringValue: '0' },
    });
    expect(message?.MessageAttributes).not.toHaveProperty('EXHAUSTED_RETRY_CONDITION');
  });

  it('keeps read-only management events from rules that do not ask for all of them', async () => {
    const EventPattern = JSON.stringify({ source: ['test.trail'] });
    await rule({ Name: 'plain', EventPattern });
    await rule({ Name: 'all', EventPattern, State: 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS' });
    const matched = () =>
      seen.flatMap((observation) => (observation.kind === 'event' ? [observation.matchedRules] : []));
    const call = (readOnly: boolean) => ({
      Source: 'test.trail',
      DetailType: 'AWS API Call via CloudTrail',
      Detail: JSON.stringify({ readOnly, managementEvent: true }),
    });
    await put(call(true), call(false));
    expect(matched()).toEqual([['all'], ['plain', 'all']]);
  });

  it('leaves a disabled rule alone until it is enabled', async () => {
    await rule({ EventPattern: ORDERS, State: 'DISABLED' }, { Id: 'q', Arn: await queue('inbox') });
    await put({ Detail: '{"n":1}' });
    await events.send(new EnableRuleCommand({ Name: 'orders' }));
    await put({ Detail: '{"n":2}' });
    await events.send(new DisableRuleCommand({ Name: 'orders' }));
    await put({ Detail: '{"n":3}' });
    expect((await bodies('inbox')).map((event) => event.detail.n)).toEqual([2]);
  });

  it('fires a cron rule when its time has come, in UTC', async () => {
    await rule({ Name: 'month', ScheduleExpression: 'cron(5 0 1 * ? *)' }, { Id: 'q', Arn: await queue('inbox') });
    await aws.clock.moveTo(Date.UTC(2026, 11, 1, 0, 4, 59));
    expect(await bodies('inbox')).toEqual([]);
    await aws.clock.moveTo(Date.UTC(2026, 11, 1, 0, 5));
    expect(await bodies('inbox')).toMatchObject([
      {
        source: 'aws.events',
        'detail-type': 'Scheduled Event',
        time: '2026-12-01T00:05:00Z',
        resources: ['arn:aws:events:us-east-1:123456789012:rule/month'],
        detail: {},
      },
    ]);
  });

  it('describes, lists and deletes what was put', async () => {
    await rule({ EventPattern: ORDERS, Description: 'all orders' }, { Id: 'q', Arn: await queue('inbox') });
    expect(await events.send(new DescribeRuleCommand({ Name: 'orders' }))).toMatchObject({
      Arn: 'arn:aws:events:us-east-1:123456789012:rule/orders',
      EventPattern: ORDERS,
      State: 'ENABLED',
      Description: 'all orders',
    });
    expect((await events.send(new ListRulesCommand({ NamePrefix: 'ord' }))).Rules).toHaveLength(1);
    expect((await events.send(new ListTargetsByRuleCommand({ Rule: 'orders' }))).Targets).toMatchObject([{ Id: 'q' }]);
    await expect(events.send(new DeleteRuleCommand({ Name: 'orders' }))).rejects.toThrow(/has targets/);
    const { FailedEntries } = await events.send(new RemoveTargetsCommand({ Rule: 'orders', Ids: ['q', 'x'] }));
    expect(FailedEntries).toMatchObject([{ TargetId: 'x', ErrorCode: 'ResourceNotFoundException' }]);
    await events.send(new DeleteRuleCommand({ Name: 'orders' }));
    expect((await events.send(new ListRulesCommand({}))).Rules).toEqual([]);
    expect(await events.send(new DescribeEventBusCommand({}))).toMatchObject({ Name: 'default' });
  });

  it('tests a pattern against an event', async () => {
    const Event = JSON.stringify({
      id: '1',
      account: '1',
      source: 'a',
      time: 't',
      region: 'r',
      resources: [],
      'detail-type': 'd',
      detail: { n: 1 },
    });
    const test = async (pattern: object) =>
      (await events.send(new TestEventPatternCommand({ Event, EventPattern: JSON.stringify(pattern) }))).Result;
    expect(await test({ detail: { n: [1] } })).toBe(true);
    expect(await test({ detail: { n: [2] } })).toBe(false);
  });

  const target = (more: Partial<Target> = {}): Target => ({ Id: 'x', Arn: arnOfQueue('x'), ...more });
  it.each<[string, () => Promise<unknown>, string]>([
    ['an invalid pattern', () => rule({ EventPattern: '{"source":"x"}' }), 'InvalidEventPatternException'],
    ['a rule with neither pattern nor schedule', () => rule({}), 'ValidationException'],
    ['an invalid schedule', () => rule({ ScheduleExpression: 'rate(1 minutes)' }), 'ValidationException'],
    [
      'an unknown state',
      () => events.send(new PutRuleCommand({ Name: 'a', EventPattern: ORDERS, State: JSON.parse('"ON"') })),
      'ValidationException',
    ],
    [
      'a rule on an unknown bus',
      () => rule({ EventPattern: ORDERS, EventBusName: 'none' }),
      'ResourceNotFoundException',
    ],
    [
      'a bus that exists',
      async () => {
        await events.send(new CreateEventBusCommand({ Name: 'b' }));
        await events.send(new CreateEventBusCommand({ Name: 'b' }));
      },
      'ResourceAlreadyExistsException',
    ],
    [
      'a schedule on another bus',
      async () => {
        await events.send(new CreateEventBusCommand({ Name: 'b' }));
        await rule({ ScheduleExpression: 'rate(5 minutes)', EventBusName: 'b' });
      },
      'ValidationException',
    ],
    ['eleven events', () => put(...Array.from({ length: 11 }, () => ({}))), 'ValidationException'],
    [
      'a megabyte of events',
      () => put({ Detail: JSON.stringify({ x: 'y'.repeat(1_048_576) }) }),
      'ValidationException',
    ],
    [
      'targets of an unknown rule',
      () => events.send(new PutTargetsCommand({ Rule: 'none', Targets: [target()] })),
      'ResourceNotFoundException',
    ],
    [
      'six targets',
      () => rule({ EventPattern: ORDERS }, ...Array.from({ length: 6 }, (_, n) => target({ Id: `${n}` }))),
      'LimitExceededException',
    ],
    [
      'two inputs for one target',
      () => rule({ EventPattern: ORDERS }, target({ Input: '{}', InputPath: '$' })),
      'ValidationException',
    ],
    [
      'a target bus without a role',
      () => rule({ EventPattern: ORDERS }, target({ Arn: 'arn:aws:events:us-east-1:123456789012:event-bus/b' })),
      'ValidationException',
    ],
    [
      'too many retries',
      () => rule({ EventPattern: ORDERS }, target({ RetryPolicy: { MaximumRetryAttempts: 186 } })),
      'ValidationException',
    ],
    [
      'a FIFO dead-letter queue',
      () => rule({ EventPattern: ORDERS }, target({ DeadLetterConfig: { Arn: arnOfQueue('d.fifo') } })),
      'ValidationException',
    ],
    [
      'a placeholder without a path',
      () => rule({ EventPattern: ORDERS }, target({ InputTransformer: { InputTemplate: '"<x>"' } })),
      'ValidationException',
    ],
  ])('refuses %s', async (_, call, name) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});
