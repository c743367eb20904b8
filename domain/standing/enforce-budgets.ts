import type { Budget } from '../budgets/definition.ts';
import { Fault } from '../fault.ts';
import { howMany } from '../how-many.ts';
import { SharedReviews } from '../profiles/budget-work.ts';
import { enforceStanding, type GovernedProfile, type StandingEnforcement } from '../profiles/govern-profile.ts';
import { inTurn } from '../profiles/in-turn.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';

/** Profiles that are enforced at a time. */
export const AT_ONCE = 8;

export interface Enforcement {
  readonly governed: readonly GovernedProfile[];
  /** Profiles that could not be read or written now; the sweep finishes. */
  readonly failed: readonly { readonly profile: ProfileArn; readonly problem: string; readonly cause: unknown }[];
}

/**
 * Closes both locks of budgets, or opens them: the ledger first, so that nothing new is granted, and then the tag on
 * every profile that they cover, in every Region. A budget that opens again does so in the reverse order: see
 * second-lock.ts. A profile that fails holds up no other.
 *
 * @param also further profiles to look at, which no budget of these covers
 */
export async function enforceBudgets(
  ports: StandingEnforcement,
  budgets: readonly Budget[],
  entries: readonly IndexEntry[],
  also: readonly IndexEntry[] = [],
): Promise<Enforcement> {
  const reviews = new SharedReviews(ports);
  // One that fails keeps no other open; profiles that it covers fail with it, and the whole says so at the end.
  const unreviewed: unknown[] = [];
  for (const budget of budgets) await reviews.reviewAnew(budget).catch((error: unknown) => unreviewed.push(error));
  const ids = new Set(budgets.map(({ id }) => id));
  const covered = entries.filter(
    ({ endedAt, budgets: covering }) => endedAt === undefined && covering.some(({ id }) => ids.has(id)),
  );
  const enforcement = await enforceProfiles(ports, [...new Set([...covered, ...also].map(({ arn }) => arn))], reviews);
  if (unreviewed.length > 0) throw unreviewed[0];
  return enforcement;
}

/** The same for profiles, by reviews that many of them share. */
export async function enforceProfiles(
  ports: StandingEnforcement,
  profiles: readonly ProfileArn[],
  reviews: SharedReviews,
  isTimeUp: () => boolean = () => false,
): Promise<Enforcement & { readonly left: number }> {
  const governed: GovernedProfile[] = [];
  const failed: { profile: ProfileArn; problem: string; cause: unknown }[] = [];
  const done = await inTurn(profiles, { atOnce: AT_ONCE, isTimeUp }, async (profile) => {
    try {
      governed.push(await enforceStanding(ports, profile, reviews));
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      failed.push({ profile, problem, cause });
      ports.journal.counted('ProfileReadFailed', { what: profile, error: problem });
    }
  });
  return { governed, failed, left: profiles.length - done };
}

/** What is to be done again is a fault for whoever repeats: a message that comes again, or the next sweep. */
export function wholeOrFault({ governed, failed }: Enforcement, doing: string): readonly GovernedProfile[] {
  const [first] = failed;
  if (first === undefined) return governed;
  throw new Fault('StandingNotEnforced', {
    doing,
    problem: `${failed.length} of ${howMany(failed.length + governed.length, 'profile')} could not be read or written, the first of them ${first.profile}: ${first.problem}`,
    next: 'The ledger is as it should be. The next sweep does the rest.',
    cause: first.cause,
  });
}
