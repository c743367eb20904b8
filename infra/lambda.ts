import type { Context } from 'aws-lambda';
import { type Governor, governor } from './composition.ts';

/**
 * Makes a Lambda handler of what is to be done with an event: declares once what all functions share. Logs carry the
 * request id, decisions are kept in the audit trail, metrics are published after each event, and a fault is logged before Lambda sees it and tries again.
 */
export function lambda<Event, Result>(
  work: (event: Event, governor: Governor, context: Context) => Promise<Result>,
): (event: Event, context: Context) => Promise<Result> {
  let ready: Governor | undefined;
  return async (event, context) => {
    ready ??= governor();
    const { logger, metrics, journal } = ready;
    logger.addContext(context);
    journal.begin({ actor: context.functionName, invocation: context.awsRequestId });
    try {
      return await work(event, ready, context);
    } catch (error) {
      logger.error('failed', error instanceof Error ? error : new Error(String(error)));
      throw error;
    } finally {
      // Before the process may be frozen; it never throws, and what it could not keep is among the metrics.
      await journal.flush();
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
    }
  };
}
