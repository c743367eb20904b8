import {
  CreateEventBusCommand,
  DescribeEventBusCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { JsonObject } from '../../local/service.ts';

const ACCOUNT = '123456789012';
const HOME = 'us-east-1';
const FURTHER = 'eu-west-1';
const BUS = `arn:aws:events:${HOME}:${ACCOUNT}:event-bus/central`;
const role = (name: string, account = ACCOUNT) => `arn:aws:iam::${account}:role/${name}`;

describe('events between Regions', () => {
  let aws: EmbeddedAws;
  const config = (region: string) => ({
    endpoint: aws.endpoint,
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const events = (region: string) => new EventBridgeClient(config(region));

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20, 9) });
    await events(HOME).send(new CreateEventBusCommand({ Name: 'central' }));
  });
  afterEach(() => aws.close());

  const queue = async (region: string, QueueName: string): Promise<string> => {
    const arn = `arn:aws:sqs:${region}:${ACCOUNT}:${QueueName}`;
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: arn,
    };
    const Attributes = { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }) };
    await new SQSClient(config(region)).send(new CreateQueueCommand({ QueueName, Attributes }));
    return arn;
  };
  const received = async (region: string, name: string) => {
    await aws.settled();
    const QueueUrl = `${aws.endpoint}/${ACCOUNT}/${name}`;
    const { Messages = [] } = await new SQSClient(config(region)).send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    return Messages.map(({ Body, MessageAttributes }) => ({
      event: JSON.parse(Body ?? '') as JsonObject,
      code: MessageAttributes?.['ERROR_CODE']?.StringValue,
    }));
  };
  const rule = async (region: string, target: { Arn: string; RoleArn?: string }, EventBusName?: string) => {
    const bus = EventBusName === undefined ? {} : { EventBusName };
    const put = { Name: 'all', EventPattern: '{"source":["orders"]}', ...bus };
    await events(region).send(new PutRuleCommand(put));
    const dead = { DeadLetterConfig: { Arn: await queue(region, `dead-${region}`) } };
    await events(region).send(
      new PutTargetsCommand({ Rule: 'all', ...bus, Targets: [{ Id: 't', ...dead, ...target }] }),
    );
  };
  const put = (region: string, EventBusName?: string) =>
    events(region).send(
      new PutEventsCommand({
        Entries: [
          {
            Source: 'orders',
            DetailType: 'Placed',
            Detail: '{}',
            ...(EventBusName === undefined ? {} : { EventBusName }),
          },
        ],
      }),
    );
  const permit = (...Statement: object[]) =>
    events(HOME).send(
      new PutPermissionCommand({
        EventBusName: 'central',
        Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
      }),
    );
  const statement = { Action: 'events:PutEvents', Resource: BUS };
  const onlyForwarder = {
    ...statement,
    Effect: 'Deny',
    Principal: '*',
    Condition: { ArnNotEquals: { 'aws:PrincipalArn': [role('forward')] } },
  };

  it('go from the default bus of one to a bus of another, and say where they come from', async () => {
    await rule(FURTHER, { Arn: BUS, RoleArn: role('forward') });
    await rule(HOME, { Arn: await queue(HOME, 'inbox') }, 'central');
    await put(FURTHER);
    expect(await received(HOME, 'inbox')).toMatchObject([{ event: { region: FURTHER, account: ACCOUNT } }]);
  });

  it('go to the dead-letter queue of their own Region where the bus does not exist', async () => {
    await rule(FURTHER, { Arn: `${BUS}-not`, RoleArn: role('forward') });
    await put(FURTHER);
    expect(await received(FURTHER, `dead-${FURTHER}`)).toMatchObject([{ code: 'NO_RESOURCE' }]);
  });

  it('and go there, unrepeated, where the policy of the bus denies it to the role', async () => {
    await permit(onlyForwarder);
    await rule(FURTHER, { Arn: BUS, RoleArn: role('another') });
    await rule(HOME, { Arn: await queue(HOME, 'inbox') }, 'central');
    await put(FURTHER);
    expect(await received(HOME, 'inbox')).toEqual([]);
    expect(await received(FURTHER, `dead-${FURTHER}`)).toMatchObject([{ code: 'NO_PERMISSIONS' }]);
  });

  it('are put by nobody whom the policy denies it, neither all nor some', async () => {
    await rule(HOME, { Arn: await queue(HOME, 'inbox') }, 'central');
    expect((await put(HOME, 'central')).FailedEntryCount).toBe(0);
    await permit(onlyForwarder);
    await expect(put(HOME, 'central')).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await received(HOME, 'inbox')).toHaveLength(1);
    const { Policy } = await events(HOME).send(new DescribeEventBusCommand({ Name: 'central' }));
    expect(JSON.parse(Policy ?? '')).toMatchObject({ Statement: [{ Effect: 'Deny' }] });
  });

  it('of another account need to be allowed by the policy, those of this account do not', async () => {
    const forward = (roleArn: string) => aws.forwardEvent(BUS, roleArn, { source: 'orders', 'detail-type': 'Placed' });
    const foreign = role('forward', '999999999999');
    await expect(forward(role('any'))).resolves.toBeUndefined();
    await expect(forward(foreign)).rejects.toMatchObject({ code: 'NO_PERMISSIONS' });
    const allowed = (Principal: object, Condition?: object) =>
      permit({ ...statement, Effect: 'Allow', Principal, ...(Condition === undefined ? {} : { Condition }) });
    for (const AWS of [foreign, '999999999999', ['arn:aws:iam::999999999999:root']]) {
      await allowed({ AWS });
      await expect(forward(foreign)).resolves.toBeUndefined();
    }
    await allowed({ AWS: '999999999999' }, { StringEquals: { 'events:source': 'payments' } });
    await expect(forward(foreign)).rejects.toMatchObject({ code: 'NO_PERMISSIONS' });
    await allowed({ AWS: '222222222222' });
    await expect(forward(foreign)).rejects.toMatchObject({ code: 'NO_PERMISSIONS' });
  });

  it.each<[string, object]>([
    ['no action', { Effect: 'Deny', Principal: '*', Resource: BUS }],
    ['a service', { ...statement, Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' } }],
    ['NotPrincipal', { ...statement, Effect: 'Deny', NotPrincipal: '*' }],
    ['an unknown key', { ...onlyForwarder, Condition: { StringEquals: { 'aws:Moon': 'full' } } }],
  ])('have no policy that is malformed or not modelled: %s', async (_, each) => {
    await expect(permit(each)).rejects.toMatchObject({ name: 'ValidationException' });
  });
});
