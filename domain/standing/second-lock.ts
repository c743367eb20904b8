import type { Budget } from '../budgets/definition.ts';
import type { Clock } from '../clock.ts';
import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import { inTurn } from '../profiles/in-turn.ts';
import type { ProfileArn } from '../profiles/profile-arn.ts';
import type { IndexEntry, ProfileIndex } from '../profiles/profile-index.ts';
import { STANDING_TAG, type Tags, tagValue } from '../tags.ts';
import { isOfBudget, standingTagValue, strictest } from './standing.ts';

/** The tags of profiles. Every call may throw. */
export interface ProfileTags {
  readTags(arn: ProfileArn): Promise<Tags>;
  tag(arn: ProfileArn, tags: Tags): Promise<void>;
  untag(arn: ProfileArn, keys: readonly string[]): Promise<void>;
}

export interface SecondLock {
  readonly policy: Policy;
  readonly profiles: ProfileTags;
  readonly index: Pick<ProfileIndex, 'list' | 'get'>;
  /** The index as it was a while ago, where many ask. */
  readonly entries?: () => Promise<readonly IndexEntry[]>;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** Tags that are read and written at a time. */
const AT_ONCE = 8;
/** What a budget's opening waits for, at most; the sweep does the rest. At 50 requests a second it takes less than a minute. */
const UNLOCK_MS = 60_000;

/**
 * Opens the second lock of everything that a budget alone keeps closed, before the ledger grants again: whoever is
 * admitted then is not refused by IAM. Only a tag that says `closed` is touched, and only as far as no other reason
 * that the index knows wants it.
 *
 * A profile whose tags cannot be read or written keeps its lock, and holds up nobody else: the sweep finishes.
 */
export async function openSecondLock(ports: SecondLock, budget: Budget): Promise<void> {
  // Observing, nothing is written that a tenant feels: no lock was set.
  if (ports.policy.mode === 'observe') return;
  const until = ports.clock.now() + UNLOCK_MS;
  const entries = await (ports.entries?.() ?? ports.index.list(() => {}));
  const locked = entries.filter((entry) => isLockedBy(entry, budget));
  const limits = { atOnce: AT_ONCE, isTimeUp: () => ports.clock.now() >= until };
  await inTurn(locked, limits, async (entry) => {
    try {
      await loosen(ports, entry, budget);
    } catch (error) {
      ports.journal.counted('ProfileReadFailed', {
        what: `the standing tag of ${entry.arn}`,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  });
}

const isLockedBy = ({ endedAt, standing }: IndexEntry, { id }: Budget): boolean =>
  endedAt === undefined &&
  standing.state === 'closed' &&
  standing.reasons.some((reason) => isOfBudget(reason) && reason.budget === id);

async function loosen({ profiles, index, journal }: SecondLock, { arn }: IndexEntry, budget: Budget): Promise<void> {
  // The list may be of a while ago: what has closed the profile since then is in its entry before it is in its tag.
  const entry = await index.get(arn);
  if (entry === undefined || !isLockedBy(entry, budget)) return;
  const { standing } = entry;
  const others =
    standing.state === 'open'
      ? []
      : standing.reasons.filter((reason) => !isOfBudget(reason) || reason.budget !== budget.id);
  const wanted = standingTagValue(strictest(others));
  if (wanted === 'closed' || wanted === 'quarantined') return;
  if (tagValue(await profiles.readTags(arn), STANDING_TAG) !== 'closed') return;
  if (wanted === undefined) await profiles.untag(arn, [STANDING_TAG]);
  else await profiles.tag(arn, { [STANDING_TAG]: wanted });
  journal.decided(wanted === undefined ? 'remove standing tag' : 'set standing tag', {
    profile: arn,
    before: 'closed',
    after: wanted ?? 'none',
    because: `budget ${budget.id} opens again`,
  });
}
