import { expect, it } from 'vitest';
import { kindOf } from '../../invoke/governed-apis.ts';

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
