import type { Clock, EpochMs } from '../clock.ts';
import type { LendingFacts } from './borrower.ts';

/** So long what the governor knows is used again; a caller whom it does not know yet is looked up anew sooner. */
export const FACTS_MS = 15_000;
export const UNKNOWN_FACTS_MS = 1_000;

/** Reads the policy and the index, and uses them again for as long as they are fresh enough for who asks. */
export function rememberedFacts(
  read: () => Promise<LendingFacts>,
  clock: Clock,
): (maxAgeMs: number) => Promise<LendingFacts> {
  let kept: { readonly facts: LendingFacts; readonly at: EpochMs } | undefined;
  return async (maxAgeMs) => {
    const at = clock.now();
    // A clock that was set back would make them young for ever.
    if (kept !== undefined && at >= kept.at && at - kept.at <= maxAgeMs) return kept.facts;
    const facts = await read();
    kept = { facts, at };
    return facts;
  };
}
