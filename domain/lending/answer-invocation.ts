import { Fault } from '../fault.ts';
import { readInvocation } from './caller.ts';
import { isWithheld } from './denial.ts';
import type { LeaseAnswer } from './lease-answer.ts';
import { denied, type LendingPorts, lend } from './lend.ts';
import { FACTS_MS, UNKNOWN_FACTS_MS } from './lending-facts.ts';

/**
 * Answers one invocation of the `lease` function.
 * @param functionArn the ARN that was invoked, as Lambda tells it
 * @param event what the caller sent, or what Lambda made of a request to the function's URL
 */
export async function answerInvocation(
  ports: LendingPorts,
  functionArn: string,
  event: unknown,
): Promise<{ readonly by: 'alias' | 'url'; readonly answer: LeaseAnswer }> {
  let invocation: Awaited<ReturnType<typeof recognise>>;
  try {
    invocation = await recognise(ports, functionArn, event);
  } catch (error) {
    if (!(error instanceof Fault) || !isWithheld(error.code)) throw error;
    // As in `lend`: no outage. Without a policy nobody is known, and whether this came by the URL neither; a URL hands such an
    // answer on as it is (Lambda developer guide, function URLs, response payload).
    return { by: 'alias', answer: denied(ports.journal, functionArn, error.code, error.next) };
  }
  const answer =
    invocation.kind === 'known'
      ? await lend(ports, invocation.identity, invocation.request)
      : denied(ports.journal, invocation.caller, 'CallerUnknown', 'the policy lends to no such caller');
  return { by: invocation.by, answer };
}

/** Looks again where the caller is unknown: the policy may have named it a moment ago. */
async function recognise(ports: LendingPorts, functionArn: string, event: unknown) {
  const { policy } = await ports.facts(FACTS_MS);
  const invocation = readInvocation(policy.lending, functionArn, event);
  if (invocation.kind === 'known') return invocation;
  const later = await ports.facts(UNKNOWN_FACTS_MS);
  return readInvocation(later.policy.lending, functionArn, event);
}
