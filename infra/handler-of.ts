import type { Logger } from '@aws-lambda-powertools/logger';
import type { Metrics } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import type { AuditingJournal } from '../domain/audit/auditing-journal.ts';

/** What every function has, besides what its work needs. */
export interface Equipped {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Keeps each decision in the audit trail as well; it is written away here. */
  readonly journal: AuditingJournal;
}

/**
 * Makes a Lambda handler of what is to be done with an event: declares once what all functions share. Logs carry the
 * request id, decisions are kept in the audit trail, metrics are published after each event, and a fault is logged before
 * Lambda sees it and tries again.
 *
 * @param equip puts the adapters together, once for each execution environment, when the first event comes
 */
export function handlerOf<Event, Result, Equipment extends Equipped>(
  equip: () => Equipment,
  work: (event: Event, equipment: Equipment, context: Context) => Promise<Result>,
): (event: Event, context: Context) => Promise<Result> {
  let ready: Equipment | undefined;
  return async (event, context) => {
    ready ??= equip();
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
