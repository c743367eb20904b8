import { readFile } from 'node:fs/promises';
import { CreateInferenceProfileCommand, DeleteInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import { CloudWatchClient, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  ListTargetsByRuleCommand,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  DeleteQueueCommand,
  GetQueueUrlCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageStack } from '../../infra/package.ts';
import { startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault, type JsonObject, type Observation } from '../../local/service.ts';
import { governor as command } from '../cli/command.ts';
import { copyProject } from '../infra/project-copy.ts';
import { converse, DeployedGovernor, FUNCTIONS, NOVA_PRO, PREFIX } from './deployed-governor.ts';
import { type Mailbox, subscribeMailbox } from './mailbox.ts';

const HOME = 'eu-west-1';
const FURTHER = 'us-west-2';
const UNLISTED = 'eu-north-1';
const PERIOD = '2026-11';
const MINUTE_MS = 60_000;
const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const TEXT = 'Summarise this claim. '.repeat(500);

const tagsFor = (tenant: string) => ({ dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', tenant });

/** A stack in Ireland that governs Oregon too, and hears of anomalies from us-east-1. */
describe('a governor of several Regions', () => {
  let governor: DeployedGovernor;
  let project: Awaited<ReturnType<typeof copyProject>>;
  let seen: Observation[] = [];
  const config = (region: string) => ({
    endpoint: governor.aws.endpoint,
    region,
    credentials: { accessKeyId: 'platform-team', secretAccessKey: 'not-verified' },
    maxAttempts: 1,
  });
  const bus = () => `arn:aws:events:${HOME}:${governor.aws.accountId}:event-bus/${PREFIX}`;
  const role = (name: string, account = governor.aws.accountId) => `arn:aws:iam::${account}:role/${name}`;

  beforeAll(async () => {
    project = await copyProject('real');
    const packaged = await packageStack({
      root: project.root,
      flags: ['--region', HOME, '--regions', `${HOME},${FURTHER}`],
    });
    expect(packaged.further.map(({ region }) => region)).toEqual(['us-east-1', FURTHER]);
    const aws = await startEmbeddedAws({
      startAt: Date.parse('2026-11-20T09:00:00Z'),
      region: HOME,
      cloudWatch: { alarmsOfStacks: true },
    });
    const policy = parse(await readFile(POLICY_FILE, 'utf8')) as { regions: string[]; budgets: Budgets };
    const [tenants] = policy.budgets;
    if (tenants === undefined) throw new Error('the example has a budget for each tenant');
    tenants.limits['bypassing'] = '0.05 USD';
    governor = await DeployedGovernor.deploy(aws, packaged, { ...policy, regions: [HOME, FURTHER] });
    await governor.stopSweeping();
    aws.observe((observation) => seen.push(observation));
  });
  afterAll(async () => {
    await governor.close();
    await project.remove();
  });
  beforeEach(() => {
    seen = [];
  });

  interface Budgets extends Array<{ limits: Record<string, string> }> {}

  const create = async (region: string, tenant: string, tags: Readonly<Record<string, string>> = tagsFor(tenant)) => {
    const { inferenceProfileArn: arn = '' } = await governor.inRegion(region).bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: tenant,
        modelSource: {
          copyFrom: `arn:aws:bedrock:${region}:${governor.aws.accountId}:inference-profile/${region.slice(0, 2)}.${NOVA_PRO}`,
        },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    await governor.aws.settled();
    return arn;
  };
  const matched = () =>
    seen.flatMap((each) =>
      each.kind === 'event' && each.matchedRules.length > 0
        ? [`${each.region} ${each.bus}: ${each.matchedRules.join(' ').replaceAll(`${PREFIX}-`, '')}`]
        : [],
    );
  const lost = () => seen.flatMap((each) => (each.kind === 'lost' ? [each.reason] : []));
  const invoked = () =>
    seen.flatMap((each) => (each.kind === 'invocation' ? [each.functionName.replace(`${PREFIX}-`, '')] : []));
  const forgedEvent = (arn: string, change: JsonObject = {}): JsonObject => ({
    version: '0',
    id: '1b3f0f3c-0000-0000-0000-000000000000',
    source: 'aws.bedrock',
    'detail-type': 'AWS API Call via CloudTrail',
    account: governor.aws.accountId,
    region: FURTHER,
    time: '2026-11-20T09:00:00Z',
    resources: [],
    detail: {
      eventSource: 'bedrock.amazonaws.com',
      eventName: 'TagResource',
      requestParameters: { resourceARN: arn, tags: [] },
      responseElements: null,
    },
    ...change,
  });

  it('governs a profile of another Region by its event: tags, budgets, index and what the helper pays for', async () => {
    const arn = await create(FURTHER, 'oregon');
    expect(matched()).toEqual([
      `${FURTHER} default: forward-profile-api-calls`,
      `${HOME} ${PREFIX}: forwarded-profile-api-calls`,
      // The governor's own tagging.
      `${FURTHER} default: forward-profile-api-calls`,
      `${HOME} ${PREFIX}: forwarded-profile-api-calls`,
    ]);
    expect(await governor.inRegion(FURTHER).tagsOf(arn)).toEqual({ ...tagsFor('oregon'), costcenter: 'cc-0000' });
    expect(await governor.awsBudget('governor/dev/tenant-monthly/oregon')).toMatchObject({ limitUsd: 20 });
    expect(await governor.indexEntry(arn)).toMatchObject({ region: FURTHER, standing: { state: 'open' } });
    const tenant = governor.tenant(
      { tenant: 'oregon' },
      { region: FURTHER, clients: (region) => new BedrockRuntimeClient(config(region)) },
    );
    expect((await tenant.call(NOVA_PRO, 'Summarise this claim.')).usage?.totalTokens).toBeGreaterThan(0);
    await tenant.close();
    expect(governor.billed(arn)).toBeGreaterThan(0n);
    expect((await governor.ledger('tenant-monthly/oregon', PERIOD))?.settled).toBe(governor.billed(arn));
  });

  it('quarantines a violating profile there, and ends the entry of one that is deleted', async () => {
    const arn = await create(FURTHER, 'nameless', { team: 'intake' });
    const { bedrock, tagsOf } = governor.inRegion(FURTHER);
    expect((await tagsOf(arn))['governor:standing']).toBe('quarantined');
    await bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
    await governor.aws.settled();
    expect((await governor.indexEntry(arn))?.endedAt).toBeTypeOf('number');
  });

  it('hears an alarm there, reads the metrics there, and closes the profile there', async () => {
    const arn = await create(FURTHER, 'bypassing');
    await new CloudWatchClient(config(FURTHER)).send(
      new PutMetricAlarmCommand({
        AlarmName: 'governor/dev/tenant-monthly/bypassing',
        Namespace: 'AWS/Bedrock',
        MetricName: 'InputTokenCount',
        Dimensions: [{ Name: 'ModelId', Value: arn.split('/').at(-1) ?? '' }],
        Statistic: 'Sum',
        Period: 300,
        EvaluationPeriods: 1,
        Threshold: 1_000,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData: 'notBreaching',
      }),
    );
    const runtime = new BedrockRuntimeClient(config(FURTHER));
    for (let call = 0; call < 60; call++) await runtime.send(converse(arn, TEXT, 1_000));
    await governor.aws.clock.advance(15 * MINUTE_MS);
    await governor.aws.settled();
    expect(invoked()).toContain('metric-alarm');
    const ledger = await governor.ledger('tenant-monthly/bypassing', PERIOD);
    expect(Number(ledger?.unattributed)).toBeGreaterThan(50_000_000);
    expect(ledger?.standing).toBe('closed');
    expect((await governor.inRegion(FURTHER).tagsOf(arn))['governor:standing']).toBe('closed');
  });

  it('finds by the sweep what no event told of, and ends what is gone, in each Region', async () => {
    const events = new EventBridgeClient(config(FURTHER));
    const Name = `${PREFIX}-forward-profile-api-calls`;
    await events.send(new DisableRuleCommand({ Name }));
    const arn = await create(FURTHER, 'unheard');
    expect(await governor.indexEntry(arn)).toBeUndefined();
    expect((await governor.sweep()).failed).toEqual([]);
    expect(await governor.inRegion(FURTHER).tagsOf(arn)).toEqual({ ...tagsFor('unheard'), costcenter: 'cc-0000' });
    expect(await governor.indexEntry(arn)).toMatchObject({ region: FURTHER, standing: { state: 'open' } });
    await governor
      .inRegion(FURTHER)
      .bedrock.send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
    expect(await governor.sweep()).toMatchObject({ ended: 1, failed: [] });
    await events.send(new EnableRuleCommand({ Name }));
  });

  it('hears of anomalies from us-east-1, and looks them up', async () => {
    const text = await readFile(new URL('../fixtures/events/aws.ce-AnomalyDetected-doc.json', import.meta.url), 'utf8');
    const event = JSON.parse(text) as JsonObject;
    await governor.aws.forwardEvent(bus(), role(`${PREFIX}-us-east-1-forward`), event);
    await governor.aws.settled();
    expect(matched()).toEqual([`${HOME} ${PREFIX}: forwarded-cost-anomalies`]);
    expect(invoked()).toEqual(['cost-anomaly']);
    const { payload } = await governor.aws.invoke(FUNCTIONS.costAnomaly, { ...event, account: '222222222222' });
    expect(JSON.parse(payload)).toEqual({ answered: 0, unreadable: 1 });
  });

  describe('an event that was forged', () => {
    it('is refused by the bus where a role forwards it that is not listed, of this account or another', async () => {
      const arn = await create(FURTHER, 'forged');
      seen = [];
      for (const sender of [
        role(`${PREFIX}-${UNLISTED}-forward`),
        role(`${PREFIX}-${FURTHER}-forward`, '222222222222'),
        role('admin'),
      ])
        await expect(governor.aws.forwardEvent(bus(), sender, forgedEvent(arn))).rejects.toMatchObject({
          code: 'NO_PERMISSIONS',
        });
      expect(matched()).toEqual([]);
    });

    it('of a listed role reaches no function where its account or Region is not listed', async () => {
      const arn = await create(FURTHER, 'forged-too');
      seen = [];
      const sender = role(`${PREFIX}-${FURTHER}-forward`);
      for (const change of [{ account: '222222222222' }, { region: UNLISTED }, { region: HOME }])
        await governor.aws.forwardEvent(bus(), sender, forgedEvent(arn, change));
      await governor.aws.settled();
      expect(matched()).toEqual([]);
      // The same event as it should be, to be sure of the rest of it.
      await governor.aws.forwardEvent(bus(), sender, forgedEvent(arn));
      await governor.aws.settled();
      expect(invoked()).toEqual(['profile-changed']);
    });

    it('is not acted upon by the function either', async () => {
      const arn = await create(UNLISTED, 'unlisted', { team: 'intake' });
      const watch = governor.watchWrites();
      for (const change of [{}, { account: '222222222222' }, { region: UNLISTED }, { region: HOME }]) {
        const { payload } = await governor.aws.invoke(FUNCTIONS.profileChanged, forgedEvent(arn, change));
        expect(JSON.parse(payload)).toMatchObject({ kind: 'not-ours' });
      }
      watch.stop();
      expect(watch.writes).toEqual([]);
      expect(await governor.indexEntry(arn)).toBeUndefined();
    });
  });

  it('takes nothing from a rule of a Region that is not listed, whoever made it', async () => {
    const events = new EventBridgeClient(config(UNLISTED));
    await events.send(new PutRuleCommand({ Name: 'mine', EventPattern: '{"source":["aws.bedrock"]}' }));
    const target = { Id: 'bus', Arn: bus(), RoleArn: role('admin') };
    await events.send(new PutTargetsCommand({ Rule: 'mine', Targets: [target] }));
    const arn = await create(UNLISTED, 'from-elsewhere', { team: 'intake' });
    expect(lost()).toEqual([expect.stringMatching(/^NO_PERMISSIONS: .*explicit deny/)]);
    expect(invoked()).toEqual([]);
    expect(await governor.inRegion(UNLISTED).tagsOf(arn)).toEqual({ team: 'intake' });
  });

  describe('what cannot be forwarded', () => {
    const QUEUE = `${PREFIX}-undelivered-forwards`;
    let arn: string;
    let mail: Mailbox;
    const queueIn = (region: string) => new SQSClient(config(region));
    const urlIn = async (region: string) =>
      (await queueIn(region).send(new GetQueueUrlCommand({ QueueName: QUEUE }))).QueueUrl;
    /** What is in the queue, which stays visible. */
    const look = async () => {
      const QueueUrl = await urlIn(FURTHER);
      const visible = { QueueUrl, MessageAttributeNames: ['All'], MaxNumberOfMessages: 10, VisibilityTimeout: 0 };
      return (await queueIn(FURTHER).send(new ReceiveMessageCommand(visible))).Messages ?? [];
    };
    const run = async (...args: readonly string[]) => {
      const ending = await command({ ...governor.aws.environment(), GOVERNOR_TABLE: governor.table }, ...args).ended;
      await governor.aws.settled();
      return ending;
    };
    /** The last word of the alarm on the queue. */
    const told = async () =>
      (await mail()).map(({ subject }) => subject).findLast((subject) => subject.includes(`"${QUEUE}"`));
    const minutesPass = async (minutes: number) => {
      for (let minute = 0; minute < minutes; minute++) {
        await governor.aws.clock.advance(MINUTE_MS);
        await governor.aws.settled();
      }
    };

    beforeAll(async () => {
      const topic = `arn:aws:sns:${FURTHER}:${governor.aws.accountId}:${PREFIX}-forwarding-alarms`;
      mail = await subscribeMailbox({ sns: new SNSClient(config(FURTHER)), sqs: queueIn(FURTHER) }, topic, 'on-call');
      const events = new EventBridgeClient(config(FURTHER));
      const Rule = `${PREFIX}-forward-profile-api-calls`;
      const { Targets = [] } = await events.send(new ListTargetsByRuleCommand({ Rule }));
      const misled = Targets.map((target) => ({ ...target, RoleArn: role('admin') }));
      await events.send(new PutTargetsCommand({ Rule, Targets: misled }));
      arn = await create(FURTHER, 'kept');
      await events.send(new PutTargetsCommand({ Rule, Targets }));
    });

    it('is kept in a queue of the Region where it happened, and people are told there', async () => {
      const letters = await look();
      expect(letters.map(({ MessageAttributes }) => MessageAttributes?.['ERROR_CODE']?.StringValue)).toEqual([
        'NO_PERMISSIONS',
      ]);
      expect(letters[0]?.Body).toContain(arn);
      await minutesPass(3);
      expect(await told()).toMatch(/^ALARM/);
      expect(await governor.indexEntry(arn)).toBeUndefined();
    });

    it('is seen by the doctor, as is a Region whose alarms nobody hears', async () => {
      const { stdout } = await run('doctor', '--json');
      const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string; what: string }[] };
      const of = (name: string) =>
        findings.filter(({ check }) => check === name).map(({ state, what }) => [state, what]);
      expect(of('regions')).toEqual([
        ['ok', `the stack was packaged for ${HOME}, ${FURTHER}: all of the policy`],
        ['failed', expect.stringContaining('nobody hears it when events of us-east-1 do not arrive')],
        ['ok', expect.stringContaining(`${FURTHER} forwards to ${HOME}; 1 confirmed at`)],
      ]);
      expect(of('dead-letters')).toEqual([
        ['ok', '4 dead-letter queues are empty'],
        ['ok', expect.stringContaining('in us-east-1')],
        ['failed', `1 message in ${QUEUE} of ${FURTHER}: work that got lost`],
      ]);
    });

    it('is made up for from the home Region, and what says that it is from elsewhere stays', async () => {
      const MessageBody = JSON.stringify(forgedEvent(arn, { region: HOME }));
      const RULE_ARN = {
        DataType: 'String',
        StringValue: `arn:aws:events:${FURTHER}:${governor.aws.accountId}:rule/${PREFIX}-forward-profile-api-calls`,
      };
      const forged = { QueueUrl: await urlIn(FURTHER), MessageBody, MessageAttributes: { RULE_ARN } };
      await queueIn(FURTHER).send(new SendMessageCommand(forged));
      await minutesPass(1);
      const rehearsal = await run('redrive', '--dry-run');
      expect(rehearsal.stdout).toContain(`undelivered-forwards in us-east-1: empty\n`);
      expect(rehearsal.stdout).toContain(`undelivered-forwards in ${FURTHER}: 1 would be redriven`);
      expect(await governor.indexEntry(arn)).toBeUndefined();

      seen = [];
      const ending = await run('redrive');
      expect(ending).toMatchObject({ code: 1, stderr: '' });
      expect(ending.stdout).toContain(`${FUNCTIONS.profileChanged} for 1`);
      expect(ending.stdout).toMatch(/stays: .*: it says that it is from "eu-west-1"/);
      // Once for the letter, and once for the governor's own tagging, which is forwarded again.
      expect(invoked()).toEqual(['profile-changed', 'profile-changed']);
      expect(await governor.inRegion(FURTHER).tagsOf(arn)).toEqual({ ...tagsFor('kept'), costcenter: 'cc-0000' });
      expect(await governor.indexEntry(arn)).toMatchObject({ region: FURTHER, standing: { state: 'open' } });
      expect((await look()).map(({ Body }) => Body)).toEqual([MessageBody]);
    });

    it('is over when the queue is empty', async () => {
      await queueIn(FURTHER).send(new PurgeQueueCommand({ QueueUrl: await urlIn(FURTHER) }));
      await minutesPass(3);
      expect(await told()).toMatch(/^OK/);
      expect((await run('redrive', '--queue', 'undelivered-forwards')).code).toBe(0);
    });

    it('is told with its Region where that may not be looked at, after what was done elsewhere', async () => {
      const heal = governor.aws.intercept(({ service, region }) =>
        service === 'sqs' && region === FURTHER ? new AwsFault('AccessDeniedException', 'not here') : undefined,
      );
      const ending = await run('redrive');
      heal();
      expect(ending.code).toBe(1);
      expect(ending.stdout).toContain('failed-invocations: empty\n');
      expect(ending.stderr).toContain(`looking up the queue ${QUEUE} in ${FURTHER}`);
    });

    it('has no queue where the stack of a Region is not deployed, which is told', async () => {
      await queueIn('us-east-1').send(new DeleteQueueCommand({ QueueUrl: await urlIn('us-east-1') }));
      const ending = await run('redrive');
      expect(ending.code).toBe(1);
      expect(ending.stdout).toContain('undelivered-forwards in us-east-1: there is no such queue: deploy the stack');
      expect(ending.stdout).toContain(`undelivered-forwards in ${FURTHER}: empty`);
      const { stdout } = await run('doctor');
      expect(stdout).toContain(`the stack of us-east-1 is not deployed: its events do not reach ${HOME}`);
    });
  });
});
