import type { Context } from 'aws-lambda';
import { type Governor, governor } from './composition.ts';
import { type Handler, handlerOf } from './handler-of.ts';

/** A Lambda handler of what is to be done with an event by the governor. */
export const lambda = <Event, Result>(
  work: (event: Event, governor: Governor, context: Context) => Promise<Result>,
): Handler<Event, Result> => handlerOf(governor, work);
