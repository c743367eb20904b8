import { describe, expect, it } from 'vitest';
import type { AnswerHeaders } from '../../domain/spending/invoke-usage.ts';
import { type GovernedApi, kindOf } from '../../invoke/governed-apis.ts';

const input = { modelId: 'amazon.nova-lite-v1:0' } as never;

it.each(['ConverseCommand', 'ConverseStreamCommand', 'InvokeModelCommand', 'InvokeModelWithResponseStreamCommand'])(
  '%s is governed',
  (command) => {
    expect(kindOf(command, input).kind).toBe('governed');
  },
);

it.each([
  'StartAsyncInvokeCommand',
  'InvokeModelWithBidirectionalStreamCommand',
  'ACommandOfAFutureVersionCommand',
  '',
])('%j names a model and is taken to spend (F9)', (command) => {
  expect(kindOf(command, input).kind).toBe('unmetered');
});

it.each(['ApplyGuardrailCommand', 'InvokeGuardrailChecksCommand'])('%s spends without naming a model', (command) => {
  expect(kindOf(command, {} as never).kind).toBe('unmetered');
});

it.each([
  ['CountTokensCommand', input],
  ['ListAsyncInvokesCommand', {} as never],
  ['GetAsyncInvokeCommand', {} as never],
  ['ACommandOfAFutureVersionCommand', {} as never],
])('%s cannot spend and passes', (command, of) => {
  expect(kindOf(command, of).kind).toBe('free');
});

const governed = (command: string): GovernedApi => {
  const kind = kindOf(command, input);
  return kind.kind === 'governed' ? kind.api : expect.fail(`${command} is governed`);
};

const usage = (inputTokens: number, outputTokens: number, cacheReadInputTokens = 0, cacheWrite5mInputTokens = 0) => ({
  inputTokens,
  outputTokens,
  cacheReadInputTokens,
  cacheWrite5mInputTokens,
  cacheWrite1hInputTokens: 0,
});

describe('an answer of InvokeModel', () => {
  const read = (body: unknown, counts: Readonly<Record<string, string>>) => {
    const headers: AnswerHeaders = Object.fromEntries(
      Object.entries(counts).map(([meter, count]) => [`x-amzn-bedrock-${meter}-token-count`, count]),
    );
    const output = { body: new TextEncoder().encode(JSON.stringify(body)) };
    return governed('InvokeModelCommand').read?.(output, headers, {});
  };
  const anthropic = (counts: object) => ({ usage: { input_tokens: 7, output_tokens: 3, ...counts } });

  it.each<[string, unknown, ReturnType<typeof usage>]>([
    ['Anthropic reads', anthropic({ cache_read_input_tokens: 11 }), usage(7, 3, 11)],
    ['Anthropic writes', anthropic({ cache_creation_input_tokens: 20 }), usage(7, 3, 0, 20)],
    ['Nova reads', { usage: { inputTokens: 7, outputTokens: 3, cacheReadInputTokenCount: 4 } }, usage(7, 3, 4)],
    [
      'OpenAI reads',
      { usage: { prompt_tokens: 17, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 10 } } },
      usage(7, 3, 10),
    ],
  ])('whose headers leave out the cached tokens has those of its body: %s [F6]', (_, body, expected) => {
    expect(read(body, { input: '7', output: '3' })).toEqual({ usage: expected });
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['both', { input: 'x', output: 'null' }],
    ['input', { input: '', output: '3' }],
    ['output', { input: '7', output: '3.0' }],
    ['cache reads', { input: '7', output: '3', 'cache-read-input': '-1' }],
  ])('whose headers hold what is no count, %s, is metered by its body', (_, headers) => {
    expect(read(anthropic({}), headers)).toEqual({ usage: usage(7, 3) });
  });

  it('whose headers count cached tokens as input too is told as drift, also where none are written [F7]', () => {
    const body = anthropic({ cache_read_input_tokens: 11 });
    expect(read(body, { input: '18', output: '3', 'cache-read-input': '11', 'cache-write-input': '0' })).toEqual({
      usage: usage(18, 3, 11),
      drift: 'input-seems-to-include-cache',
    });
  });
});

describe('a stream of Converse', () => {
  it('keeps the usage that it has told, whatever metadata comes after', () => {
    const reader = governed('ConverseStreamCommand').stream?.reader({}, {});
    const told = { inputTokens: 7, outputTokens: 3, totalTokens: 10 };
    reader?.saw({ metadata: { usage: told, serviceTier: { type: 'flex' } } });
    reader?.saw({ metadata: { metrics: { latencyMs: 3 } } });
    expect(reader?.usage()).toEqual({ usage: usage(7, 3), tier: 'flex' });
  });
});
