import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { PublishCommand } from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type DeadLetterQueueName, HOME_QUEUES } from '../../domain/redrive/dead-letter.ts';
import { packageStack } from '../../infra/package.ts';
import { GovernorRefusal } from '../../invoke/index.ts';
import { AwsFault } from '../../local/service.ts';
import { governor as command } from '../cli/command.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, PREFIX, RULES } from './deployed-governor.ts';

const MINUTE_MS = 60_000;
const PERIOD = '2026-11';
const TAGS = { dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', costcenter: 'cc-1042' };

/** What the queues keep, and what an operator does about it: each test begins and ends with empty queues. */
describe('dead letters', { timeout: 120_000 }, () => {
  let governor: DeployedGovernor;
  let sqs: SQSClient;
  let config: ConstructorParameters<typeof SQSClient>[0] & { readonly endpoint: string };

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T09:01:00Z');
    await governor.stopSweeping();
    config = {
      endpoint: governor.aws.endpoint,
      region: governor.aws.homeRegion,
      credentials: { accessKeyId: 'operator', secretAccessKey: 'not-verified' },
      maxAttempts: 1,
    };
    sqs = new SQSClient(config);
  });
  afterAll(() => governor.close());

  const urlOf = async (queue: DeadLetterQueueName) =>
    (await sqs.send(new GetQueueUrlCommand({ QueueName: `${PREFIX}-${queue}` }))).QueueUrl;
  const counts = async () =>
    Object.fromEntries(
      await Promise.all(
        HOME_QUEUES.map(async (queue) => {
          const AttributeNames = ['ApproximateNumberOfMessages' as const];
          const QueueUrl = await urlOf(queue);
          const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
          return [queue, Number(Attributes?.['ApproximateNumberOfMessages'])];
        }),
      ),
    );
  const EMPTY = Object.fromEntries(HOME_QUEUES.map((queue) => [queue, 0]));

  /** What is in a queue, which stays visible. */
  const look = async (queue: DeadLetterQueueName): Promise<Message[]> => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: await urlOf(queue),
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 0,
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages;
  };

  const redrive = async (...args: readonly string[]) => {
    const environment = { ...governor.aws.environment(), GOVERNOR_TABLE: governor.table };
    const ending = await command(environment, 'redrive', ...args).ended;
    await governor.aws.settled();
    return ending;
  };

  /** The table is out of reach of the functions, until it is called. */
  const outage = () =>
    governor.aws.intercept((call) =>
      call.service === 'dynamodb' && call.principal.arn.includes(':assumed-role/')
        ? new AwsFault('InternalServerError', 'Internal server error', 500)
        : undefined,
    );
  /** Lambda tries again after one minute and after two more. */
  const untilLambdaGivesUp = async () => {
    for (let minute = 0; minute < 4; minute++) {
      await governor.aws.clock.advance(MINUTE_MS);
      await governor.aws.settled();
    }
  };
  const later = () => governor.aws.clock.advance(5 * MINUTE_MS);

  it('of functions that failed while the table was out of reach hold the event, and make up for it once it is back', async () => {
    const heal = outage();
    const arn = await governor.createProfile('unseen', governor.foundationModel(NOVA_PRO), {
      ...TAGS,
      tenant: 'unseen',
      dept: 'marketing',
    });
    await governor.aws.settled();
    await untilLambdaGivesUp();
    expect(await counts()).toEqual({ ...EMPTY, 'failed-invocations': 1 });
    const [letter] = await look('failed-invocations');
    expect(JSON.parse(letter?.Body ?? '')).toMatchObject({
      version: '1.0',
      requestContext: {
        functionArn: expect.stringContaining(`:${FUNCTIONS.profileChanged}`),
        condition: 'RetriesExhausted',
        approximateInvokeCount: 3,
      },
      requestPayload: { source: 'aws.bedrock', detail: { eventName: 'CreateInferenceProfile' } },
      responsePayload: { errorType: expect.stringMatching(/./), errorMessage: expect.stringMatching(/./) },
    });
    heal();
    await later();
    expect(await governor.indexEntry(arn)).toBeUndefined();

    const rehearsal = await redrive('--dry-run');
    expect(rehearsal.stdout).toContain('failed-invocations: 1 would be redriven');
    expect(await governor.indexEntry(arn)).toBeUndefined();
    expect(await counts()).toEqual({ ...EMPTY, 'failed-invocations': 1 });

    const ending = await redrive();
    expect(ending).toMatchObject({ code: 0, stderr: '' });
    expect(ending.stdout).toContain(`${FUNCTIONS.profileChanged} for 1`);
    expect(await counts()).toEqual(EMPTY);
    expect((await governor.tagsOf(arn))['governor:standing']).toBe('quarantined');
    expect(await governor.newNotices()).toEqual(['profile-quarantined: Bedrock profile unseen is quarantined']);
    expect((await redrive()).stdout).toMatch(/^(.+: empty\n){4}$/);
  });

  it('of minutes without the watch over the ledger take one call, and nothing that was spent counts twice', async () => {
    const tags = { ...TAGS, tenant: 'spender' };
    const arn = await governor.createProfile('spender', governor.foundationModel(NOVA_PRO), tags);
    await governor.aws.settled();
    const tenant = governor.tenant({ tenant: 'spender' }, { maxWaitMs: 0 });
    for (let isOver = false; !isOver; ) {
      const refusal = await tenant.call(NOVA_PRO, 'claim '.repeat(30_000), 10_000).catch((error: unknown) => error);
      isOver = refusal instanceof GovernorRefusal;
    }
    await tenant.close();
    await governor.newNotices();
    const before = await governor.ledger('tenant-monthly/spender', PERIOD);

    const heal = outage();
    const lambda = new LambdaClient(config);
    for (let minute = 0; minute < 12; minute++) {
      const event = { source: 'aws.events', 'detail-type': 'Scheduled Event', time: `minute ${minute}` };
      const Payload = new TextEncoder().encode(JSON.stringify(event));
      const FunctionName = FUNCTIONS.ledgerWatch;
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
      await governor.aws.settled();
    }
    expect(await counts()).toEqual({ ...EMPTY, 'failed-invocations': 12 });
    heal();
    await later();

    let calls = 0;
    const stop = governor.aws.observe((observation) => {
      if (observation.kind === 'invocation' && observation.functionName === FUNCTIONS.ledgerWatch) calls++;
    });
    const { stdout } = await redrive('--queue', 'failed-invocations', '--json');
    stop();
    expect(JSON.parse(stdout)).toMatchObject({ called: { [FUNCTIONS.ledgerWatch]: 12 }, kept: [], left: 0 });
    expect(calls).toBe(1);
    expect(await counts()).toEqual(EMPTY);

    const after = await governor.ledger('tenant-monthly/spender', PERIOD);
    expect(after).toMatchObject({ settled: governor.billed(arn), standing: 'closed' });
    expect(after?.committed).toBe(before?.committed);
    expect((await governor.tagsOf(arn))['governor:standing']).toBe('closed');
    const closings = (await governor.newNotices()).filter((notice) => notice.startsWith('tenant-closed'));
    expect(closings).toHaveLength(1);
  });

  it('of events and alerts that found no function to be handed to say where they should have gone, and get there', async () => {
    const { templatePath, artifactsDir } = await packageStack();
    const folder = await mkdtemp(join(tmpdir(), 'unpermitted-'));
    const template = z
      .object({ Resources: z.record(z.string(), z.looseObject({ Type: z.string() })) })
      .catchall(z.json())
      .parse(JSON.parse(await readFile(templatePath, 'utf8')));
    const without = Object.entries(template.Resources).filter(([, { Type }]) => Type !== 'AWS::Lambda::Permission');
    const unpermitted = join(folder, 'template.json');
    await writeFile(unpermitted, JSON.stringify({ ...template, Resources: Object.fromEntries(without) }));
    await governor.aws.deploy({ templatePath: unpermitted, artifactsDir });
    await rm(folder, { recursive: true });
    await governor.stopSweeping();

    const tags = { ...TAGS, tenant: 'unheard' };
    const arn = await governor.createProfile('unheard', governor.foundationModel(NOVA_PRO), tags);
    const text = await readFile(new URL('../fixtures/events/sns-budget-ACTUAL-monthly.json', import.meta.url), 'utf8');
    const alert = z
      .object({ Records: z.tuple([z.object({ Sns: z.object({ Subject: z.string(), Message: z.string() }) })]) })
      .parse(JSON.parse(text)).Records[0].Sns;
    const Message = alert.Message.replace(/^Budget Name: .*$/m, 'Budget Name: governor/dev/tenant-monthly/spender');
    await governor.sns.send(new PublishCommand({ TopicArn: governor.alertTopicArn, Subject: alert.Subject, Message }));
    await governor.aws.settled();
    expect(await counts()).toEqual({ ...EMPTY, 'undelivered-events': 1, 'undelivered-alerts': 1 });
    const [event] = await look('undelivered-events');
    expect(event?.MessageAttributes).toMatchObject({
      RULE_ARN: { StringValue: expect.stringContaining(RULES.apiCalls) },
      TARGET_ARN: { StringValue: expect.stringContaining(FUNCTIONS.profileChanged) },
      ERROR_CODE: { StringValue: 'NO_PERMISSIONS' },
    });

    await governor.aws.deploy({ templatePath, artifactsDir });
    await governor.stopSweeping();
    await later();
    const invoked: string[] = [];
    const stop = governor.aws.observe((observation) => {
      if (observation.kind === 'invocation' && observation.error === undefined) invoked.push(observation.functionName);
    });
    const ending = await redrive();
    stop();
    expect(ending).toMatchObject({ code: 0, stderr: '' });
    expect(invoked.slice(0, 2).toSorted()).toEqual([FUNCTIONS.budgetAlert, FUNCTIONS.profileChanged]);
    expect(await governor.indexEntry(arn)).toMatchObject({ standing: { state: 'open' }, tags });
    expect(await counts()).toEqual(EMPTY);
    // The alert was understood: it is of a budget that is ours.
    const heard = governor.aws.logs(FUNCTIONS.budgetAlert).filter((line) => line.includes('answer budget alert'));
    expect(heard.at(-1)).toContain('tenant-monthly/spender');
  });

  it('that make a function fail again come back to the queue, and the run that called it does not call it for ever', async () => {
    const heal = outage();
    const arn = await governor.createProfile('still-unseen', governor.foundationModel(NOVA_PRO), {
      ...TAGS,
      tenant: 'still-unseen',
    });
    await governor.aws.settled();
    await untilLambdaGivesUp();
    await later();
    expect((await redrive()).code).toBe(0);
    expect(await counts()).toEqual(EMPTY);
    await untilLambdaGivesUp();
    expect(await counts()).toEqual({ ...EMPTY, 'failed-invocations': 1 });
    heal();
    await later();
    expect((await redrive()).code).toBe(0);
    expect(await governor.indexEntry(arn)).toMatchObject({ standing: { state: 'open' } });
    expect(await counts()).toEqual(EMPTY);
  });

  it('of a function that is no more, or that are no work of this stack, stay and are named', async () => {
    const QueueUrl = await urlOf('failed-invocations');
    const functionArn = `arn:aws:lambda:${governor.aws.homeRegion}:${governor.aws.accountId}:function:${PREFIX}-gone`;
    const MessageBody = JSON.stringify({ requestContext: { functionArn }, requestPayload: {} });
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'no work' }));
    await later();
    const ending = await redrive();
    expect(ending.code).toBe(1);
    expect(ending.stdout).toContain(
      `it was meant for ${PREFIX}-gone, which is no function of this stack, or none any more`,
    );
    expect(ending.stdout).toContain('it is no record of an invocation');
    expect(await counts()).toEqual({ ...EMPTY, 'failed-invocations': 2 });
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
  });

  it("cannot be moved by SQS itself, which moves only out of other queues' dead-letter queues", async () => {
    for (const queue of HOME_QUEUES) {
      const SourceArn = `arn:aws:sqs:${governor.aws.homeRegion}:${governor.aws.accountId}:${PREFIX}-${queue}`;
      const move = sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
      await expect(move).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    }
  });

  it('of a queue that is not there, or of one that is not known, are a mistake that is told', async () => {
    const unknown = await redrive('--queue', 'other');
    expect(unknown.code).toBe(2);
    const environment = { ...governor.aws.environment(), GOVERNOR_TABLE: 'bedrock-cost-governor-none' };
    const none = await command(environment, 'redrive').ended;
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('looking up the queue bedrock-cost-governor-none-undelivered-events');
    // A table that was adopted may have any name: the stage names the stack's queues and functions.
    const adopted = { ...governor.aws.environment(), GOVERNOR_TABLE: 'restored' };
    expect((await command(adopted, 'redrive', '--stage', 'dev').ended).code).toBe(0);
    expect((await command(adopted, 'redrive').ended).stderr).toMatch(/^expected --stage <stage>/);
    const alone = await redrive('--queue', 'undelivered-forwards');
    expect(alone).toMatchObject({ code: 0, stdout: 'undelivered-forwards: no other Region forwards to this stack\n' });
    const nowhere = await command(environment, 'redrive', '--queue', 'undelivered-forwards').ended;
    expect(nowhere.code).toBe(2);
    expect(nowhere.stderr).toContain('no function of the stack bedrock-cost-governor-none');
  });
});
