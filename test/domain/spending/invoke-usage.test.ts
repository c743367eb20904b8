import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInvokeBody, readInvokeHeaders, readInvokeUsage } from '../../../domain/spending/invoke-usage.ts';
import type { UsageTerms } from '../../../domain/spending/usage.ts';
import { event, mutationsOf } from '../event-fixtures.ts';

const usage = (input: number, output: number, read = 0, fiveMinutes = 0, oneHour = 0) => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadInputTokens: read,
  cacheWrite5mInputTokens: fiveMinutes,
  cacheWrite1hInputTokens: oneHour,
});
const headers = (input?: string, output?: string, read?: string, write?: string) => ({
  'x-amzn-bedrock-input-token-count': input,
  'x-amzn-bedrock-output-token-count': output,
  'x-amzn-bedrock-cache-read-input-token-count': read,
  'x-amzn-bedrock-cache-write-input-token-count': write,
});
const ofBody = (body: unknown, terms?: UsageTerms) => readInvokeUsage({ headers: {}, body }, terms)?.usage;

const ANTHROPIC = {
  type: 'message',
  usage: {
    input_tokens: 10,
    output_tokens: 5,
    cache_creation_input_tokens: 300,
    cache_read_input_tokens: 700,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
  },
};

describe('the headers of an InvokeModel answer', () => {
  it('tell what Bedrock meters', () => {
    const recorded = event('runtime-InvokeModel-response-headers') as Record<string, string>;
    expect(readInvokeUsage({ headers: recorded })).toEqual({ usage: usage(12, 34) });
  });

  it('keep an explicit zero [F5]', () => {
    expect(readInvokeUsage({ headers: headers('7', '0', '0', '0') })?.usage).toEqual(usage(7, 0));
    expect(readInvokeUsage({ headers: headers('0', '0') })?.usage).toEqual(usage(0, 0));
  });

  it('are gone before, not beside, the body: one zero there is no reason to look here [F5]', () => {
    const body = { usage: { input_tokens: 7, output_tokens: 9 } };
    expect(readInvokeUsage({ headers: headers('7', '0'), body })?.usage).toEqual(usage(7, 0));
  });

  it.each<[string, ReturnType<typeof headers>]>([
    ['none', headers()],
    ['no output', headers('5')],
    ['a part of a token', headers('1.5', '1')],
    ['a count below zero', headers('-1', '1')],
    ['no number', headers('x', '1')],
    ['nothing', headers('', '')],
    ['another base', headers('0x10', '1')],
    ['too many to count', headers('9'.repeat(30), '1')],
    ['a cache count that is none', headers('1', '1', 'many')],
  ])('with %s are unknown usage, not none [F4]', (_, found) => {
    expect(readInvokeUsage({ headers: found })).toBeUndefined();
  });

  it('count cache reads and writes apart from input [F6]', () => {
    expect(readInvokeUsage({ headers: headers('10', '5', '700', '300') })?.usage).toEqual(usage(10, 5, 700, 300));
  });

  it('take the split of writes from the body where it adds up, at the hour price for the hour [F6]', () => {
    const answer = { headers: headers('10', '5', '700', '300'), body: ANTHROPIC };
    expect(readInvokeUsage(answer)?.usage).toEqual(usage(10, 5, 700, 100, 200));
  });

  it('take no split that does not add up: writes are for five minutes, or for what the request asked [F6]', () => {
    const answer = { headers: headers('10', '5', '700', '301'), body: ANTHROPIC };
    expect(readInvokeUsage(answer)?.usage).toEqual(usage(10, 5, 700, 301));
    expect(readInvokeUsage(answer, { unsplitWrites: '1h' })?.usage).toEqual(usage(10, 5, 700, 0, 301));
  });

  it('are completed by what only the body tells, such as cached tokens [F6]', () => {
    expect(readInvokeUsage({ headers: headers('10', '5'), body: ANTHROPIC })?.usage).toEqual(
      usage(10, 5, 700, 100, 200),
    );
  });

  it('that count cached tokens as input too are told by the body; the dearer reading is priced [F7]', () => {
    const answer = { headers: headers('1010', '5', '700', '300'), body: ANTHROPIC };
    expect(readInvokeUsage(answer)).toEqual({
      usage: usage(1010, 5, 700, 100, 200),
      drift: 'input-seems-to-include-cache',
    });
    expect(readInvokeUsage(answer, { inputTokens: 'including-cache' })).toEqual({ usage: usage(10, 5, 700, 100, 200) });
  });

  it('that count cached tokens as input, and no cached ones apart, are told apart by the body [F6]', () => {
    const answer = { headers: headers('1010', '5'), body: ANTHROPIC };
    expect(readInvokeUsage(answer)).toEqual({ usage: usage(10, 5, 700, 100, 200) });
    // What the price entry says of Bedrock's counts says the same.
    expect(readInvokeUsage(answer, { inputTokens: 'including-cache' })).toEqual({ usage: usage(10, 5, 700, 100, 200) });
  });

  it('go before the body one by one, where some are missing', () => {
    const body = { usage: { input_tokens: 9, output_tokens: 3 } };
    expect(readInvokeUsage({ headers: headers(undefined, '5'), body })?.usage).toEqual(usage(9, 5));
    expect(readInvokeUsage({ headers: headers(undefined, undefined, '11'), body })?.usage).toEqual(usage(9, 3, 11));
  });

  it('may stand in blanks, as HTTP has it', () => {
    expect(readInvokeUsage({ headers: headers(' 7 ', '\t3') })?.usage).toEqual(usage(7, 3));
  });

  it('that hold a count which is none leave the word to the body', () => {
    expect(readInvokeUsage({ headers: headers('10', 'x'), body: ANTHROPIC })?.usage).toEqual(
      usage(10, 5, 700, 100, 200),
    );
  });
});

