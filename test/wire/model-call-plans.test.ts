import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { ConfiguredRetryStrategy } from '@smithy/core/retry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { AwsFault } from '../../local/service.ts';
import { runtimeClient, runtimeClientOverHttp1 } from './clients.ts';
import { createGate } from './gate.ts';

const START = Date.UTC(2026, 10, 23, 10);
const HOUR = 60 * 60_000;
const CONVERSE = new ConverseCommand({
  modelId: 'amazon.nova-lite-v1:0',
  messages: [{ role: 'user', content: [{ text: 'Hello!!!' }] }],
});

describe.each([
  ['HTTP/2', runtimeClient],
  ['HTTP/1.1', runtimeClientOverHttp1],
])('a planned model call over %s', (_version, clientOf) => {
  let aws: EmbeddedAws;
  let runtime: BedrockRuntimeClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    runtime = clientOf(aws);
  });
  afterEach(async () => {
    runtime.destroy();
    await aws.close();
  });

  it.each([
    ['ThrottlingException', 429],
    ['ModelNotReadyException', 429],
    ['ModelTimeoutException', 408],
    ['ModelErrorException', 424],
    ['ServiceUnavailableException', 503],
    ['InternalServerException', 500],
    ['AccessDeniedException', 403],
    ['ServiceQuotaExceededException', 400],
  ] as const)('is refused with %s before anything runs', async (name, httpStatusCode) => {
    aws.planModelCalls(() => ({ refuse: name }));
    await expect(runtime.send(CONVERSE)).rejects.toMatchObject({ name, $metadata: { httpStatusCode } });
    expect(aws.billing).toEqual([]);
  });

  it('is refused with an error of the test’s own', async () => {
    aws.planModelCalls(() => ({ refuse: new AwsFault('ThrottlingException', 'Enough.', 429) }));
    await expect(runtime.send(CONVERSE)).rejects.toMatchObject({ message: 'Enough.' });
  });

  it('ends when the clock gets there', async () => {
    const arrived = createGate();
    aws.planModelCalls(() => {
      arrived.open();
      return { latencyMs: HOUR, outputTokens: 7 };
    });
    const sending = runtime.send(CONVERSE);
    await arrived.passed;
    await aws.settled();
    expect(aws.billing).toEqual([]);
    await aws.clock.advance(HOUR);
    expect(await sending).toMatchObject({ metrics: { latencyMs: HOUR }, usage: { outputTokens: 7 } });
    expect(aws.billing[0]?.at).toBeGreaterThanOrEqual(START + HOUR);
  });

  it('loses its answer when it is cut, and is billed', async () => {
    aws.planModelCalls(() => ({ breaks: { afterChunks: 0, by: 'cut' } }));
    await expect(runtime.send(CONVERSE)).rejects.toThrow();
    expect(aws.billing).toHaveLength(1);
  });

  it('cannot end in an error event when it does not stream: the plan is wrong', async () => {
    const causes: unknown[] = [];
    aws.observe((observation) => observation.kind === 'request' && causes.push(observation.cause));
    aws.planModelCalls(() => ({ breaks: { afterChunks: 1, by: 'ThrottlingException' } }));
    await expect(runtime.send(CONVERSE)).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    expect(causes).toEqual([expect.any(RangeError)]);
  });

  it('tells no usage', async () => {
    aws.planModelCalls(() => ({ usage: 'nowhere' }));
    expect((await runtime.send(CONVERSE)).usage).toBeUndefined();
    expect(aws.billing).toHaveLength(1);
  });

  it('is planned by the first that has a plan, until it is taken away', async () => {
    aws.planModelCalls(({ operation }) =>
      operation === 'ConverseStream' ? { refuse: 'ThrottlingException' } : undefined,
    );
    const stop = aws.planModelCalls(() => ({ outputTokens: 1 }));
    aws.planModelCalls(() => ({ outputTokens: 2 }));
    const tokens = async () => (await runtime.send(CONVERSE)).usage?.outputTokens;
    expect(await tokens()).toBe(1);
    stop();
    expect(await tokens()).toBe(2);
  });

  it('is counted for each attempt that reaches the runtime', async () => {
    let refusals = 2;
    aws.planModelCalls(() => (refusals-- > 0 ? { refuse: 'ThrottlingException' } : undefined));
    const { requestHandler } = runtime.config;
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const retrying = new BedrockRuntimeClient({
      endpoint: aws.endpoint,
      region: 'us-east-1',
      credentials,
      requestHandler,
      maxAttempts: 3,
      retryStrategy: new ConfiguredRetryStrategy(3, 0),
    });
    await retrying.send(CONVERSE);
    expect(aws.modelCalls).toHaveLength(3);
    expect(aws.modelCalls[0]).toMatchObject({
      operation: 'Converse',
      modelId: 'amazon.nova-lite-v1:0',
      region: 'us-east-1',
      principalArn: 'arn:aws:iam::123456789012:user/test',
    });
    expect(aws.billing).toHaveLength(1);
    aws.intercept(() => 'no-answer');
    await expect(runtime.send(CONVERSE)).rejects.toThrow();
    expect(aws.modelCalls).toHaveLength(3);
  });
});
