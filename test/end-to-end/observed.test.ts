import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { EnableRuleCommand, ListTargetsByRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AwsFault } from '../../local/service.ts';
import { governor as command } from '../cli/command.ts';
import { DeployedGovernor, FUNCTIONS, NOVA_PRO, PREFIX, RULES } from './deployed-governor.ts';

const MINUTE_MS = 60_000;
const CREDENTIALS = { accessKeyId: 'operator', secretAccessKey: 'not-verified' };
const TAGS = { dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', costcenter: 'cc-1042' };
const NOBODY = JSON.stringify({ Version: '2012-10-17', Statement: [] });
const OUT = new AwsFault('InternalServerError', 'Internal server error', 500);

/** The packaged alarms, evaluated minute by minute, on the metrics that the functions and queues report. */
describe('the deployed stack, watched by its alarms', { timeout: 120_000 }, () => {
  let governor: DeployedGovernor;
  let cloudWatch: CloudWatchClient;
  const invoked: string[] = [];

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-10T09:00:30Z', { cloudWatch: { alarmsOfStacks: true } });
    await governor.stopSweeping();
    governor.aws.observe((observation) => {
      if (observation.kind === 'invocation') invoked.push(observation.functionName);
    });
    cloudWatch = new CloudWatchClient({
      endpoint: governor.aws.endpoint,
      region: 'us-east-1',
      credentials: CREDENTIALS,
    });
  });
  afterAll(() => governor.close());

  const inAlarm = async (): Promise<string[]> => {
    const { MetricAlarms = [] } = await cloudWatch.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }));
    return MetricAlarms.map(({ AlarmName = '' }) => AlarmName.replace(`${PREFIX}-`, '')).toSorted();
  };
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) {
      await governor.aws.clock.advance(MINUTE_MS);
      await governor.aws.settled();
    }
  };
  const enableSchedules = async () => {
    for (const Name of [RULES.sweepSchedule, RULES.reopenSchedule, RULES.ledgerWatchSchedule, RULES.outlookSchedule])
      await governor.events.send(new EnableRuleCommand({ Name }));
  };
  /** The table is out of reach of the functions, until it is called. */
  const outage = () =>
    governor.aws.intercept((call) =>
      call.service === 'dynamodb' && call.principal.arn.includes(':assumed-role/') ? OUT : undefined,
    );
  /** The targets of a rule, with another name of their function. */
  const targetsOf = async (Rule: string, suffix: string) => {
    const { Targets = [] } = await governor.events.send(new ListTargetsByRuleCommand({ Rule }));
    return Targets.map((target) => ({ ...target, Arn: `${(target.Arn ?? '').replace(/-gone$/, '')}${suffix}` }));
  };
  const toldOf = async (): Promise<string[]> =>
    (await governor.notices()).flatMap(({ subject }) => (/^(OK|ALARM): /.test(subject) ? [subject] : []));

  it('is in alarm while nothing that should run by the clock ever has', async () => {
    await minutes(6);
    expect(await inAlarm()).toEqual([
      'billing-stalled',
      'ledger-watch-stalled',
      'notices-unsent',
      'outlook-stalled',
      'reopen-stalled',
      'sweep-stalled',
    ]);
    expect(await toldOf()).toContain(`ALARM: "${PREFIX}-sweep-stalled"`);
  });

  it('is in no alarm when all of it has run, and the owners are told that too', async () => {
    await governor.createProfile('calm', governor.foundationModel(NOVA_PRO), { ...TAGS, tenant: 'calm' });
    await enableSchedules();
    await governor.aws.invoke(FUNCTIONS.outlook, {});
    await governor.aws.invoke(FUNCTIONS.billing, {});
    await minutes(20);
    expect(await inAlarm()).toEqual([]);
    expect(await toldOf()).toContain(`OK: "${PREFIX}-sweep-stalled"`);
  });

  it('tells of a table that is out of reach, of what fails by it, and of the dead letters until they are redriven', async () => {
    const heal = outage();
    await governor.createProfile('dark', governor.foundationModel(NOVA_PRO), { ...TAGS, tenant: 'dark' });
    await minutes(20);
    expect(await inAlarm()).toEqual(
      expect.arrayContaining([
        'failed-invocations',
        'ledger-watch-errors',
        'ledger-watch-stalled',
        'notices-unsent',
        'reopen-ended-errors',
        'reopen-stalled',
        'sweep-errors',
        'sweep-stalled',
      ]),
    );
    heal();
    const environment = { ...governor.aws.environment(), GOVERNOR_TABLE: governor.table };
    await minutes(1);
    expect((await command(environment, 'redrive').ended).code).toBe(0);
    await minutes(20);
    expect(await inAlarm()).toEqual([]);
  });

  it('tells of a schedule that was stopped', async () => {
    await governor.stopSweeping();
    await minutes(20);
    expect(await inAlarm()).toEqual(['ledger-watch-stalled', 'notices-unsent', 'reopen-stalled', 'sweep-stalled']);
    await enableSchedules();
    await minutes(10);
    expect(await inAlarm()).toEqual([]);
  });

  it('tells of work that did not even get to its dead-letter queue', async () => {
    const sqs = new SQSClient({ endpoint: governor.aws.endpoint, region: 'us-east-1', credentials: CREDENTIALS });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${PREFIX}-undelivered-events` }));
    const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['Policy'] }));
    const admit = async (Policy: string) =>
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
    await admit(NOBODY);
    await governor.events.send(
      new PutTargetsCommand({ Rule: RULES.apiCalls, Targets: await targetsOf(RULES.apiCalls, '-gone') }),
    );
    await governor.createProfile('lost', governor.foundationModel(NOVA_PRO), { ...TAGS, tenant: 'lost' });
    await governor.aws.settled();
    await minutes(2);
    expect(await inAlarm()).toEqual(['profile-api-calls-letters-lost']);
    await governor.events.send(
      new PutTargetsCommand({ Rule: RULES.apiCalls, Targets: await targetsOf(RULES.apiCalls, '') }),
    );
    await admit(Attributes['Policy'] ?? '');
    await minutes(8);
    expect(await inAlarm()).toEqual([]);
    expect(await toldOf()).toEqual(
      expect.arrayContaining([
        `ALARM: "${PREFIX}-profile-api-calls-letters-lost"`,
        `OK: "${PREFIX}-profile-api-calls-letters-lost"`,
      ]),
    );
  });

  it('takes none of its own alarms for a signal about a budget', () => {
    expect(invoked).toContain(FUNCTIONS.ledgerWatch);
    expect(invoked).not.toContain(FUNCTIONS.metricAlarm);
  });

  it('reminds of a letter that SQS is about to drop', async () => {
    await governor.stopSweeping();
    const sqs = new SQSClient({ endpoint: governor.aws.endpoint, region: 'us-east-1', credentials: CREDENTIALS });
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `${PREFIX}-failed-invocations` }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'overlooked' }));
    await minutes(3);
    expect(await inAlarm()).toContain('failed-invocations');
    expect(await inAlarm()).not.toContain('failed-invocations-expiring');
    await governor.aws.clock.advance(10 * 24 * 60 * MINUTE_MS);
    await minutes(10);
    expect(await inAlarm()).toContain('failed-invocations-expiring');
  });
});
