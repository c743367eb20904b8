import type { Context } from 'aws-lambda';
import { Fault } from '../domain/fault.ts';
import { answerInvocation } from '../domain/lending/answer-invocation.ts';
import { serialise } from '../domain/lending/lease-json.ts';
import { lender } from '../infra/functions/lending.ts';
import { type Handler, handlerOf } from '../infra/handler-of.ts';
import type { Surroundings } from '../infra/surroundings.ts';

const answered = handlerOf(lender, async (event: unknown, { lending }, { invokedFunctionArn }) => {
  const { by, answer } = await answerInvocation(lending, invokedFunctionArn, event);
  const body = serialise(answer);
  if (by === 'alias') return JSON.parse(body) as unknown;
  return { statusCode: answer.kind === 'denied' ? 403 : 200, headers: { 'content-type': 'application/json' }, body };
});

const discreet =
  (answer: (event: unknown, context: Context) => Promise<unknown>) =>
  async (event: unknown, context: Context): Promise<unknown> => {
    try {
      return await answer(event, context);
    } catch {
      // Lambda hands the caller what is thrown, and what went wrong may name what is other tenants'. It is in the log.
      throw new Fault('LendingFailed', {
        doing: 'answering a request',
        problem: 'the ledger, the policy or the index could not be read or written',
        next: 'The log of the function says what. The identical request may be repeated.',
      });
    }
  };

/** A tenant's process asks for money, or tells what it spent: it is lent to whom AWS says that it is. */
export const handler: Handler<unknown, unknown> = Object.assign(discreet(answered), {
  in: (surroundings: Surroundings) => discreet(answered.in(surroundings)),
});
