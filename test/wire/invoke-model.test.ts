import {
  type BedrockRuntimeClient,
  ConverseCommand,
  CountTokensCommand,
  InvokeModelCommand,
  type InvokeModelCommandInput,
  type InvokeModelCommandOutput,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { runtimeClient, runtimeClientOverHttp1 } from './clients.ts';

const START = Date.UTC(2026, 10, 23, 10);
const HAIKU = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const NOVA_PRO = 'amazon.nova-pro-v1:0';
const LLAMA = 'us.meta.llama3-3-70b-instruct-v1:0';
const TITAN = 'amazon.titan-text-express-v1';

const ANTHROPIC_BODY = {
  anthropic_version: 'bedrock-2023-05-31',
  max_tokens: 1_000,
  messages: [{ role: 'user', content: 'Hello!!!' }],
};
const NOVA_BODY = { messages: [{ role: 'user', content: [{ text: 'Hello!!!' }] }], inferenceConfig: { maxTokens: 9 } };

describe.each([
  ['HTTP/2', runtimeClient],
  ['HTTP/1.1', runtimeClientOverHttp1],
])('InvokeModel over %s', (_version, clientOf) => {
  let aws: EmbeddedAws;
  let runtime: BedrockRuntimeClient;
  let headers: Record<string, unknown>;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    runtime = clientOf(aws);
    headers = {};
    runtime.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const response = z.object({ headers: z.record(z.string(), z.unknown()) }).parse(result.response);
        headers = response.headers;
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'rawHeaders' },
    );
  });
  afterEach(async () => {
    runtime.destroy();
    await aws.close();
  });

  type Request = Partial<InvokeModelCommandInput> & { readonly modelId: string };
  const invoke = async (request: Request, body: unknown): Promise<InvokeModelCommandOutput> =>
    runtime.send(new InvokeModelCommand({ ...request, body: JSON.stringify(body) }));
  const answerOf = (output: InvokeModelCommandOutput): unknown => JSON.parse(output.body.transformToString());
  const chunksOf = async (request: Request, body: unknown): Promise<Record<string, unknown>[]> => {
    const command = new InvokeModelWithResponseStreamCommand({ ...request, body: JSON.stringify(body) });
    const chunks: Record<string, unknown>[] = [];
    for await (const event of (await runtime.send(command)).body ?? []) {
      const text = Buffer.from(event.chunk?.bytes ?? []).toString('utf8');
      chunks.push(z.record(z.string(), z.unknown()).parse(JSON.parse(text)));
    }
    return chunks;
  };
  const counts = () => [headers['x-amzn-bedrock-input-token-count'], headers['x-amzn-bedrock-output-token-count']];

  describe('answers in the language of', () => {
    it('Anthropic', async () => {
      expect(answerOf(await invoke({ modelId: HAIKU }, ANTHROPIC_BODY))).toEqual({
        id: expect.stringMatching(/^msg_bdrk_[0-9a-f]{24}$/),
        type: 'message',
        role: 'assistant',
        model: 'claude-haiku-4-5-20251001',
        content: [{ type: 'text', text: expect.stringMatching(/^Embedded answer/) }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: {
          input_tokens: 2,
          output_tokens: 20,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        },
      });
      expect(counts()).toEqual(['2', '20']);
      expect(headers['x-amzn-bedrock-invocation-latency']).toBe('260');
    });

    it('Nova', async () => {
      const output = await invoke({ modelId: NOVA_PRO, serviceTier: 'flex' }, NOVA_BODY);
      expect(answerOf(output)).toMatchObject({
        output: { message: { role: 'assistant', content: [{ text: expect.any(String) }] } },
        stopReason: 'max_tokens',
        usage: { inputTokens: 2, outputTokens: 9, totalTokens: 11 },
      });
      expect(output).toMatchObject({ contentType: 'application/json', serviceTier: 'flex' });
      expect(aws.billing).toMatchObject([{ serviceTier: 'flex', outputTokens: 9 }]);
    });

    it('Llama', async () => {
      expect(answerOf(await invoke({ modelId: LLAMA }, { prompt: 'Hello!!!', max_gen_len: 5 }))).toEqual({
        generation: expect.any(String),
        prompt_token_count: 2,
        generation_token_count: 5,
        stop_reason: 'length',
      });
    });

    it('Titan', async () => {
      expect(answerOf(await invoke({ modelId: TITAN }, { inputText: 'Hello!!!' }))).toEqual({
        inputTextTokenCount: 2,
        results: [{ tokenCount: 20, outputText: expect.any(String), completionReason: 'FINISH' }],
      });
    });

    it('Titan embeddings and Cohere embeddings, which cost no output', async () => {
      const titan = await invoke({ modelId: 'amazon.titan-embed-text-v2:0' }, { inputText: 'Hello!!!', dimensions: 4 });
      expect(answerOf(titan)).toEqual({ embedding: [1, 0, 0, 0], inputTextTokenCount: 2 });
      const cohere = await invoke({ modelId: 'cohere.embed-english-v3' }, { texts: ['Hello!!', 'World!!!'] });
      const { embeddings } = z.object({ embeddings: z.array(z.array(z.number())) }).parse(answerOf(cohere));
      expect(embeddings.map((vector) => vector.length)).toEqual([1024, 1024]);
      expect(counts()).toEqual(['4', '0']);
      expect(aws.billing).toMatchObject([
        { inputTokens: 2, outputTokens: 0, costNanoUsd: 40n },
        { inputTokens: 4, outputTokens: 0, costNanoUsd: 400n },
      ]);
    });
  });

  describe('streams in the language of', () => {
    const metrics = (inputTokenCount: number, outputTokenCount: number) => ({
      'amazon-bedrock-invocationMetrics': {
        inputTokenCount,
        outputTokenCount,
        invocationLatency: expect.any(Number),
        firstByteLatency: expect.any(Number),
      },
    });

    it('Anthropic', async () => {
      const chunks = await chunksOf({ modelId: HAIKU }, ANTHROPIC_BODY);
      expect(chunks.map(({ type }) => type)).toEqual([
        'message_start',
        'content_block_start',
        ...Array.from({ length: 4 }, () => 'content_block_delta'),
        'content_block_stop',
        'message_delta',
        'message_stop',
      ]);
      expect(chunks[0]).toMatchObject({ message: { usage: { input_tokens: 2, output_tokens: 1 } } });
      expect(chunks.at(-2)).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 20 } });
      expect(chunks.at(-1)).toEqual({ type: 'message_stop', ...metrics(2, 20) });
      expect(aws.billing).toMatchObject([{ inputTokens: 2, outputTokens: 20 }]);
    });

    it('Nova', async () => {
      const chunks = await chunksOf({ modelId: NOVA_PRO, serviceTier: 'priority' }, NOVA_BODY);
      expect(chunks.at(0)).toEqual({ messageStart: { role: 'assistant' } });
      expect(chunks.at(-1)).toMatchObject({ metadata: { usage: { outputTokens: 9 } }, ...metrics(2, 9) });
      expect(headers).toMatchObject({
        'x-amzn-bedrock-service-tier': 'priority',
        'x-amzn-bedrock-content-type': 'application/json',
        'content-type': 'application/vnd.amazon.eventstream',
      });
    });

    it('Llama', async () => {
      const chunks = await chunksOf({ modelId: LLAMA }, { prompt: 'Hello!!!', max_gen_len: 8 });
      expect(chunks.map((chunk) => chunk['generation_token_count'])).toEqual([2, 4, 6, 8, 8]);
      expect(chunks.at(-1)).toMatchObject({ stop_reason: 'length', ...metrics(2, 8) });
    });

    it('Titan', async () => {
      const chunks = await chunksOf({ modelId: TITAN }, { inputText: 'Hello!!!' });
      expect(chunks.at(-1)).toMatchObject({
        totalOutputTextTokenCount: 20,
        inputTextTokenCount: 2,
        completionReason: 'FINISH',
        ...metrics(2, 20),
      });
    });
  });

  it('shares the prompt cache with Converse', async () => {
    const text = 'x'.repeat(400);
    const cached = { ...ANTHROPIC_BODY, system: [{ type: 'text', text, cache_control: { type: 'ephemeral' } }] };
    const first = answerOf(await invoke({ modelId: HAIKU }, cached));
    expect(first).toMatchObject({ usage: { cache_creation_input_tokens: 100, input_tokens: 2 } });
    expect(headers).toMatchObject({
      'x-amzn-bedrock-input-token-count': '2',
      'x-amzn-bedrock-cache-write-input-token-count': '100',
      'x-amzn-bedrock-cache-read-input-token-count': '0',
    });
    const system = [{ text }, { cachePoint: { type: 'default' as const } }];
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello!!!' }] }];
    const second = await runtime.send(new ConverseCommand({ modelId: HAIKU, system, messages }));
    expect(second.usage).toMatchObject({ cacheReadInputTokens: 100, inputTokens: 2 });
  });

  it.each([
    ['a body that is no JSON', HAIKU, 'nonsense', /Malformed input request/],
    ['a missing version', HAIKU, JSON.stringify({ ...ANTHROPIC_BODY, anthropic_version: null }), /anthropic_version/],
    ['a missing max_tokens', HAIKU, JSON.stringify({ ...ANTHROPIC_BODY, max_tokens: null }), /max_tokens/],
    ['no messages', NOVA_PRO, '{"messages":[]}', /messages/],
    ['no prompt', LLAMA, '{}', /prompt/],
    ['a model whose format is not here', 'mistral.mistral-7b-instruct-v0:2', '{}', /does not know the request format/],
    ['an unknown model', 'acme.brain', '{}', /identifier is invalid/],
  ])('refuses %s', async (_name, modelId, body, message) => {
    const refusal = { name: 'ValidationException', message: expect.stringMatching(message) };
    await expect(runtime.send(new InvokeModelCommand({ modelId, body }))).rejects.toMatchObject(refusal);
    const streaming = new InvokeModelWithResponseStreamCommand({ modelId, body });
    await expect(runtime.send(streaming)).rejects.toMatchObject(refusal);
    expect(aws.billing).toEqual([]);
  });

  it('refuses a tier that there is not, and a stream of vectors', async () => {
    await expect(
      runtime.send(new InvokeModelCommand({ modelId: NOVA_PRO, body: '{}', serviceTier: 'turbo' as 'flex' })),
    ).rejects.toMatchObject({ message: expect.stringContaining("'serviceTier' failed to satisfy constraint") });
    await expect(chunksOf({ modelId: 'cohere.embed-english-v3' }, { texts: ['a'] })).rejects.toMatchObject({
      message: 'The model is unsupported for streaming.',
    });
  });

  describe('as planned', () => {
    it('leaves out the headers and metrics, or all usage', async () => {
      aws.planModelCalls(() => ({ usage: 'in-body' }));
      expect(answerOf(await invoke({ modelId: HAIKU }, ANTHROPIC_BODY))).toHaveProperty('usage');
      expect(counts()).toEqual([undefined, undefined]);
      const last = (await chunksOf({ modelId: LLAMA }, { prompt: 'Hello' })).at(-1);
      expect(last).toHaveProperty('generation_token_count', 20);
      expect(last).not.toHaveProperty('amazon-bedrock-invocationMetrics');
      await aws.close();
      aws = await startEmbeddedAws();
      runtime = clientOf(aws);
      aws.planModelCalls(() => ({ usage: 'nowhere' }));
      expect(answerOf(await invoke({ modelId: HAIKU }, ANTHROPIC_BODY))).not.toHaveProperty('usage');
      expect(JSON.stringify(await chunksOf({ modelId: HAIKU }, ANTHROPIC_BODY))).not.toContain('tokens');
      expect(aws.billing).toHaveLength(2);
    });

    it('streams into a time-out', async () => {
      aws.planModelCalls(() => ({ breaks: { afterChunks: 1, by: 'ModelTimeoutException' } }));
      await expect(chunksOf({ modelId: HAIKU }, ANTHROPIC_BODY)).rejects.toMatchObject({
        name: 'ModelTimeoutException',
      });
      expect(aws.billing).toMatchObject([{ inputTokens: 2, outputTokens: 5 }]);
    });
  });

  it('counts tokens without a bill, for foundation models', async () => {
    const count = async (modelId: string, input: CountTokensCommand['input']['input']) =>
      (await runtime.send(new CountTokensCommand({ modelId, input }))).inputTokens;
    const messages = [{ role: 'user' as const, content: [{ text: 'Hello!!!' }] }];
    expect(await count(NOVA_PRO, { converse: { messages } })).toBe(2);
    expect(await count(NOVA_PRO, { invokeModel: { body: Buffer.from(JSON.stringify(NOVA_BODY)) } })).toBe(2);
    await expect(count(HAIKU, { converse: { messages } })).rejects.toMatchObject({ name: 'ValidationException' });
    expect(aws.billing).toEqual([]);
    expect(aws.modelCalls).toEqual([]);
  });
});
