import type { Clock, EpochMs } from '../clock.ts';
import type { Journal } from '../journal.ts';
import type { Policy } from '../policy/policy.ts';
import type { Creator } from '../policy/tag-defaults.ts';
import type { Tags } from '../tags.ts';
import { assess } from './compliance.ts';
import type { KnownCreator } from './known-creator.ts';
import { accountOf, type ProfileArn } from './profile-arn.ts';
import type { IndexEntry } from './profile-index.ts';

export type CreatorReading =
  /** What AWS's own record says; a profile that no role of its account created has none for ever. */
  | { readonly kind: 'known'; readonly creator: Creator | 'no-role' }
  /** Not recorded yet, or any more, or AWS did not say. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** AWS was not asked: too many questions wait already. */
  | { readonly kind: 'busy' };

/**
 * Who created profiles, by CloudTrail's event history and by IAM: AWS's own records, not what an event says of itself.
 * Slow and rationed. Never throws.
 */
export interface ProfileCreators {
  find(arn: ProfileArn): Promise<CreatorReading>;
}

/** CloudTrail shows a call some minutes later. */
const FIRST_WAIT_MS = 5 * 60_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;

/**
 * Who created a profile, where a tag that is missing is to be derived from that: as remembered, or asked for now. A
 * question without an answer is asked again after five minutes, ten, twenty, and so on up to once a day.
 */
export async function creatorOf(
  ports: {
    readonly policy: Pick<Policy, 'tags'>;
    readonly creators: ProfileCreators;
    readonly clock: Clock;
    readonly journal: Journal;
  },
  arn: ProfileArn,
  tags: Tags,
  before: Pick<IndexEntry, 'creation' | 'endedAt'> | undefined,
): Promise<KnownCreator | undefined> {
  const known = before?.creation;
  const now = ports.clock.now();
  if (!isCreatorDue(ports.policy, tags, accountOf(arn), known, now)) return known;
  const times = known?.asked?.times ?? 0;
  const reading = await ports.creators.find(arn);
  if (reading.kind === 'busy') return known;
  if (reading.kind === 'known') return { creator: reading.creator };
  ports.journal.counted('CreatorUnknown', { profile: arn, why: reading.why, times: times + 1 });
  return { asked: { at: now, times: times + 1 } };
}

/** Whether it is to be asked for now. */
export function isCreatorDue(
  policy: Pick<Policy, 'tags'>,
  tags: Tags,
  account: string,
  known: KnownCreator | undefined,
  now: EpochMs,
): boolean {
  if (known?.creator !== undefined || !needsCreator(policy, tags, account)) return false;
  if (known?.asked === undefined) return true;
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, known.asked.times - 1));
  // Half a minute less, as sweeps do not begin to the second.
  return now - known.asked.at >= wait - 30_000;
}

/** Whether a default that is wanted here is derived from who created the profile. */
export function needsCreator(policy: Pick<Policy, 'tags'>, tags: Tags, account: string): boolean {
  let isAsked = false;
  assess(policy, tags, account, () => {
    isAsked = true;
    return undefined;
  });
  return isAsked;
}

/** As {@link assess} takes it. */
export const toldBy =
  (known: KnownCreator | undefined): (() => Creator | undefined) =>
  () =>
    known?.creator === 'no-role' ? undefined : known?.creator;
