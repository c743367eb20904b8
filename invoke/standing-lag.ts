import { type EpochMs, isoTime } from '../domain/clock.ts';
import { periodAt } from '../domain/period.ts';
import type { IndexEntry } from '../domain/profiles/profile-index.ts';
import { GovernorRefusal } from './refusals.ts';

/**
 * How an AWS service says that a policy denies in so many words, and not only that none allows (IAM user guide,
 * "Troubleshoot access denied error messages"). UNVERIFIED that Bedrock's runtime passes the text on as it is.
 */
const EXPLICIT_DENY = /explicit deny/i;

/** How long after a period's turn tags may still say what was true before it: see domain/standing/reopen-ended.ts. */
const LAG_MS = 10 * 60_000;
/** The tags are looked at every minute. */
const AGAIN_MS = 60_000;

/**
 * The refusal for a call that the ledger has admitted and IAM denies, because the tag on its profile has not followed
 * yet. Undefined for any other denial: it is the caller's, and passed on as it came.
 */
export function standingLag(error: unknown, entry: IndexEntry, now: EpochMs): GovernorRefusal | undefined {
  if (!isExplicitDeny(error) || !mayLag(entry, now)) return undefined;
  const retryAfter = new Date(now + AGAIN_MS);
  const [budget] = entry.budgets;
  return new GovernorRefusal(
    'StandingLag',
    `The budgets of profile ${entry.name} are open at ${isoTime(now)}, and AWS still denies by the tag governor:standing, which follows within minutes. Try again at ${retryAfter.toISOString()}.`,
    { retryAfter, ...(budget === undefined ? {} : { budget: budget.id }) },
    error,
  );
}

function isExplicitDeny(error: unknown): boolean {
  return error instanceof Error && error.name === 'AccessDeniedException' && EXPLICIT_DENY.test(error.message);
}

/** Closed as far as the index knows, or a period has just turned: else the deny is not the standing's. */
function mayLag({ standing, budgets }: IndexEntry, now: EpochMs): boolean {
  if (standing.state === 'closed') return true;
  return budgets.some(({ period, timeZone }) => now - periodAt(period, timeZone, now).startsAt < LAG_MS);
}
