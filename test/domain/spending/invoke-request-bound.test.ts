import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundOfInvoke, type InvokeRequest } from '../../../domain/spending/invoke-request-bound.ts';
import type { RequestBound } from '../../../domain/spending/pricing.ts';

const WINDOW = 200_000;
const CLAUDE = 'anthropic.claude-sonnet-4-6';
const bytes = (document: unknown): Uint8Array =>
  new TextEncoder().encode(typeof document === 'string' ? document : JSON.stringify(document));
const reading = (document: unknown, changes: Partial<InvokeRequest> = {}) =>
  boundOfInvoke({
    body: bytes(document),
    baseModelId: CLAUDE,
    contextWindow: WINDOW,
    tier: undefined,
    ...changes,
  });
const boundOf = (document: unknown, changes: Partial<InvokeRequest> = {}): RequestBound => {
  const read = reading(document, changes);
  if (read.kind !== 'bounded') throw new Error(`${read.kind}: ${read.problem}`);
  return read.bound;
};
const ask = (changes: object = {}) => ({
  anthropic_version: 'bedrock-2023-05-31',
  max_tokens: 500,
  messages: [{ role: 'user', content: 'hello' }],
  ...changes,
});
const content = (...blocks: object[]) => ask({ messages: [{ role: 'user', content: blocks }] });
const MEDIA = { type: 'base64', media_type: 'image/png', data: 'aGk=' };

