import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { readPolicy } from '../../../domain/policy/policy.ts';

const PRICE = { model: 'anthropic.claude-sonnet-4-6', from: '2026-08-01', input: '3 USD', output: '15 USD' };
const read = (parts: object) =>
  readPolicy({
    version: 1,
    regions: ['us-east-1'],
    tenantTag: 'tenant',
    tags: { required: { tenant: {} } },
    ...parts,
  });
const problems = (parts: object): string[] => {
  const reading = read(parts);
  return reading.kind === 'valid' ? [] : reading.problems.map(({ place, message }) => `${place}: ${message}`);
};

describe('prices of a policy', () => {
  it('are amounts for a million tokens, kept in whole pico-dollars for one', () => {
    const reading = read({
      prices: [
        {
          ...PRICE,
          source: 'global',
          until: '2026-12-01',
          cacheRead: '0.00875 USD',
          cacheWrite5m: '0 USD',
          cacheWrite1h: '6 usd',
          steps: [{ above: 200_000, input: '6 USD', output: '22.5 USD' }],
          inputTokens: 'including-cache',
          contextWindow: 1_000_000,
        },
      ],
    });
    expect(reading.kind === 'valid' ? reading.policy.prices : reading).toEqual([
      {
        model: PRICE.model,
        source: 'global',
        from: Date.UTC(2026, 7, 1),
        until: Date.UTC(2026, 11, 1),
        contextWindow: 1_000_000,
        rates: {
          input: 3_000_000,
          output: 15_000_000,
          cacheRead: 8_750,
          cacheWrite5m: 0,
          cacheWrite1h: 6_000_000,
          inputTokens: 'including-cache',
          steps: [
            {
              aboveInputTokens: 200_000,
              input: 6_000_000,
              output: 22_500_000,
              cacheRead: 6_000_000,
              cacheWrite5m: 7_500_000,
              cacheWrite1h: 12_000_000,
            },
          ],
        },
      },
    ]);
  });

  it('are as the policy reference shows them', () => {
    const reference = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
    const [, example = ''] = /```yaml\n(prices:.*?)```/s.exec(reference) ?? [];
    const parts = z.record(z.string(), z.unknown()).parse(parse(example));
    expect(Object.keys(parts)).toEqual(['prices', 'unpricedModels']);
    expect(problems(parts)).toEqual([]);
  });

  it('default to none, and unpriced models to being refused [F8]', () => {
    const reading = read({});
    expect(reading.kind === 'valid' ? [reading.policy.prices, reading.policy.unpricedModels] : reading).toEqual([
      [],
      'refuse',
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['no list', { prices: {} }, /^prices: expected a list of prices/],
    ['a number', { prices: [{ ...PRICE, input: 3 }] }, /^prices\[0\]\.input: expected a price for a million tokens/],
    ['another currency', { prices: [{ ...PRICE, input: '3 EUR' }] }, /^prices\[0\]\.input: .*EUR is not supported/],
    ['no currency', { prices: [{ ...PRICE, input: '3' }] }, /^prices\[0\]\.input: expected a price/],
    [
      'a zero for input [F8]',
      { prices: [{ ...PRICE, input: '0 USD' }] },
      /^prices\[0\]\.input: expected a price above zero/,
    ],
    ['a zero for output [F8]', { prices: [{ ...PRICE, output: '0.0 USD' }] }, /^prices\[0\]\.output: .*above zero/],
    ['less than zero', { prices: [{ ...PRICE, output: '-1 USD' }] }, /^prices\[0\]\.output: expected a price/],
    [
      'too fine a price',
      { prices: [{ ...PRICE, input: '0.0000001 USD' }] },
      /^prices\[0\]\.input: expected at most 6 decimals/,
    ],
    [
      'too large a price',
      { prices: [{ ...PRICE, input: '10001 USD' }] },
      /^prices\[0\]\.input: expected at most 10000/,
    ],
    ['no output', { prices: [{ ...PRICE, output: undefined }] }, /^prices\[0\]\.output: expected a price/],
    ['no first day', { prices: [{ ...PRICE, from: undefined }] }, /^prices\[0\]\.from: expected a day/],
    ['a day that is none', { prices: [{ ...PRICE, from: '2026-02-30' }] }, /^prices\[0\]\.from: expected a day/],
    ['a time', { prices: [{ ...PRICE, from: '2026-02-03T10:00' }] }, /^prices\[0\]\.from: expected a day/],
    [
      'an end before the beginning',
      { prices: [{ ...PRICE, until: '2026-08-01' }] },
      /^prices\[0\]\.until: expected a day after "from"/,
    ],
    [
      'a system profile',
      { prices: [{ ...PRICE, model: 'us.anthropic.claude-sonnet-4-6' }] },
      /^prices\[0\]\.model: .*"source"/,
    ],
    [
      'an ARN',
      { prices: [{ ...PRICE, model: 'arn:aws:bedrock:us-east-1::x/y' }] },
      /^prices\[0\]\.model: expected a base model id/,
    ],
    ['an unknown source', { prices: [{ ...PRICE, source: 'us' }] }, /^prices\[0\]\.source: expected "in-region"/],
    [
      'an unknown key',
      { prices: [{ ...PRICE, cache: '1 USD' }] },
      /^prices\[0\]: unknown key "cache"; a price has model, source/,
    ],
    [
      'an empty list of steps',
      { prices: [{ ...PRICE, steps: [] }] },
      /^prices\[0\]\.steps: expected at least one step/,
    ],
    [
      'a zero in a step [F8]',
      { prices: [{ ...PRICE, steps: [{ above: 5, input: '0 USD', output: '1 USD' }] }] },
      /^prices\[0\]\.steps\[0\]\.input: expected a price above zero/,
    ],
    [
      'steps out of order',
      {
        prices: [
          {
            ...PRICE,
            steps: [
              { above: 5, input: '1 USD', output: '1 USD' },
              { above: 5, input: '1 USD', output: '1 USD' },
            ],
          },
        ],
      },
      /^prices\[0\]\.steps\[1\]\.above: expected more than the 5 of the step before/,
    ],
    ['a word for unpriced models', { unpricedModels: 'free' }, /^unpricedModels: expected "refuse", or prices/],
    ['a list for unpriced models', { unpricedModels: [] }, /^unpricedModels: expected "refuse", or prices/],
    [
      'half a price for unpriced models',
      { unpricedModels: { input: '75 USD' } },
      /^unpricedModels\.output: expected a price/,
    ],
    [
      'nothing for unpriced models [F8]',
      { unpricedModels: { input: '0 USD', output: '0 USD' } },
      /^unpricedModels\.input: expected a price above zero/,
    ],
    [
      'an unknown key for them',
      { unpricedModels: { input: '1 USD', output: '1 USD', x: 1 } },
      /^unpricedModels: unknown key "x"/,
    ],
  ])('refuse %s', (_, parts, expected) => {
    expect(problems(parts)[0]).toMatch(expected);
  });

  it.each<[string, object, object, boolean]>([
    ['the same without an end', {}, { from: '2026-10-01' }, true],
    ['ones that meet', { until: '2026-10-01' }, { from: '2026-10-01' }, false],
    ['ones that overlap by a day', { until: '2026-10-02' }, { from: '2026-10-01' }, true],
    ['one before the other', { from: '2026-10-01' }, { from: '2026-08-01', until: '2026-10-01' }, false],
    ['ones of other sources', { source: 'geo' }, { source: 'global' }, false],
    ['one of every source and one of one', {}, { source: 'global' }, true],
    ['ones of other Regions', { region: 'us-east-1' }, { region: 'eu-west-1' }, false],
    ['ones of other models', {}, { model: 'anthropic.claude-sonnet-4-5-20250929-v1:0' }, false],
    ['one of the same model by another spelling', {}, { model: 'anthropic.claude-sonnet-4-6-v1:0' }, true],
  ])('may not price the same call twice: %s', (_, first, second, isRefused) => {
    const found = problems({
      prices: [
        { ...PRICE, ...first },
        { ...PRICE, ...second },
      ],
    });
    expect(found).toHaveLength(isRefused ? 1 : 0);
    if (isRefused)
      expect(found[0]).toMatch(/^prices\[1\]: expected a time of its own: prices\[0\] is for the same model/);
  });
});
