import {
  BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  CreateSubscriberCommand,
  DeleteBudgetCommand,
  DescribeBudgetCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
  ListTagsForResourceCommand,
  UpdateBudgetCommand,
} from '@aws-sdk/client-budgets';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { awsBudgets } from '../../aws/aws-budgets.ts';
import type { AwsBudget, AwsBudgets } from '../../domain/budgets/provisioning.ts';
import { awsBudgetName, provisionBudget } from '../../domain/budgets/provisioning.ts';
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
    budgets = awsBudgets(client, { accountId: AccountId, alertTopicArn: topic }, { keep: (request) => request() });
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
  const watchWrites = (writes: string[]) =>
    aws.observe((seen) => {
      if (seen.kind === 'request' && !/^(Describe|List)/.test(seen.call.operation)) writes.push(seen.call.operation);
    });
  const stateOf = async (name = wanted.name) => {
    const state = await budgets.describe(name);
    if (state === undefined) throw new Error(`${name} is there`);
    return state;
  };
  const tagsOf = async (name = wanted.name) => {
    const ResourceARN = `arn:aws:budgets::${AccountId}:budget/${name}`;
    const { ResourceTags = [] } = await client.send(new ListTagsForResourceCommand({ ResourceARN }));
    return ResourceTags.map(({ Key, Value }) => `${Key}=${Value}`);
  };
  const subscribersOf = async (type: 'ACTUAL' | 'FORECASTED', Threshold: number) => {
    const { Subscribers = [] } = await client.send(
      new DescribeSubscribersForNotificationCommand({
        AccountId,
        BudgetName: wanted.name,
        Notification: { NotificationType: type, ComparisonOperator: 'GREATER_THAN', Threshold },
      }),
    );
    return Subscribers.map(({ Address }) => Address).sort();
  };
  const percent = (Threshold: number) =>
    ({ NotificationType: 'ACTUAL', ComparisonOperator: 'GREATER_THAN', Threshold }) as const;
  const email = { SubscriptionType: 'EMAIL', Address: 'finops@example.com' } as const;
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

  it('reads without waiting for a turn, and figures without the notifications', async () => {
    await budgets.create(wanted);
    const waiting = { keep: () => new Promise<never>(() => {}) };
    const impatient = awsBudgets(client, { accountId: AccountId, alertTopicArn: topic }, waiting);
    expect(await impatient.figures(wanted.name)).toEqual({ ...(await stateOf()), notifications: [] });
    expect(await impatient.describe(wanted.name)).toEqual(await stateOf());
    expect(await impatient.figures('governor/test/nothing')).toBeUndefined();
    expect((await impatient.list(wanted.name)).size).toBe(1);
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
    const stop = watchWrites(operations);
    expect(await budgets.update(changed, state)).toBe('updated');
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
    expect(await provision()).toBe('adopted');
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

  it('marks what it has made and what it has found differently', async () => {
    await budgets.create(wanted);
    expect(await tagsOf()).toEqual(['governor:managed=created']);
    await client.send(new DeleteBudgetCommand({ AccountId, BudgetName: wanted.name }));
    await client.send(
      new CreateBudgetCommand({
        AccountId,
        Budget: {
          BudgetName: wanted.name,
          BudgetType: 'COST',
          TimeUnit: 'MONTHLY',
          BudgetLimit: { Amount: '1', Unit: 'USD' },
          TimePeriod: { Start: new Date('2026-02-01T00:00:00Z'), End: new Date('2080-01-01T00:00:00Z') },
        },
        NotificationsWithSubscribers: [{ Notification: percent(80), Subscribers: [email] }],
      }),
    );
    expect(await budgets.update(wanted, await stateOf())).toBe('adopted');
    expect(await tagsOf()).toEqual(['governor:managed=adopted']);
    expect(await stateOf()).toMatchObject({ amount: '500.0', selector: wanted.selector });
    // Its dates and whoever was told before stay, and our topic is told as well.
    const { Budget } = await client.send(new DescribeBudgetCommand({ AccountId, BudgetName: wanted.name }));
    expect(Budget?.TimePeriod?.End).toEqual(new Date('2080-01-01T00:00:00Z'));
    expect(await subscribersOf('ACTUAL', 80)).toEqual([topic, email.Address]);
    expect(await subscribersOf('ACTUAL', 100)).toEqual([topic]);
  });

  it('takes its topic from a notification that is not wanted any more, and leaves it to those who added themselves', async () => {
    await budgets.create(wanted);
    await client.send(
      new CreateSubscriberCommand({
        AccountId,
        BudgetName: wanted.name,
        Notification: percent(80),
        Subscriber: email,
      }),
    );
    await client.send(
      new CreateNotificationCommand({
        AccountId,
        BudgetName: wanted.name,
        Notification: percent(50),
        Subscribers: [email],
      }),
    );
    const less: AwsBudget = { ...wanted, notifications: [{ type: 'FORECASTED', threshold: 100 }] };
    expect(await budgets.update(less, await stateOf())).toBe('updated');
    expect(await notificationsOf(wanted.name)).toEqual([
      'ACTUAL GREATER_THAN 50 PERCENTAGE',
      'ACTUAL GREATER_THAN 80 PERCENTAGE',
      'FORECASTED GREATER_THAN 100 PERCENTAGE',
    ]);
    expect(await subscribersOf('ACTUAL', 80)).toEqual([email.Address]);
    const writes: string[] = [];
    const stop = watchWrites(writes);
    expect(await budgets.update(less, await stateOf())).toBe('unchanged');
    stop();
    expect(writes).toEqual([]);
  });

  it('says that others have left no room for its notifications', async () => {
    await budgets.create({ ...wanted, notifications: [] });
    for (const threshold of [10, 20, 30, 40])
      await client.send(
        new CreateNotificationCommand({
          AccountId,
          BudgetName: wanted.name,
          Notification: percent(threshold),
          Subscribers: [email],
        }),
      );
    expect(await budgets.update(wanted, await stateOf())).toBe('alerts-full');
    expect(await subscribersOf('ACTUAL', 80)).toEqual([topic]);
  });

  it('takes a filter that says more than tags, or another metric, for another budget', async () => {
    await budgets.create(wanted);
    expect(await stateOf()).not.toHaveProperty('countsOtherwise');
    const { Budget } = await client.send(
      new DescribeBudgetCommand({ AccountId, BudgetName: wanted.name, ShowFilterExpression: true }),
    );
    if (Budget === undefined) throw new Error('the budget is there');
    const { CalculatedSpend, LastUpdatedTime, HealthStatus, ...given } = Budget;
    const service = { Dimensions: { Key: 'SERVICE' as const, Values: ['Amazon EC2'] } };
    for (const change of [
      { FilterExpression: { And: [...(Budget.FilterExpression?.And ?? []), service] } },
      { Metrics: ['AmortizedCost' as const] },
    ]) {
      await client.send(new UpdateBudgetCommand({ AccountId, NewBudget: { ...given, ...change } }));
      expect(await stateOf()).toMatchObject({ selector: wanted.selector, countsOtherwise: true });
    }
    expect(await budgets.update(wanted, await stateOf())).toBe('updated');
    expect(await stateOf()).not.toHaveProperty('countsOtherwise');
  });

  it('removes what it has made, and nothing else', async () => {
    await budgets.create(wanted);
    expect(await budgets.remove(wanted.name)).toBe('removed');
    expect(await budgets.remove(wanted.name)).toBe('gone');
    const { name } = wanted;
    const Budget = {
      BudgetName: name,
      BudgetType: 'COST',
      TimeUnit: 'MONTHLY',
      BudgetLimit: { Amount: '1', Unit: 'USD' },
    } as const;
    await client.send(new CreateBudgetCommand({ AccountId, Budget }));
    expect(await budgets.remove(name)).toBe('not-ours');
    await budgets.update(wanted, await stateOf());
    expect(await budgets.remove(name)).toBe('not-ours');
    expect(await stateOf()).toMatchObject({ amount: '500.0' });
  });

  it('lists the budgets of a name in pages, each as a single read shows it', async () => {
    for (const position of [1, 2, 3, 4, 5])
      await budgets.create({ ...wanted, name: `governor/many/${position}`, amount: `${position}.00` });
    let pages = 0;
    const stop = aws.intercept(({ operation }, input) => {
      if (!/^DescribeBudget(s|NotificationsForAccount)$/.test(operation)) return undefined;
      expect(input['MaxResults']).toBe(1000);
      input['MaxResults'] = 2;
      pages++;
      return undefined;
    });
    const listed = await budgets.list('governor/many/');
    stop();
    expect(pages).toBeGreaterThan(4);
    expect([...listed.keys()].sort()).toEqual([1, 2, 3, 4, 5].map((each) => `governor/many/${each}`));
    for (const [name, state] of listed) expect(state).toEqual(await budgets.describe(name));
  });

  it('does not take a list that breaks off for a short one', async () => {
    let pages = 0;
    const stop = aws.intercept(({ operation }, input) => {
      if (operation !== 'DescribeBudgets') return undefined;
      input['MaxResults'] = 2;
      return ++pages > 1 ? new AwsFault('ThrottlingException', 'Rate exceeded') : undefined;
    });
    await expect(budgets.list('governor/')).rejects.toMatchObject({ code: 'ThrottlingException' });
    stop();
  });

  it('ends as if nothing had happened wherever it breaks off, with one budget', async () => {
    const budget = budgetNamed(policyOf(), 'tenant-monthly/acme');
    const silent = { decided: () => {}, counted: () => {} };
    const provision = (stage: string) => provisionBudget({ awsBudgets: budgets, journal: silent, stage }, budget);
    const begin = async (stage: string, isForeign: boolean) => {
      const BudgetName = awsBudgetName(budget, stage);
      if (isForeign)
        await client.send(
          new CreateBudgetCommand({
            AccountId,
            Budget: {
              BudgetName,
              BudgetType: 'COST',
              TimeUnit: 'MONTHLY',
              BudgetLimit: { Amount: '1', Unit: 'USD' },
            },
            NotificationsWithSubscribers: [{ Notification: percent(80), Subscribers: [email] }],
          }),
        );
      return BudgetName;
    };
    let crashes = 0;
    for (const isForeign of [false, true])
      for (const when of ['before', 'after'] as const)
        for (let at = 0, isOver = false; !isOver; at++) {
          const name = await begin(`crash-${isForeign}-${when}-${at}`, isForeign);
          let calls = 0;
          const stop = aws.intercept({
            [when]: ({ service }: { service: string }) =>
              service === 'budgets' && calls++ === at
                ? new AwsFault('InternalErrorException', 'Down.', 400)
                : undefined,
          });
          const outcome = await provision(`crash-${isForeign}-${when}-${at}`).catch(() => 'crashed');
          stop();
          isOver = outcome !== 'crashed';
          crashes += isOver ? 0 : 1;
          await provision(`crash-${isForeign}-${when}-${at}`);
          expect(await tagsOf(name)).toEqual([`governor:managed=${isForeign ? 'adopted' : 'created'}`]);
          expect(await stateOf(name)).toMatchObject({ amount: '20.0', selector: { tenant: ['acme'] } });
          const writes: string[] = [];
          const stopWatching = watchWrites(writes);
          expect(await provision(`crash-${isForeign}-${when}-${at}`)).toBe('unchanged');
          stopWatching();
          expect(writes).toEqual([]);
          expect([...(await budgets.list(name)).keys()]).toEqual([name]);
        }
    expect(crashes).toBeGreaterThan(15);
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
