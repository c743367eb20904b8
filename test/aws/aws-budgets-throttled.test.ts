import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import { BUDGETS_PACE, Pace } from '../../aws/pace.ts';
import { provisionBudgets } from '../../domain/budgets/provision-all.ts';
import { awsBudgetNamePrefix } from '../../domain/budgets/provisioning.ts';
import { epochMs } from '../../domain/clock.ts';
import type { GovernorEvent } from '../../domain/events/governor-event.ts';
import type { MetricName } from '../../domain/journal.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { budgetNamed, policyOf } from '../domain/example-policy.ts';
import { clientConfig } from './client-config.ts';

const CALLS_PER_MINUTE = 5;
const STAGE = 'test';
const BUDGETS = Array.from({ length: 12 }, (_, n) => budgetNamed(policyOf(), `tenant-monthly/tenant-${n}`));

describe('AWS budgets of an account whose AWS throttles', () => {
  let aws: EmbeddedAws;
  let counted: MetricName[];
  let announced: GovernorEvent[];
  let calls: string[];
  beforeEach(async () => {
    aws = await startEmbeddedAws({ budgets: { callsPerMinute: CALLS_PER_MINUTE } });
    counted = [];
    announced = [];
    calls = [];
    aws.observe((seen) => {
      if (seen.kind === 'request' && seen.call.service === 'budgets')
        calls.push(`${seen.call.operation} ${seen.status}`);
    });
  });
  afterEach(() => aws.close());

  /** One sweep's work on AWS budgets. @returns how many it leaves, or `unread` where AWS did not show what is there */
  const run = async (): Promise<number | 'unread'> => {
    const client = new BudgetsClient({ ...clientConfig(aws), maxAttempts: 1 });
    const sns = new SNSClient(clientConfig(aws));
    const { TopicArn: alertTopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'alerts' }));
    // Waiting takes no time here, so that it is AWS that throttles.
    const pace = new Pace({ ...BUDGETS_PACE, now: () => 0, wait: async () => {} });
    const port = awsBudgets(client, { accountId: aws.accountId, alertTopicArn }, pace);
    const journal = { decided: () => {}, counted: (metric: MetricName) => void counted.push(metric) };
    const ports = {
      policy: policyOf(),
      awsBudgets: port,
      journal,
      stage: STAGE,
      clock: { now: () => epochMs(aws.clock.now()) },
      outbox: { announce: async (event: GovernorEvent) => void announced.push(event) },
    };
    const seen = await port.list(awsBudgetNamePrefix(STAGE)).catch(() => undefined);
    return seen === undefined ? 'unread' : await provisionBudgets(ports, BUDGETS, { seen, isTimeUp: () => false });
  };

  it('are made a few in each run, until all are there, each once; and then nothing is written', async () => {
    const left: (number | 'unread')[] = [];
    while (left.at(-1) !== 0 && left.length < 10) {
      left.push(await run());
      await aws.clock.advance(60_000);
    }
    // Two reads and three budgets in each minute; the next call is throttled, and the rest is not even asked for.
    expect(left).toEqual([9, 6, 3, 0]);
    expect(counted.filter((metric) => metric === 'BudgetProvisioningFailed')).toHaveLength(3);
    expect(calls.filter((call) => call === 'CreateBudget 200')).toHaveLength(BUDGETS.length);
    expect(announced.map(({ detail }) => 'budget' in detail && detail.budget)).toEqual(BUDGETS.map(({ id }) => id));
    calls = [];
    announced = [];
    expect(await run()).toBe(0);
    expect(calls).toEqual(['DescribeBudgetNotificationsForAccount 200', 'DescribeBudgets 200']);
    expect(announced).toEqual([]);
  });

  it('are neither made nor changed where AWS does not even say what is there', async () => {
    const stop = aws.intercept(({ operation }) =>
      operation === 'DescribeBudgets' ? new AwsFault('ThrottlingException', 'Rate exceeded') : undefined,
    );
    expect(await run()).toBe('unread');
    stop();
    expect(calls.filter((call) => !call.startsWith('Describe'))).toEqual([]);
  });

  it('are tried one by one where AWS denies them, and none of them stops another', async () => {
    await aws.close();
    aws = await startEmbeddedAws();
    const stop = aws.intercept(({ operation }, input) => {
      const name = JSON.stringify(input['Budget'] ?? '');
      return operation === 'CreateBudget' && /tenant-[135]"/.test(name)
        ? new AwsFault('AccessDeniedException', 'No.')
        : undefined;
    });
    expect(await run()).toBe(0);
    stop();
    expect(counted.filter((metric) => metric === 'BudgetProvisioningFailed')).toHaveLength(3);
    expect(counted.filter((metric) => metric === 'BudgetProvisioned')).toHaveLength(9);
    expect(await run()).toBe(0);
    expect(counted.filter((metric) => metric === 'BudgetProvisioned')).toHaveLength(12);
  });
});
