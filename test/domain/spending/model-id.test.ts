import { expect, it } from 'vitest';
import { isSameModel } from '../../../domain/spending/model-id.ts';

it.each([
  ['anthropic.claude-sonnet-4-6', 'anthropic.claude-sonnet-4-6'],
  ['anthropic.claude-sonnet-4-6-v1:0', 'anthropic.claude-sonnet-4-6'],
  ['anthropic.claude-opus-5', 'anthropic.claude-opus-5-v1:0'],
  ['anthropic.claude-opus-4-5-v1:0', 'anthropic.claude-opus-4-5-20251101-v1:0'],
  ['amazon.nova-lite-v1:0', 'amazon.nova-lite-v1:0:300k'],
  ['nvidia.nemotron-nano-3-30b:0', 'nvidia.nemotron-nano-3-30b'],
  ['mistral.mistral-7b-instruct-v0:2', 'mistral.mistral-7b-instruct-v0:2'],
])('the price of %s is the price of %s', (listed, modelId) => {
  expect(isSameModel(listed, modelId)).toBe(true);
});

it.each([
  ['anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-55'],
  ['anthropic.claude-sonnet-4-5-20250929-v1:0', 'anthropic.claude-sonnet-4-5-20260101-v1:0'],
  // Two snapshots of a name may differ in price: without a date it is neither.
  ['anthropic.claude-3-5-sonnet-20240620-v1:0', 'anthropic.claude-3-5-sonnet-v1:0'],
  ['anthropic.claude-sonnet-4-6-v1:0', 'anthropic.claude-sonnet-4-6-mini'],
  ['anthropic.claude-opus-5', 'anthropic.claude-opus-5-5'],
  ['anthropic.claude-opus-5', 'anthropic.claude-opus-5-v2:0'],
  ['amazon.titan-embed-text-v1', 'amazon.titan-embed-text-v2:0'],
  ['amazon.nova-lite-v1:0', 'amazon.nova-lite-v2:0'],
  ['mistral.mistral-7b-instruct-v0:2', 'mistral.mistral-7b-instruct-v0:3'],
  ['amazon.nova-lite-v1:0', 'us.amazon.nova-lite-v1:0'],
  ['amazon.nova-lite-v1:0', 'amazon.nova'],
  ['amazon.nova-lite-v1:0', ''],
])('the price of %s is not that of %s [F8]', (listed, modelId) => {
  expect(isSameModel(listed, modelId)).toBe(false);
});
