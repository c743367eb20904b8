import type { ContentBlock, ConverseCommandInput, InvokeModelCommandInput } from '@aws-sdk/client-bedrock-runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GovernorRefusal } from '../../invoke/refusals.ts';
import { boundOf, boundOfInvokeModel } from '../../invoke/request-bound.ts';

const WINDOW = 200_000;
const request = (content: ContentBlock[], changes: Partial<ConverseCommandInput> = {}): ConverseCommandInput => ({
  modelId: 'x',
  messages: [{ role: 'user', content }],
  inferenceConfig: { maxTokens: 500 },
  ...changes,
});
const text = (words: string, changes: Partial<ConverseCommandInput> = {}) => request([{ text: words }], changes);
const image: ContentBlock = { image: { format: 'png', source: { bytes: new Uint8Array(10) } } };
const refusalOf = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    if (error instanceof GovernorRefusal) return error.code;
    throw error;
  }
  return 'none';
};

describe('boundOf', () => {
  it('bounds text by at least its bytes, and the answer by maxTokens', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 1, max: 4_000 }),
        (system, words, maxTokens) => {
          const bound = boundOf(text(words, { system: [{ text: system }], inferenceConfig: { maxTokens } }), WINDOW);
          expect(bound.inputBytes).toBeGreaterThanOrEqual(Buffer.byteLength(system) + Buffer.byteLength(words));
          expect(bound).toMatchObject({ maxOutputTokens: maxTokens, mayWriteCache: false, tier: 'default' });
        },
      ),
    );
  });

  it('counts tools and tool results as input', () => {
    const description = 'd'.repeat(5_000);
    const tools = boundOf(
      text('hi', { toolConfig: { tools: [{ toolSpec: { name: 't', description, inputSchema: { json: {} } } }] } }),
      WINDOW,
    );
    const result = boundOf(request([{ toolResult: { toolUseId: '1', content: [{ text: description }] } }]), WINDOW);
    expect(Math.min(tools.inputBytes, result.inputBytes)).toBeGreaterThan(5_000);
  });

  it.each<[string, ContentBlock]>([
    ['an image', image],
    ['a document', { document: { format: 'pdf', name: 'd', source: { bytes: new Uint8Array(1) } } }],
    ['a video', { video: { format: 'mp4', source: { s3Location: { uri: 's3://b/k' } } } }],
    [
      'an image in a tool result',
      { toolResult: { toolUseId: '1', content: [{ image: { format: 'png', source: { bytes: new Uint8Array(1) } } }] } },
    ],
  ])('holds the whole window for %s, whose tokens only the model counts [F26]', (_, block) => {
    expect(boundOf(request([block]), WINDOW).inputBytes).toBe(WINDOW);
    expect(refusalOf(() => boundOf(request([block]), undefined))).toBe('Unbounded');
  });

  it('clamps maxTokens to the window of the model [F25]', () => {
    expect(boundOf(text('hi', { inferenceConfig: { maxTokens: 999_999_999 } }), WINDOW).maxOutputTokens).toBe(WINDOW);
  });

  it('holds the window for an answer without maxTokens, and refuses where no window is known', () => {
    expect(boundOf(text('hi', { inferenceConfig: {} }), WINDOW).maxOutputTokens).toBe(WINDOW);
    expect(refusalOf(() => boundOf(text('hi', { inferenceConfig: {} }), undefined))).toBe('Unbounded');
  });

  it.each([Number.NaN, -5, 0, 1.5])('takes maxTokens %d for no bound: the window is', (maxTokens) => {
    expect(boundOf(text('hi', { inferenceConfig: { maxTokens } }), WINDOW).maxOutputTokens).toBe(WINDOW);
  });

  it('holds the window for an image in a guarded block [F26]', () => {
    const image = { format: 'png' as const, source: { bytes: new Uint8Array(3) } };
    expect(boundOf(request([{ guardContent: { image } }]), WINDOW).inputBytes).toBe(WINDOW);
    expect(boundOf(text('hi', { system: [{ guardContent: { image } }] }), WINDOW).inputBytes).toBe(WINDOW);
  });

  it('prices input as written to the cache beside fields that could switch caching on', () => {
    expect(boundOf(text('hi', { additionalModelRequestFields: { cache: true } }), WINDOW).mayWriteCache).toBe(true);
  });

  it('trusts no maxTokens beside fields that only the model understands', () => {
    expect(boundOf(text('hi', { additionalModelRequestFields: { max_tokens: 9 } }), WINDOW).maxOutputTokens).toBe(
      WINDOW,
    );
  });

  it.each<[string, ConverseCommandInput]>([
    ['a message', request([{ text: 'a' }, { cachePoint: { type: 'default' } }])],
    ['the system prompt', text('a', { system: [{ text: 'a' }, { cachePoint: { type: 'default' } }] })],
    ['the tools', text('a', { toolConfig: { tools: [{ cachePoint: { type: 'default' } }] } })],
  ])('sees a cache point in %s [F6]', (_, input) => {
    expect(boundOf(input, WINDOW).mayWriteCache).toBe(true);
  });

  it.each([
    ['priority', 'priority'],
    ['default', 'default'],
    ['reserved', 'reserved'],
    // Flex is granted or not; an answer of the default tier costs the default price.
    ['flex', 'default'],
  ] as const)('prices the tier %s as %s', (type, tier) => {
    expect(boundOf(text('a', { serviceTier: { type } }), WINDOW).tier).toBe(tier);
  });

  it('refuses tools that Bedrock runs itself: neither their price nor what they add is known [F8]', () => {
    const tools = [{ systemTool: { name: 'nova_grounding' } }];
    expect(refusalOf(() => boundOf(text('hi', { toolConfig: { tools } }), WINDOW))).toBe('Unpriced');
  });

  it.each<[string, ConverseCommandInput['additionalModelRequestFields']]>([
    ['a web search', { tools: [{ type: 'web_search_20250305' }] }],
    ['remote tools', { mcp_servers: [{ url: 'https://example.com' }] }],
    ['compaction', { context_management: { edits: [{ type: 'compact_20260112' }] } }],
  ])('refuses %s among the model-specific fields [F8]', (_, additionalModelRequestFields) => {
    expect(refusalOf(() => boundOf(text('hi', { additionalModelRequestFields }), WINDOW))).toBe('Unpriced');
  });

  it('allows for the tools that the vendor describes to the model', () => {
    const bytes = (type: string) =>
      boundOf(text('hi', { additionalModelRequestFields: { tools: [{ type, name: 't' }] } }), WINDOW).inputBytes;
    expect(bytes('bash_20250124') - bytes('custom')).toBeGreaterThan(1_000);
  });

  it('refuses a longer context than the one whose price is known [F8]', () => {
    const long = { additionalModelRequestFields: { anthropic_beta: ['context-1m-2025-08-07'] } };
    expect(refusalOf(() => boundOf(text('x'.repeat(WINDOW), long), WINDOW))).toBe('Unpriced');
    expect(refusalOf(() => boundOf(text('hi', long), WINDOW))).toBe('none');
  });

  it('refuses latency-optimised inference, whose price is not known [F8]', () => {
    expect(refusalOf(() => boundOf(text('a', { performanceConfig: { latency: 'optimized' } }), WINDOW))).toBe(
      'Unpriced',
    );
  });
});

