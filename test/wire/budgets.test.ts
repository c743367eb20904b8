import { readFileSync } from 'node:fs';
import { BedrockClient, CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  type Budget,
  BudgetsClient,
  CreateBudgetCommand,
  CreateNotificationCommand,
  CreateSubscriberCommand,
  DeleteBudgetCommand,
  DeleteNotificationCommand,
  DeleteSubscriberCommand,
  DescribeBudgetCommand,
  DescribeBudgetNotificationsForAccountCommand,
  DescribeBudgetsCommand,
  DescribeNotificationsForBudgetCommand,
  DescribeSubscribersForNotificationCommand,
  ListTagsForResourceCommand,
  type Notification,
  type NotificationWithSubscribers,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateBudgetCommand,
  UpdateNotificationCommand,
  UpdateSubscriberCommand,
} from '@aws-sdk/client-budgets';
import { CreateTopicCommand, SetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alertText } from '../../local/budgets/alert.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import type { Observation } from '../../local/service.ts';

const AccountId = '123456789012';
const HOUR = 3_600_000;
const TOPIC = `arn:aws:sns:us-east-1:${AccountId}:budget-alerts`;

describe('AWS Budgets over the wire', () => {
  let aws: EmbeddedAws;
  let budgets: BudgetsClient;
  let sns: SNSClient;
  let bedrock: BedrockClient;
  let runtime: BedrockRuntimeClient;
  let seen: Observation[];

  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20) });
    const client = {
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    };
    budgets = new BudgetsClient(client);
    sns = new SNSClient(client);
    bedrock = new BedrockClient(client);
    runtime = new BedrockRuntimeClient(client);
    seen = [];
    aws.observe((observation) => seen.push(observation));
    await sns.send(new CreateTopicCommand({ Name: 'budget-alerts' }));
  });
  afterEach(async () => {
    for (const client of [budgets, sns, bedrock, runtime]) client.destroy();
    await aws.close();
  });

  const admitBudgets = () =>
    sns.send(
      new SetTopicAttributesCommand({
        TopicArn: TOPIC,
        AttributeName: 'Policy',
        AttributeValue: JSON.stringify({
          Statement: [
            {
              Effect: 'Allow',
              Principal: { Service: 'budgets.amazonaws.com' },
              Action: 'SNS:Publish',
              Resource: TOPIC,
              Condition: {
                StringEquals: { 'aws:SourceAccount': AccountId },
                ArnLike: { 'aws:SourceArn': `arn:aws:budgets::${AccountId}:*` },
              },
            },
          ],
        }),
      }),
    );
  /** Makes a profile with tags and returns a function that calls a model through it and gives the cost in dollars. */
  const spender = async (tags: Record<string, string>, model = 'amazon.nova-pro-v1:0') => {
    const { inferenceProfileArn } = await bedrock.send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: Object.values(tags).join('-') || 'untagged',
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1::foundation-model/${model}` },
        tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      }),
    );
    return async (characters = 400_000): Promise<number> => {
      const content = [{ text: 'x'.repeat(characters) }];
      await runtime.send(new ConverseCommand({ modelId: inferenceProfileArn, messages: [{ role: 'user', content }] }));
      return Number(aws.billing.at(-1)?.costNanoUsd ?? 0n) / 1e9;
    };
  };
  const acme: Budget = {
    BudgetName: 'bcg/acme',
    BudgetType: 'COST',
    TimeUnit: 'MONTHLY',
    BudgetLimit: { Amount: '1', Unit: 'USD' },
    FilterExpression: { Tags: { Key: 'tenant', Values: ['acme'], MatchOptions: ['EQUALS'] } },
    Metrics: ['UnblendedCost'],
  };
  const notification = (Threshold: number, more: Partial<Notification> = {}): Notification => ({
    NotificationType: 'ACTUAL',
    ComparisonOperator: 'GREATER_THAN',
    Threshold,
    ...more,
  });
  const alert = (Threshold: number, more: Partial<Notification> = {}): NotificationWithSubscribers => ({
    Notification: notification(Threshold, more),
    Subscribers: [{ SubscriptionType: 'SNS', Address: TOPIC }],
  });
  const create = (budget: Partial<Budget> = {}, NotificationsWithSubscribers: NotificationWithSubscribers[] = []) =>
    budgets.send(new CreateBudgetCommand({ AccountId, Budget: { ...acme, ...budget }, NotificationsWithSubscribers }));
  const describeBudget = async (BudgetName = 'bcg/acme') =>
    (await budgets.send(new DescribeBudgetCommand({ AccountId, BudgetName, ShowFilterExpression: true }))).Budget;
  const actual = async (BudgetName?: string) =>
    Number((await describeBudget(BudgetName))?.CalculatedSpend?.ActualSpend?.Amount);
  const published = () => seen.flatMap((observation) => (observation.kind === 'publish' ? [observation] : []));
  const state = async () => {
    const input = { AccountId, BudgetName: 'bcg/acme' };
    const { Notifications = [] } = await budgets.send(new DescribeNotificationsForBudgetCommand(input));
    return Notifications.map((each) => `${each.Threshold} ${each.NotificationState}`);
  };

  it('answers a budget as it was made, with its amounts as decimals and its spend', async () => {
    await create({ BudgetLimit: { Amount: '10000', Unit: 'USD' } });
    expect(await describeBudget()).toMatchObject({
      BudgetName: 'bcg/acme',
      BudgetLimit: { Amount: '10000.0', Unit: 'USD' },
      FilterExpression: acme.FilterExpression,
      Metrics: ['UnblendedCost'],
      TimePeriod: { Start: new Date('2026-11-01T00:00:00Z'), End: new Date('2087-06-15T00:00:00Z') },
      CalculatedSpend: { ActualSpend: { Amount: '0.0', Unit: 'USD' } },
      LastUpdatedTime: expect.any(Date),
      HealthStatus: { Status: 'HEALTHY' },
    });
  });

  it('tells the filter expression only to those who ask for it', async () => {
    await create();
    const { Budget } = await budgets.send(new DescribeBudgetCommand({ AccountId, BudgetName: 'bcg/acme' }));
    expect(Budget).toMatchObject({ Metrics: ['UnblendedCost'] });
    expect(Budget).not.toHaveProperty('FilterExpression');
    const all = async (ShowFilterExpression?: boolean) => {
      const { Budgets } = await budgets.send(
        new DescribeBudgetsCommand({
          AccountId,
          ...(ShowFilterExpression === undefined ? {} : { ShowFilterExpression }),
        }),
      );
      return Budgets?.map(({ FilterExpression }) => FilterExpression);
    };
    expect(await all()).toEqual([undefined]);
    expect(await all(true)).toEqual([acme.FilterExpression]);
  });

  it('lists the notifications of all budgets, fifty budgets a page unless asked for more', async () => {
    for (let n = 0; n < 51; n++) await create({ BudgetName: `bcg/${n}` }, n % 2 === 0 ? [alert(80), alert(100)] : []);
    const list = (NextToken?: string, MaxResults?: number) =>
      budgets.send(new DescribeBudgetNotificationsForAccountCommand({ AccountId, NextToken, MaxResults }));
    const first = await list();
    expect(first.BudgetNotificationsForAccount).toHaveLength(50);
    expect(first.BudgetNotificationsForAccount?.[1]).toEqual({ BudgetName: 'bcg/1', Notifications: [] });
    const { BudgetNotificationsForAccount: rest, NextToken } = await list(first.NextToken);
    expect(NextToken).toBeUndefined();
    expect(rest).toMatchObject([{ BudgetName: 'bcg/50', Notifications: [{ Threshold: 80 }, { Threshold: 100 }] }]);
    expect((await list(undefined, 1000)).BudgetNotificationsForAccount).toHaveLength(51);
    await expect(list(undefined, 1001)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });

  it('throttles what comes faster than it was told to take, in each minute anew', async () => {
    const slow = await startEmbeddedAws({ startAt: Date.UTC(2026, 10, 20), budgets: { callsPerMinute: 2 } });
    const client = new BudgetsClient({
      endpoint: slow.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
      disableClockSkewCorrection: true,
    });
    const ask = () => client.send(new DescribeBudgetsCommand({ AccountId }));
    await ask();
    await ask();
    await expect(ask()).rejects.toMatchObject({ name: 'ThrottlingException' });
    await slow.clock.advance(60_000);
    await expect(ask()).resolves.toMatchObject({ Budgets: [] });
    client.destroy();
    await slow.close();
  });

  it('shows spend at the refresh after the billing data has arrived, not before', async () => {
    const spend = await spender({ tenant: 'acme' });
    await create();
    await aws.clock.advance(5 * HOUR);
    const cost = await spend();
    await aws.clock.advance(3 * HOUR);
    expect(await actual()).toBe(0);
    await aws.clock.advance(7 * HOUR);
    expect(await actual()).toBe(0);
    await aws.clock.advance(HOUR);
    expect(await actual()).toBeCloseTo(cost, 3);
  });

  it('counts what its filter selects, in either form of filter', async () => {
    const acmeSpends = await spender({ tenant: 'acme', team: 'search' });
    const otherSpends = await spender({ tenant: 'other' });
    const claudeSpends = await spender({ tenant: 'acme', team: 'claude' }, 'anthropic.claude-3-haiku-20240307-v1:0');
    const costs = { acme: await acmeSpends(), other: await otherSpends(), claude: await claudeSpends() };
    const tenant = acme.FilterExpression ?? {};
    const filters: Record<string, { filter: Partial<Budget>; expected: number }> = {
      tags: { filter: {}, expected: costs.acme + costs.claude },
      legacy: {
        filter: {
          FilterExpression: undefined,
          Metrics: undefined,
          CostFilters: { TagKeyValue: ['user:tenant$other'] },
        },
        expected: costs.other,
      },
      and: {
        filter: {
          FilterExpression: {
            And: [
              tenant,
              { Tags: { Key: 'team', Values: ['CLA'], MatchOptions: ['STARTS_WITH', 'CASE_INSENSITIVE'] } },
            ],
          },
        },
        expected: costs.claude,
      },
      not: { filter: { FilterExpression: { Not: tenant } }, expected: costs.other },
      absent: {
        filter: { FilterExpression: { Tags: { Key: 'team', MatchOptions: ['ABSENT'] } } },
        expected: costs.other,
      },
      service: {
        filter: { FilterExpression: { Dimensions: { Key: 'SERVICE', Values: ['Amazon Bedrock'] } } },
        expected: costs.acme + costs.other,
      },
      claude: {
        filter: {
          FilterExpression: { Dimensions: { Key: 'SERVICE', Values: ['Claude 3 Haiku (Amazon Bedrock Edition)'] } },
        },
        expected: costs.claude,
      },
      everything: {
        filter: { FilterExpression: { Dimensions: { Key: 'RECORD_TYPE', Values: ['Usage'] } } },
        expected: costs.acme + costs.other + costs.claude,
      },
    };
    for (const [BudgetName, { filter }] of Object.entries(filters)) await create({ BudgetName, ...filter });
    await aws.clock.advance(8 * HOUR);
    for (const [name, { expected }] of Object.entries(filters)) {
      expect(await actual(name), name).toBeCloseTo(expected, 3);
    }
    expect(costs.claude).toBeGreaterThan(0);
  });

  it('alerts once for each threshold and period, and is back to OK in the next', async () => {
    await admitBudgets();
    const spend = await spender({ tenant: 'acme' });
    const cost = await spend();
    await create({ BudgetLimit: { Amount: String(cost * 1.5), Unit: 'USD' } }, [alert(50), alert(100)]);
    await aws.clock.advance(8 * HOUR);
    expect(published()).toMatchObject([
      { topicArn: TOPIC, subject: 'AWS Budgets: bcg/acme has exceeded your alert threshold' },
    ]);
    expect(await state()).toEqual(['50 ALARM', '100 OK']);
    await spend();
    await aws.clock.advance(24 * HOUR);
    expect(published()).toHaveLength(2);
    expect(await state()).toEqual(['50 ALARM', '100 ALARM']);
    await aws.clock.moveTo(Date.UTC(2026, 11, 2));
    expect(await state()).toEqual(['50 OK', '100 OK']);
    await spend();
    await aws.clock.advance(24 * HOUR);
    expect(published()).toHaveLength(3);
  });

  it('loses the alert when the policy of the topic does not admit it', async () => {
    const spend = await spender({ tenant: 'acme' });
    await spend();
    await create({}, [alert(1)]);
    await aws.clock.advance(8 * HOUR);
    expect(published()).toEqual([]);
    expect(seen).toContainEqual(
      expect.objectContaining({ kind: 'lost', from: `arn:aws:budgets::${AccountId}:budget/bcg/acme`, to: TOPIC }),
    );
    expect(await state()).toEqual(['1 ALARM']);
  });

  it('forecasts only after five weeks of history, and alerts on the forecast', async () => {
    await admitBudgets();
    const spend = await spender({ tenant: 'acme' });
    const cost = await spend();
    await create({ BudgetLimit: { Amount: String(cost * 20), Unit: 'USD' } }, [
      alert(100, { NotificationType: 'FORECASTED' }),
    ]);
    for (let day = 0; day < 34; day++) {
      await aws.clock.advance(24 * HOUR);
      await spend(1_000_000);
    }
    expect((await describeBudget())?.CalculatedSpend?.ForecastedSpend).toBeUndefined();
    expect(published()).toEqual([]);
    await aws.clock.advance(48 * HOUR);
    expect(Number((await describeBudget())?.CalculatedSpend?.ForecastedSpend?.Amount)).toBeGreaterThan(cost * 20);
    expect(published()[0]?.message).toMatch(/FORECASTED Cost associated with your bcg\/acme budget is greater than \$/);
  });

  it('updates a budget as a whole and leaves its notifications', async () => {
    await create({ TimePeriod: { Start: new Date('2026-11-05T00:00:00Z') } }, [alert(80)]);
    await budgets.send(
      new UpdateBudgetCommand({
        AccountId,
        NewBudget: {
          BudgetName: 'bcg/acme',
          BudgetType: 'COST',
          TimeUnit: 'DAILY',
          BudgetLimit: { Amount: '2', Unit: 'USD' },
        },
      }),
    );
    const budget = await describeBudget();
    expect(budget).toMatchObject({
      TimeUnit: 'DAILY',
      BudgetLimit: { Amount: '2.0' },
      TimePeriod: { Start: new Date('2026-11-20T00:00:00Z') },
    });
    expect(budget).not.toHaveProperty('FilterExpression');
    expect(await state()).toEqual(['80 OK']);
  });

  it('pages through budgets, and forgets a deleted one', async () => {
    for (const BudgetName of ['a', 'b', 'c']) await create({ BudgetName });
    const first = await budgets.send(new DescribeBudgetsCommand({ AccountId, MaxResults: 2 }));
    expect(first.Budgets?.map((budget) => budget.BudgetName)).toEqual(['a', 'b']);
    const second = await budgets.send(
      new DescribeBudgetsCommand({ AccountId, MaxResults: 2, NextToken: first.NextToken }),
    );
    expect(second.Budgets?.map((budget) => budget.BudgetName)).toEqual(['c']);
    expect(second.NextToken).toBeUndefined();
    await budgets.send(new DeleteBudgetCommand({ AccountId, BudgetName: 'b' }));
    await expect(describeBudget('b')).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('changes notifications and their subscribers', async () => {
    const name = { AccountId, BudgetName: 'bcg/acme' };
    const email = { SubscriptionType: 'EMAIL', Address: 'finops@example.com' } as const;
    const other = { SubscriptionType: 'EMAIL', Address: 'other@example.com' } as const;
    const subscribers = async (Notification: Notification) =>
      (await budgets.send(new DescribeSubscribersForNotificationCommand({ ...name, Notification }))).Subscribers?.map(
        (each) => each.Address,
      );
    await create();
    await budgets.send(
      new CreateNotificationCommand({ ...name, Notification: notification(80), Subscribers: [email] }),
    );
    await budgets.send(
      new UpdateNotificationCommand({ ...name, OldNotification: notification(80), NewNotification: notification(90) }),
    );
    expect(await state()).toEqual(['90 OK']);
    const now90 = { ...name, Notification: notification(90, { ThresholdType: 'PERCENTAGE' }) };
    await budgets.send(
      new CreateSubscriberCommand({ ...now90, Subscriber: { SubscriptionType: 'SNS', Address: TOPIC } }),
    );
    await budgets.send(new UpdateSubscriberCommand({ ...now90, OldSubscriber: email, NewSubscriber: other }));
    expect(await subscribers(notification(90))).toEqual([TOPIC, other.Address]);
    await budgets.send(new DeleteSubscriberCommand({ ...now90, Subscriber: other }));
    expect(await subscribers(notification(90))).toEqual([TOPIC]);
    await budgets.send(new DeleteNotificationCommand(now90));
    expect(await state()).toEqual([]);
  });

  it('keeps tags of a budget', async () => {
    await create();
    const ResourceARN = `arn:aws:budgets::${AccountId}:budget/bcg/acme`;
    const tags = [
      { Key: 'owner', Value: 'finops' },
      { Key: 'x', Value: 'y' },
    ];
    await budgets.send(new TagResourceCommand({ ResourceARN, ResourceTags: tags }));
    await budgets.send(new UntagResourceCommand({ ResourceARN, ResourceTagKeys: ['x'] }));
    const { ResourceTags } = await budgets.send(new ListTagsForResourceCommand({ ResourceARN }));
    expect(ResourceTags).toEqual([{ Key: 'owner', Value: 'finops' }]);
  });

  const limit = (Amount: string, Unit = 'USD') => ({ BudgetLimit: { Amount, Unit } });
  it.each<[string, () => Promise<unknown>, string]>([
    ['a name with a colon', () => create({ BudgetName: 'a:b' }), 'InvalidParameterException'],
    ['a name with a backslash', () => create({ BudgetName: 'a\\b' }), 'InvalidParameterException'],
    ['a name with /action/', () => create({ BudgetName: 'a/action/b' }), 'InvalidParameterException'],
    ['a name of 101 characters', () => create({ BudgetName: 'a'.repeat(101) }), 'InvalidParameterException'],
    [
      'a name that is taken',
      async () => {
        await create();
        await create();
      },
      'DuplicateRecordException',
    ],
    [
      'an account id that is none',
      () => budgets.send(new DescribeBudgetsCommand({ AccountId: '12' })),
      'InvalidParameterException',
    ],
    [
      'the account of someone else',
      () => budgets.send(new DescribeBudgetsCommand({ AccountId: '999999999999' })),
      'AccessDeniedException',
    ],
    ['another currency', () => create(limit('1', 'EUR')), 'InvalidParameterException'],
    ['an amount that is no number', () => create(limit('1,000')), 'InvalidParameterException'],
    [
      'a limit beside planned limits',
      () => create({ PlannedBudgetLimits: { '1793491200': { Amount: '1', Unit: 'USD' } } }),
      'InvalidParameterException',
    ],
    ['no limit', () => create({ BudgetLimit: undefined }), 'InvalidParameterException'],
    ['both kinds of filter', () => create({ CostFilters: { TagKeyValue: ['user:a$b'] } }), 'InvalidParameterException'],
    ['two metrics', () => create({ Metrics: ['UnblendedCost', 'BlendedCost'] }), 'InvalidParameterException'],
    [
      'a filter with two branches',
      () => create({ FilterExpression: { ...acme.FilterExpression, Dimensions: { Key: 'SERVICE', Values: ['x'] } } }),
      'InvalidParameterException',
    ],
    ['a custom budget without an end', () => create({ TimeUnit: 'CUSTOM' }), 'InvalidParameterException'],
    [
      'a period that ends before it begins',
      () => create({ TimePeriod: { Start: new Date(2e12), End: new Date(1e12) } }),
      'InvalidParameterException',
    ],
    [
      'six notifications',
      () =>
        create(
          {},
          [1, 2, 3, 4, 5, 6].map((threshold) => alert(threshold)),
        ),
      'CreationLimitExceededException',
    ],
    [
      'a notification twice',
      () => create({}, [alert(80), alert(80, { ThresholdType: 'PERCENTAGE' })]),
      'DuplicateRecordException',
    ],
    [
      'a notification without subscribers',
      () => create({}, [{ Notification: notification(80), Subscribers: [] }]),
      'InvalidParameterException',
    ],
    [
      'a topic of another account',
      () =>
        create({}, [
          {
            Notification: notification(80),
            Subscribers: [{ SubscriptionType: 'SNS', Address: 'arn:aws:sns:us-east-1:999999999999:x' }],
          },
        ]),
      'InvalidParameterException',
    ],
    [
      'two topics for one notification',
      () =>
        create({}, [
          {
            Notification: notification(80),
            Subscribers: [
              { SubscriptionType: 'SNS', Address: TOPIC },
              { SubscriptionType: 'SNS', Address: `${TOPIC}-2` },
            ],
          },
        ]),
      'CreationLimitExceededException',
    ],
    [
      'an update of a budget that does not exist',
      () => budgets.send(new UpdateBudgetCommand({ AccountId, NewBudget: acme })),
      'NotFoundException',
    ],
    [
      'a notification of a budget that does not exist',
      () => budgets.send(new DescribeNotificationsForBudgetCommand({ AccountId, BudgetName: 'none' })),
      'NotFoundException',
    ],
  ])('refuses %s', async (_, call, name) => {
    await expect(call()).rejects.toMatchObject({ name });
  });
});

describe('the text of an alert', () => {
  const usd = (amount: number): bigint => BigInt(Math.round(amount * 1e9));
  const recorded = (name: string) => {
    const file = new URL(`../fixtures/events/sns-budget-${name}.json`, import.meta.url);
    return JSON.parse(readFileSync(file, 'utf8')).Records[0].Sns;
  };
  it.each([
    ['ACTUAL-monthly', 'Test Budget', 'ACTUAL', 'MONTHLY', '2022-09-26T19:20:37Z', 0.2, 0.16, 0.59],
    ['FORECASTED-monthly', 'test', 'FORECASTED', 'MONTHLY', '2026-01-28T11:52:33Z', 0.02, 0, 0.95],
    ['ACTUAL-daily', 'daily-guard', 'ACTUAL', 'DAILY', '2026-03-03T10:00:00Z', 1, 0, 2.15],
  ] as const)('is that of the recorded message %s', (name, budgetName, type, timeUnit, at, limit, threshold, spent) => {
    const { subject, message } = alertText({
      budgetName,
      accountId: AccountId,
      at: Date.parse(at),
      timeUnit,
      notification: { type, comparison: 'GREATER_THAN', threshold: 80, thresholdType: 'PERCENTAGE' },
      limitNanoUsd: usd(limit),
      thresholdNanoUsd: usd(threshold),
      spentNanoUsd: usd(spent),
    });
    expect({ subject, message }).toEqual({ subject: recorded(name).Subject, message: recorded(name).Message });
  });

  it('separates thousands', () => {
    const { message } = alertText({
      budgetName: 'big',
      accountId: AccountId,
      at: 0,
      timeUnit: 'QUARTERLY',
      notification: { type: 'ACTUAL', comparison: 'LESS_THAN', threshold: 1, thresholdType: 'PERCENTAGE' },
      limitNanoUsd: usd(1_234_567.894),
      thresholdNanoUsd: usd(999),
      spentNanoUsd: usd(12_345.678),
    });
    expect(message).toContain('is less than $999.00 for the current quarter.');
    expect(message).toContain('Budgeted Amount: $1,234,567.89\n');
    expect(message).toContain('ACTUAL Amount: $12,345.68\n');
  });
});
