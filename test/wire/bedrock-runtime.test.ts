import {
  CreateInferenceProfileCommand,
  DeleteInferenceProfileCommand,
  TagResourceCommand,
} from '@aws-sdk/client-bedrock';
import {
  type BedrockRuntimeClient,
  ConverseCommand,
  type ConverseCommandInput,
  ListAsyncInvokesCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type EmbeddedAws, startEmbeddedAws } from '../../local/embedded-aws.ts';
import { bedrockClient, runtimeClient, runtimeClientOverHttp1 } from './clients.ts';

const START = Date.UTC(2026, 10, 23, 10);
const MINUTE = 60_000;
const NOVA_LITE = 'amazon.nova-lite-v1:0';
const HAIKU = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const US_HAIKU_ARN = `arn:aws:bedrock:us-east-1:123456789012:inference-profile/${HAIKU}`;

const ask = (text: string): ConverseCommandInput['messages'] => [{ role: 'user', content: [{ text }] }];
const ofTokens = (tokens: number, letter = 'x'): string => letter.repeat(4 * tokens);
const converse = (input: Partial<ConverseCommandInput> = {}) =>
  new ConverseCommand({ modelId: NOVA_LITE, messages: ask('Hello!!!'), ...input });

describe.each([
  ['HTTP/2', runtimeClient],
  ['HTTP/1.1', runtimeClientOverHttp1],
])('the Bedrock runtime over %s', (_version, clientOf) => {
  let aws: EmbeddedAws;
  let runtime: BedrockRuntimeClient;
  beforeEach(async () => {
    aws = await startEmbeddedAws({ startAt: START });
    runtime = clientOf(aws);
  });
  afterEach(() => aws.close());

  async function createProfile(copyFrom = `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_LITE}`): Promise<string> {
    const { inferenceProfileArn } = await bedrockClient(aws).send(
      new CreateInferenceProfileCommand({
        inferenceProfileName: 'acme-chat',
        modelSource: { copyFrom },
        tags: [{ key: 'tenant', value: 'acme' }],
      }),
    );
    return z.string().parse(inferenceProfileArn);
  }

  describe('what a call may name', () => {
    it('is an application profile by its ARN, billed with its tags of that moment', async () => {
      const modelId = await createProfile();
      await runtime.send(converse({ modelId }));
      await bedrockClient(aws).send(
        new TagResourceCommand({ resourceARN: modelId, tags: [{ key: 'tenant', value: 'umbrella' }] }),
      );
      await runtime.send(converse({ modelId }));
      expect(aws.billing).toMatchObject([
        {
          profileArn: modelId,
          foundationModelId: NOVA_LITE,
          region: 'us-east-1',
          accountId: '123456789012',
          tags: { tenant: 'acme' },
        },
        { profileArn: modelId, tags: { tenant: 'umbrella' } },
      ]);
    });

    it.each([HAIKU, US_HAIKU_ARN, NOVA_LITE, `arn:aws:bedrock:us-east-1::foundation-model/${NOVA_LITE}`])(
      'is %s, billed without a profile',
      async (modelId) => {
        await runtime.send(converse({ modelId }));
        expect(aws.billing).toMatchObject([{ profileArn: undefined, tags: {} }]);
      },
    );

    it('is not a model that is only behind inference profiles', async () => {
      await expect(runtime.send(converse({ modelId: 'amazon.nova-premier-v1:0' }))).rejects.toMatchObject({
        name: 'ValidationException',
        message:
          'Invocation of model ID amazon.nova-premier-v1:0 with on-demand throughput isn’t supported. ' +
          'Retry your request with the ID or ARN of an inference profile that contains this model.',
      });
    });

    it('is not the bare id of an application profile, a deleted one, one of another Region, or something unknown', async () => {
      const arn = await createProfile();
      const invalid = { name: 'ValidationException', message: 'The provided model identifier is invalid.' };
      await expect(runtime.send(converse({ modelId: arn.slice(-12) }))).rejects.toMatchObject(invalid);
      await expect(clientOf(aws, 'eu-west-1').send(converse({ modelId: arn }))).rejects.toMatchObject(invalid);
      await expect(runtime.send(converse({ modelId: 'acme.unknown-v1:0' }))).rejects.toMatchObject(invalid);
      await expect(runtime.send(converse({ modelId: 'eu.amazon.nova-lite-v1:0' }))).rejects.toMatchObject(invalid);
      await bedrockClient(aws).send(new DeleteInferenceProfileCommand({ inferenceProfileIdentifier: arn }));
      await expect(runtime.send(converse({ modelId: arn }))).rejects.toMatchObject(invalid);
      expect(aws.billing).toEqual([]);
    });
  });

  describe('usage', () => {
    it('follows from the bytes of the text, and so does the answer', async () => {
      const request = converse({ system: [{ text: 'äöü' }], messages: ask('Hello') });
      const first = await runtime.send(request);
      // 6 + 5 bytes of UTF-8, four to a token.
      expect(first.usage).toEqual({ inputTokens: 3, outputTokens: 22, totalTokens: 25 });
      expect(first.stopReason).toBe('end_turn');
      expect(first.metrics?.latencyMs).toBe(276);
      const second = await runtime.send(request);
      expect(second.output).toEqual(first.output);
      expect(second.metrics).toEqual(first.metrics);
      expect((await runtime.send(converse({ messages: ask('Other') }))).output).not.toEqual(first.output);
    });

    it('counts the tools as JSON, and tool results', async () => {
      const toolConfig = { tools: [{ toolSpec: { name: 'clock', inputSchema: { json: { type: 'object' } } } }] };
      const messages: ConverseCommandInput['messages'] = [
        { role: 'user', content: [{ text: 'Time?' }] },
        { role: 'assistant', content: [{ toolUse: { toolUseId: 't1', name: 'clock', input: {} } }] },
        { role: 'user', content: [{ toolResult: { toolUseId: 't1', content: [{ text: 'Noon' }] } }] },
      ];
      const { usage } = await runtime.send(converse({ toolConfig, messages }));
      const bytes = JSON.stringify(toolConfig).length + 'Time?'.length + 'Noon'.length;
      const toolUse = JSON.stringify({ toolUseId: 't1', name: 'clock', input: {} }).length;
      expect(usage?.inputTokens).toBe(Math.ceil((bytes + toolUse) / 4));
    });

    it('ends at maxTokens, and says so', async () => {
      const cut = await runtime.send(converse({ messages: ask(ofTokens(10)), inferenceConfig: { maxTokens: 35 } }));
      expect(cut).toMatchObject({ usage: { inputTokens: 10, outputTokens: 35 }, stopReason: 'max_tokens' });
      const whole = await runtime.send(converse({ messages: ask(ofTokens(10)), inferenceConfig: { maxTokens: 36 } }));
      expect(whole).toMatchObject({ usage: { outputTokens: 36 }, stopReason: 'end_turn' });
    });

    it('ends at the most that the model can answer when nothing else is asked', async () => {
      const { usage, stopReason } = await runtime.send(converse({ messages: ask(ofTokens(6_000)) }));
      expect(usage?.outputTokens).toBe(10_000);
      expect(stopReason).toBe('max_tokens');
    });

    it('is at least one token', async () => {
      expect((await runtime.send(converse({ messages: ask('!') }))).usage?.inputTokens).toBe(1);
    });
  });

  describe('prompt caching', () => {
    const cached = (question: string, ttl?: '5m' | '1h') =>
      converse({
        modelId: HAIKU,
        system: [
          { text: ofTokens(100) },
          { cachePoint: ttl === undefined ? { type: 'default' } : { type: 'default', ttl } },
        ],
        messages: ask(question),
      });

    it('writes a prefix at first sight and reads it afterwards', async () => {
      const first = await runtime.send(cached(ofTokens(7)));
      expect(first.usage).toEqual({
        inputTokens: 7,
        outputTokens: 230,
        totalTokens: 337,
        cacheReadInputTokens: 0,
        cacheWriteInputTokens: 100,
        cacheDetails: [{ ttl: '5m', inputTokens: 100 }],
      });
      const second = await runtime.send(cached(ofTokens(9)));
      expect(second.usage).toMatchObject({
        inputTokens: 9,
        cacheReadInputTokens: 100,
        cacheWriteInputTokens: 0,
        cacheDetails: [],
      });
      expect(second.usage?.totalTokens).toBe(9 + 100 + (second.usage?.outputTokens ?? 0));
    });

    it('forgets after five minutes without use, or an hour when asked to keep it so long', async () => {
      const readBy = async (ttl?: '1h') => (await runtime.send(cached('Hi', ttl))).usage?.cacheReadInputTokens;
      expect(await readBy()).toBe(0);
      await aws.clock.advance(4 * MINUTE);
      expect(await readBy()).toBe(100);
      await aws.clock.advance(4 * MINUTE);
      expect(await readBy()).toBe(100);
      await aws.clock.advance(6 * MINUTE);
      expect(await readBy('1h')).toBe(0);
      await aws.clock.advance(50 * MINUTE);
      expect(await readBy('1h')).toBe(100);
      await aws.clock.advance(61 * MINUTE);
      expect(await readBy('1h')).toBe(0);
    });

    it('reads up to the last point that is known and writes from there', async () => {
      const tools = [{ toolSpec: { name: 'clock', inputSchema: { json: {} } } }];
      const growing = (turns: number) =>
        converse({
          modelId: HAIKU,
          toolConfig: { tools: [...tools, { cachePoint: { type: 'default', ttl: '1h' } }] },
          messages: Array.from({ length: 2 * turns - 1 }, (_, index) =>
            index % 2 === 0
              ? { role: 'user', content: [{ text: ofTokens(50) }, { cachePoint: { type: 'default' } }] }
              : { role: 'assistant', content: [{ text: ofTokens(50) }] },
          ),
        });
      const toolTokens = Math.ceil(JSON.stringify(tools[0]).length / 4);
      const first = (await runtime.send(growing(1))).usage;
      expect(first?.cacheReadInputTokens).toBe(0);
      expect(first?.cacheDetails?.[0]).toEqual({ ttl: '1h', inputTokens: toolTokens });
      const written = first?.cacheWriteInputTokens ?? 0;
      expect(first?.cacheDetails).toContainEqual({ ttl: '5m', inputTokens: written - toolTokens });
      const second = (await runtime.send(growing(2))).usage;
      expect(second).toMatchObject({ inputTokens: 0, cacheReadInputTokens: written, cacheWriteInputTokens: 100 });
    });

    it('is not shared between profiles, nor between prompts that differ', async () => {
      await runtime.send(cached('Hi'));
      const arn = await createProfile(US_HAIKU_ARN);
      const ofProfile = await runtime.send(new ConverseCommand({ ...cached('Hi').input, modelId: arn }));
      expect(ofProfile.usage?.cacheReadInputTokens).toBe(0);
      const other = converse({
        modelId: HAIKU,
        system: [{ text: ofTokens(100, 'y') }, { cachePoint: { type: 'default' } }],
      });
      expect((await runtime.send(other)).usage?.cacheReadInputTokens).toBe(0);
    });

    it('is refused by a model that has none', async () => {
      await expect(
        runtime.send(new ConverseCommand({ ...cached('Hi').input, modelId: 'anthropic.claude-3-haiku-20240307-v1:0' })),
      ).rejects.toMatchObject({
        name: 'AccessDeniedException',
        message: expect.stringContaining('did not allow prompt caching'),
      });
    });
  });

  describe('the bill', () => {
    const costOf = async (input: Partial<ConverseCommandInput>): Promise<bigint | undefined> => {
      await runtime.send(converse({ messages: ask(ofTokens(1_000)), inferenceConfig: { maxTokens: 100 }, ...input }));
      return aws.billing.at(-1)?.costNanoUsd;
    };

    it.each([
      // 1,000 tokens at 0.06 and 100 at 0.24 USD per million.
      ['Nova Lite', { modelId: NOVA_LITE }, 84_000n],
      // 0.035 and 0.14.
      ['Nova Micro', { modelId: 'amazon.nova-micro-v1:0' }, 49_000n],
      // 1 and 5, a tenth more for a geographic profile.
      [
        'Haiku 4.5 through the global profile',
        { modelId: 'global.anthropic.claude-haiku-4-5-20251001-v1:0' },
        1_500_000n,
      ],
      ['Haiku 4.5 through the US profile', { modelId: HAIKU }, 1_650_000n],
      // 3 and 15, everywhere.
      ['Sonnet 4 through the US profile', { modelId: 'us.anthropic.claude-sonnet-4-20250514-v1:0' }, 4_500_000n],
      // 0.8 and 3.2.
      ['Nova Pro by default', { modelId: 'amazon.nova-pro-v1:0', serviceTier: { type: 'default' } }, 1_120_000n],
      ['Nova Pro flex', { modelId: 'amazon.nova-pro-v1:0', serviceTier: { type: 'flex' } }, 560_000n],
      ['Nova Pro priority', { modelId: 'amazon.nova-pro-v1:0', serviceTier: { type: 'priority' } }, 1_960_000n],
    ] satisfies [string, Partial<ConverseCommandInput>, bigint][])('of %s', async (_name, input, cost) => {
      expect(await costOf(input)).toBe(cost);
    });

    it('is rounded up to a whole nano-dollar for each call', async () => {
      // 1 token at 35 and 18 at 140 nano-dollars: 2,555; at priority, of Nova 2 Lite, with fractions.
      await runtime.send(converse({ modelId: 'amazon.nova-micro-v1:0', messages: ask('!') }));
      expect(aws.billing.at(-1)?.costNanoUsd).toBe(2_555n);
      await runtime.send(
        converse({ modelId: 'us.amazon.nova-2-lite-v1:0', messages: ask('!'), serviceTier: { type: 'priority' } }),
      );
      // (330 + 18 × 2,750) × 1.75 = 87,202.5
      expect(aws.billing.at(-1)?.costNanoUsd).toBe(87_203n);
    });

    it('has cache writes and reads at their own rates', async () => {
      const request = (ttl: '5m' | '1h') =>
        converse({
          modelId: 'global.anthropic.claude-haiku-4-5-20251001-v1:0',
          system: [{ text: ofTokens(1_000, ttl === '5m' ? 'a' : 'b') }, { cachePoint: { type: 'default', ttl } }],
          messages: ask('Hi!!'),
          inferenceConfig: { maxTokens: 1 },
        });
      const cost = async (ttl: '5m' | '1h') => {
        await runtime.send(request(ttl));
        return aws.billing.at(-1)?.costNanoUsd;
      };
      const oneInOneOut = 6_000n;
      expect(await cost('5m')).toBe(1_250_000n + oneInOneOut);
      expect(await cost('5m')).toBe(100_000n + oneInOneOut);
      expect(await cost('1h')).toBe(2_000_000n + oneInOneOut);
      expect(aws.billing.at(-1)).toMatchObject({
        inputTokens: 1,
        outputTokens: 1,
        cacheReadInputTokens: 0,
        cacheWriteInputTokens: 1_000,
      });
    });

    it('is dated by the virtual clock', async () => {
      await aws.clock.moveTo(Date.UTC(2026, 11, 1));
      await runtime.send(converse());
      expect(aws.billing.at(-1)?.at).toBeGreaterThanOrEqual(Date.UTC(2026, 11, 1));
    });
  });

  it('echoes the service tier that served the call', async () => {
    const tierOf = async (type: 'flex' | 'reserved') =>
      (await runtime.send(converse({ modelId: 'amazon.nova-pro-v1:0', serviceTier: { type } }))).serviceTier;
    expect(await tierOf('flex')).toEqual({ type: 'flex' });
    expect(await tierOf('reserved')).toEqual({ type: 'default' });
    expect((await runtime.send(converse())).serviceTier).toBeUndefined();
  });

  describe('refuses', () => {
    const assistant = { role: 'assistant' as const, content: [{ text: 'Hi' }] };
    const user = { role: 'user' as const, content: [{ text: 'Hi' }] };
    const metadata = (entries: number) =>
      Object.fromEntries(Array.from({ length: entries }, (_, index) => [`k${index}`, 'v']));

    it.each([
      ['no messages', { messages: [] }, /at least one message/],
      ['missing messages', { messages: undefined }, /at least one message/],
      ['a conversation that the assistant starts', { messages: [assistant] }, /must start with a user message/],
      ['two user messages in a row', { messages: [user, user] }, /must alternate between user and assistant/],
      [
        'a message without content',
        { messages: [{ role: 'user', content: [] }] },
        /content field in the Message object at messages\.0 is empty/,
      ],
      [
        'blank text',
        { messages: [user, assistant, { role: 'user', content: [{ text: ' ' }] }] },
        /text field in the ContentBlock object at messages\.2\.content\.0 is blank/,
      ],
      [
        'maxTokens of nothing',
        { inferenceConfig: { maxTokens: 0 } },
        /'inferenceConfig\.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1/,
      ],
      ['maxTokens beyond the model', { inferenceConfig: { maxTokens: 10_001 } }, /exceeds the model limit of 10000/],
      ['a temperature above 1', { inferenceConfig: { temperature: 1.5 } }, /'inferenceConfig\.temperature'/],
      ['a negative topP', { inferenceConfig: { topP: -0.1 } }, /'inferenceConfig\.topP'/],
      [
        '17 metadata entries',
        { requestMetadata: metadata(17) },
        /'requestMetadata' failed to satisfy constraint: Map must have length less than or equal to 16/,
      ],
      ['a metadata value of 257 characters', { requestMetadata: { a: 'x'.repeat(257) } }, /'requestMetadata\.value'/],
      ['no tools where there is a configuration of them', { toolConfig: { tools: [] } }, /'toolConfig\.tools'/],
      [
        'a tool whose name has blanks',
        { toolConfig: { tools: [{ toolSpec: { name: 'get claim', inputSchema: { json: {} } } }] } },
        /'toolConfig\.tools\.1\.member\.toolSpec\.name' failed to satisfy constraint: Member must satisfy regular/,
      ],
      [
        'a tool without a schema',
        { toolConfig: { tools: [{ toolSpec: { name: 'get', inputSchema: undefined } }] } },
        /'toolConfig\.tools\.1\.member\.toolSpec\.inputSchema' failed to satisfy constraint: Member must not be null/,
      ],
      [
        'an image without a format',
        {
          messages: [
            { role: 'user', content: [{ image: { format: undefined, source: { bytes: new Uint8Array([1]) } } }] },
          ],
        },
        /'messages\.1\.member\.content\.1\.member\.image\.format' failed to satisfy constraint: Member must not be null/,
      ],
      ['a tier without its type', { serviceTier: { type: undefined } }, /'serviceTier\.type'/],
      ['a tier that the model lacks', { serviceTier: { type: 'flex' } }, /service tier flex is not supported/],
      ['more than the context window holds', { messages: ask(ofTokens(300_001)) }, /Input is too long/],
    ] satisfies [string, Partial<ConverseCommandInput>, RegExp][])('%s', async (_name, input, message) => {
      const sending = runtime.send(converse(input));
      await expect(sending).rejects.toMatchObject({
        name: 'ValidationException',
        message: expect.stringMatching(message),
      });
      expect(aws.billing).toEqual([]);
    });

    it('16 metadata entries not', async () => {
      await expect(runtime.send(converse({ requestMetadata: metadata(16) }))).resolves.toHaveProperty('usage');
    });

    it('the operations that are not here', async () => {
      const unknown = { name: 'UnknownOperationException', $metadata: { httpStatusCode: 404 } };
      await expect(runtime.send(new ListAsyncInvokesCommand({}))).rejects.toMatchObject(unknown);
    });
  });

  it('shows no prompt to observers', async () => {
    const observed: unknown[] = [];
    aws.observe((observation) => observed.push(observation));
    await runtime.send(converse({ messages: ask('The secret word is xylophone'), system: [{ text: 'xylophone' }] }));
    await expect(
      runtime.send(converse({ messages: ask('xylophone'), inferenceConfig: { maxTokens: 0 } })),
    ).rejects.toThrow();
    expect(observed).toHaveLength(3);
    expect(
      JSON.stringify([observed, aws.billing], (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('xylophone');
  });
});
