import type { Clock, EpochMs } from '../clock.ts';
import type { LendingFacts } from './borrower.ts';

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
