import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

const clientOf = (aws: EmbeddedAws, region = 'us-east-1', maxAttempts = 3) =>
  new DynamoDBClient({ endpoint: aws.endpoint, region, credentials, maxAttempts });

const table = (name: string) =>
  new CreateTableCommand({
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'pk', AttributeType: 'S' },
      { AttributeName: 'sk', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });

const KEY = { pk: { S: 'budget' }, sk: { S: '2026-11' } };

const spend = (name: string, amount: number, limit: number) =>
  new UpdateItemCommand({
    TableName: name,
    Key: KEY,
    UpdateExpression: 'ADD committed :amount',
    ConditionExpression: 'attribute_not_exists(committed) OR committed <= :room',
    ExpressionAttributeValues: { ':amount': { N: String(amount) }, ':room': { N: String(limit - amount) } },
    ReturnValues: 'ALL_NEW',
  });

describe('DynamoDB over the wire', () => {
  let aws: EmbeddedAws;
  let client: DynamoDBClient;
  beforeAll(async () => {
    aws = await startEmbeddedAws();
    client = clientOf(aws);
  });
  afterAll(() => aws.close());

  it('has a pay-per-request table ready as soon as it is created, under the ARN of its account and Region', async () => {
    const created = await client.send(table('ready'));
    expect(created.TableDescription?.TableArn).toBe('arn:aws:dynamodb:us-east-1:123456789012:table/ready');
    await client.send(new PutItemCommand({ TableName: 'ready', Item: { ...KEY, note: { S: 'é' } } }));
    const { Item } = await client.send(new GetItemCommand({ TableName: 'ready', Key: KEY }));
    expect(Item?.['note']).toEqual({ S: 'é' });
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'ready' }));
    expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
  });

  it('lets exactly as many of many simultaneous conditional writes pass as there is room for', async () => {
    await client.send(table('ledger'));
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => client.send(spend('ledger', 10, 70))));
    const refused = attempts.filter((attempt) => attempt.status === 'rejected');
    expect(refused).toHaveLength(13);
    expect(refused[0]).toMatchObject({
      reason: { name: 'ConditionalCheckFailedException', $metadata: { httpStatusCode: 400 } },
    });
    const { Item } = await client.send(new GetItemCommand({ TableName: 'ledger', Key: KEY, ConsistentRead: true }));
    expect(Item?.['committed']).toEqual({ N: '70' });
  });

  it('keeps the tables of one Region out of the others', async () => {
    await client.send(table('regional'));
    await expect(
      clientOf(aws, 'eu-west-1').send(new DescribeTableCommand({ TableName: 'regional' })),
    ).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('names its errors as DynamoDB does', async () => {
    await expect(client.send(new QueryCommand({ TableName: 'ready' }))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(client.send(new DescribeContinuousBackupsCommand({ TableName: 'ready' }))).rejects.toMatchObject({
      name: 'UnknownOperationException',
    });
  });

  it('runs a write whose answer is lost, and not one that is failed before it', async () => {
    await client.send(table('lost'));
    const once = clientOf(aws, 'us-east-1', 1);
    const stopLosing = aws.intercept({
      after: ({ operation }) => (operation === 'UpdateItem' ? 'no-answer' : undefined),
    });
    await expect(once.send(spend('lost', 10, 100))).rejects.toThrow();
    stopLosing();
    const stopFailing = aws.intercept(({ operation }) =>
      operation === 'UpdateItem' ? new AwsFault('ProvisionedThroughputExceededException', 'Slow down') : undefined,
    );
    await expect(once.send(spend('lost', 10, 100))).rejects.toMatchObject({
      name: 'ProvisionedThroughputExceededException',
    });
    stopFailing();
    const { Attributes } = await once.send(spend('lost', 10, 100));
    expect(Attributes?.['committed']).toEqual({ N: '20' });
  });

  it('keeps its tables in a folder when given one', async () => {
    const dynamoDbPath = await mkdtemp(join(tmpdir(), 'embedded-dynamodb-'));
    try {
      const first = await startEmbeddedAws({ dynamoDbPath });
      await clientOf(first).send(table('kept'));
      await clientOf(first).send(spend('kept', 10, 100));
      await first.close();
      const second = await startEmbeddedAws({ dynamoDbPath });
      const { Item } = await clientOf(second).send(new GetItemCommand({ TableName: 'kept', Key: KEY }));
      await second.close();
      expect(Item?.['committed']).toEqual({ N: '10' });
    } finally {
      await rm(dynamoDbPath, { recursive: true });
    }
  });
});
