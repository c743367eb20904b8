import { describe, expect, test } from 'vitest';
import { type CostGovernorConfig, costGovernor } from '../../invoke/index.ts';

const GIVEN = { table: 'governor', tags: { tenant: 'acme' } };
/** As a program in JavaScript gives it, or one that reads its environment. */
const governorWith = (options: Readonly<Record<string, unknown>>) => () =>
  costGovernor({ ...GIVEN, ...options } as unknown as CostGovernorConfig);

describe('a governor is not made', () => {
  test.each([
    [
      { table: '' },
      "table: expected the name of the governor's table, the output TableName of its stack, got an empty text",
    ],
    [
      { table: undefined },
      "table: expected the name of the governor's table, the output TableName of its stack, got undefined",
    ],
    [{ tags: undefined }, "tags: expected tags such as { tenant: 'acme' }, got undefined"],
    [{ tags: null }, "tags: expected tags such as { tenant: 'acme' }, got null"],
  ])('with %j', (options, message) => {
    expect(governorWith(options)).toThrow(new TypeError(message));
  });

  test.each([
    [{ leaseSeconds: 9 }, 'leaseSeconds: expected a whole number from 10 to 120, got 9'],
    [{ leaseSeconds: 121 }, 'leaseSeconds: expected a whole number from 10 to 120, got 121'],
    [{ maxWaitMs: -1 }, 'maxWaitMs: expected a number of milliseconds from 0 to 86400000, got -1'],
    [{ maxWaitMs: Number.NaN }, 'maxWaitMs: expected a number of milliseconds from 0 to 86400000, got NaN'],
    [
      { maxWaitMs: Number.POSITIVE_INFINITY },
      'maxWaitMs: expected a number of milliseconds from 0 to 86400000, got Infinity',
    ],
    [{ maxWaiting: 'many' }, 'maxWaiting: expected a number from 0 on, got many'],
  ])('with %o', (options, message) => {
    expect(governorWith(options)).toThrow(new RangeError(message));
  });
});

test.each([
  { leaseSeconds: 10, maxWaitMs: 0, maxWaiting: 0 },
  { leaseSeconds: 120, tags: {}, maxWaitMs: 0.5, maxWaiting: Number.POSITIVE_INFINITY },
  { leaseSeconds: undefined, maxWaitMs: undefined },
])('a governor is made with %j', async (options) => {
  await governorWith(options)().close();
});
