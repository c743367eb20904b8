import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReportedUsage, readReportedUsage, readUsage, type UsageTerms } from '../../../domain/spending/usage.ts';
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
    ['details that are none', JSON.parse('{ "inputTokens": 1, "outputTokens": 1, "cacheDetails": [null] }')],
    ['details that are no list', JSON.parse('{ "inputTokens": 1, "outputTokens": 1, "cacheDetails": 5 }')],
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

describe('the total of a report [F7]', () => {
  const including: UsageTerms = { inputTokens: 'including-cache' };
  const report = (input: number, output: number, total: number | undefined, read = 0, write = 0): ReportedUsage => ({
    inputTokens: input,
    outputTokens: output,
    totalTokens: total,
    cacheReadInputTokens: read,
    cacheWriteInputTokens: write,
  });

  it.each<[string, ReportedUsage, UsageTerms, ReturnType<typeof readReportedUsage>]>([
    ['confirms that cached tokens are apart', report(10, 5, 1015, 700, 300), {}, { usage: usage(10, 5, 700, 300) }],
    ['is not missed', report(10, 5, undefined, 700, 300), {}, { usage: usage(10, 5, 700, 300) }],
    [
      'tells that a model counts cached tokens as input; the dearer reading is priced',
      report(1010, 5, 1015, 700, 300),
      {},
      { usage: usage(1010, 5, 700, 300), drift: 'input-seems-to-include-cache' },
    ],
    [
      'confirms what the price entry says of such a model: they are priced once',
      report(1010, 5, 1015, 700, 300),
      including,
      { usage: usage(10, 5, 700, 300) },
    ],
    [
      'tells that such a model counts them apart after all; the dearer reading is priced',
      report(1010, 5, 2015, 700, 300),
      including,
      { usage: usage(1010, 5, 700, 300), drift: 'input-seems-to-exclude-cache' },
    ],
    [
      'is not needed to see that fewer input tokens than cached ones do not hold them',
      report(10, 5, undefined, 700, 300),
      including,
      { usage: usage(10, 5, 700, 300), drift: 'input-seems-to-exclude-cache' },
    ],
    [
      'that fits no reading is told, and prices nothing',
      report(10, 5, 1_000_000, 700, 300),
      {},
      { usage: usage(10, 5, 700, 300), drift: 'total-does-not-add-up' },
    ],
    [
      'that is no number is told',
      report(10, 5, Number.NaN),
      {},
      { usage: usage(10, 5), drift: 'total-does-not-add-up' },
    ],
  ])('%s', (_, reported, terms, expected) => {
    expect(readReportedUsage(reported, terms)).toEqual(expected);
  });

  it('never makes a report cheaper than its counts, but where the price entry says so and nothing contradicts', () => {
    const count = fc.nat({ max: 1_000 });
    fc.assert(
      fc.property(count, count, count, count, count, fc.boolean(), (input, output, total, read, write, isWithin) => {
        const reading = readReportedUsage(report(input, output, total, read, write), isWithin ? including : {});
        const isAgreed = isWithin && read + write <= input && total === input + output;
        expect(reading?.usage.inputTokens).toBe(isAgreed ? input - read - write : input);
      }),
    );
  });
});
