import { CreateInferenceProfileCommand } from '@aws-sdk/client-bedrock';
import {
  type BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  type ConverseStreamCommandInput,
  type ConverseStreamOutput,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { bedrockClient, modelCallEnd, runtimeClient, runtimeClientOverHttp1 } from './clients.ts';
import { createGate } from './gate.ts';

const START = Date.UTC(2026, 10, 23, 10);
const HOUR = 60 * 60_000;
const NOVA_PRO = 'amazon.nova-pro-v1:0';
const HAIKU = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';

const request = (input: Partial<ConverseStreamCommandInput> = {}): ConverseStreamCommandInput => ({
  modelId: NOVA_PRO,
  messages: [{ role: 'user', content: [{ text: 'Hello!!!' }] }],
  ...input,
});

async function collect(stream: AsyncIterable<ConverseStreamOutput> | undefined): Promise<ConverseStreamOutput[]> {
  const events: ConverseStreamOutput[] = [];
  for await (const event of stream ?? []) events.push(event);
  return events;
}

const namesOf = (events: readonly ConverseStreamOutput[]): string[] => events.flatMap((event) => Object.keys(event));
const textOf = (events: readonly ConverseStreamOutput[]): string =>
  events.map((event) => event.contentBlockDelta?.delta?.text ?? '').join('');

describe.each([
  ['HTTP/2', runtimeClient],
  ['HTTP/1.1', runtimeClientOverHttp1],
])('ConverseStream over %s', (_version, clientOf) => {
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

  const stream = async (input: Partial<ConverseStreamCommandInput> = {}, abortSignal = new AbortController().signal) =>
    (await runtime.send(new ConverseStreamCommand(request(input)), { abortSignal })).stream;

  it('answers what Converse answers, in pieces, with the usage last', async () => {
    const events = await collect(await stream({ serviceTier: { type: 'flex' } }));
    const whole = await runtime.send(new ConverseCommand(request({ serviceTier: { type: 'flex' } })));
    expect(namesOf(events)).toEqual([
      'messageStart',
      ...Array.from({ length: 4 }, () => 'contentBlockDelta'),
      'contentBlockStop',
      'messageStop',
      'metadata',
    ]);
    expect(events[0]).toEqual({ messageStart: { role: 'assistant' } });
    expect(textOf(events)).toBe(whole.output?.message?.content?.[0]?.text);
    expect(events.at(-2)).toEqual({ messageStop: { stopReason: whole.stopReason } });
    expect(events.at(-1)?.metadata).toEqual({
      usage: whole.usage,
      metrics: whole.metrics,
      serviceTier: { type: 'flex' },
    });
  });

  it('is billed once, through its profile, with tier and cache', async () => {
    const { inferenceProfileArn } = await bedrockClient(aws).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'acme-chat',
        modelSource: { copyFrom: `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${HAIKU}` },
        tags: [{ key: 'tenant', value: 'acme' }],
      }),
    );
    const modelId = z.string().parse(inferenceProfileArn);
    const system = [{ text: 'x'.repeat(400) }, { cachePoint: { type: 'default' as const, ttl: '1h' as const } }];
    const events = await collect(await stream({ modelId, system }));
    expect(events.at(-1)?.metadata?.usage).toMatchObject({
      inputTokens: 2,
      cacheWriteInputTokens: 100,
      cacheDetails: [{ ttl: '1h', inputTokens: 100 }],
    });
    expect(aws.billing).toHaveLength(1);
    expect(aws.billing[0]).toMatchObject({
      profileArn: modelId,
      serviceTier: 'default',
      inputTokens: 2,
      outputTokens: events.at(-1)?.metadata?.usage?.outputTokens,
      cacheWriteInputTokens: 100,
      cacheDetails: [{ ttl: '1h', inputTokens: 100 }],
      tags: { tenant: 'acme' },
    });
  });

  it('is refused before it begins as Converse is', async () => {
    await expect(stream({ messages: [] })).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(stream({ modelId: 'amazon.nova-premier-v1:0' })).rejects.toMatchObject({
      message: expect.stringContaining('on-demand throughput isn’t supported'),
    });
    await expect(stream({ modelId: 'amazon.titan-embed-text-v2:0' })).rejects.toMatchObject({
      message: expect.stringContaining('This action doesn’t support the model'),
    });
    expect(aws.billing).toEqual([]);
  });

  it('takes many pieces, more than a connection holds at once', async () => {
    const messages: ConverseStreamCommandInput['messages'] = [{ role: 'user', content: [{ text: 'a'.repeat(8_000) }] }];
    aws.planModelCalls(() => ({ chunks: 30 }));
    const many = await Promise.all(Array.from({ length: 20 }, async () => collect(await stream({ messages }))));
    for (const events of many) expect(events).toHaveLength(29 + 4);
    expect(aws.billing).toHaveLength(20);
  });

  it('bills an abandoned stream its whole input and what was generated until then', async () => {
    aws.planModelCalls(() => ({ outputTokens: 100, chunks: 4, chunkLatencyMs: HOUR }));
    const ended = modelCallEnd(aws);
    const abort = new AbortController();
    const events = (await stream({}, abort.signal)) ?? [];
    let seen = 0;
    const reading = async (): Promise<void> => {
      for await (const event of events) {
        if (event.contentBlockDelta === undefined) continue;
        seen += 1;
        if (seen === 2) abort.abort();
        else await aws.clock.advance(HOUR);
      }
    };
    // Over HTTP/2 the client takes an abort for the end of the stream, over HTTP/1.1 for an error.
    await Promise.allSettled([reading()]);
    expect(await ended).toMatchObject({ end: 'left', outputTokens: 50 });
    expect(aws.billing).toMatchObject([{ inputTokens: 2, outputTokens: 50 }]);
    await aws.clock.advance(10 * HOUR);
    expect(aws.billing).toHaveLength(1);
  });

  describe('as planned', () => {
    it.each([
      ['ThrottlingException'],
      ['ModelStreamErrorException'],
      ['InternalServerException'],
      ['ServiceUnavailableException'],
      ['ValidationException'],
    ] as const)('ends in %s after so many pieces, and is billed for these', async (by) => {
      aws.planModelCalls(() => ({ outputTokens: 80, chunks: 8, breaks: { afterChunks: 3, by } }));
      const events: ConverseStreamOutput[] = [];
      const reading = (async () => {
        for await (const event of (await stream()) ?? []) events.push(event);
      })();
      await expect(reading).rejects.toMatchObject({ name: by, message: expect.stringMatching(/\w/) });
      expect(namesOf(events)).toEqual(['messageStart', ...Array.from({ length: 3 }, () => 'contentBlockDelta')]);
      expect(aws.billing).toMatchObject([{ inputTokens: 2, outputTokens: 30 }]);
    });

    it('is cut off, without a word', async () => {
      aws.planModelCalls(() => ({ outputTokens: 80, chunks: 8, breaks: { afterChunks: 8, by: 'cut' } }));
      const events: ConverseStreamOutput[] = [];
      const reading = (async () => {
        for await (const event of (await stream()) ?? []) events.push(event);
      })();
      await expect(reading).rejects.toThrow();
      expect(namesOf(events)).toEqual(['messageStart', ...Array.from({ length: 8 }, () => 'contentBlockDelta')]);
      expect(aws.billing).toMatchObject([{ outputTokens: 80 }]);
    });

    it('tells no usage, though it is billed', async () => {
      aws.planModelCalls(() => ({ usage: 'nowhere' }));
      const events = await collect(await stream());
      expect(namesOf(events).at(-1)).toBe('messageStop');
      expect(aws.billing).toHaveLength(1);
    });

    it('takes virtual time for its first piece and for each that follows', async () => {
      const arrived = createGate();
      aws.planModelCalls(() => {
        arrived.open();
        return { latencyMs: HOUR, chunkLatencyMs: HOUR, chunks: 3 };
      });
      // The client waits for the first event before it hands out the stream.
      const reading = stream().then(collect);
      await arrived.passed;
      await aws.settled();
      await aws.clock.advance(3 * HOUR - 1_000);
      expect(aws.billing).toEqual([]);
      await aws.clock.advance(1_000);
      expect((await reading).at(-1)?.metadata?.metrics?.latencyMs).toBe(HOUR);
      expect(aws.billing[0]?.at).toBeGreaterThanOrEqual(START + 3 * HOUR);
    });
  });

  it('loses its answer where an interception says so, and is billed its input', async () => {
    aws.intercept({ after: () => 'no-answer' });
    await expect(stream()).rejects.toThrow();
    expect(aws.billing).toMatchObject([{ inputTokens: 2, outputTokens: 0 }]);
  });
});