describe('the body of an InvokeModel answer', () => {
  it.each<[string, unknown, ReturnType<typeof usage>]>([
    ['Anthropic', ANTHROPIC, usage(10, 5, 700, 100, 200)],
    [
      'Anthropic without a split',
      { usage: { input_tokens: 10, output_tokens: 0, cache_creation_input_tokens: 300 } },
      usage(10, 0, 0, 300),
    ],
    [
      'Anthropic with nulls',
      { usage: { input_tokens: 1, output_tokens: 2, cache_creation_input_tokens: null, cache_creation: null } },
      usage(1, 2),
    ],
    [
      'Amazon Nova',
      {
        usage: {
          inputTokens: 3,
          outputTokens: 0,
          totalTokens: 10,
          cacheReadInputTokenCount: 7,
          cacheWriteInputTokenCount: 0,
        },
      },
      usage(3, 0, 7),
    ],
    ['Meta Llama', { generation: 'x', prompt_token_count: 12, generation_token_count: 0 }, usage(12, 0)],
    ['Amazon Titan', { inputTextTokenCount: 6, results: [{ tokenCount: 4 }, { tokenCount: 0 }] }, usage(6, 4)],
    ['an embedding of Amazon Titan', { embedding: [0.1], inputTextTokenCount: 6 }, usage(6, 0)],
    ['Cohere', { meta: { billed_units: { input_tokens: 6, output_tokens: 2 } } }, usage(6, 2)],
    ['Cohere embeddings', { embeddings: { float: [] }, meta: { billed_units: { input_tokens: 6 } } }, usage(6, 0)],
    [
      'chat completions, whose prompt holds the cached tokens [F7]',
      {
        usage: {
          prompt_tokens: 100,
          completion_tokens: 5,
          total_tokens: 105,
          prompt_tokens_details: { cached_tokens: 64 },
        },
      },
      usage(36, 5, 64),
    ],
    ['chat completions without details', { usage: { prompt_tokens: 10, completion_tokens: 5 } }, usage(10, 5)],
  ])('of %s tells its usage', (_, body, expected) => {
    expect(ofBody(body)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['no body', undefined],
    ['null', null],
    ['a text', 'usage'],
    ['no usage', { content: [] }],
    ['usage without output', { usage: { input_tokens: 5 } }],
    ['usage of null output', { usage: { input_tokens: 5, output_tokens: null } }],
    ['texts for counts', { usage: { input_tokens: '5', output_tokens: '5' } }],
    [
      'more cached tokens than the prompt has',
      { usage: { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 2 } } },
    ],
    ['a result that is not counted', { inputTextTokenCount: 6, results: [{ tokenCount: 4 }, {}] }],
    ['no results', { inputTextTokenCount: 6, results: [] }],
    ['an image', { images: ['aGk='] }],
  ])('with %s is unknown usage, not none [F4]', (_, body) => {
    expect(ofBody(body)).toBeUndefined();
  });

  it('prices writes that nothing splits as the request asked for [F6]', () => {
    const body = { usage: { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 300 } };
    expect(ofBody(body, { unsplitWrites: '1h' })).toEqual(usage(1, 1, 0, 0, 300));
  });

  it('is read by its vendor, whatever the price entry says of what Bedrock counts [F7]', () => {
    expect(ofBody(ANTHROPIC, { inputTokens: 'including-cache' })).toEqual(usage(10, 5, 700, 100, 200));
  });

  it('says that an embedding has no output where the headers count only its input [F5]', () => {
    expect(readInvokeUsage({ headers: headers('9'), body: { embeddings: [[0.1]] } })?.usage).toEqual(usage(9, 0));
    expect(readInvokeUsage({ headers: headers('9'), body: { completion: 'x' } })).toBeUndefined();
  });

  it('never throws and never gives what is no count, however it is damaged', () => {
    const bodies = fc.oneof(mutationsOf(ANTHROPIC), fc.jsonValue());
    fc.assert(
      fc.property(bodies, fc.dictionary(fc.constantFrom(...Object.keys(headers())), fc.string()), (body, found) => {
        readInvokeBody(body);
        readInvokeHeaders(found);
        const read = readInvokeUsage({ headers: found, body })?.usage;
        for (const count of Object.values(read ?? {})) {
          expect(Number.isSafeInteger(count)).toBe(true);
          expect(count).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
