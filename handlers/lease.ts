import type { Context } from 'aws-lambda';
import { Fault } from '../domain/fault.ts';
import { answerInvocation } from '../domain/lending/answer-invocation.ts';
import { serialise } from '../domain/lending/lease-json.ts';
import { lender } from '../infra/functions/lending.ts';
import { handlerOf } from '../infra/handler-of.ts';

const answered = handlerOf(lender, async (event: unknown, { lending }, { invokedFunctionArn }) => {
  const { by, answer } = await answerInvocation(lending, invokedFunctionArn, event);
  const body = serialise(answer);
  if (by === 'alias') return JSON.parse(body) as unknown;
  return { statusCode: answer.kind === 'denied' ? 403 : 200, headers: { 'content-type': 'application/json' }, body };
});

/** A tenant's process asks for money, or tells what it spent: it is lent to whom AWS says that it is. */
export async function handler(event: unknown, context: Context): Promise<unknown> {
  try {
    return await answered(event, context);
  } catch {
    // Lambda hands the caller what is thrown, and what went wrong may name what is other tenants'. It is in the log.
    throw new Fault('LendingFailed', {
      doing: 'answering a request',
      problem: 'the ledger, the policy or the index could not be read or written',
      next: 'The log of the function says what. The identical request may be repeated.',
    });
  }
}
