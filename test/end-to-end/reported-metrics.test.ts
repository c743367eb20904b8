import { readFile } from 'node:fs/promises';
import { TagResourceCommand } from '@aws-sdk/client-bedrock';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { policyTable } from '../../aws/dynamodb/policy-table.ts';
import { AwsFault, type Call, type Json, type JsonObject } from '../../local/service.ts';
import { backUp, restore } from '../aws/dynamodb/restored-table.ts';
import { packagedTemplate } from '../infra/packaged-template.ts';
import { metricsIn } from '../infra/published-metrics.ts';
import { watchedByAlarms, watchedByDashboard } from '../infra/watched-metrics.ts';
import { converse, DeployedGovernor, FUNCTIONS, NOVA_PRO } from './deployed-governor.ts';

const POLICY_FILE = new URL('../../examples/insurer/governance.yaml', import.meta.url);
const MINUTE_MS = 60_000;
const TAGS = { dept: 'claims', team: 'intake', app: 'triage', environment: 'prod', costcenter: 'cc-1042' };
const OUT = new AwsFault('InternalServerError', 'Internal server error', 500);
const DENIED = new AwsFault('AccessDeniedException', 'User is not authorized to perform this action.', 403);

describe('every metric that an alarm or the dashboard looks at', () => {
  let governor: DeployedGovernor;
  const lines: string[] = [];

  beforeAll(async () => {
    governor = await DeployedGovernor.start('2026-11-28T09:00:30Z');
    await governor.stopSweeping();
    governor.aws.observe((observation) => {
      if (observation.kind === 'log') lines.push(observation.line);
    });
  });
  afterAll(() => governor.close());

  /** Calls of the functions end like this, until it is called. */
  const breaking = (
    service: string,
    operation: RegExp,
    fault: AwsFault,
    where: (call: Call, input: JsonObject) => boolean = () => true,
  ) =>
    governor.aws.intercept((call, input) =>
      call.service === service &&
      operation.test(call.operation) &&
      call.principal.arn.includes(':assumed-role/') &&
      where(call, input)
        ? fault
        : undefined,
    );

  it('is reported by a function once its occasion comes, by the name and the dimensions under which it is looked at', async () => {
    const packaged = await packagedTemplate();
    await provokeWhatElseIsCounted();
    const reported = new Set(metricsIn(lines).keys());
    const watched = [...watchedByAlarms(packaged), ...watchedByDashboard(packaged)].filter(
      ({ namespace }) => namespace === 'BedrockCostGovernor',
    );
    const unseen = watched.flatMap(({ identity }) => (reported.has(identity) ? [] : [identity.split(' ')[1]]));
    expect([...new Set(unseen)].toSorted()).toEqual([]);
  }, 120_000);

  /** What a healthy stack does not report: each thing is made to happen once. */
  async function provokeWhatElseIsCounted(): Promise<void> {
    const policy = z.looseObject({}).parse(parse(await readFile(POLICY_FILE, 'utf8')));
    const throttled = {
      name: 'slow',
      selector: { tenant: 'slow' },
      limit: '1 USD',
      period: 'month',
      thresholds: [{ at: '1%', action: 'throttle' }],
    };
    const budgets = z.array(z.json()).parse(policy['budgets']);
    await policyTable(governor.dynamodb, governor.table).apply({ ...policy, budgets: [...budgets, throttled] });
    const run = async (functionName: string = FUNCTIONS.sweep, event: Json = {}) => {
      await governor.aws.invoke(functionName, event);
      await governor.aws.settled();
    };
    const runWithout = async (heal: () => void, functionName: string = FUNCTIONS.sweep) => {
      await run(functionName);
      heal();
    };
    const create = async (tenant: string, tags: Record<string, string> = TAGS, model = NOVA_PRO) => {
      const arn = await governor.createProfile(`watched-${tenant}`, governor.foundationModel(model), {
        ...tags,
        tenant,
      });
      await governor.aws.settled();
      return arn;
    };
    const accessTo = (prefix: string) =>
      breaking('dynamodb', /^(Put|Update|BatchWrite|Query|Get)/, OUT, (_, input) =>
        JSON.stringify(input).includes(prefix),
      );
    const spend = async (tenant: string) => {
      const client = governor.tenant({ tenant }, { maxWaitMs: 0 });
      for (let isOver = false; !isOver; )
        isOver = await client.call(NOVA_PRO, 'claim '.repeat(60_000), 10_000).then(
          () => false,
          () => true,
        );
      await client.close();
    };

    await run(FUNCTIONS.budgetAlert, { Records: [{ Sns: { Message: 'nonsense' } }] });
    await run(FUNCTIONS.lease, { what: 'no alias asks' });
    const { environment: _, ...incomplete } = TAGS;
    await create('mended', incomplete);
    await create('unpriced', TAGS, 'amazon.titan-embed-text-v2:0');
    const noBudgets = breaking('budgets', /./, OUT);
    await create('unbudgeted');
    noBudgets();
    const noTopic = breaking('sns', /^Publish$/, OUT);
    const arn = await create('violating', { ...TAGS, dept: 'marketing' });
    noTopic();
    await governor.bedrock.send(new TagResourceCommand({ resourceARN: arn, tags: [{ key: 'dept', value: 'claims' }] }));
    await governor.aws.settled();
    for (const tenant of ['lakeside', 'slow']) {
      await create(tenant);
      await spend(tenant);
    }
    const noTrail = accessTo('AUDIT#');
    await run(FUNCTIONS.ledgerWatch);
    noTrail();
    const around = await create('around');
    const plain = governor.plainRuntime();
    for (let call = 0; call < 20; call++) await plain.send(converse(around, 'claim '.repeat(60_000), 5_000));
    await governor.aws.clock.advance(30 * MINUTE_MS);

    await runWithout(breaking('bedrock', /^ListInferenceProfiles$/, DENIED));
    await runWithout(breaking('monitoring', /^GetMetricData$/, DENIED));
    await runWithout(breaking('ssm', /./, DENIED));
    await runWithout(accessTo('USAGE#'));
    await runWithout(accessTo('PACE#'), FUNCTIONS.outlook);
    await runWithout(breaking('ce', /./, OUT), FUNCTIONS.billing);
    await run();
    const odd = { pk: { S: 'NOTICE#odd' }, sk: { S: 'NOTICE' }, outbox: { S: 'unsent' }, enteredAt: { N: '0' } };
    await governor.dynamodb.send(
      new PutItemCommand({ TableName: governor.table, Item: { ...odd, notice: { S: '{}' } } }),
    );
    await run(FUNCTIONS.ledgerWatch);
    // The bill of the day is complete, and the month is over.
    await governor.aws.clock.moveTo(Date.parse('2026-12-01T12:00:00Z'));
    await run(FUNCTIONS.billing);
    await run();
    await run(FUNCTIONS.reopenEnded);
    await restore(governor.dynamodb, governor.table, await backUp(governor.dynamodb, governor.table));
    await run(FUNCTIONS.ledgerWatch);
  }
});
