import type { CostGovernor } from './cost-governor.ts';

/**
 * Wraps the handler of a tenant's own Lambda function. Lambda freezes an environment between invocations and ends it
 * without a signal: so what an invocation spent is reported, and what it did not is given back, before it returns.
 *
 * For each invocation that calls a model this costs, beside the reads of a new environment, two writes for each budget
 * that covers its calls (one takes a slice, one reports and returns) and one of the usage record.
 *
 * Should the report fail, the invocation does not: the environment repeats it with its next one; if there is none, the
 * governor takes the lease back and counts all of it as spent.
 *
 * ```ts
 * export const handler = governedHandler(governor, async (event) => { … });
 * ```
 */
export function governedHandler<Event, Rest extends readonly unknown[], Result>(
  governor: CostGovernor,
  handler: (event: Event, ...rest: Rest) => Promise<Result>,
): (event: Event, ...rest: Rest) => Promise<Result> {
  return async (event, ...rest) => {
    try {
      return await handler(event, ...rest);
    } finally {
      await governor.flush().catch(() => {});
    }
  };
}
