import { describe, expect, it } from 'vitest';
import { addChunk, NO_COUNTS, readStreamUsage } from '../../../domain/spending/invoke-stream-usage.ts';
import type { UsageTerms } from '../../../domain/spending/usage.ts';
import { event } from '../event-fixtures.ts';

const usage = (input: number, output: number, read = 0, fiveMinutes = 0, oneHour = 0) => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadInputTokens: read,
  cacheWrite5mInputTokens: fiveMinutes,
  cacheWrite1hInputTokens: oneHour,
});
const read = (chunks: readonly unknown[], terms?: UsageTerms) =>
  readStreamUsage(chunks.reduce(addChunk, NO_COUNTS), terms)?.usage;

const start = (counts: object = {}) => ({
  type: 'message_start',
  message: { usage: { input_tokens: 10, output_tokens: 1, ...counts } },
});
const text = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'hello' } };
const end = (counts: object = { output_tokens: 40 }, reason: string | null = 'end_turn') => ({
  type: 'message_delta',
  delta: { stop_reason: reason },
  usage: counts,
});
const metrics = (counts: object = {}) => ({
  type: 'message_stop',
  'amazon-bedrock-invocationMetrics': { inputTokenCount: 10, outputTokenCount: 41, ...counts },
});
const WRITES = {
  cache_creation_input_tokens: 300,
  cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
};

describe('the chunks of an InvokeModelWithResponseStream answer', () => {
  it('end with what Bedrock meters', () => {
    expect(read([event('runtime-InvokeModelWithResponseStream-last-chunk')])).toEqual(usage(3, 5));
    expect(read([start(), text, end(), metrics()])).toEqual(usage(10, 41));
  });

  it('keep an explicit zero [F5]', () => {
    expect(read([start(), end(), metrics({ outputTokenCount: 0 })])).toEqual(usage(10, 0));
  });

  it.each<[string, readonly unknown[]]>([
    ['none', []],
    ['the start of a message', [start()]],
    ['a message without its end', [start(), text, text]],
    ['a delta that does not end the message', [start(), text, end({ output_tokens: 7 }, null)]],
    ['an end that leaves the placeholder of the start', [start(), end({})]],
    ['metrics that are none', [{ 'amazon-bedrock-invocationMetrics': 'x' }]],
    ['metrics without output', [{ 'amazon-bedrock-invocationMetrics': { inputTokenCount: 4 } }]],
    ['metrics below zero', [{ 'amazon-bedrock-invocationMetrics': { inputTokenCount: 4, outputTokenCount: -4 } }]],
    ['no objects', [null, 'text', 7, []]],
  ])('are unknown usage with %s, not a placeholder [F4]', (_, chunks) => {
    expect(read(chunks)).toBeUndefined();
  });

  it('tell by themselves once the message has ended, where the metrics never came [F4]', () => {
    expect(read([start({ cache_read_input_tokens: 700, ...WRITES }), text, end()])).toEqual(
      usage(10, 40, 700, 100, 200),
    );
    expect(read([start(), text, end({ output_tokens: 40, input_tokens: 12 })])).toEqual(usage(12, 40));
  });

  it('split the writes that the metrics count [F6]', () => {
    const counted = metrics({ cacheReadInputTokenCount: 700, cacheWriteInputTokenCount: 300 });
    expect(read([start(WRITES), text, end(), counted])).toEqual(usage(10, 41, 700, 100, 200));
    expect(read([start(), counted])).toEqual(usage(10, 41, 700, 300));
    expect(read([start(), counted], { unsplitWrites: '1h' })).toEqual(usage(10, 41, 700, 0, 300));
    expect(read([start(WRITES), metrics({ cacheWriteInputTokenCount: 301 })])).toEqual(usage(10, 41, 0, 301));
  });

  it.each<[string, readonly unknown[], ReturnType<typeof usage> | undefined]>([
    ['Amazon Nova', [{ messageStart: {} }, { metadata: { usage: { inputTokens: 3, outputTokens: 4 } } }], usage(3, 4)],
    [
      'chat completions',
      [
        { choices: [{}], usage: null },
        { choices: [], usage: { prompt_tokens: 9, completion_tokens: 2 } },
      ],
      usage(9, 2),
    ],
    [
      'Meta Llama',
      [
        { prompt_token_count: 9, generation_token_count: 1, stop_reason: null },
        { prompt_token_count: null, generation_token_count: 6, stop_reason: 'stop' },
      ],
      usage(9, 6),
    ],
    ['Meta Llama, broken off', [{ prompt_token_count: 9, generation_token_count: 1, stop_reason: null }], undefined],
    [
      'Amazon Titan',
      [
        { inputTextTokenCount: 9, totalOutputTextTokenCount: null, completionReason: null },
        { inputTextTokenCount: null, totalOutputTextTokenCount: 6, completionReason: 'FINISH' },
      ],
      usage(9, 6),
    ],
  ])('of %s tell their usage', (_, chunks, expected) => {
    expect(read(chunks)).toEqual(expected);
  });

  it('that tell less of what has been read than the first one take nothing back: counts are totals', () => {
    const said = [
      start({ cache_read_input_tokens: 9 }),
      text,
      end({ input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 40 }),
    ];
    expect(read(said)).toEqual(usage(10, 40, 9));
  });

  it('that tell a running usage with each chunk have told all only with the last one [F4]', () => {
    const running = (completion: number, finish: string | null) => ({
      choices: [{ delta: { content: 'x' }, finish_reason: finish }],
      usage: { prompt_tokens: 10, completion_tokens: completion },
    });
    expect(read([running(1, null), running(2, null)])).toBeUndefined();
    expect(read([running(1, null), running(2, 'stop')])).toEqual(usage(10, 2));
    expect(read([running(1, null), { choices: [], usage: { prompt_tokens: 10, completion_tokens: 3 } }])).toEqual(
      usage(10, 3),
    );
    expect(read([{ choices: [{ text: 'x', stop_reason: 'length' }], usage: running(4, null).usage }])).toEqual(
      usage(10, 4),
    );
  });

  it('that tell nothing cost nothing to take into account', () => {
    const counts = addChunk(NO_COUNTS, start());
    expect(addChunk(counts, text)).toBe(counts);
  });
});
