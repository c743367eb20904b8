import { answerInvocation } from '../domain/lending/answer-invocation.ts';
import { serialise } from '../domain/lending/lease-protocol.ts';
import { lambda } from '../infra/lambda.ts';

/** A tenant's process asks for money, or tells what it spent: it is lent to whom AWS says that it is. */
export const handler = lambda(async (event: unknown, { lending }, { invokedFunctionArn }) => {
  const { by, answer } = await answerInvocation(lending, invokedFunctionArn, event);
  const body = serialise(answer);
  if (by === 'alias') return JSON.parse(body) as unknown;
  return { statusCode: answer.kind === 'denied' ? 403 : 200, headers: { 'content-type': 'application/json' }, body };
});
