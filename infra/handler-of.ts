import type { Context } from 'aws-lambda';
import * as z from 'zod';
import type { AuditingJournal } from '../domain/audit/auditing-journal.ts';
import { inLambda, type Surroundings, type Voice } from './surroundings.ts';

// A function reads each kind of document a few times: compiling code for its schema, as zod does, would take longer.
z.config({ jitless: true });

/** What every function has, besides what its work needs. */
export interface Equipped extends Voice {
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
  equip: (surroundings: Surroundings) => Equipment,
  work: (event: Event, equipment: Equipment, context: Context) => Promise<Result>,
): Handler<Event, Result> {
  const handler = handlerIn(() => inLambda(), equip, work);
  return Object.assign(handler, { in: (surroundings: Surroundings) => handlerIn(() => surroundings, equip, work) });
}

/** A Lambda handler. */
export interface Handler<Event, Result> {
  (event: Event, context: Context): Promise<Result>;
  /** The same handler as a process of its own, in other surroundings. */
  in(surroundings: Surroundings): (event: Event, context: Context) => Promise<Result>;
}

function handlerIn<Event, Result, Equipment extends Equipped>(
  surroundings: () => Surroundings,
  equip: (surroundings: Surroundings) => Equipment,
  work: (event: Event, equipment: Equipment, context: Context) => Promise<Result>,
): (event: Event, context: Context) => Promise<Result> {
  let ready: Equipment | undefined;
  return async (event, context) => {
    ready ??= equip(surroundings());
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
