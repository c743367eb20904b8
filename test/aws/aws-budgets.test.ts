import {
  BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  DeleteBudgetCommand,
  DescribeBudgetCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
} from '@aws-sdk/client-budgets';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import type { AwsBudget, AwsBudgets } from '../../domain/budgets/provisioning.ts';
import { provisionBudget } from '../../domain/budgets/provisioning.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { budgetNamed, policyOf } from '../domain/example-policy.ts';
import { clientConfig } from './client-config.ts';

describe('AWS Budgets', () => {
  let aws: EmbeddedAws;
  let client: BudgetsClient;
  let budgets: AwsBudgets;
  let topic: string;
  let AccountId: string;
  let wanted: AwsBudget;
  let made = 0;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    AccountId = aws.accountId;
    client = new BudgetsClient(clientConfig(aws));
    const sns = new SNSClient(clientConfig(aws));
    topic = z.string().parse((await sns.send(new CreateTopicCommand({ Name: 'alerts' }))).TopicArn);
    budgets = awsBudgets(client, { accountId: AccountId, alertTopicArn: topic });
  });
  afterAll(() => aws.close());
  beforeEach(() => {
    wanted = {
      name: `governor/test/budget-${++made}`,
      amount: '500.00',
      timeUnit: 'MONTHLY',
      selector: { tenant: ['acme'], environment: ['prod', 'staging'] },
      notifications: [
        { type: 'ACTUAL', threshold: 80 },
        { type: 'ACTUAL', threshold: 100 },
        { type: 'FORECASTED', threshold: 100 },
      ],
    };
  });

  const notificationsOf = async (BudgetName: string) => {
    const answer = await client.send(new DescribeNotificationsForBudgetCommand({ AccountId, BudgetName }));
    const found = (answer.Notifications ?? []).map(
      (each) => `${each.NotificationType} ${each.ComparisonOperator} ${each.Threshold} ${each.ThresholdType}`,
    );
    return found.sort();
  };
  const absolute = {
    NotificationType: 'ACTUAL',
    ComparisonOperator: 'GREATER_THAN',
    Threshold: 450,
    ThresholdType: 'ABSOLUTE_VALUE',
  } as const;
  const byHand = async () => {
    await client.send(
      new CreateNotificationCommand({
        AccountId,
        BudgetName: wanted.name,
        Notification: absolute,
        Subscribers: [{ SubscriptionType: 'EMAIL', Address: 'finops@example.com' }],
      }),
    );
  };

  it('knows no budget that is not there, and does not take a failure for that', async () => {
    expect(await budgets.describe('governor/test/nothing')).toBeUndefined();
    const stop = aws.intercept(({ operation }) =>
      operation === 'DescribeBudget' ? new AwsFault('AccessDeniedException', 'No.') : undefined,
    );
    await expect(budgets.describe('governor/test/nothing')).rejects.toMatchObject({
      code: 'AccessDeniedException',
      doing: 'reading AWS budget governor/test/nothing',
    });
    stop();
  });

  it('takes a budget that goes away while it is read for one that is not there', async () => {
    await budgets.create(wanted);
    const stop = aws.intercept({
      after: async ({ operation }) => {
        if (operation === 'DescribeBudget')
          await client.send(new DeleteBudgetCommand({ AccountId, BudgetName: wanted.name }));
        return undefined;
      },
    });
    expect(await budgets.describe(wanted.name)).toBeUndefined();
    stop();
  });

  it('has a budget as it was made, with every notification sent to the alert topic', async () => {
    expect(await budgets.create(wanted)).toBe('created');
    expect(await budgets.describe(wanted.name)).toMatchObject({ ...wanted, amount: '500.0', actual: 0n });
    const { Budget } = await client.send(new DescribeBudgetCommand({ AccountId, BudgetName: wanted.name }));
    expect(Budget).toMatchObject({ BudgetType: 'COST', Metrics: ['UnblendedCost'], TimeUnit: 'MONTHLY' });
    const { Notifications } = await client.send(
      new DescribeNotificationsForBudgetCommand({ AccountId, BudgetName: wanted.name }),
    );
    expect(Notifications).toHaveLength(3);
    for (const Notification of Notifications ?? []) {
      const { Subscribers } = await client.send(
        new DescribeSubscribersForNotificationCommand({ AccountId, BudgetName: wanted.name, Notification }),
      );
      expect(Subscribers).toEqual([{ SubscriptionType: 'SNS', Address: topic }]);
    }
  });

  it('says that a budget exists, and leaves it as it is', async () => {
    await budgets.create(wanted);
    expect(await budgets.create({ ...wanted, amount: '1.00', notifications: [] })).toBe('exists');
    expect(await budgets.describe(wanted.name)).toMatchObject({ amount: '500.0', notifications: { length: 3 } });
  });

  it('makes amount, selector and notifications equal to what is wanted, and nothing more', async () => {
    await budgets.create(wanted);
    const state = await budgets.describe(wanted.name);
    if (state === undefined) throw new Error('the budget is there');
    const changed: AwsBudget = {
      ...wanted,
      amount: '750.50',
      selector: { tenant: ['acme', 'acme-labs'] },
      notifications: [
        { type: 'ACTUAL', threshold: 80 },
        { type: 'FORECASTED', threshold: 90 },
      ],
    };
    const operations: string[] = [];
    const stop = aws.observe((seen) => seen.kind === 'request' && operations.push(seen.call.operation));
    await budgets.update(changed, state);
    stop();
    expect(await budgets.describe(wanted.name)).toMatchObject({
      amount: '750.5',
      selector: changed.selector,
      notifications: changed.notifications,
    });
    expect(operations.sort()).toEqual([
      'CreateNotification',
      'DeleteNotification',
      'DeleteNotification',
      'UpdateBudget',
    ]);
  });

  it('leaves alone what others have set up on its budgets', async () => {
    await budgets.create(wanted);
    await byHand();
    const state = await budgets.describe(wanted.name);
    expect(state?.notifications).toEqual(wanted.notifications);
    if (state === undefined) throw new Error('the budget is there');
    await budgets.update({ ...wanted, notifications: [] }, state);
    expect(await notificationsOf(wanted.name)).toEqual(['ACTUAL GREATER_THAN 450 ABSOLUTE_VALUE']);
  });

  it('adopts a budget of its name that differs, and then finds nothing more to do', async () => {
    const budget = budgetNamed(policyOf(), 'tenant-monthly/lakeside');
    const journal = { decided: () => {}, counted: () => {} };
    const provision = () => provisionBudget({ awsBudgets: budgets, journal, stage: 'test' }, budget);
    await client.send(
      new CreateBudgetCommand({
        AccountId,
        Budget: {
          BudgetName: 'governor/test/tenant-monthly/lakeside',
          BudgetType: 'COST',
          TimeUnit: 'MONTHLY',
          BudgetLimit: { Amount: '1', Unit: 'USD' },
        },
      }),
    );
    expect(await provision()).toBe('updated');
    expect(await budgets.describe('governor/test/tenant-monthly/lakeside')).toMatchObject({
      amount: '5.0',
      selector: { tenant: ['lakeside'] },
    });
    expect(await provision()).toBe('unchanged');
  });

  it('creates one budget where two provision it at once', async () => {
    const budget = budgetNamed(policyOf(), 'tenant-monthly/acme');
    const journal = { decided: () => {}, counted: () => {} };
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => provisionBudget({ awsBudgets: budgets, journal, stage: 'race' }, budget)),
    );
    expect(outcomes.sort()).toEqual(['created', 'unchanged', 'unchanged', 'unchanged']);
  });

  it('reads all pages of notifications', async () => {
    await budgets.create(wanted);
    const stop = aws.intercept(({ operation }, input) => {
      if (operation === 'DescribeNotificationsForBudget') input['MaxResults'] = 1;
      return undefined;
    });
    expect((await budgets.describe(wanted.name))?.notifications).toEqual(wanted.notifications);
    stop();
  });
});
