import * as z from 'zod';
import type { BudgetId } from '../budgets/budget-id.ts';
import { budgetOf } from '../budgets/definition.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import { currentKey, type Heard, hasNews, readIndex, reviewOnSignal, type SignalReview } from './review-on-signal.ts';
import { HINT_SOURCE, HINT_TYPE } from './threshold-hint.ts';

/** Which budget a process says to look at; what else its event says is not used. */
export type LedgerHint =
  | { readonly kind: 'hint'; readonly budget: BudgetId }
  | { readonly kind: 'unreadable'; readonly why: string };

const Event = z.object({
  source: z.literal(HINT_SOURCE),
  'detail-type': z.literal(HINT_TYPE),
  account: z.string(),
  detail: z.object({ version: z.literal(1), budget: z.string().min(1).max(300) }),
});

/** Reads an event of a tenant's process, whatever it is. Never throws. */
export function readLedgerHint(event: unknown, accountId: string): LedgerHint {
  const parsed = Event.safeParse(event);
  if (!parsed.success) return { kind: 'unreadable', why: 'not a hint of a process' };
  if (parsed.data.account !== accountId) return { kind: 'unreadable', why: 'a hint of another account' };
  return { kind: 'hint', budget: parsed.data.detail.budget as BudgetId };
}

export type HintOutcome =
  /** The policy has no such budget, or the governor has provided no item of it: made up, or of an earlier policy. */
  | { readonly kind: 'unknown-budget' }
  /** The ledger says nothing that has not been acted on. */
  | { readonly kind: 'nothing-new' }
  | ({ readonly kind: 'reviewed' } & SignalReview);

/**
 * Answers a process that says that a budget has crossed a threshold: the ledger is read, and the budget reviewed if it
 * is so. Who may put events on the bus can cause a read of one item, and nothing else.
 */
export async function answerLedgerHint(ports: StandingEnforcement, id: BudgetId): Promise<HintOutcome> {
  const budget = budgetOf(ports.policy, id);
  const item = budget && (await ports.ledger.read(currentKey(ports, budget)));
  if (budget === undefined || item === undefined) return { kind: 'unknown-budget' };
  const overrides = await ports.overrides.lasting(ports.clock.now());
  if (!hasNews(ports, budget, item, overrides)) return { kind: 'nothing-new' };
  const heard: Heard = {
    signal: 'hint',
    because: 'a process says that a threshold was crossed, and the ledger agrees',
  };
  return { kind: 'reviewed', ...(await reviewOnSignal(ports, budget, await readIndex(ports), heard)) };
}
