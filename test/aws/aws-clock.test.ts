import { DynamoDBClient, GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AwsClock } from '../../aws/aws-clock.ts';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { clientConfig } from './client-config.ts';

const HOUR = 3_600_000;

describe('a clock that listens to a real client', () => {
  let aws: EmbeddedAws;
  let dynamodb: DynamoDBClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws();
    dynamodb = new DynamoDBClient({ ...clientConfig(aws), maxAttempts: 3 });
  });
  afterEach(() => aws.close());

  /** The header has whole seconds, and an answer takes its time. */
  const isNear = (told: number, truth: number) => expect(Math.abs(told - truth)).toBeLessThan(1_500);

  it('keeps a right time to the millisecond', async () => {
    const clock = new AwsClock(() => aws.clock.now());
    clock.listenTo(dynamodb);
    for (let call = 0; call < 3; call++) await dynamodb.send(new ListTablesCommand({}));
    const before = aws.clock.now();
    expect(clock.now()).toBeGreaterThanOrEqual(before);
    expect(clock.now()).toBeLessThanOrEqual(aws.clock.now());
  });

  it('follows AWS where the machine is an hour wrong, in either direction', async () => {
    for (const wrong of [-HOUR, HOUR]) {
      const clock = new AwsClock(() => aws.clock.now() + wrong);
      clock.listenTo(dynamodb);
      await dynamodb.send(new ListTablesCommand({}));
      isNear(clock.now(), aws.clock.now());
    }
  });

  it('follows when AWS and the machine come apart later', async () => {
    const clock = new AwsClock();
    clock.listenTo(dynamodb);
    await dynamodb.send(new ListTablesCommand({}));
    isNear(clock.now(), Date.now());
    await aws.clock.advance(30 * 24 * HOUR);
    await dynamodb.send(new ListTablesCommand({}));
    isNear(clock.now(), aws.clock.now());
  });

  it('shares a client with other clocks', async () => {
    const clocks = [new AwsClock(), new AwsClock()];
    for (const clock of clocks) clock.listenTo(dynamodb);
    await aws.clock.advance(HOUR);
    await dynamodb.send(new ListTablesCommand({}));
    for (const clock of clocks) isNear(clock.now(), aws.clock.now());
  });

  it('learns from a refusal as well', async () => {
    const clock = new AwsClock();
    await aws.clock.advance(HOUR);
    clock.listenTo(dynamodb);
    await expect(
      dynamodb.send(new GetItemCommand({ TableName: 'not-there', Key: { pk: { S: 'x' } } })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    isNear(clock.now(), aws.clock.now());
  });

  it('keeps its time when no answer comes', async () => {
    const clock = new AwsClock(() => 42);
    clock.listenTo(dynamodb);
    aws.intercept(() => 'no-answer');
    await expect(dynamodb.send(new ListTablesCommand({}))).rejects.toThrow();
    expect(clock.now()).toBe(42);
  });

  it('measures each attempt on its own, not the pause between them', async () => {
    let local = aws.clock.now();
    const clock = new AwsClock(() => local);
    clock.listenTo(dynamodb);
    let failed = false;
    aws.intercept(() => {
      if (failed) return undefined;
      failed = true;
      // The machine's clock jumps during the first attempt; what that attempt said holds no more.
      local += 10 * HOUR;
      return new AwsFault('InternalServerError', 'Again, please.', 500);
    });
    await dynamodb.send(new ListTablesCommand({}));
    isNear(clock.now(), aws.clock.now());
  });
});
