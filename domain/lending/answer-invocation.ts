import { readInvocation } from './caller.ts';
import type { LeaseAnswer } from './lease-protocol.ts';
import { denied, FACTS_MS, type LendingPorts, lend, UNKNOWN_FACTS_MS } from './lend.ts';

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
  const invocation = await recognise(ports, functionArn, event);
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
