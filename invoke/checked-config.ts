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
  within('leaseSeconds', leaseSeconds, 10, 120);
  within('maxWaitMs', maxWaitMs, 0);
  within('maxWaiting', maxWaiting, 0);
}

function within(name: string, value: number | undefined, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return;
  const bounds = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
  throw new RangeError(`${name}: expected a whole number ${bounds}, got ${value}`);
}
