import type { CostGovernorConfig } from './config.ts';

/**
 * What the compiler cannot see, or did not: a name that the environment lacks, a number that a file has wrong. Told when the
 * governor is made and not by its first call, which would ask AWS for a table without a name.
 *
 * @throws {TypeError} for a table or tags that are none
 * @throws {RangeError} for a number out of its bounds
 */
export function checkConfig({ table, tags, leaseSeconds, maxWaitMs, maxWaiting }: CostGovernorConfig): void {
  if (typeof table !== 'string' || table === '')
    throw new TypeError(
      `table: expected the name of the governor's table, the output TableName of its stack, got ${table === '' ? 'an empty text' : typeof table}`,
    );
  if (typeof tags !== 'object' || tags === null)
    throw new TypeError(`tags: expected tags such as { tenant: 'acme' }, got ${tags === null ? 'null' : typeof tags}`);
  if (leaseSeconds !== undefined && !(Number.isInteger(leaseSeconds) && leaseSeconds >= 10 && leaseSeconds <= 120))
    throw new RangeError(`leaseSeconds: expected a whole number from 10 to 120, got ${leaseSeconds}`);
  // A day is more than anybody waits, and less than a timer takes.
  if (maxWaitMs !== undefined && !(typeof maxWaitMs === 'number' && maxWaitMs >= 0 && maxWaitMs <= 86_400_000))
    throw new RangeError(`maxWaitMs: expected a number of milliseconds from 0 to 86400000, got ${maxWaitMs}`);
  if (maxWaiting !== undefined && !(typeof maxWaiting === 'number' && maxWaiting >= 0))
    throw new RangeError(`maxWaiting: expected a number from 0 on, got ${maxWaiting}`);
}
