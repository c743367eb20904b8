import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReportedUsage, readUsage } from '../../../domain/spending/usage.ts';
import { event } from '../event-fixtures.ts';

const usage = (input: number, output: number, read = 0, fiveMinutes = 0, oneHour = 0) => ({
  inputTokens: input,
  outputTokens: output,
  cacheReadInputTokens: read,
  cacheWrite5mInputTokens: fiveMinutes,
  cacheWrite1hInputTokens: oneHour,
});

describe('readUsage', () => {
  it('keeps an explicit zero of output tokens [F5]', () => {
    expect(readUsage({ inputTokens: 12, outputTokens: 0 })).toEqual(usage(12, 0));
    expect(readUsage({ inputTokens: 0, outputTokens: 0, cacheReadInputTokens: 0, cacheWriteInputTokens: 0 })).toEqual(
      usage(0, 0),
    );
  });

  it.each<[string, ReportedUsage | undefined]>([
    ['nothing reported', undefined],
    ['an empty report', {}],
    ['no output tokens', { inputTokens: 5 }],
    ['no input tokens', { outputTokens: 5 }],
    ['a part of a token', { inputTokens: 1.5, outputTokens: 1 }],
    ['a count below zero', { inputTokens: -1, outputTokens: 1 }],
    ['no number', { inputTokens: Number.NaN, outputTokens: 1 }],
    ['no end of tokens', { inputTokens: Number.POSITIVE_INFINITY, outputTokens: 1 }],
    ['cache reads below zero', { inputTokens: 1, outputTokens: 1, cacheReadInputTokens: -1 }],
    [
      'more writes in detail than in all',
      { inputTokens: 1, outputTokens: 1, cacheWriteInputTokens: 5, cacheDetails: [{ ttl: '1h', inputTokens: 6 }] },
    ],
    [
      'more five-minute writes in detail than in all',
      { inputTokens: 1, outputTokens: 1, cacheWriteInputTokens: 5, cacheDetails: [{ ttl: '5m', inputTokens: 6 }] },
    ],
    [
      'details that make up for one another',
      {
        inputTokens: 1,
        outputTokens: 1,
        cacheWriteInputTokens: 5,
        cacheDetails: [
          { ttl: '1h', inputTokens: 9 },
          { ttl: '1h', inputTokens: -9 },
        ],
      },
    ],
  ])('takes %s for unknown usage, not for none [F4]', (_, reported) => {
    expect(readUsage(reported)).toBeUndefined();
  });

  it.each<[string, ReportedUsage, ReturnType<typeof usage>]>([
    [
      'reads and writes apart from input',
      { inputTokens: 10, outputTokens: 5, cacheReadInputTokens: 700, cacheWriteInputTokens: 300 },
      usage(10, 5, 700, 300),
    ],
    [
      'writes for an hour apart from those for five minutes',
      {
        inputTokens: 10,
        outputTokens: 5,
        cacheWriteInputTokens: 300,
        cacheDetails: [
          { ttl: '5m', inputTokens: 100 },
          { ttl: '1h', inputTokens: 200 },
        ],
      },
      usage(10, 5, 0, 100, 200),
    ],
    [
      'what the details leave out as five-minute writes',
      { inputTokens: 10, outputTokens: 5, cacheWriteInputTokens: 300, cacheDetails: [{ ttl: '1h', inputTokens: 200 }] },
      usage(10, 5, 0, 100, 200),
    ],
    [
      'writes that only the details report',
      {
        inputTokens: 10,
        outputTokens: 5,
        cacheDetails: [
          { ttl: '5m', inputTokens: 100 },
          { ttl: '1h', inputTokens: 200 },
        ],
      },
      usage(10, 5, 0, 100, 200),
    ],
    [
      'writes for an unknown time at the dearer rate',
      {
        inputTokens: 10,
        outputTokens: 5,
        cacheWriteInputTokens: 300,
        cacheDetails: [{ ttl: '24h', inputTokens: 300 }],
      },
      usage(10, 5, 0, 0, 300),
    ],
    [
      'an empty list of details',
      { inputTokens: 10, outputTokens: 5, cacheWriteInputTokens: 300, cacheDetails: [] },
      usage(10, 5, 0, 300),
    ],
  ])('counts %s [F6]', (_, reported, expected) => {
    expect(readUsage(reported)).toEqual(expected);
  });

  it('reads the usage of a Converse answer, and never prices by its total [F7]', () => {
    const answer = event('runtime-Converse-response') as { usage: ReportedUsage };
    const read = readUsage(answer.usage);
    expect(read).toBeDefined();
    expect(readUsage({ ...answer.usage, ...{ totalTokens: 1 } })).toEqual(read);
  });

  it('loses no token: its five meters add up to all that was reported', () => {
    const count = fc.nat({ max: 1_000_000 });
    fc.assert(
      fc.property(
        count,
        count,
        count,
        count,
        count,
        fc.boolean(),
        (input, output, read, fiveMinutes, oneHour, isSplit) => {
          const details = isSplit
            ? {
                cacheDetails: [
                  { ttl: '1h', inputTokens: oneHour },
                  { ttl: '5m', inputTokens: fiveMinutes },
                ],
              }
            : {};
          const seen = readUsage({
            inputTokens: input,
            outputTokens: output,
            cacheReadInputTokens: read,
            cacheWriteInputTokens: fiveMinutes + oneHour,
            ...details,
          });
          expect(seen).toEqual(
            isSplit
              ? usage(input, output, read, fiveMinutes, oneHour)
              : usage(input, output, read, fiveMinutes + oneHour),
          );
        },
      ),
    );
  });
});
