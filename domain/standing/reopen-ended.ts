import { type EpochMs, epochMs } from '../clock.ts';
import { periodAt } from '../period.ts';
import type { Policy } from '../policy/policy.ts';
import { SharedReviews } from '../profiles/budget-work.ts';
import type { StandingEnforcement } from '../profiles/govern-profile.ts';
import type { IndexEntry } from '../profiles/profile-index.ts';
import { enforceProfiles } from './enforce-budgets.ts';

export interface Reopening {
  /** Profiles whose standing had an end that has come. */
  readonly due: number;
  readonly failed: number;
  /** For which the time did not suffice: the next run goes on with them. */
  readonly left: number;
}

/**
 * What has ended by the clock is opened: at the turn of a period, and when an operator's word or a signal ends. The
 * ledger has turned by itself, with an item for each period; the tags on the profiles are removed here, within minutes
 * and ahead of the sweep, so that nobody is refused by IAM for what was spent in the period before.
 *
 * Runs every minute, and reads the index only where it knows that something has ended.
 *
 * @param timeLeft milliseconds until the process is ended
 */
export async function reopenEnded(
  ports: StandingEnforcement,
  timeLeft: () => number = () => Number.POSITIVE_INFINITY,
): Promise<Reopening> {
  const now = ports.clock.now();
  if (!(await hasEnded(ports, now))) return { due: 0, failed: 0, left: 0 };
  const entries = await ports.index.list((arn) =>
    ports.journal.counted('ProfileReadFailed', {
      what: `the index entry of ${arn}`,
      error: 'written by another version',
    }),
  );
  const due = entries.filter((entry) => isDue(entry, now)).map(({ arn }) => arn);
  const { failed, left } = await enforceProfiles(ports, due, new SharedReviews(ports), () => timeLeft() < RESERVE_MS);
  return { due: due.length, failed: failed.length, left };
}

/** For what is under way when no more is begun. */
const RESERVE_MS = 10_000;

/** For so long after an end this looks for what it closed; what is still closed then, the sweep has failed on as well. */
const LOOK_MS = 30 * 60_000;

/** Whether a period of the policy has turned a while ago, or a word of operators has ended. Signals end by a sweep. */
async function hasEnded({ policy, clock, overrides }: StandingEnforcement, now: EpochMs): Promise<boolean> {
  const since = epochMs(now - LOOK_MS);
  if (turnsOf(policy, clock.now()).some((turn) => turn > since)) return true;
  return (await overrides.lasting(since)).some(({ until }) => until <= now);
}

/** When the present periods of all budgets began. */
const turnsOf = ({ budgets, timeZone }: Policy, now: EpochMs): EpochMs[] =>
  [...new Set(budgets.map(({ period }) => period))].map((kind) => periodAt(kind, timeZone, now).startsAt);

const isDue = ({ endedAt, standing }: IndexEntry, now: EpochMs): boolean =>
  endedAt === undefined &&
  standing.state !== 'open' &&
  standing.reasons.some((reason) => reason.kind !== 'quarantine' && reason.until <= now);