describe('the bound of an InvokeModel request', () => {
  it('is the bytes of the body and the limit of the output', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 9_000 }), (words, maxTokens) => {
        const bound = boundOf(ask({ system: words, max_tokens: maxTokens }));
        expect(bound.inputBytes).toBeGreaterThanOrEqual(Buffer.byteLength(words));
        expect(bound).toMatchObject({ maxOutputTokens: maxTokens, mayWriteCache: false, tier: 'default' });
      }),
    );
  });

  it.each<[string, string, object]>([
    ['Anthropic', CLAUDE, { max_tokens: 77 }],
    ['Anthropic text completions', 'anthropic.claude-v2:1', { max_tokens_to_sample: 77 }],
    ['Amazon Nova', 'amazon.nova-lite-v1:0', { inferenceConfig: { maxTokens: 77 } }],
    ['Amazon Nova, in its other spelling', 'amazon.nova-lite-v1:0', { inferenceConfig: { max_new_tokens: 77 } }],
    ['Amazon Titan', 'amazon.titan-text-lite-v1', { textGenerationConfig: { maxTokenCount: 77 } }],
    ['Meta Llama', 'meta.llama3-3-70b-instruct-v1:0', { max_gen_len: 77 }],
    ['Mistral', 'mistral.mistral-large-2402-v1:0', { max_tokens: 77 }],
    ['Cohere', 'cohere.command-r-v1:0', { max_tokens: 77 }],
    ['AI21', 'ai21.jamba-1-5-mini-v1:0', { max_tokens: 77 }],
    ['OpenAI', 'openai.gpt-oss-20b-1:0', { max_completion_tokens: 77 }],
    ['DeepSeek', 'deepseek.r1-v1:0', { max_tokens: 77 }],
    ['Qwen', 'qwen.qwen3-32b-v1:0', { max_tokens: 77 }],
    ['Writer', 'writer.palmyra-x5-v1:0', { max_tokens: 77 }],
  ])('reads the limit of %s', (_, baseModelId, limit) => {
    expect(boundOf({ prompt: 'hi', ...limit }, { baseModelId }).maxOutputTokens).toBe(77);
    // The key of another vendor limits nothing.
    expect(boundOf({ prompt: 'hi' }, { baseModelId }).maxOutputTokens).toBe(WINDOW);
  });

  it('takes the limit of another vendor for none', () => {
    expect(boundOf({ prompt: 'hi', max_gen_len: 5 }).maxOutputTokens).toBe(WINDOW);
    expect(
      boundOf({ prompt: 'hi', max_tokens: 5 }, { baseModelId: 'meta.llama3-8b-instruct-v1:0' }).maxOutputTokens,
    ).toBe(WINDOW);
  });

  it('takes the larger of two limits', () => {
    const document = { inferenceConfig: { maxTokens: 5, max_new_tokens: 900 } };
    expect(boundOf(document, { baseModelId: 'amazon.nova-pro-v1:0' }).maxOutputTokens).toBe(900);
  });

  it('clamps the limit to the window of the model [F25]', () => {
    expect(boundOf(ask({ max_tokens: 999_999_999 })).maxOutputTokens).toBe(WINDOW);
  });

  it.each([-5, 0, 1.5, '500', [], true])('takes max_tokens %j for no bound: the window is', (max_tokens) => {
    expect(boundOf(ask({ max_tokens })).maxOutputTokens).toBe(WINDOW);
  });

  it('counts every answer that is asked for', () => {
    const openai = { baseModelId: 'openai.gpt-oss-20b-1:0' };
    expect(boundOf({ messages: [], max_tokens: 100, n: 4 }, openai).maxOutputTokens).toBe(400);
    expect(
      boundOf({ prompt: 'x', max_tokens: 100, num_generations: 5 }, { baseModelId: 'cohere.command-text-v14' })
        .maxOutputTokens,
    ).toBe(500);
    expect(reading({ messages: [], max_tokens: 100, n: '4' }, openai).kind).toBe('unbounded');
  });

  it.each<[string, object]>([
    ['an image', content({ type: 'image', source: MEDIA })],
    ['a document', content({ type: 'document', source: { ...MEDIA, media_type: 'application/pdf' } })],
    [
      'an image in a tool result',
      content({ type: 'tool_result', tool_use_id: '1', content: [{ type: 'image', source: MEDIA }] }),
    ],
    ['an image of chat completions', content({ type: 'image_url', image_url: { url: 'https://example.com/a.png' } })],
    ['an image in the text', content({ text: 'data:image/png;base64,aGk=' })],
    ['a video of Nova', content({ video: { format: 'mp4', source: { s3Location: { uri: 's3://b/k' } } } })],
    ['a list of images', ask({ images: ['aGk='] })],
  ])('is the whole window for %s, whose tokens only the model counts [F26]', (_, document) => {
    expect(boundOf(document).inputBytes).toBe(WINDOW);
    expect(reading(document, { contextWindow: undefined }).kind).toBe('unbounded');
  });

  it('is not the window for a tool that is about images', () => {
    const tools = [{ name: 'draw', input_schema: { type: 'object', properties: { image: { type: 'string' } } } }];
    expect(boundOf(ask({ tools })).inputBytes).toBeLessThan(1_000);
  });

  it.each<[string, unknown, Partial<InvokeRequest>]>([
    ['a body that is no JSON', 'not json', {}],
    ['a body that is no text', 'x', { body: new Uint8Array([0xff, 0xfe]) }],
    ['a vendor that is not known', { max_tokens: 5 }, { baseModelId: 'acme.brain-v1:0' }],
  ])('is the whole window, read and answered, for %s', (_, document, changes) => {
    expect(boundOf(document, changes)).toMatchObject({ inputBytes: WINDOW, maxOutputTokens: WINDOW });
    expect(reading(document, { ...changes, contextWindow: undefined }).kind).toBe('unbounded');
  });

  it.each([
    'amazon.nova-canvas-v1:0',
    'amazon.nova-reel-v1:1',
    'amazon.nova-2-sonic-v1:0',
    'amazon.nova-2-multimodal-embeddings-v1:0',
    'cohere.rerank-v3-5:0',
    'stability.sd3-5-large-v1:0',
  ])('is not what %s is told to limit: it is not priced by what it reads and writes [F8]', (baseModelId) => {
    const document = { prompt: 'a cat', max_tokens: 1, inferenceConfig: { maxTokens: 1 } };
    expect(reading(document, { baseModelId, contextWindow: undefined }).kind).toBe('unbounded');
  });

  it('holds nothing for the output of an embedding, and takes text only [F26]', () => {
    const embed = { baseModelId: 'amazon.titan-embed-text-v2:0', contextWindow: undefined };
    expect(boundOf({ inputText: 'hi' }, embed)).toMatchObject({ maxOutputTokens: 0, inputBytes: 18 });
    expect(boundOf({ texts: ['hi'] }, { ...embed, baseModelId: 'cohere.embed-english-v3' }).maxOutputTokens).toBe(0);
    expect(reading({ images: ['data:image/png;base64,aGk='] }, { baseModelId: 'cohere.embed-v4:0' }).kind).toBe(
      'unbounded',
    );
  });

  it.each<[string, object, string | undefined]>([
    ['a block', content({ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }), undefined],
    ['the system prompt', ask({ system: [{ text: 'a', cache_control: { type: 'ephemeral', ttl: '5m' } }] }), undefined],
    ['a tool, for an hour', ask({ tools: [{ name: 't', cache_control: { type: 'ephemeral', ttl: '1h' } }] }), '1h'],
    ['a time that is not known', ask({ system: [{ text: 'a', cache_control: { ttl: '24h' } }] }), '1h'],
    ['a cache point of Nova', ask({ system: [{ text: 'a' }, { cachePoint: { type: 'default' } }] }), undefined],
  ])('sees the cache asked for in %s [F6]', (_, document, unsplitWrites) => {
    const bound = boundOf(document);
    expect(bound.mayWriteCache).toBe(true);
    expect(bound.unsplitWrites).toBe(unsplitWrites);
  });

  it.each<[string, object]>([
    ['a web search', ask({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] })],
    ['code execution', ask({ tools: [{ type: 'code_execution_20250522', name: 'code_execution' }] })],
    ['a tool of another kind', ask({ tools: [{ type: 'new_kind' }] })],
    ['remote tools', ask({ mcp_servers: [{ type: 'url', url: 'https://example.com' }] })],
    ['a container', ask({ container: 'c1' })],
    ['a system tool of Nova', ask({ toolConfig: { tools: [{ systemTool: { name: 'nova_grounding' } }] } })],
    ['connectors of Cohere', ask({ connectors: [{ id: 'web-search' }] })],
    ['compaction', ask({ context_management: { edits: [{ type: 'compact_20260112' }] } })],
  ])('is refused for %s: neither its price nor what it adds is known [F8]', (_, document) => {
    expect(reading(document).kind).toBe('unpriced');
  });

  it('is there for the tools of the caller, with an allowance for those that the vendor describes', () => {
    const plain = boundOf(
      ask({ tools: [{ type: 'custom', name: 't' }, { type: 'function', function: {} }, { name: 'u' }] }),
    );
    const defined = boundOf(ask({ tools: [{ type: 'bash_20250124', name: 'bash' }] }));
    expect(plain.inputBytes).toBeLessThan(500);
    expect(defined.inputBytes).toBeGreaterThan(1_024);
    expect(reading(ask({ context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] } })).kind).toBe(
      'bounded',
    );
  });

  it('is refused for a longer context than the one whose price is known [F8]', () => {
    const long = { anthropic_beta: ['context-1m-2025-08-07'] };
    expect(reading(ask({ ...long, system: 'x'.repeat(WINDOW) })).kind).toBe('unpriced');
    expect(reading({ ...content({ type: 'image', source: MEDIA }), ...long }).kind).toBe('unpriced');
    expect(reading(ask(long)).kind).toBe('bounded');
    expect(reading(ask({ ...long, system: 'x'.repeat(WINDOW) }), { contextWindow: 1_000_000 }).kind).toBe('bounded');
  });

  it.each<[string | undefined, object, string]>([
    [undefined, {}, 'default'],
    ['priority', {}, 'priority'],
    ['flex', {}, 'default'],
    ['reserved', {}, 'reserved'],
    [undefined, { service_tier: 'priority' }, 'priority'],
    [undefined, { service_tier: 'auto' }, 'default'],
    [undefined, { service_tier: 'platinum' }, 'priority'],
  ])('prices the tier %j with %j in the body as %s', (tier, changes, expected) => {
    expect(boundOf(ask(changes), { tier }).tier).toBe(expected);
  });

  it('never throws, whatever the body is', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), fc.jsonValue().map(bytes)),
        fc.option(fc.constant(WINDOW)),
        (body, window) => {
          const read = boundOfInvoke({
            body,
            baseModelId: CLAUDE,
            contextWindow: window ?? undefined,
            tier: undefined,
          });
          if (read.kind === 'bounded') expect(read.bound.inputBytes).toBeGreaterThanOrEqual(body.length);
        },
      ),
    );
  });
});
