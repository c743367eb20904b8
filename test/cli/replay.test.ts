import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, RULES } from '../end-to-end/deployed-governor.ts';
import { governor } from './command.ts';
import { ALPINE_RE } from './insurer.ts';

const { environment: _, ...WITHOUT_ENVIRONMENT } = ALPINE_RE;
const Replay = z.strictObject({
  type: z.literal('replay'),
  at: z.iso.datetime().optional(),
  function: z.string().nullable(),
  about: z.string().optional(),
  outcome: z.string(),
  decisions: z.array(z.strictObject({ decision: z.string(), facts: z.record(z.string(), z.unknown()) })),
  counted: z.array(z.strictObject({ metric: z.string(), facts: z.record(z.string(), z.unknown()) })),
  intentions: z.array(z.strictObject({ to: z.string(), what: z.string() })),
});

describe('governor replay', () => {
  let stack: DeployedGovernor;
  let folder: string;
  let profile: string;
  let files = 0;

  const replayed = async (event: unknown, ...args: string[]) => {
    const file = join(folder, `${++files}.json`);
    await writeFile(file, typeof event === 'string' ? event : JSON.stringify(event));
    return await governor({ ...stack.aws.environment(), GOVERNOR_TABLE: stack.table }, 'replay', file, ...args).ended;
  };
  const document = async (event: unknown) => {
    const { code, stdout, stderr } = await replayed(event, '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return Replay.parse(JSON.parse(stdout));
  };
  /** Everything that a replay might change. */
  const everything = async () => ({
    table: (await stack.dynamodb.send(new ScanCommand({ TableName: stack.table, ConsistentRead: true }))).Items,
    tags: await stack.tagsOf(profile),
    budget: await stack.awsBudget('governor/dev/tenant-monthly/alpine-re'),
  });
  const apiCall = (eventName: string, detail: object) => ({
    version: '0',
    id: '1',
    source: 'aws.bedrock',
    'detail-type': 'AWS API Call via CloudTrail',
    account: '123456789012',
    time: '2026-11-10T09:00:00Z',
    region: 'us-east-1',
    resources: [],
    detail: { eventSource: 'bedrock.amazonaws.com', eventName, awsRegion: 'us-east-1', ...detail },
  });
  const tagged = () => apiCall('TagResource', { requestParameters: { resourceARN: profile } });
  const alarm = (alarmName: string) => ({
    source: 'aws.cloudwatch',
    'detail-type': 'CloudWatch Alarm State Change',
    account: '123456789012',
    region: 'us-east-1',
    detail: { alarmName, state: { value: 'ALARM' } },
  });
  const budgetAlert = (name: string) => ({
    Records: [
      {
        Sns: {
          TopicArn: stack.alertTopicArn,
          Message: `AWS Budget Notification\nAWS Account 123456789012\n\nBudget Name: ${name}\nBudget Type: Cost\nAlert Type: ACTUAL\n`,
        },
      },
    ],
  });
  const schedule = (name: string) => ({
    source: 'aws.events',
    'detail-type': 'Scheduled Event',
    resources: [`arn:aws:events:us-east-1:123456789012:rule/${name}`],
    detail: {},
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'governor-replay-'));
    stack = await DeployedGovernor.start('2026-11-10T09:00:00Z');
    await stack.stopSweeping();
    profile = await stack.withoutEvents(() =>
      stack.createProfile('alpine-triage', stack.foundationModel(NOVA_PRO), WITHOUT_ENVIRONMENT),
    );
    await stack.aws.settled();
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true });
  });

  it('tells what the event would do and why, changes nothing, and is right about it', async () => {
    const before = await everything();
    const told = await document(tagged());
    expect(await everything()).toEqual(before);
    expect(told).toMatchObject({ function: 'profile-changed', about: `profile ${profile}` });
    expect(told.intentions.map(({ to }) => to)).toEqual(
      expect.arrayContaining(['profile tags', 'ledger', 'index', 'tag history', 'AWS Budgets']),
    );
    expect(told.intentions).toContainEqual({ to: 'profile tags', what: `tag ${profile} with environment=dev` });
    const text = await replayed(tagged());
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain(`The function profile-changed would look at profile ${profile}`);
    expect(text.stdout).toMatch(/\nNothing was changed\.\n$/);

    await stack.aws.invoke(FUNCTIONS.profileChanged, tagged());
    await stack.aws.settled();
    expect(await stack.tagsOf(profile)).toMatchObject({ environment: 'dev' });
    const again = await document(tagged());
    expect(again.intentions.filter(({ to }) => to !== 'index')).toEqual([]);
  });

  it.each<[string, () => object, object]>([
    [
      'an alarm of somebody else',
      () => alarm('somebody-elses'),
      { function: 'metric-alarm', outcome: 'no budget is meant by an alarm of this name' },
    ],
    [
      'an alarm that nobody confirms',
      () => alarm('governor/dev/tenant-monthly/alpine-re'),
      { outcome: 'CloudWatch says that it is not in alarm, and was not lately' },
    ],
    [
      'a budget alert',
      () => budgetAlert('governor/dev/tenant-monthly/alpine-re'),
      { function: 'budget-alert', outcome: 'budget tenant-monthly/alpine-re: open' },
    ],
    [
      'a hint',
      () => ({
        source: 'governor.helper',
        'detail-type': 'BudgetThresholdHint',
        account: '123456789012',
        detail: { version: 1, budget: 'tenant-monthly/alpine-re', period: '2026-11', percent: 80 },
      }),
      { function: 'budget-hint', outcome: 'the ledger says nothing that was not acted on' },
    ],
    [
      'an anomaly that AWS does not know',
      () => ({
        source: 'aws.ce',
        'detail-type': 'Anomaly Detected',
        account: '123456789012',
        region: 'us-east-1',
        detail: {
          anomalyId: 'x1',
          monitorArn: 'arn:aws:ce::123456789012:anomalymonitor/6d3a1d35-91b2-4d38-8c4c-6f0b7d2f6d11',
          anomalyStartDate: '2026-11-09T00:00:00Z',
        },
      }),
      { function: 'cost-anomaly', outcome: 'AWS knows no anomaly x1' },
    ],
    ['the clock of the ledger watch', () => schedule(RULES.ledgerWatchSchedule), { function: 'ledger-watch' }],
    [
      'the clock of the sweep',
      () => schedule(RULES.sweepSchedule),
      { function: 'sweep', outcome: '1 profile looked at, 0 differ, 0 failed' },
    ],
    [
      'the clock of the daily look at billing',
      () => schedule('bedrock-cost-governor-dev-billing-schedule'),
      {
        function: 'billing',
        outcome: expect.stringMatching(
          /^\d+ cost allocation tags? active, \d+ unknown to billing; anomaly detection \w+; \d+ days? compared/,
        ),
      },
    ],
    ['the clock of the look ahead', () => schedule(RULES.outlookSchedule), { function: 'outlook' }],
    [
      'what no rule takes',
      () => ({ source: 'aws.s3', 'detail-type': 'Object Created' }),
      { function: null, outcome: 'no rule of the stack takes aws.s3 / Object Created' },
    ],
  ])('plays %s by what AWS and the ledger say now, and changes nothing', async (_, event, expected) => {
    const before = await everything();
    expect(await document(event())).toMatchObject(expected);
    expect(await everything()).toEqual(before);
  });

  it('leaves an event of another account alone', async () => {
    const foreign = await replayed(tagged(), '--account', '999999999999');
    expect(foreign).toMatchObject({
      code: 0,
      stdout: 'Nothing would happen in the function profile-changed: an event of another account\n',
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{"source":', /\d+\.json: expected an event as JSON \(/],
    ['no event', '[1, 2]', /\d+\.json: expected an event of EventBridge .* or of SNS/],
    [
      'an API call without its detail',
      { source: 'aws.bedrock', 'detail-type': 'AWS API Call via CloudTrail' },
      /profile-changed would leave it unread: not an EventBridge event/,
    ],
    [
      'an SNS message that is none of AWS Budgets',
      { Records: [{ Sns: { Message: 'hello' } }] },
      /budget-alert would leave it unread: 1 message, none an alert/,
    ],
    [
      'a hint of another account',
      {
        source: 'governor.helper',
        'detail-type': 'BudgetThresholdHint',
        account: '1',
        detail: { version: 1, budget: 'x' },
      },
      /a hint of another account/,
    ],
  ])('refuses %s with exit code 2 and a clear message', async (_, event, problem) => {
    const { code, stdout, stderr } = await replayed(event);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(problem);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('refuses a file that is not there', async () => {
    const ending = await governor(
      { ...stack.aws.environment(), GOVERNOR_TABLE: stack.table },
      'replay',
      '/nonexistent.json',
    ).ended;
    expect(ending).toMatchObject({
      code: 2,
      stdout: '',
      stderr: '/nonexistent.json: there is no such file (ENOENT)\n',
    });
  });
});
