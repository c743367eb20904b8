import { type EpochMs, epochMs } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import { isQuarantined } from '../standing/standing.ts';
import type { IndexEntry } from './profile-index.ts';
import type { Violation } from './violation.ts';

/** Since when a profile violates the policy, and the how-manieth time it is. */
export interface Violating {
  readonly since: EpochMs;
  readonly times: number;
}

/** A violation that goes on, or turns into another one, keeps its time: only compliance ends it. */
export function violatingOf(before: IndexEntry | undefined, now: EpochMs): Violating {
  const times = before?.timesViolating ?? 0;
  return before?.violatingSince === undefined
    ? { since: now, times: times + 1 }
    : { since: before.violatingSince, times };
}

/**
 * Until when a violating profile may go on; undefined where it is quarantined now. The grace is for tags that decide
 * nothing about money: where the tenant tag is violated, or a tag by which a budget tells what it covers, nobody could
 * say whose budget the profile spends. A profile that was quarantined is released by compliance alone.
 */
export function graceOf(
  policy: Pick<Policy, 'tags' | 'tenantTag' | 'budgets'>,
  violations: readonly Violation[],
  known: { readonly before: IndexEntry | undefined; readonly since: EpochMs; readonly now: EpochMs },
): EpochMs | undefined {
  const until = epochMs(known.since + policy.tags.grace);
  if (known.now >= until || (known.before !== undefined && isQuarantined(known.before.standing))) return undefined;
  const deciding = new Set([
    policy.tenantTag,
    ...policy.budgets.flatMap(({ per, selector }) => [
      ...(per === undefined ? [] : [per]),
      ...Object.keys(selector ?? {}),
    ]),
  ]);
  return violations.some(({ key }) => deciding.has(key)) ? undefined : until;
}
