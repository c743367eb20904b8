import { upperBound } from '../domain/spending/pricing.ts';
import { type BeginningParts, modelOf, refusedCall } from './begin-call.ts';
import { kindOf } from './governed-apis.ts';
import { GovernorRefusal } from './refusals.ts';
import type { Routes } from './route.ts';

/**
 * Looks at the index and the ledger for a call whose request the SDK has not made yet, and leaves the lease on its way: of
 * the first call's time, what the SDK takes to make the request and what the table takes to answer are one then.
 *
 * Nothing is reserved or refused for what the caller asks: what is sent is certain only when the request is made, and then
 * the call is admitted as any other.
 *
 * @throws {GovernorRefusal} `IndexUnavailable`, as the call itself would after waiting once more
 */
export async function askAhead(
  parts: BeginningParts,
  routes: Routes,
  { command, input, signal }: { command: string; input: object; signal: AbortSignal | undefined },
): Promise<void> {
  const kind = kindOf(command, input);
  if (kind.kind !== 'governed' || parts.ungoverned.has(command) || parts.isClosed()) return;
  const { api } = kind;
  try {
    const route = await routes.find(modelOf(input));
    const now = parts.clock.now();
    const rates = route.ratesAt(now);
    // A call without a price is refused; with a fallback it may be another model that answers.
    if (rates === undefined || route.fallback !== undefined) return;
    const amount = upperBound(rates, api.bound(input, route));
    const accounts = route.accountsAt(now);
    const haveRoom = await Promise.all(accounts.map(async (account) => await account.hasRoomFor(amount)));
    // Nobody would give back what is leased after the governor was closed, and not soon what nobody waits for any more.
    if (parts.isClosed() || signal?.aborted === true) return;
    // All or none: a call that one of its budgets refuses asks the others for nothing.
    if (haveRoom.every(Boolean)) for (const account of accounts) account.sendFor(amount);
  } catch (error) {
    // Another request, or the same a moment later, may be paid for.
    if (!(error instanceof GovernorRefusal) || error.code !== 'IndexUnavailable') return;
    refusedCall(parts, routes.tags, api.operation, modelOf(input), error);
    throw error;
  }
}