describe('boundOfInvokeModel', () => {
  const document = JSON.stringify({ max_tokens: 50, messages: [{ role: 'user', content: 'grüezi' }] });
  const model = { baseModelId: 'anthropic.claude-sonnet-4-6', contextWindow: WINDOW };
  const encoded = new TextEncoder().encode(document);

  it.each<[string, NonNullable<InvokeModelCommandInput['body']>]>([
    ['a text', document],
    ['bytes', encoded],
    ['a buffer', Buffer.from(document)],
    ['a part of a buffer', Buffer.from(`xx${document}xx`).subarray(2, 2 + encoded.length)],
    ['an array buffer', encoded.buffer],
    ['a view', new DataView(encoded.buffer)],
  ])('bounds %s alike', (_, body) => {
    const bound = boundOfInvokeModel({ modelId: 'x', body }, model);
    expect(bound).toEqual({ inputBytes: encoded.length, mayWriteCache: false, maxOutputTokens: 50, tier: 'default' });
  });

  it.each<[string, InvokeModelCommandInput, string]>([
    ['a body that is not in memory', { modelId: 'x', body: new Blob([document]) }, 'Unbounded'],
    ['no body', { modelId: 'x' }, 'Unbounded'],
    [
      'latency-optimised inference',
      { modelId: 'x', body: document, performanceConfigLatency: 'optimized' },
      'Unpriced',
    ],
    ['a tool on the server', { modelId: 'x', body: '{"tools":[{"type":"web_search_20250305"}]}' }, 'Unpriced'],
  ])('refuses %s [F8, F26]', (_, input, code) => {
    expect(refusalOf(() => boundOfInvokeModel(input, model))).toBe(code);
  });

  it('takes the tier of the request', () => {
    expect(boundOfInvokeModel({ modelId: 'x', body: document, serviceTier: 'priority' }, model).tier).toBe('priority');
  });
});
